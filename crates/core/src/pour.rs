//! The pour: a declared cut, its raw objects, the state before it and the recent ids in; files and the next state out.
//!
//! It is a pure function: whoever pours a cut, and whenever, gets the same rows under the same keys.
//! Nothing is handed out before every input was read and checked, so a cut with a damaged object writes nothing at all.
//!
//! ```text
//! let reach = pour::reach(&cut, &dataset, &previous);        // which recent ids are needed
//! let mut pour = Pour::begin(&cut, &dataset, &previous, open_windows, &recent)?;
//! for (chain, object) in cut.objects() { pour.add(chain, object, bytes)?; }
//! let poured = pour.finish()?;
//! ```

mod columns;
mod output;
mod silver;

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use bytes::Bytes;
use hashbrown::HashSet;

use crate::chain::{self, Link, LinkKind};
use crate::checksum::row_hash;
use crate::cut::{Closing, Cut, CutObject};
use crate::dataset::Dataset;
use crate::dedupe::{self, RecentCut, RecentIds};
use crate::keys::{self, ChainId};
use crate::part::Part;
use crate::state::{self, ChainState, State, Sum};
use crate::table::{self, TableError};
use crate::time::Date;
use crate::window::{self, OpenWindows, Progress, WindowRow};

use columns::{Groups, RawColumns};
use output::{Outputs, Rows};

/// Why a cut cannot be poured.
#[derive(Debug, thiserror::Error)]
pub enum PourError {
    #[error(
        "cut {cut} cannot be poured: the raw object `{key}` {problem}. Restore the object from a backup; \
         if it is lost, `penstock cuts void {cut}` declares its range a gap and lets the pipeline go on without it"
    )]
    Unreadable { cut: u64, key: String, problem: String },
    #[error("cut {cut} cannot be poured: {problem}")]
    Dataset { cut: u64, problem: String },
    #[error("cut {cut} cannot be encoded (a bug; nothing was written): {source}")]
    Encode { cut: u64, source: TableError },
}

/// What a pour yields. Write `parts`, then `state`, each only if absent.
#[derive(Debug)]
pub struct Poured {
    /// Every file of the cut with its content, in the order in which to write them.
    pub parts: Vec<(Part, Bytes)>,
    pub state: State,
    pub state_file: Bytes,
    /// What stays open, as the rows of `state_file`.
    pub open_windows: Vec<WindowRow>,
    /// The ids that the cut wrote, to be held against the next ones.
    pub new_ids: Vec<u128>,
}

/// The recent cuts whose ids this cut is checked against.
#[must_use]
pub fn reach(cut: &Cut, dataset: &Dataset, previous: &State) -> Vec<RecentCut> {
    let id = id_column(dataset);
    let recent: Vec<RecentCut> = previous.recent.iter().filter(|recent| recent.column == id).cloned().collect();
    match cut.objects().map(|(_, object)| object.ingested_at).min() {
        Some(oldest_arrival) => dedupe::within_reach(&recent, dataset.dedupe, oldest_arrival),
        None => recent,
    }
}

/// The name of the column that identifies an event; empty if there is none.
fn id_column(dataset: &Dataset) -> &str {
    dataset.id.map_or("", |index| &dataset.columns[index].name)
}

/// Room for so many ids is made before the first one; more than most cuts have would be memory for nothing.
const FIRST_IDS: usize = 1 << 20;

/// A pour under way.
#[derive(Debug)]
pub struct Pour<'p> {
    cut: &'p Cut,
    dataset: &'p Dataset,
    previous: &'p State,
    recent: &'p RecentIds,
    new_ids: Vec<u128>,
    seen: HashSet<u128>,
    windows: OpenWindows,
    chains: BTreeMap<ChainId, ChainState>,
    rejected: BTreeMap<String, u64>,
    outputs: Outputs<'p>,
}

impl<'p> Pour<'p> {
    /// `open_windows` are the rows of the previous state; `recent` holds exactly the ids of [`reach`].
    ///
    /// # Errors
    /// The schema cannot be encoded: a bug.
    pub fn begin(
        cut: &'p Cut,
        dataset: &'p Dataset,
        previous: &'p State,
        open_windows: Vec<WindowRow>,
        recent: &'p RecentIds,
    ) -> Result<Self, PourError> {
        let mut windows = OpenWindows::new(&dataset.windows, previous.closed_through);
        open_windows.into_iter().for_each(|row| windows.restore(row));
        let chains = previous.chains.iter().map(|state| (state.chain.clone(), state.clone())).collect();
        Ok(Self {
            cut,
            dataset,
            previous,
            recent,
            new_ids: Vec::new(),
            // One look-up table from the start: growing step by step would move each id several times.
            seen: HashSet::with_capacity(usize::try_from(cut.rows()).unwrap_or_default().min(FIRST_IDS)),
            windows,
            chains,
            rejected: BTreeMap::new(),
            outputs: Outputs::new(dataset),
        })
    }

    /// Adds the next object of the cut, in the order of [`Cut::objects`]. A gap has no `file`.
    ///
    /// # Errors
    /// The object is not what the cut declared, or its rows do not fit the dataset.
    pub fn add(&mut self, chain: &ChainId, object: &CutObject, file: Option<&Bytes>) -> Result<(), PourError> {
        let sums = match (object.kind, file) {
            (LinkKind::Data, Some(file)) => self.add_rows(chain, object, file)?,
            (LinkKind::Data, None) => return Err(self.unreadable(chain, object, "is missing")),
            (LinkKind::Gap, _) => ObjectSums::default(),
        };
        let state = self.chains.entry(chain.clone()).or_insert_with(|| ChainState::new(chain.clone()));
        state.next = object.next;
        state.newest_event_time = state.newest_event_time.max(sums.newest_event_time);
        state.newest_ingested_at = state.newest_ingested_at.max(object.ingested_at);
        state.totals.landed = state.totals.landed.plus(sums.landed());
        state.totals.silver = state.totals.silver.plus(sums.silver);
        state.totals.duplicates = state.totals.duplicates.plus(sums.duplicates);
        state.totals.rejected = state.totals.rejected.plus(sums.rejected);
        if object.kind == LinkKind::Gap {
            state.totals.gap_positions += object.from.distance_to(object.next).unwrap_or(0);
        }
        Ok(())
    }

    /// Closes windows, ends the files and makes the next state.
    ///
    /// # Errors
    /// Encoding failed: a bug.
    pub fn finish(mut self) -> Result<Poured, PourError> {
        let watermark = self.watermark();
        let late_events = self.windows.late_events();
        let (closed, closed_through) = self.windows.close(watermark);
        let mut totals = self.previous.totals.clone();
        totals.windows_on_time += closed.on_time.len() as u64;
        totals.windows_late += closed.late.len() as u64;
        totals.late_events += late_events;
        for (reason, count) in self.rejected {
            *totals.rejected.entry(reason).or_default() += count;
        }
        let encode = |source| PourError::Encode { cut: self.cut.number, source };
        let parts = self.outputs.finish(self.cut, &closed).map_err(encode)?;
        let open_windows = self.windows.into_open();
        let mut recent = reach(self.cut, self.dataset, self.previous);
        recent.extend(recent_cut(self.cut, self.dataset, &parts, self.new_ids.len() as u64));
        let state = State {
            cut: self.cut.number,
            rules: self.cut.rules,
            declared_at: self.cut.declared_at,
            voided: false,
            watermark,
            closed_through,
            chains: self.chains.into_values().collect(),
            recent,
            parts: parts.iter().map(|(part, _)| part.clone()).collect(),
            open_windows: open_windows.len() as u64,
            totals,
            dataset_hash: self.cut.dataset_hash.clone(),
        };
        let state_file = state::encode(self.dataset, &state, &open_windows).map_err(encode)?;
        Ok(Poured { parts, state, state_file, open_windows, new_ids: self.new_ids })
    }

    fn add_rows(&mut self, chain: &ChainId, object: &CutObject, file: &Bytes) -> Result<ObjectSums, PourError> {
        let link: Link = table::file_entry(file, chain::FOOTER_KEY)
            .map_err(|error| self.unreadable(chain, object, &error.to_string()))?;
        chain::check_place(&self.dataset.name, chain, object.from, &link)
            .map_err(|problem| self.unreadable(chain, object, &problem))?;
        let batches = columns::read(self.dataset, &chain.partition, file)
            .map_err(|error| self.unreadable(chain, object, &error.to_string()))?;
        let mut sums = ObjectSums::default();
        for batch in &batches {
            self.add_batch(chain, object, batch, &mut sums)?;
        }
        let declared = Sum { rows: object.rows, checksum: object.checksum };
        let rejected = Sum { rows: object.rejected, checksum: object.rejected_checksum };
        if sums.landed() != declared || sums.rejected != rejected || CutObject::from(&link) != *object {
            return Err(self.unreadable(chain, object, "does not hold the rows that the cut declared"));
        }
        Ok(sums)
    }

    fn add_batch(
        &mut self,
        chain: &ChainId,
        object: &CutObject,
        batch: &RecordBatch,
        sums: &mut ObjectSums,
    ) -> Result<(), PourError> {
        let dataset = |error: TableError| PourError::Dataset {
            cut: self.cut.number,
            problem: format!(
                "`{}`: {error}. A column's type cannot change: give the new type a new column",
                chain.object(&self.dataset.name, object.from)
            ),
        };
        let rows = RawColumns::new(self.dataset, chain, batch).map_err(dataset)?;
        let mut groups = Groups::new(self.dataset, batch).map_err(dataset)?;
        let seed = chain.seed();
        let mut kept: BTreeMap<Date, Rows> = BTreeMap::new();
        let mut rejects = Rows::default();
        for row in 0..batch.num_rows() {
            let row_number = u32::try_from(row).unwrap_or(u32::MAX);
            let hash = Sum::one(row_hash(seed, rows.position(row)));
            if let Some(reason) = rows.reject_reason(row) {
                sums.rejected = sums.rejected.plus(hash);
                *self.rejected.entry(reason.to_owned()).or_default() += 1;
                rejects.push(row_number, hash);
                continue;
            }
            if rows.id(row).is_some_and(|id| !self.is_new(id)) {
                sums.duplicates = sums.duplicates.plus(hash);
                continue;
            }
            sums.silver = sums.silver.plus(hash);
            let event_time = rows.event_time(row);
            sums.newest_event_time = sums.newest_event_time.max(Some(event_time.min(object.ingested_at)));
            let group = groups.number(row, &mut self.windows);
            self.windows.add(event_time, group, rows.measure(row));
            kept.entry(Date::of(event_time)).or_default().push(row_number, hash);
        }
        let encode = |source| PourError::Encode { cut: self.cut.number, source };
        self.outputs.add(chain, batch, &kept, &rejects).map_err(encode)
    }

    /// Whether an id has not been seen, and remembers it.
    fn is_new(&mut self, id: u128) -> bool {
        let is_new = !self.recent.contains(id) && self.seen.insert(id);
        if is_new {
            self.new_ids.push(id);
        }
        is_new
    }

    fn watermark(&self) -> i64 {
        let is_waiting = |chain: &ChainId| self.cut.chains.iter().any(|cut| cut.waiting && cut.chain == *chain);
        let poured = self.chains.values().map(|state| Progress {
            newest_event_time: state.newest_event_time,
            newest_ingested_at: state.newest_ingested_at,
            waiting: is_waiting(&state.chain),
        });
        // Chains of which no cut has taken anything yet.
        let unknown = self
            .cut
            .chains
            .iter()
            .filter(|cut| cut.waiting && !self.chains.contains_key(&cut.chain))
            .map(|_| Progress { newest_event_time: None, newest_ingested_at: i64::MIN, waiting: true });
        let progress: Vec<Progress> = poured.chain(unknown).collect();
        let watermark = window::watermark(self.previous.watermark, &progress, &self.dataset.windows);
        match self.cut.closing {
            Closing::Watermark => watermark,
            Closing::All => watermark.max(self.windows.newest_end().unwrap_or(watermark)),
        }
    }

    fn unreadable(&self, chain: &ChainId, object: &CutObject, problem: &str) -> PourError {
        PourError::Unreadable {
            cut: self.cut.number,
            key: chain.object(&self.dataset.name, object.from),
            problem: problem.to_owned(),
        }
    }
}

/// What one object contributed.
#[derive(Clone, Copy, Debug, Default)]
struct ObjectSums {
    silver: Sum,
    duplicates: Sum,
    rejected: Sum,
    newest_event_time: Option<i64>,
}

impl ObjectSums {
    fn landed(&self) -> Sum {
        self.silver.plus(self.duplicates).plus(self.rejected)
    }
}

/// The cut as later ones look back on it; `None` if it wrote no ids.
fn recent_cut(cut: &Cut, dataset: &Dataset, parts: &[(Part, Bytes)], ids: u64) -> Option<RecentCut> {
    let newest_ingested_at = cut.objects().map(|(_, object)| object.ingested_at).max()?;
    let silver = keys::silver_folder(&dataset.name);
    let files = parts.iter().filter(|(part, _)| part.key.starts_with(&silver)).map(|(part, _)| part.key.clone());
    let recent = RecentCut {
        cut: cut.number,
        newest_ingested_at,
        ids,
        column: id_column(dataset).to_owned(),
        files: files.collect(),
    };
    (0 < ids).then_some(recent)
}

/// The id of each row of a silver file; of none if the dataset has no id column.
/// A row has none if its cut was poured before the column became the id.
///
/// # Errors
/// No readable silver file of the dataset.
pub fn silver_ids(dataset: &Dataset, file: &Bytes) -> Result<Vec<Option<u128>>, TableError> {
    columns::silver_ids(dataset, file)
}

#[cfg(test)]
mod tests;
