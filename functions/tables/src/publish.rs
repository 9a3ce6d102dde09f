//! One run: the poured cuts that a table lacks, in order.

use std::collections::HashMap;

use iceberg::table::Table as IcebergTable;
use penstock_core::cut::Cut;
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_core::state::State;
use penstock_lake::cuts;
use penstock_runtime::{Call, Failure};
use penstock_telemetry::tables::CutAppended;
use serde::Serialize;

use crate::commit::{Append, append, position};
use crate::table::Table;
use crate::{Tables, files, tables};

/// The most chains whose positions a snapshot's summary holds. All snapshots' summaries stand in each version of the
/// table's metadata; where there are more chains, the state of the cut, which the summary names, has their positions.
const MAX_CHAINS_IN_SUMMARY: usize = 64;

/// What one run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub tables: Vec<Published>,
    /// Whether its time was up while cuts were still to be appended.
    pub behind: bool,
}

/// What one run did to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    pub table: String,
    /// The cuts that it appended.
    pub cuts: Vec<u64>,
    pub rows: u64,
    /// The newest cut that is in the table.
    pub position: u64,
}

/// A table during a run.
struct Open {
    table: Table,
    iceberg: IcebergTable,
    published: Published,
    failure: Option<Failure>,
}

impl Tables {
    /// Appends what was poured.
    ///
    /// A table that cannot go on holds back no other: its error comes last.
    ///
    /// # Errors
    /// The catalogue's or the store's; or somebody must act on a table or a damaged file.
    pub async fn run(&self, call: &Call) -> Result<Summary, Failure> {
        let clock = self.lake.clock();
        // A deadline in the past means that there is none.
        let deadline = Some(call.deadline).filter(|deadline| clock.now() < *deadline).unwrap_or(i64::MAX);
        let mut open = Vec::new();
        for table in Table::ALL {
            open.push(self.open_table(table).await?);
        }
        let first = open.iter().map(|table| table.published.position).min().unwrap_or(0) + 1;
        let mut behind = false;
        let (mut began, mut longest) = (clock.now(), 0);
        for number in first.. {
            // Another cut like the longest one so far must fit, with half of its time to spare.
            if deadline <= began.saturating_add(longest / 2 * 3) {
                behind = true;
                break;
            }
            if !self.append_cut(&mut open, number, call).await? {
                break;
            }
            let ended = clock.now();
            longest = longest.max(ended.saturating_sub(began));
            began = ended;
        }
        match open.iter_mut().find_map(|table| table.failure.take()) {
            Some(failure) => Err(failure),
            None => Ok(Summary { tables: open.into_iter().map(|table| table.published).collect(), behind }),
        }
    }

    async fn open_table(&self, table: Table) -> Result<Open, Failure> {
        let iceberg = tables::open(&*self.catalog, &self.files, &self.namespace, &self.dataset, table).await?;
        let position = position(&iceberg)?;
        let name = iceberg.identifier().to_string();
        let published = Published { table: name, cuts: Vec::new(), rows: 0, position };
        Ok(Open { table, iceberg, published, failure: None })
    }

    /// Appends a cut to the tables that lack it; `false` if it is not poured, so that there is nothing more to do.
    async fn append_cut(&self, open: &mut [Open], number: u64, call: &Call) -> Result<bool, Failure> {
        let store = self.files.store();
        let Some(state) = cuts::read_state(store, &self.dataset.name, number).await? else { return Ok(false) };
        let cut = cuts::read(store, &self.dataset.name, number).await?;
        let dataset = Dataset::parse(&cut.dataset).map_err(|problems| {
            Failure::misconfigured(format!("the dataset in cut {number} cannot be read:\n{problems}"))
        })?;
        let behind = open.iter_mut().filter(|open| open.failure.is_none() && open.published.position < number);
        for table in behind {
            if let Err(failure) = self.append_to(table, &dataset, &cut, &state, call).await {
                table.failure = Some(failure);
            }
        }
        Ok(open.iter().any(|table| table.failure.is_none()))
    }

    async fn append_to(
        &self,
        open: &mut Open,
        dataset: &Dataset,
        cut: &Cut,
        state: &State,
        call: &Call,
    ) -> Result<(), Failure> {
        // A voided cut, and one without rows for this table, leave nothing to append: the next one passes over them.
        let sources = if state.voided {
            Vec::new()
        } else {
            files::sources(open.table, &dataset.name, cut, state, self.raw_since())?
        };
        if sources.is_empty() {
            return Ok(());
        }
        let catalog = &*self.catalog;
        open.iceberg = tables::evolve(catalog, open.iceberg.clone(), dataset, open.table).await?;
        let files = files::write(&self.files, open.table, &dataset.name, &open.iceberg, cut.number, &sources).await?;
        if files.is_empty() {
            return Ok(());
        }
        let rows = files.iter().map(iceberg::spec::DataFile::record_count).sum();
        let count = files.len();
        let summary = summary(&dataset.name, cut, state);
        match append(catalog, &open.iceberg, cut.number, files, summary).await? {
            Append::WasThere(now) => open.iceberg = now,
            Append::Done(now) => {
                open.iceberg = now;
                open.published.cuts.push(cut.number);
                open.published.rows += rows;
                let (request_id, dataset, table) = (&call.request_id, &dataset.name, &open.published.table);
                CutAppended { request_id, dataset, table, cut: cut.number, files: count, rows }.emit();
            }
        }
        open.published.position = position(&open.iceberg)?;
        Ok(())
    }

    /// From which time of arrival on raw objects are there for certain.
    fn raw_since(&self) -> i64 {
        self.raw_retention_hours.map_or(i64::MIN, |hours| self.lake.clock().now() - hours * 3_600_000_000)
    }
}

/// What the snapshot says of its cut, besides what Iceberg counts by itself.
fn summary(dataset: &str, cut: &Cut, state: &State) -> HashMap<String, String> {
    let state_key = ("penstock.state".to_owned(), keys::state(dataset, cut.number));
    let mut summary = HashMap::from([state_key]);
    let chains = cut.chains.iter().filter(|chain| !chain.objects.is_empty());
    let positions: serde_json::Map<String, serde_json::Value> =
        chains.map(|chain| (chain.chain.to_string(), state.position(&chain.chain).to_string().into())).collect();
    if positions.len() <= MAX_CHAINS_IN_SUMMARY {
        summary.insert("penstock.positions".to_owned(), serde_json::Value::Object(positions).to_string());
    }
    summary
}
