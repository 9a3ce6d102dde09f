//! Which catalogue keeps the tables, and how its errors read.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use iceberg::{Catalog, CatalogBuilder, Error, ErrorKind};
use iceberg_catalog_rest::{REST_CATALOG_PROP_URI, REST_CATALOG_PROP_WAREHOUSE, RestCatalogBuilder};
use iceberg_catalog_sql::{SqlBindStyle, SqlCatalogBuilder};
use penstock_runtime::Failure;

#[cfg(feature = "glue")]
use crate::glue::Glue;
use crate::storage::LakeFiles;

/// The name by which a SQL catalogue keeps its tables apart from others in the same database; readers name it, too.
pub const CATALOG_NAME: &str = "penstock";

/// Where the catalogue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogUrl {
    /// A file of SQLite: for one machine.
    Sqlite { path: String },
    /// A server that speaks Iceberg's REST protocol.
    Rest { url: String, warehouse: Option<String> },
    /// AWS Glue in the region and account of the environment.
    Glue,
}

impl FromStr for CatalogUrl {
    type Err = String;

    /// `sqlite:///dir/catalog.db`, `https://host/path?warehouse=NAME`, or `glue`.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "glue" {
            return Ok(Self::Glue);
        }
        if let Some(path) = text.strip_prefix("sqlite://").filter(|path| !path.is_empty()) {
            return Ok(Self::Sqlite { path: path.to_owned() });
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let (url, query) = text.split_once('?').unwrap_or((text, ""));
            let warehouse = match query.strip_prefix("warehouse=") {
                Some(name) => Some(name.to_owned()),
                None if query.is_empty() => None,
                None => return Err(format!("`?{query}` is not understood: write ?warehouse=NAME or nothing")),
            };
            return Ok(Self::Rest { url: url.trim_end_matches('/').to_owned(), warehouse });
        }
        Err(format!("`{text}` is no catalogue: write sqlite:///DIR/catalog.db, https://HOST/PATH or glue"))
    }
}

impl fmt::Display for CatalogUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite://{path}"),
            Self::Rest { url, warehouse: None } => f.write_str(url),
            Self::Rest { url, warehouse: Some(name) } => write!(f, "{url}?warehouse={name}"),
            Self::Glue => f.write_str("glue"),
        }
    }
}

/// Opens a catalogue whose tables have their files in the lake.
///
/// `credential` is for REST: a bearer token, or `id:secret` for OAuth.
///
/// # Errors
/// It cannot be reached, or does not let us in.
pub async fn open(url: &CatalogUrl, credential: Option<&str>, files: &LakeFiles) -> Result<Arc<dyn Catalog>, Failure> {
    let storage = Arc::new(files.clone());
    let warehouse = files.location("tables");
    let opened: Result<Arc<dyn Catalog>, Error> = match url {
        CatalogUrl::Sqlite { path } => {
            let builder = SqlCatalogBuilder::default()
                .uri(format!("sqlite://{path}?mode=rwc"))
                .warehouse_location(warehouse)
                .sql_bind_style(SqlBindStyle::QMark);
            builder.with_storage_factory(storage).load(CATALOG_NAME, HashMap::new()).await.map(|it| Arc::new(it) as _)
        }
        CatalogUrl::Rest { url, warehouse } => {
            let mut properties = HashMap::from([(REST_CATALOG_PROP_URI.to_owned(), url.clone())]);
            properties.extend(warehouse.iter().map(|name| (REST_CATALOG_PROP_WAREHOUSE.to_owned(), name.clone())));
            properties.extend(
                credential
                    .map(|text| (if text.contains(':') { "credential" } else { "token" }.to_owned(), text.to_owned())),
            );
            let builder = RestCatalogBuilder::default().with_storage_factory(storage);
            builder.load(CATALOG_NAME, properties).await.map(|it| Arc::new(it) as _)
        }
        #[cfg(not(feature = "glue"))]
        CatalogUrl::Glue => {
            return Err(Failure::misconfigured("this program was built without Glue: build it with --features glue"));
        }
        #[cfg(feature = "glue")]
        CatalogUrl::Glue => Glue::new(storage).await.map(|it| Arc::new(it) as _),
    };
    opened.map_err(|error| Failure::retry(format!("the catalogue `{url}` cannot be opened: {}", explain(&error))))
}

/// An error of Iceberg's as one of ours: what may pass by itself, and what somebody must look at.
pub(crate) fn explain(error: &Error) -> Failure {
    match error.kind() {
        ErrorKind::Unexpected | ErrorKind::CatalogCommitConflicts => Failure::retry(error),
        _ => Failure::misconfigured(error),
    }
}
