//! Catalogues to which something happens just as a table is committed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use iceberg::table::Table;
use iceberg::{Catalog, Error, ErrorKind, Namespace, NamespaceIdent, Result, TableCommit, TableCreation, TableIdent};

/// What happens at a commit.
pub(crate) enum Event {
    /// It is done, but the caller does not hear of it.
    ReplyLost,
    /// It is done, and its own repetition below the caller finds a conflict: as a client does that tries again by itself.
    ConflictWithItself,
    /// Nothing is done, and the catalogue says that it is away.
    Away,
    /// This happens first: a rival commits, or an operator.
    Meanwhile(BoxFuture<'static, ()>),
}

/// A catalogue with one event for each of the next commits.
pub(crate) struct Eventful {
    catalog: Arc<dyn Catalog>,
    events: Mutex<Vec<Event>>,
}

impl Eventful {
    /// The events come in this order.
    pub(crate) fn new(catalog: Arc<dyn Catalog>, mut events: Vec<Event>) -> Arc<Self> {
        events.reverse();
        Arc::new(Self { catalog, events: Mutex::new(events) })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.events.lock().unwrap().is_empty()
    }
}

impl std::fmt::Debug for Eventful {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an eventful catalogue")
    }
}

#[async_trait]
impl Catalog for Eventful {
    async fn update_table(&self, commit: TableCommit) -> Result<Table> {
        let event = self.events.lock().unwrap().pop();
        match event {
            None => self.catalog.update_table(commit).await,
            Some(Event::ReplyLost) => {
                self.catalog.update_table(commit).await?;
                Err(Error::new(ErrorKind::Unexpected, "a reply was lost"))
            }
            Some(Event::ConflictWithItself) => {
                self.catalog.update_table(commit).await?;
                Err(Error::new(ErrorKind::CatalogCommitConflicts, "somebody committed").with_retryable(true))
            }
            Some(Event::Away) => Err(Error::new(ErrorKind::Unexpected, "the catalogue is away")),
            Some(Event::Meanwhile(happens)) => {
                happens.await;
                self.catalog.update_table(commit).await
            }
        }
    }

    async fn load_table(&self, table: &TableIdent) -> Result<Table> {
        self.catalog.load_table(table).await
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
