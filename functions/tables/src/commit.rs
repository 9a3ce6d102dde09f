//! Appends a cut to a table, once.
//!
//! A table's property `penstock.cut` is the newest cut that is in it. It is set by the very commit that appends the
//! cut, and whoever appends asks, of the metadata on which the commit builds, whether the table still stands where it
//! stood when the cut was chosen. The catalogue takes a commit only if these metadata are still the newest. So of any
//! number of attempts of any number of processes one succeeds; whether it did is asked of the table, never of the reply.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use iceberg::spec::{DataFile, TableMetadata};
use iceberg::table::Table;
use iceberg::transaction::{ApplyTransactionAction, Transaction};
use iceberg::{Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};
use penstock_runtime::Failure;

use crate::catalog::explain;

/// The newest cut in a table, as a property of the table and in the summary of each snapshot that appended one.
pub const CUT: &str = "penstock.cut";

/// What became of an append; with the table as it is now.
#[derive(Debug)]
pub(crate) enum Append {
    Done(Table),
    /// The table has the cut already: of another run, or of an attempt whose reply was lost.
    WasThere(Table),
}

/// The newest cut that is in a table.
///
/// # Errors
/// The table's history and its property disagree: somebody rolled it back, or took the property away.
pub fn position(table: &Table) -> std::result::Result<u64, Failure> {
    let metadata = table.metadata();
    let set = metadata.properties().get(CUT);
    let Some(position) = set.and_then(|text| text.parse().ok()) else {
        return Err(Failure::misconfigured(format!(
            "table `{}` has no property `{CUT}`, or none that is a number: Penstock did not make it, or somebody took it away. \
             If the table is Penstock's, set it to the newest `{CUT}` in the summaries of its snapshots",
            table.identifier()
        )));
    };
    match newest_in_history(metadata) {
        Some(newest) if newest != position => Err(Failure::misconfigured(format!(
            "table `{}` was rolled back: its property `{CUT}` is {position}, and its newest snapshot with a cut has {newest}. \
             To append the cuts after {newest} again, set the property to {newest} \
             (ALTER TABLE ... SET TBLPROPERTIES ('{CUT}' = '{newest}')); otherwise roll forward to the snapshot of cut {position}",
            table.identifier()
        ))),
        _ => Ok(position),
    }
}

/// The cut of the newest snapshot that appended one, as far as snapshots were kept.
fn newest_in_history(metadata: &TableMetadata) -> Option<u64> {
    let mut snapshot = metadata.current_snapshot();
    while let Some(current) = snapshot {
        if let Some(cut) = current.summary().additional_properties.get(CUT) {
            return cut.parse().ok();
        }
        snapshot = current.parent_snapshot_id().and_then(|parent| metadata.snapshot_by_id(parent));
    }
    None
}

/// Appends the files of a cut, and moves the table's position to it.
pub(crate) async fn append(
    catalog: &dyn Catalog,
    table: &Table,
    cut: u64,
    files: Vec<DataFile>,
    mut summary: HashMap<String, String>,
) -> std::result::Result<Append, Failure> {
    summary.insert(CUT.to_owned(), cut.to_string());
    let before = Before { catalog, position: position(table)? };
    let failure = match commit(&before, table, cut, files, summary).await {
        Ok(now) => {
            drop_replaced_metadata(table, &now).await;
            return Ok(Append::Done(now));
        }
        Err(error) => explain(&error),
    };
    let now = catalog.load_table(table.identifier()).await.map_err(|error| explain(&error))?;
    if cut <= position(&now)? { Ok(Append::WasThere(now)) } else { Err(failure) }
}

/// Deletes the versions of the metadata that the newest one no longer lists, as Iceberg's other writers do:
/// each holds the list of all snapshots, and there is one for each commit.
async fn drop_replaced_metadata(before: &Table, now: &Table) {
    let kept: HashSet<&str> = now.metadata().metadata_log().iter().map(|log| log.metadata_file.as_str()).collect();
    let dropped = before.metadata().metadata_log().iter().filter(|log| !kept.contains(log.metadata_file.as_str()));
    for log in dropped {
        // What stays is no harm: Spark's `remove_orphan_files` finds it.
        let _ = now.file_io().delete(&log.metadata_file).await;
    }
}

async fn commit(
    catalog: &dyn Catalog,
    table: &Table,
    cut: u64,
    files: Vec<DataFile>,
    summary: HashMap<String, String>,
) -> Result<Table> {
    let transaction = Transaction::new(table);
    let transaction = transaction.update_table_properties().set(CUT.to_owned(), cut.to_string()).apply(transaction)?;
    // To look for the files in every manifest would cost more with each cut, and compaction would blind it:
    // it is the position that tells whether they are there.
    let append = transaction.fast_append().with_check_duplicate(false);
    let transaction = append.set_snapshot_properties(summary).add_data_files(files).apply(transaction)?;
    transaction.commit(catalog).await
}

/// The catalogue for one append: it hands a table out only as long as the table stands where it stood.
///
/// A transaction loads the table anew with every attempt and builds on that, so this is where to ask.
#[derive(Debug)]
struct Before<'c> {
    catalog: &'c dyn Catalog,
    position: u64,
}

#[async_trait]
impl Catalog for Before<'_> {
    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        let table = self.catalog.load_table(table).await?;
        let position = position(&table).map_err(|failure| Error::new(ErrorKind::DataInvalid, failure.message))?;
        if position == self.position {
            return Ok(table);
        }
        // Of the kind that passes by itself: the next run sees where the table stands.
        let message = format!("the table went from cut {} to cut {position} meanwhile", self.position);
        Err(Error::new(ErrorKind::Unexpected, message))
    }

    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        self.catalog.update_table(commit).await
    }

    async fn list_namespaces(&self, parent: Option<&NamespaceIdent>) -> Result<Vec<NamespaceIdent>> {
        self.catalog.list_namespaces(parent).await
    }

    async fn create_namespace(
        &self,
        namespace: &NamespaceIdent,
        properties: HashMap<String, String>,
    ) -> Result<Namespace> {
        self.catalog.create_namespace(namespace, properties).await
    }

    async fn get_namespace(&self, namespace: &NamespaceIdent) -> Result<Namespace> {
        self.catalog.get_namespace(namespace).await
    }

    async fn namespace_exists(&self, namespace: &NamespaceIdent) -> Result<bool> {
        self.catalog.namespace_exists(namespace).await
    }

    async fn update_namespace(&self, namespace: &NamespaceIdent, properties: HashMap<String, String>) -> Result<()> {
        self.catalog.update_namespace(namespace, properties).await
    }

    async fn drop_namespace(&self, namespace: &NamespaceIdent) -> Result<()> {
        self.catalog.drop_namespace(namespace).await
    }

    async fn list_tables(&self, namespace: &NamespaceIdent) -> Result<Vec<TableIdent>> {
        self.catalog.list_tables(namespace).await
    }

    async fn create_table(&self, namespace: &NamespaceIdent, creation: TableCreation) -> Result<Table> {
        self.catalog.create_table(namespace, creation).await
    }

    async fn drop_table(&self, table: &TableIdent) -> Result<()> {
        self.catalog.drop_table(table).await
    }

    async fn purge_table(&self, table: &TableIdent) -> Result<()> {
        self.catalog.purge_table(table).await
    }

    async fn table_exists(&self, table: &TableIdent) -> Result<bool> {
        self.catalog.table_exists(table).await
    }

    async fn rename_table(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.catalog.rename_table(from, to).await
    }

    async fn register_table(&self, table: &TableIdent, metadata_location: String) -> Result<Table> {
        self.catalog.register_table(table, metadata_location).await
    }
}
