//! AWS Glue as the catalogue.
//!
//! Iceberg's own crate for Glue refuses every table that has timestamps with a time zone (apache/iceberg-rust#2956),
//! and each of ours has. What Glue keeps of a table is what Iceberg's Java library has it keep, so that all readers find
//! it: where the newest metadata are, and the columns for whoever looks at the console. An update names the version of
//! the table that it builds on, and Glue refuses it if that is no longer the newest: that makes a commit happen once.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::BehaviorVersion;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_glue::Client;
use aws_sdk_glue::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{Column, DatabaseInput, StorageDescriptor, Table as GlueTable, TableInput};
use iceberg::io::{FileIO, FileIOBuilder, StorageFactory};
use iceberg::spec::{NestedField, PrimitiveType, TableMetadata, TableMetadataBuilder, Type};
use iceberg::table::Table;
use iceberg::{
    Catalog, Error, ErrorKind, MetadataLocation, Namespace, NamespaceIdent, Result, Runtime, TableCommit,
    TableCreation, TableIdent,
};

const METADATA_LOCATION: &str = "metadata_location";

/// Glue answers within a second. The client itself would wait for ever, until the function is ended.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// What Glue takes as a column's comment, in one line.
const MAX_COMMENT_CHARS: usize = 255;

/// The catalogue of the account and region that the environment names. It does what publishing needs, and nothing else.
pub(crate) struct Glue {
    client: Client,
    files: FileIO,
    runtime: Runtime,
}

impl Glue {
    pub(crate) async fn new(storage: Arc<dyn StorageFactory>) -> Result<Self> {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ANSWER_WITHIN).build();
        let aws = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts).load().await;
        let files = FileIOBuilder::new(storage).build();
        Ok(Self { client: Client::new(&aws), files, runtime: Runtime::try_current()? })
    }

    /// The table as Glue knows it; `None` if it knows none.
    async fn find(&self, table: &TableIdent) -> Result<Option<GlueTable>> {
        let request = self.client.get_table().database_name(database(table.namespace())?).name(table.name());
        match request.send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed("GetTable", &error)),
        }
    }

    async fn load(&self, ident: &TableIdent) -> Result<(GlueTable, Table)> {
        let known = self.find(ident).await?;
        let known =
            known.ok_or_else(|| Error::new(ErrorKind::TableNotFound, format!("Glue has no table `{ident}`")))?;
        let location = known.parameters().and_then(|parameters| parameters.get(METADATA_LOCATION));
        let Some(location) = location.cloned() else {
            let problem = format!("table `{ident}` of Glue is none of Iceberg's: it has no `{METADATA_LOCATION}`");
            return Err(Error::new(ErrorKind::DataInvalid, problem));
        };
        let metadata = TableMetadata::read_from(&self.files, &location).await?;
        Ok((known, self.table(ident.clone(), location, metadata)?))
    }

    fn table(&self, ident: TableIdent, metadata_location: String, metadata: TableMetadata) -> Result<Table> {
        Table::builder()
            .identifier(ident)
            .metadata_location(metadata_location)
            .metadata(metadata)
            .file_io(self.files.clone())
            .runtime(self.runtime.clone())
            .build()
    }
}

#[async_trait]
impl Catalog for Glue {
    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        match self.client.get_database().name(database(namespace)?).send().await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failed("GetDatabase", &error)),
        }
    }

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace> {
        let input = DatabaseInput::builder().name(database(namespace)?).set_parameters(Some(properties.clone()));
        let input = input.build().map_err(incomplete)?;
        let created = self.client.create_database().database_input(input).send().await;
        created.map_err(|error| failed("CreateDatabase", &error))?;
        Ok(Namespace::with_properties(namespace.clone(), properties))
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        Ok(self.find(table).await?.is_some())
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        Ok(self.load(table).await?.1)
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        let ident = TableIdent::new(namespace.clone(), creation.name.clone());
        let metadata = TableMetadataBuilder::from_table_creation(creation)?.build()?.metadata;
        let location = MetadataLocation::new_with_metadata(metadata.location(), &metadata);
        metadata.write_to(&self.files, &location).await?;
        let table = self.table(ident, location.to_string(), metadata)?;
        let request = self.client.create_table().database_name(database(namespace)?).table_input(input(&table, None)?);
        request.send().await.map_err(|error| failed("CreateTable", &error))?;
        Ok(table)
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let ident = commit.identifier().clone();
        let (known, table) = self.load(&ident).await?;
        let Some(version) = known.version_id() else {
            let problem =
                format!("Glue names no version of table `{ident}`, so that nothing would keep two commits apart");
            return Err(Error::new(ErrorKind::PreconditionFailed, problem));
        };
        let table = commit.apply(table)?;
        let location = MetadataLocation::from_str(table.metadata_location_result()?)?;
        table.metadata().write_to(&self.files, &location).await?;
        let request = self.client.update_table().database_name(database(ident.namespace())?);
        // Glue would keep each version of its own, and refuse updates when it has too many.
        let request = request.skip_archive(true).table_input(input(&table, Some(&known))?);
        let updated = request.version_id(version).send().await;
        updated.map_err(|error| failed("UpdateTable", &error))?;
        Ok(table)
    }

    async fn list_namespaces(&self, _parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        unsupported("list_namespaces")
    }

    async fn get_namespace(&self, _namespace: &NamespaceIdent) -> Result<Namespace> {
        unsupported("get_namespace")
    }

    async fn update_namespace(&self, _namespace: &NamespaceIdent, _properties: HashMap<String, String>) -> Result<()> {
        unsupported("update_namespace")
    }

    async fn drop_namespace(&self, _namespace: &NamespaceIdent) -> Result<()> {
        unsupported("drop_namespace")
    }

    async fn list_tables(&self, _namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        unsupported("list_tables")
    }

    async fn drop_table(&self, _table: &TableIdent) -> Result<()> {
        unsupported("drop_table")
    }

    async fn purge_table(&self, _table: &TableIdent) -> Result<()> {
        unsupported("purge_table")
    }

    async fn rename_table(&self, _from: &TableIdent, _to: &TableIdent) -> Result<()> {
        unsupported("rename_table")
    }

    async fn register_table(&self, _table: &TableIdent, _metadata_location: String) -> Result<Table> {
        unsupported("register_table")
    }
}

impl std::fmt::Debug for Glue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Glue")
    }
}

/// What Glue is to keep of a table. What others wrote there for people to read stays.
fn input(table: &Table, known: Option<&GlueTable>) -> Result<TableInput> {
    let mut parameters = known.and_then(GlueTable::parameters).cloned().unwrap_or_default();
    let location = table.metadata_location_result()?.to_owned();
    if let Some(previous) = parameters.insert(METADATA_LOCATION.to_owned(), location) {
        parameters.insert("previous_metadata_location".to_owned(), previous);
    }
    parameters.insert("table_type".to_owned(), "ICEBERG".to_owned());
    let metadata = table.metadata();
    let comments: HashMap<&str, &str> = known
        .and_then(GlueTable::storage_descriptor)
        .map_or(&[][..], StorageDescriptor::columns)
        .iter()
        .filter_map(|column| Some((column.name(), column.comment()?)))
        .collect();
    let columns = metadata.current_schema().as_struct().fields().iter();
    let columns = columns.map(|field| column(field, comments.get(field.name.as_str()).copied()));
    let storage = StorageDescriptor::builder().location(metadata.location());
    let storage = storage.set_columns(Some(columns.collect::<Result<_>>()?)).build();
    TableInput::builder()
        .name(table.identifier().name())
        .table_type("EXTERNAL_TABLE")
        .set_description(known.and_then(GlueTable::description).map(str::to_owned))
        .set_owner(known.and_then(GlueTable::owner).map(str::to_owned))
        .set_parameters(Some(parameters))
        .storage_descriptor(storage)
        .build()
        .map_err(incomplete)
}

fn column(field: &NestedField, known_comment: Option<&str>) -> Result<Column> {
    let comment = field.doc.as_deref().or(known_comment);
    let in_one_line = |letter: char| if letter.is_control() { ' ' } else { letter };
    Column::builder()
        .name(&field.name)
        .r#type(type_name(&field.field_type))
        .set_comment(comment.map(|comment| comment.chars().map(in_one_line).take(MAX_COMMENT_CHARS).collect()))
        .parameters("iceberg.field.id", field.id.to_string())
        .parameters("iceberg.field.optional", (!field.required).to_string())
        .parameters("iceberg.field.current", "true")
        .build()
        .map_err(incomplete)
}

/// The name of a type in Glue, as Iceberg's Java library gives it: Glue has no time zones.
fn type_name(kind: &Type) -> String {
    let primitive = match kind {
        Type::Primitive(primitive) => primitive,
        Type::Struct(fields) => {
            let fields = fields.fields().iter().map(|field| format!("{}:{}", field.name, type_name(&field.field_type)));
            return format!("struct<{}>", fields.collect::<Vec<_>>().join(","));
        }
        Type::List(list) => return format!("array<{}>", type_name(&list.element_field.field_type)),
        Type::Map(map) => {
            let (key, value) = (&map.key_field.field_type, &map.value_field.field_type);
            return format!("map<{},{}>", type_name(key), type_name(value));
        }
    };
    match primitive {
        PrimitiveType::Boolean => "boolean".to_owned(),
        PrimitiveType::Int => "int".to_owned(),
        PrimitiveType::Long => "bigint".to_owned(),
        PrimitiveType::Float => "float".to_owned(),
        PrimitiveType::Double => "double".to_owned(),
        PrimitiveType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
        PrimitiveType::Date => "date".to_owned(),
        PrimitiveType::Timestamp
        | PrimitiveType::Timestamptz
        | PrimitiveType::TimestampNs
        | PrimitiveType::TimestamptzNs => "timestamp".to_owned(),
        PrimitiveType::Time | PrimitiveType::String | PrimitiveType::Uuid => "string".to_owned(),
        PrimitiveType::Fixed(_) | PrimitiveType::Binary => "binary".to_owned(),
    }
}

/// A namespace is a database, and databases do not nest.
fn database(namespace: &NamespaceIdent) -> Result<String> {
    match namespace.as_ref().as_slice() {
        [database] => Ok(database.clone()),
        _ => Err(Error::new(
            ErrorKind::DataInvalid,
            format!("`{namespace}` is no database of Glue: it has more names than one"),
        )),
    }
}

fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("EntityNotFoundException")
}

fn failed<E, R>(operation: &str, error: &SdkError<E, R>) -> Error
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    let code = error.code().unwrap_or_default();
    let said = match error.message() {
        Some(message) => format!("{code}: {message}"),
        None => DisplayErrorContext(error).to_string(),
    };
    let kind = match code {
        "ConcurrentModificationException" => ErrorKind::CatalogCommitConflicts,
        "AccessDeniedException"
        | "EntityNotFoundException"
        | "GlueEncryptionException"
        | "InvalidInputException"
        | "ResourceNumberLimitExceededException"
        | "ValidationException" => ErrorKind::PreconditionFailed,
        _ => ErrorKind::Unexpected,
    };
    let is_overtaken = kind == ErrorKind::CatalogCommitConflicts;
    Error::new(kind, format!("{operation} of Glue: {said}")).with_retryable(is_overtaken)
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn incomplete(error: BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, error.to_string())
}

fn unsupported<T>(call: &str) -> Result<T> {
    Err(Error::new(ErrorKind::FeatureUnsupported, format!("Penstock does not need `{call}` of Glue")))
}

#[cfg(test)]
#[path = "glue_tests.rs"]
mod tests;
