use std::sync::Arc;

use aws_sdk_glue::error::ErrorMetadata;
use aws_sdk_glue::operation::update_table::UpdateTableError;
use iceberg::spec::{ListType, StructType};
use penstock_core::dataset::Dataset;
use penstock_lake::MemoryStore;

use super::*;
use crate::storage::LakeFiles;
use crate::table;

#[tokio::test]
async fn glue_learns_of_every_column_and_keeps_what_others_wrote_there() {
    let table = silver();
    let known = GlueTable::builder()
        .name("iot_silver")
        .description("Events of the house")
        .owner("data-team")
        .parameters(METADATA_LOCATION, "s3://lake/tables/iot/silver/metadata/00000.json")
        .parameters("classification", "telemetry")
        .storage_descriptor(
            StorageDescriptor::builder()
                .columns(Column::builder().name("offset").comment("Where it stood").build().unwrap())
                .build(),
        )
        .build()
        .unwrap();
    let input = input(&table, Some(&known)).unwrap();
    assert_eq!(input.description(), Some("Events of the house"));
    assert_eq!(input.owner(), Some("data-team"));
    let parameters = input.parameters().unwrap();
    assert_eq!(parameters["table_type"], "ICEBERG");
    assert_eq!(parameters["classification"], "telemetry");
    assert_eq!(parameters[METADATA_LOCATION], table.metadata_location().unwrap());
    assert_eq!(parameters["previous_metadata_location"], "s3://lake/tables/iot/silver/metadata/00000.json");
    let columns = input.storage_descriptor().unwrap().columns();
    assert_eq!(columns.len(), table.metadata().current_schema().as_struct().fields().len());
    let of = |name| columns.iter().find(|column| column.name() == name).unwrap();
    assert_eq!(of("event_time").r#type(), Some("timestamp"));
    assert_eq!(of("offset").comment(), Some("Where it stood"));
}

#[test]
fn a_comment_is_what_glue_takes() {
    let long = format!("Seconds.\nFrom the device's start\tto its end{}", ".".repeat(300));
    let field = NestedField::optional(1, "event_duration", Type::Primitive(PrimitiveType::Double)).with_doc(long);
    let column = column(&field, Some("older")).unwrap();
    let comment = column.comment().unwrap();
    assert_eq!(comment.chars().count(), 255);
    assert!(comment.starts_with("Seconds. From the device's start to its end..."), "{comment}");
}

#[test]
fn what_glue_refuses_for_good_is_for_somebody_to_mend() {
    for (code, kind) in [
        ("ValidationException", ErrorKind::PreconditionFailed),
        ("ConcurrentModificationException", ErrorKind::CatalogCommitConflicts),
        ("InternalServiceException", ErrorKind::Unexpected),
    ] {
        let metadata = ErrorMetadata::builder().code(code).message("no").build();
        let error = failed("UpdateTable", &SdkError::service_error(UpdateTableError::generic(metadata), ()));
        assert_eq!((error.kind(), error.message()), (kind, &*format!("UpdateTable of Glue: {code}: no")));
    }
}

#[test]
fn types_are_named_as_readers_of_glue_know_them() {
    let of = |kind| Type::Primitive(kind);
    let list = Type::List(ListType::new(NestedField::list_element(2, of(PrimitiveType::Timestamptz), true).into()));
    let fields = [("day", of(PrimitiveType::Date)), ("at", list)];
    let fields = (3..).zip(fields).map(|(id, (name, kind))| NestedField::optional(id, name, kind).into());
    let nested = Type::Struct(StructType::new(fields.collect()));
    assert_eq!(type_name(&nested), "struct<day:date,at:array<timestamp>>");
    let decimal = PrimitiveType::Decimal { precision: 10, scale: 2 };
    let names = [of(decimal), of(PrimitiveType::Fixed(16)), of(PrimitiveType::Long)].map(|kind| type_name(&kind));
    assert_eq!(names, ["decimal(10,2)", "binary", "bigint"]);
}

#[test]
fn databases_do_not_nest() {
    let nested = NamespaceIdent::from_strs(["lake", "iot"]).unwrap();
    assert!(database(&nested).unwrap_err().to_string().contains("more names than one"));
}

fn silver() -> Table {
    let (schema, partitions) = table::Table::Silver.definition(&Dataset::shipped("iot").unwrap()).unwrap();
    let creation = TableCreation::builder()
        .name("iot_silver".to_owned())
        .location("s3://lake/tables/iot/silver".to_owned())
        .schema(schema)
        .partition_spec(partitions)
        .build();
    let metadata = TableMetadataBuilder::from_table_creation(creation).unwrap().build().unwrap().metadata;
    let files = LakeFiles::new(Arc::new(MemoryStore::default()), "s3://lake");
    Table::builder()
        .identifier(TableIdent::from_strs(["penstock", "iot_silver"]).unwrap())
        .metadata_location(MetadataLocation::new_with_metadata(metadata.location(), &metadata).to_string())
        .metadata(metadata)
        .file_io(FileIOBuilder::new(Arc::new(files)).build())
        .runtime(Runtime::try_current().unwrap())
        .build()
        .unwrap()
}
