//! A file of silver, to which rows are added column by column.

use arrow_array::ArrayRef;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use crate::raw::CREATED_BY;
use crate::raw::pages::Pages;
use crate::table::TableError;

/// The most rows of a row group: what readers take at once.
const GROUP_ROWS: usize = 1 << 20;

/// Writes one file in memory.
#[derive(Debug)]
pub(super) struct SilverWriter {
    schema: SchemaRef,
    descriptor: SchemaDescriptor,
    /// Text columns whose values hardly repeat.
    unique_text: Vec<String>,
    file: SerializedFileWriter<Vec<u8>>,
    /// The open row group.
    columns: Vec<Pages>,
    group_rows: usize,
    rows: u64,
}

impl SilverWriter {
    pub(super) fn new(schema: &SchemaRef, unique_text: &[&str]) -> Result<Self, TableError> {
        let descriptor = ArrowSchemaConverter::new().schema_root("silver").convert(schema)?;
        let properties =
            WriterProperties::builder().set_created_by(CREATED_BY.to_owned()).set_offset_index_disabled(true).build();
        let file = SerializedFileWriter::new(Vec::new(), descriptor.root_schema_ptr(), properties.into())?;
        let unique_text = unique_text.iter().map(|&name| name.to_owned()).collect();
        let schema = SchemaRef::clone(schema);
        let mut writer = Self { schema, descriptor, unique_text, file, columns: Vec::new(), group_rows: 0, rows: 0 };
        writer.columns = writer.open_group();
        Ok(writer)
    }

    fn open_group(&self) -> Vec<Pages> {
        let pages =
            |field: &arrow_schema::FieldRef| Pages::new(field.data_type(), !self.unique_text.contains(field.name()));
        self.schema.fields().iter().map(pages).collect()
    }

    /// Adds those rows of the columns, one array for each field of the schema, that `rows` names.
    pub(super) fn write(&mut self, columns: &[ArrayRef], rows: &[u32]) -> Result<(), TableError> {
        if GROUP_ROWS < self.group_rows + rows.len() {
            self.close_group()?;
        }
        for ((pages, array), column) in self.columns.iter_mut().zip(columns).zip(self.descriptor.columns()) {
            pages.push(array, rows, column)?;
        }
        self.group_rows += rows.len();
        self.rows += rows.len() as u64;
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), ParquetError> {
        if self.group_rows == 0 {
            return Ok(());
        }
        let open = self.open_group();
        let columns = std::mem::replace(&mut self.columns, open);
        self.group_rows = 0;
        let mut group = self.file.next_row_group()?;
        for (pages, column) in columns.into_iter().zip(self.descriptor.columns()) {
            let chunk = pages.finish(column)?;
            group.append_column(&chunk.bytes, chunk.close)?;
        }
        group.close()?;
        Ok(())
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the file with one footer entry, `value` as JSON.
    pub(super) fn finish(mut self, entry: &'static str, value: &impl serde::Serialize) -> Result<Bytes, TableError> {
        self.close_group()?;
        let json = serde_json::to_string(value).map_err(|source| TableError::BadEntry { entry, source })?;
        self.file.append_key_value_metadata(KeyValue::new(entry.to_owned(), json));
        Ok(self.file.into_inner()?.into())
    }
}
