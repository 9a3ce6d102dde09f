//! The answer as a table for people, as CSV or as JSON.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::json::writer::{JsonArray, WriterBuilder};
use datafusion::arrow::util::display::FormatOptions;
use datafusion::arrow::util::pretty::pretty_format_batches_with_options;

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Table,
    /// With a header; null is empty.
    Csv,
    /// One array of rows.
    Json,
}

/// Writes an answer; of no rows it needs one empty batch, for the names of the columns.
pub(crate) fn write(format: Format, batches: &[RecordBatch], out: &mut impl Write) -> Result<(), ArrowError> {
    match format {
        Format::Table => {
            let options = FormatOptions::default().with_null("NULL");
            writeln!(out, "{}", pretty_format_batches_with_options(batches, &options)?)?;
        }
        Format::Csv => {
            let mut writer = csv::WriterBuilder::new().with_header(true).build(&mut *out);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
        }
        Format::Json => {
            let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, JsonArray>(&mut *out);
            batches.iter().try_for_each(|batch| writer.write(batch))?;
            writer.finish()?;
            writeln!(out)?;
        }
    }
    Ok(())
}
