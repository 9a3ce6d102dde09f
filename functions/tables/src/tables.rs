//! A dataset's tables in their catalogue: made when they are missing, and given the columns that were added since.

use std::collections::{HashMap, HashSet};

use iceberg::table::Table as IcebergTable;
use iceberg::transaction::{AddColumn, ApplyTransactionAction, Transaction};
use iceberg::{Catalog, NamespaceIdent, TableCreation, TableIdent};
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_runtime::Failure;

use crate::catalog::explain;
use crate::commit::CUT;
use crate::files::is_partitioned_by;
use crate::storage::LakeFiles;
use crate::table::Table;

/// The name of a dataset's table in the catalogue.
#[must_use]
pub fn identifier(namespace: &str, dataset: &str, table: Table) -> TableIdent {
    TableIdent::new(NamespaceIdent::new(namespace.to_owned()), format!("{dataset}_{}", table.name()))
}

/// The table, which is made if there is none.
pub(crate) async fn open(
    catalog: &dyn Catalog,
    files: &LakeFiles,
    namespace: &str,
    dataset: &Dataset,
    table: Table,
) -> Result<IcebergTable, Failure> {
    let identifier = identifier(namespace, &dataset.name, table);
    let location = files.location(&keys::table_folder(&dataset.name, table.name()));
    let found = if exists(catalog, &identifier).await? {
        catalog.load_table(&identifier).await.map_err(|error| explain(&error))?
    } else {
        create(catalog, &identifier, location.clone(), dataset, table).await?
    };
    let found_at = found.metadata().location().trim_end_matches('/');
    if found_at != location {
        return Err(Failure::misconfigured(format!(
            "table `{identifier}` has its files in `{found_at}`, and this lake's are in `{location}`: \
             it belongs to another lake. Give this one another namespace (PENSTOCK_NAMESPACE), or another catalogue"
        )));
    }
    Ok(found)
}

async fn exists(catalog: &dyn Catalog, identifier: &TableIdent) -> Result<bool, Failure> {
    let namespace = identifier.namespace();
    let has_namespace = catalog.namespace_exists(namespace).await.map_err(|error| explain(&error))?;
    if !has_namespace
        && let Err(error) = catalog.create_namespace(namespace, HashMap::new()).await
        // Another run may have made it meanwhile.
        && !catalog.namespace_exists(namespace).await.map_err(|error| explain(&error))?
    {
        return Err(explain(&error));
    }
    catalog.table_exists(identifier).await.map_err(|error| explain(&error))
}

async fn create(
    catalog: &dyn Catalog,
    identifier: &TableIdent,
    location: String,
    dataset: &Dataset,
    table: Table,
) -> Result<IcebergTable, Failure> {
    let (schema, partitions) = table.definition(dataset)?;
    let properties = [
        (CUT, "0"),
        ("penstock.dataset", &dataset.name),
        // Each commit writes the list of all snapshots anew: what it replaces is not kept for ever.
        ("write.metadata.previous-versions-max", "100"),
        ("write.metadata.delete-after-commit.enabled", "true"),
        // What Spark writes when it compacts is what every reader of the lake understands.
        ("write.parquet.compression-codec", "snappy"),
    ];
    let creation = TableCreation::builder()
        .name(identifier.name().to_owned())
        .location(location)
        .schema(schema)
        .partition_spec(partitions)
        .properties(properties.map(|(key, value)| (key.to_owned(), value.to_owned())))
        .build();
    match catalog.create_table(identifier.namespace(), creation).await {
        Ok(created) => Ok(created),
        // Another run may have made it meanwhile, or this one, and the reply was lost.
        Err(error) => catalog.load_table(identifier).await.map_err(|_| explain(&error)),
    }
}

/// Gives the table the columns of the dataset that it lacks.
///
/// A column that the dataset has no longer stays, and is null from then on, as in the lake.
pub(crate) async fn evolve(
    catalog: &dyn Catalog,
    found: IcebergTable,
    dataset: &Dataset,
    table: Table,
) -> Result<IcebergTable, Failure> {
    let (column, transform) = table.partition(dataset);
    if !is_partitioned_by(&found, column, transform) {
        return Err(Failure::misconfigured(format!(
            "table `{}` is not partitioned by the {transform} of `{column}`: the dataset's event time changed, or somebody \
             changed the table's partitions. Publish into another namespace (PENSTOCK_NAMESPACE), or undo the change",
            found.identifier()
        )));
    }
    let missing = missing_columns(&found, dataset, table)?;
    if missing.is_empty() {
        return Ok(found);
    }
    let names: HashSet<String> = missing.iter().map(|column| column.name.clone()).collect();
    let transaction = Transaction::new(&found);
    let mut update = transaction.update_schema();
    for column in missing {
        let addition = AddColumn::builder().name(column.name).field_type(column.kind);
        let described = !column.description.is_empty();
        update = update.add_column(if described { addition.doc(column.description).build() } else { addition.build() });
    }
    let committed = match update.apply(transaction) {
        Ok(transaction) => transaction.commit(catalog).await,
        Err(error) => Err(error),
    };
    match committed {
        Ok(evolved) => Ok(evolved),
        // Another run may have added them meanwhile, or this one, and the reply was lost.
        Err(error) => {
            let now = catalog.load_table(found.identifier()).await.map_err(|error| explain(&error))?;
            let still_missing = missing_columns(&now, dataset, table)?;
            if still_missing.iter().any(|column| names.contains(&column.name)) { Err(explain(&error)) } else { Ok(now) }
        }
    }
}

fn missing_columns(
    found: &IcebergTable,
    dataset: &Dataset,
    table: Table,
) -> Result<Vec<crate::table::Column>, Failure> {
    let schema = found.metadata().current_schema();
    let mut missing = Vec::new();
    for column in table.columns(dataset)? {
        match schema.field_by_name(&column.name) {
            None => missing.push(column),
            Some(field) if *field.field_type == column.kind => (),
            Some(field) => {
                return Err(Failure::misconfigured(format!(
                    "column `{}` is {} in table `{}` and {} in the dataset: a column's type never changes. \
                     Give the new type a new column",
                    column.name,
                    field.field_type,
                    found.identifier(),
                    column.kind
                )));
            }
        }
    }
    Ok(missing)
}
