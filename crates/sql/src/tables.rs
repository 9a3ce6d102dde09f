//! The tables of a lake: raw, rejects, silver, windows, and the view windows_total.
//!
//! Their schemas follow from the dataset, so that they are there before anything was poured.
//! A file that lacks a newer column has nulls in it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::Result;
use datafusion::prelude::SessionContext;
use penstock_core::dataset::Dataset;
use penstock_core::payload::SourceKind;
use penstock_core::{keys, raw, table};

/// Where DataFusion finds the lake's objects; the name means nothing outside of this process.
pub(crate) const OBJECTS: &str = "penstock://lake/";

/// The names of all tables, for messages.
pub(crate) const NAMES: &str = "raw, rejects, silver, windows, windows_total";

/// Makes the tables of a dataset known to the context.
pub(crate) async fn register(context: &SessionContext, dataset: &Dataset) -> Result<()> {
    let name = &dataset.name;
    add(context, "raw", &keys::raw_folder(name), raw_schema(dataset), &[])?;
    add(context, "rejects", &keys::rejects_folder(name), readable(&table::rejects_schema()), &[])?;
    // The date stands in the path alone, so that a condition on it leaves out whole folders.
    let by_date = [("event_date".to_owned(), DataType::Date32)];
    add(context, "silver", &keys::silver_folder(name), readable(&table::silver_schema(dataset)), &by_date)?;
    add(context, "windows", &keys::windows_folder(name), readable(&table::windows_schema(dataset)), &by_date)?;
    let total = context.sql(&windows_total(dataset)).await?;
    context.register_table("windows_total", total.into_view())?;
    Ok(())
}

fn add(
    context: &SessionContext,
    name: &str,
    folder: &str,
    schema: SchemaRef,
    partitions: &[(String, DataType)],
) -> Result<()> {
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_session_config_options(&context.copied_config())
        .with_file_extension(".parquet")
        .with_table_partition_cols(partitions.to_vec());
    let url = ListingTableUrl::parse(format!("{OBJECTS}{folder}"))?;
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    context.register_table(name, Arc::new(ListingTable::try_new(config)?))?;
    Ok(())
}

/// The columns of Kafka's and of Kinesis' objects; what an object lacks is null.
fn raw_schema(dataset: &Dataset) -> SchemaRef {
    let kafka = raw::schema(dataset, SourceKind::Kafka);
    let kinesis = raw::schema(dataset, SourceKind::Kinesis);
    let missing = kinesis.fields().iter().filter(|field| kafka.field_with_name(field.name()).is_err());
    let fields = kafka.fields().iter().chain(missing).map(|field| Arc::new(field.as_ref().clone().with_nullable(true)));
    readable(&Schema::new(fields.collect::<Vec<_>>()))
}

/// The schema as DataFusion reads it best: text and bytes as views into what was read, no dictionaries.
fn readable(schema: &Schema) -> SchemaRef {
    let field = |field: &Arc<Field>| {
        let kind = match field.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let kind = match kind {
            DataType::Utf8 => DataType::Utf8View,
            DataType::Binary => DataType::BinaryView,
            other => other.clone(),
        };
        Field::new(field.name(), kind, field.is_nullable())
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

/// All rows of a window, corrections too, added up.
fn windows_total(dataset: &Dataset) -> String {
    let keys: String =
        dataset.windows.keys.iter().map(|index| format!("\"{}\", ", dataset.columns[*index].name)).collect();
    format!(
        "SELECT event_date, window_start, window_end, {keys}
            SUM(count) AS count,
            SUM(measure_count) AS measure_count,
            SUM(sum) AS sum,
            MIN(min) AS min,
            MAX(max) AS max,
            SUM(sum) / SUM(measure_count) AS avg,
            MIN(first_event_time) AS first_event_time,
            MAX(last_event_time) AS last_event_time
        FROM windows
        GROUP BY {keys} event_date, window_start, window_end"
    )
}
