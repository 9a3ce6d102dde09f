//! The three tables of a dataset: their names, columns and partitions.
//!
//! A table has the columns that the plain files have, by name. All are optional, as they are in silver:
//! files from before a column lack it. Iceberg numbers columns by itself, so a table's field ids are not the dataset's.

use std::sync::Arc;

use arrow_schema::{DataType, SchemaRef};
use iceberg::spec::{NestedField, PrimitiveType, Schema, Transform, Type, UnboundPartitionSpec};
use penstock_core::dataset::Dataset;
use penstock_core::payload::SourceKind;
use penstock_core::{raw, table};
use penstock_runtime::Failure;

use crate::catalog::explain;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Every record that landed, the rejected ones too.
    Raw,
    /// Deduplicated events.
    Silver,
    /// Aggregates per window and group; corrections are rows of their own.
    Windows,
}

/// A column as a dataset demands it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Type,
    /// Empty for Penstock's own columns.
    pub(crate) description: String,
}

impl Table {
    pub const ALL: [Self; 3] = [Self::Raw, Self::Silver, Self::Windows];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Silver => "silver",
            Self::Windows => "windows",
        }
    }

    /// The column that rows are partitioned by, and how: raw by the hour of arrival, the others by the day of the event.
    pub(crate) fn partition(self, dataset: &Dataset) -> (&str, Transform) {
        match self {
            Self::Raw => (raw::INGESTED_AT.name, Transform::Hour),
            Self::Silver => (&dataset.columns[dataset.event_time].name, Transform::Day),
            Self::Windows => ("window_start", Transform::Day),
        }
    }

    /// The columns that a dataset demands.
    pub(crate) fn columns(self, dataset: &Dataset) -> Result<Vec<Column>, Failure> {
        let mut columns: Vec<Column> = Vec::new();
        for schema in self.plain_schemas(dataset) {
            for field in schema.fields() {
                if columns.iter().any(|known| known.name == *field.name()) {
                    continue;
                }
                let declared = dataset.columns.iter().find(|column| column.name == *field.name());
                columns.push(Column {
                    name: field.name().clone(),
                    kind: iceberg_type(field.data_type())?,
                    description: declared.map_or_else(String::new, |column| column.description.clone()),
                });
            }
        }
        Ok(columns)
    }

    /// What the plain files may look like; a lake may have records of Kafka and of Kinesis.
    fn plain_schemas(self, dataset: &Dataset) -> Vec<SchemaRef> {
        match self {
            Self::Raw => [SourceKind::Kafka, SourceKind::Kinesis].map(|kind| raw::schema(dataset, kind)).to_vec(),
            Self::Silver => vec![table::silver_schema(dataset)],
            Self::Windows => vec![table::windows_schema(dataset)],
        }
    }

    /// The schema and the partitions of a new table.
    pub(crate) fn definition(self, dataset: &Dataset) -> Result<(Schema, UnboundPartitionSpec), Failure> {
        let columns = self.columns(dataset)?;
        let fields = (1..).zip(&columns).map(|(id, column)| {
            let field = NestedField::optional(id, &column.name, column.kind.clone());
            let described = !column.description.is_empty();
            Arc::new(if described { field.with_doc(&column.description) } else { field })
        });
        let schema = Schema::builder().with_fields(fields).build().map_err(|error| explain(&error))?;
        let (column, transform) = self.partition(dataset);
        let source = schema.field_id_by_name(column).ok_or_else(|| Failure::bug(format!("no column `{column}`")))?;
        let name = format!("{column}_{transform}");
        // Iceberg's own REST server wants the number, which every catalogue gives anew.
        let partitions = UnboundPartitionSpec::builder().with_spec_id(0).add_partition_field(source, name, transform);
        Ok((schema, partitions.map_err(|error| explain(&error))?.build()))
    }
}

fn iceberg_type(kind: &DataType) -> Result<Type, Failure> {
    let primitive = match kind {
        DataType::Dictionary(_, values) => return iceberg_type(values),
        DataType::Utf8 => PrimitiveType::String,
        DataType::Binary => PrimitiveType::Binary,
        DataType::FixedSizeBinary(16) => PrimitiveType::Fixed(16),
        DataType::Int32 => PrimitiveType::Int,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Float64 => PrimitiveType::Double,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Timestamp(..) => PrimitiveType::Timestamptz,
        other => return Err(Failure::bug(format!("no type of Iceberg's stands for {other}"))),
    };
    Ok(Type::Primitive(primitive))
}
