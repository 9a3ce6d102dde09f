use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use proptest::prelude::*;

use super::*;
use crate::chain::GapReason;
use crate::cut::{Bounds, ChainCut, POURABLE, RULES, Waiting, select};
use crate::keys;
use crate::raw_object;
use crate::sample::{Event, SECOND, START, at, chain, iot, iot_with, object, record};
use crate::window::{Totals, window_start};
use crate::windows_table;

const MINUTE: i64 = 60 * SECOND;

/// A run over a chain of cuts: warm, and at each cut also cold, which must come to the same.
struct Run<'d> {
    dataset: &'d Dataset,
    state: State,
    open_windows: Vec<WindowRow>,
    ids: RecentIds,
    files: BTreeMap<String, Bytes>,
    parts: Vec<Part>,
}

impl<'d> Run<'d> {
    fn new(dataset: &'d Dataset) -> Self {
        Self {
            dataset,
            state: State::empty(),
            open_windows: vec![],
            ids: RecentIds::default(),
            files: BTreeMap::new(),
            parts: vec![],
        }
    }

    fn cut(&self, chains: Vec<ChainCut>, closing: Closing) -> Cut {
        Cut {
            number: self.state.cut + 1,
            rules: RULES,
            declared_at: START,
            closing,
            chains,
            dataset_hash: self.dataset.hash.clone(),
            dataset: self.dataset.text.clone(),
        }
    }

    fn try_pour(&self, cut: &Cut, raw: &BTreeMap<String, Bytes>, ids: &RecentIds) -> Result<Poured, PourError> {
        let mut pour = Pour::begin(cut, self.dataset, &self.state, self.open_windows.clone(), ids)?;
        for (chain, object) in cut.objects() {
            pour.add(chain, object, raw.get(&chain.object(&self.dataset.name, object.from)))?;
        }
        pour.finish()
    }

    fn pour(&mut self, cut: &Cut, raw: &BTreeMap<String, Bytes>) {
        let reach = reach(cut, self.dataset, &self.state);
        self.ids.retain(&reach);
        let mut cold = RecentIds::default();
        for recent in &reach {
            let ids = recent.files.iter().flat_map(|key| silver_ids(self.dataset, &self.files[key]).unwrap());
            cold.push(recent.cut, ids.flatten().collect());
        }
        let poured = self.try_pour(cut, raw, &self.ids).unwrap();
        let again = self.try_pour(cut, raw, &cold).unwrap();
        assert_eq!(poured.parts, again.parts, "warm and cold differ");
        assert_eq!((&poured.state, &poured.state_file), (&again.state, &again.state_file));
        let decoded = state::decode(self.dataset, &poured.state_file).unwrap();
        assert_eq!(decoded, (poured.state.clone(), poured.open_windows.clone()));
        assert!(self.state.watermark <= poured.state.watermark, "the watermark went back");
        assert!(self.state.closed_through <= poured.state.closed_through);
        assert!(poured.state.watermark <= poured.state.closed_through);
        for (part, bytes) in poured.parts {
            assert_eq!(table::file_entry::<Part>(&bytes, crate::part::FOOTER_KEY).unwrap(), part);
            self.parts.push(part.clone());
            assert!(self.files.insert(part.key, bytes).is_none(), "a file was written twice");
        }
        if !poured.new_ids.is_empty() {
            self.ids.push(cut.number, poured.new_ids);
        }
        (self.state, self.open_windows) = (poured.state, poured.open_windows);
    }

    /// The ids of silver, sorted.
    fn silver(&self) -> Vec<u128> {
        let files = self.files.iter().filter(|(key, _)| key.starts_with("silver/"));
        let mut ids: Vec<u128> =
            files.flat_map(|(_, file)| silver_ids(self.dataset, file).unwrap()).flatten().collect();
        ids.sort_unstable();
        ids
    }

    fn windows(&self) -> BTreeMap<(i64, String), (u64, u64, f64)> {
        let mut totals: BTreeMap<_, (u64, u64, f64)> = BTreeMap::new();
        for (_, file) in self.files.iter().filter(|(key, _)| key.starts_with("windows/")) {
            for row in windows_table::decode(self.dataset, file).unwrap() {
                let total = totals.entry((row.start, row.group[0].to_string())).or_default();
                *total = (total.0 + row.totals.count, total.1 + row.totals.measured, total.2 + row.totals.sum);
            }
        }
        totals
    }

    fn rows(&self, folder: &str) -> u64 {
        self.parts.iter().filter(|part| part.key.starts_with(folder)).map(|part| part.rows).sum()
    }
}

/// When an object arrived, and its records; no event is a record that cannot be read.
type Object = (i64, Vec<Option<Event>>);

/// Objects that wait, by chain, and their files by key.
#[derive(Default)]
struct Raw {
    waiting: Vec<Waiting>,
    files: BTreeMap<String, Bytes>,
}

impl Raw {
    fn new(dataset: &Dataset, chains: &[Vec<Object>]) -> Self {
        let mut raw = Self::default();
        for (partition, objects) in chains.iter().enumerate() {
            let chain = chain(i32::try_from(partition).unwrap());
            let (mut links, mut offset) = (vec![], 0);
            for (arrived_at, events) in objects.iter().filter(|(_, events)| !events.is_empty()) {
                let records = events.iter().zip(offset..).map(|(event, offset)| record(offset, START, None, *event));
                let (link, file) = object(dataset, &chain, *arrived_at, records.collect());
                raw.files.insert(chain.object(&dataset.name, link.from), file);
                offset += events.len() as u64;
                links.push(link);
            }
            raw.waiting.push(Waiting { chain, links, has_more: false });
        }
        raw
    }

    /// Takes the next cut's objects away from those that wait.
    fn take(&mut self, rows: u64) -> Vec<ChainCut> {
        let cut = select(&self.waiting, Bounds { rows, uncompressed_bytes: u64::MAX });
        for (waiting, chain) in self.waiting.iter_mut().zip(&cut) {
            waiting.links.drain(..chain.objects.len());
        }
        cut
    }

    fn is_empty(&self) -> bool {
        self.waiting.iter().all(|waiting| waiting.links.is_empty())
    }
}

fn event(number: u64, seconds: i64) -> Option<Event> {
    Some(Event { number, time: START + seconds * SECOND })
}

/// Pours one cut of the given objects of partition 0.
fn pour_once<'d>(dataset: &'d Dataset, objects: &[Object]) -> Run<'d> {
    let mut raw = Raw::new(dataset, &[objects.to_vec()]);
    let mut run = Run::new(dataset);
    let cut = run.cut(raw.take(u64::MAX), Closing::Watermark);
    run.pour(&cut, &raw.files);
    run
}

#[test]
fn of_copies_the_first_by_partition_and_offset_stays() {
    let dataset = iot();
    let run =
        pour_once(&dataset, &[(START, vec![event(1, -5), event(2, -5), event(1, -5)]), (START, vec![event(2, -5)])]);
    assert_eq!(run.silver(), [1, 2]);
    let totals = run.state.chain_totals();
    assert_eq!((totals.landed.rows, totals.silver.rows, totals.duplicates.rows), (4, 2, 2));
    let seed = chain(0).seed();
    assert_eq!(
        totals.duplicates.checksum,
        [2, 3].map(|offset| crate::checksum::Checksum(row_hash(seed, at(offset)))).into_iter().sum()
    );
}

#[test]
fn a_rejected_record_is_in_rejects_and_nowhere_else() {
    let dataset = iot();
    let run = pour_once(&dataset, &[(START, vec![None, event(1, -5), event(2, 3600), event(3, -31 * 86_400)])]);
    assert_eq!((run.silver(), run.rows("rejects/")), (vec![1], 3));
    let expect = [("in_future", 1), ("not_json", 1), ("too_old", 1)].map(|(reason, count)| (reason.to_owned(), count));
    assert_eq!(run.state.totals.rejected, expect.into());
    // They move no clock: neither the watermark nor the number of folders.
    assert_eq!(run.state.watermark, START - 5 * SECOND - 120 * SECOND);
    let dates: BTreeSet<_> = run.parts.iter().filter_map(|part| keys::parse_event_date(&part.key)).collect();
    assert_eq!(dates, ["2025-12-31"].into());
}

#[test]
fn event_times_in_the_future_move_the_watermark_to_their_arrival_at_most() {
    let dataset = iot();
    let run = pour_once(&dataset, &[(START, vec![event(1, 599)])]);
    assert_eq!(run.state.watermark, START - 120 * SECOND);
}

#[test]
fn a_partition_that_waits_unseen_holds_the_watermark() {
    let dataset = iot();
    let object = |number, arrived: i64| (START + arrived * SECOND, vec![event(number, arrived)]);
    let mut raw = Raw::new(&dataset, &[vec![object(1, 1000)], vec![object(2, 1001)]]);
    let mut run = Run::new(&dataset);
    let first = run.cut(raw.take(1), Closing::Watermark);
    assert!(first.chains[1].waiting && first.chains[1].objects.is_empty());
    run.pour(&first, &raw.files);
    assert_eq!(run.state.watermark, i64::MIN);
    let second = run.cut(raw.take(1), Closing::Watermark);
    run.pour(&second, &raw.files);
    assert_eq!(run.state.watermark, START + 880 * SECOND);
}

#[test]
fn a_cut_without_objects_closes_all_windows() {
    let dataset = iot();
    let mut run = pour_once(&dataset, &[(START, vec![event(1, -5), event(2, -70)])]);
    assert_eq!((run.state.open_windows, run.rows("windows/")), (2, 0));
    let cut = run.cut(vec![], Closing::All);
    run.pour(&cut, &BTreeMap::new());
    assert_eq!((run.state.open_windows, run.rows("windows/")), (0, 2));
    assert_eq!((run.state.watermark, run.state.closed_through), (START, START));
    assert_eq!(run.state.recent.len(), 1, "what was seen is not forgotten");
}

#[test]
fn a_gap_has_no_rows_and_is_counted() {
    let dataset = iot();
    let mut run = pour_once(&dataset, &[(START, vec![event(1, -5)])]);
    let (link, _) = object(&dataset, &chain(0), START, vec![record(1, START, None, None)]);
    let gap = Link { rows: 0, ..link }.into_gap(at(11), GapReason::Expired);
    let objects = vec![CutObject {
        checksum: Default::default(),
        rejected: 0,
        rejected_checksum: Default::default(),
        ..CutObject::from(&gap)
    }];
    let cut = run.cut(vec![ChainCut { chain: chain(0), objects, waiting: false }], Closing::Watermark);
    run.pour(&cut, &BTreeMap::new());
    assert_eq!(run.state.position(&chain(0)), at(11));
    assert_eq!((run.state.chain_totals().gap_positions, run.state.chain_totals().landed.rows), (10, 1));
}

#[test]
fn ids_of_another_column_are_not_compared() {
    let dataset = iot();
    let mut run = pour_once(&dataset, &[(START, vec![event(1, -5)])]);
    let other = iot_with(&[("id = \"event_id\"", "id = \"device_id\"")]);
    assert_eq!(reach(&run.cut(vec![], Closing::All), &dataset, &run.state).len(), 1);
    assert_eq!(reach(&run.cut(vec![], Closing::All), &other, &run.state).len(), 0);
    run.dataset = &other;
    let cut = run.cut(vec![], Closing::All);
    run.pour(&cut, &BTreeMap::new());
}

#[test]
fn a_column_that_raw_lacks_is_null() {
    let before = iot();
    let column = "[[columns]]\nname = \"colour\"\nfield_id = 190\ntype = \"string\"\nrequired = false\ndescription = \"New\"\n\n[roles]";
    let after = iot_with(&[("[roles]", column)]);
    let mut raw = Raw::new(&before, &[vec![(START, vec![event(1, -5), None])]]);
    let mut run = Run::new(&after);
    let cut = run.cut(raw.take(u64::MAX), Closing::Watermark);
    run.pour(&cut, &raw.files);
    let silver = run.files.iter().find(|(key, _)| key.starts_with("silver/")).unwrap().1.clone();
    let batches = table::read(silver, &["colour"], &[]).unwrap();
    assert_eq!((batches[0].num_rows(), arrow_array::Array::null_count(batches[0].column(0))), (1, 1));
}

/// Pours one object of two records whose file or declaration was tampered with; nothing but an error may come.
fn check_refused(tamper: impl Fn(&mut Cut, &mut Bytes), expect: &str) {
    let dataset = iot();
    let mut raw = Raw::new(&dataset, &[vec![(START, vec![event(1, -5), None])]]);
    let run = Run::new(&dataset);
    let mut cut = run.cut(raw.take(u64::MAX), Closing::Watermark);
    let file = raw.files.values_mut().next().unwrap();
    tamper(&mut cut, file);
    if file.is_empty() {
        raw.files.clear();
    }
    let error = run.try_pour(&cut, &raw.files, &RecentIds::default()).unwrap_err().to_string();
    for part in [expect, "raw/iot/kafka/events@0/00000/00000000000000000000.parquet", "cuts void 1"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_object_that_is_not_what_the_cut_declared_is_refused() {
    let other = |partition: i32, records: Vec<_>| object(&iot(), &chain(partition), START, records).1;
    let bad = |offset| record(offset, START, None, None);
    check_refused(|_, file| *file = Bytes::new(), "is missing");
    check_refused(|_, file| *file = file.slice(..file.len() - 9), "no readable Parquet");
    check_refused(|_, file| *file = Bytes::from_static(b"PAR1PAR1"), "no readable Parquet");
    check_refused(|_, file| *file = other(1, vec![bad(0), bad(1)]), "belongs to kafka/events@0 partition 1");
    check_refused(|_, file| *file = other(0, vec![bad(1), bad(2)]), "its footer says 1");
    check_refused(|_, file| *file = other(0, vec![bad(0), bad(1)]), "does not hold the rows");
    check_refused(|_, file| *file = other(0, vec![bad(0)]), "does not hold the rows");
    check_refused(|cut, _| cut.chains[0].objects[0].checksum = Default::default(), "does not hold the rows");
    check_refused(|cut, _| cut.chains[0].objects[0].ingested_at += 1, "does not hold the rows");
}

#[test]
fn a_footer_that_lies_about_its_rows_is_refused() {
    let dataset = iot();
    let records = || vec![record(0, START, None, event(1, -5)), record(1, START, None, event(2, -5))];
    let (link, _) = object(&dataset, &chain(0), START, records());
    let (_, other) = object(&dataset, &chain(0), START, vec![record(0, START, None, event(1, -5))]);
    // The rows of one record under the footer of two.
    let rows = table::read(other, &[], &[]).unwrap();
    assert_eq!(rows.len(), 1);
    let batch = crate::payload::Batch {
        topic: "events".into(),
        partition: chain(0).partition,
        records: vec![records().swap_remove(0)],
    };
    let rows = crate::parse::rows(&dataset, &batch, &batch.records, chain(0).seed(), START).unwrap();
    let file = raw_object::encode(&link, &rows.batch).unwrap();
    let run = Run::new(&dataset);
    let objects = vec![CutObject::from(&link)];
    let cut = run.cut(vec![ChainCut { chain: chain(0), objects, waiting: false }], Closing::Watermark);
    let files = BTreeMap::from([(chain(0).object("iot", at(0)), file)]);
    let error = run.try_pour(&cut, &files, &RecentIds::default()).unwrap_err().to_string();
    assert!(error.contains("does not hold the rows"), "{error}");
}

#[test]
fn the_current_rules_can_be_poured() {
    assert!(POURABLE.contains(&RULES));
}

/// Each partition's objects: seconds until the next arrival, and its events by number and age in seconds.
type Plan = Vec<Vec<(i64, Vec<(u64, i64)>)>>;

fn plan() -> impl Strategy<Value = Plan> {
    let events = prop::collection::vec((0_u64..40, 0_i64..600), 1..6);
    let objects = prop::collection::vec((0_i64..90, events), 0..8);
    prop::collection::vec(objects, 1..4)
}

/// The time of an event follows from its number, so that copies are alike; number 0 is a record that cannot be read.
fn chains(plan: &Plan) -> Vec<Vec<Object>> {
    let event = |(number, _): &(u64, i64)| {
        (*number != 0).then(|| Event { number: *number, time: START + (*number as i64 * 17 % 40) * 15 * SECOND })
    };
    let objects = |objects: &Vec<(i64, Vec<(u64, i64)>)>| {
        let mut arrived_at = START + 10 * MINUTE;
        let object = |(pause, events): &(i64, Vec<(u64, i64)>)| {
            arrived_at += pause * SECOND;
            (arrived_at, events.iter().map(event).collect())
        };
        objects.iter().map(object).collect()
    };
    plan.iter().map(objects).collect()
}

fn check_laws(plan: &Plan, cut_rows: &[u64], dataset: &Dataset) -> Result<(), TestCaseError> {
    let chains = chains(plan);
    let mut raw = Raw::new(dataset, &chains);
    let mut run = Run::new(dataset);
    let mut sizes = cut_rows.iter().chain(std::iter::repeat(&u64::MAX));
    while !raw.is_empty() {
        let objects = raw.take(*sizes.next().unwrap());
        let closing = if raw.is_empty() { Closing::All } else { Closing::Watermark };
        let cut = run.cut(objects, closing);
        run.pour(&cut, &raw.files);
    }
    let landed: Vec<Option<Event>> = chains.iter().flatten().flat_map(|(_, events)| events.clone()).collect();
    let events: BTreeMap<u64, Event> = landed.iter().flatten().map(|event| (event.number, *event)).collect();
    prop_assert_eq!(run.silver(), events.values().map(|event| event.id()).collect::<Vec<_>>());
    let mut windows: BTreeMap<_, (u64, u64, f64)> = BTreeMap::new();
    for event in events.values() {
        let total = windows.entry((window_start(event.time, MINUTE), event.device())).or_default();
        *total =
            (total.0 + 1, total.1 + u64::from(event.value().is_some()), total.2 + event.value().unwrap_or(0) as f64);
    }
    prop_assert_eq!(run.windows(), windows);
    let totals = run.state.chain_totals();
    prop_assert!(totals.balance());
    prop_assert!(run.state.chains.iter().all(|chain| chain.totals.balance()));
    prop_assert_eq!(totals.landed.rows, landed.len() as u64);
    prop_assert_eq!(totals.rejected.rows, landed.iter().filter(|event| event.is_none()).count() as u64);
    prop_assert_eq!((totals.silver.rows, totals.rejected.rows), (run.rows("silver/"), run.rows("rejects/")));
    let sum =
        |folder: &str| run.parts.iter().filter(|part| part.key.starts_with(folder)).map(|part| part.checksum).sum();
    prop_assert_eq!((totals.silver.checksum, totals.rejected.checksum), (sum("silver/"), sum("rejects/")));
    prop_assert_eq!(run.state.totals.windows_on_time + run.state.totals.windows_late, run.rows("windows/"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However the objects are cut: every event once, windows that add up to a batch computation, totals that balance;
    /// and (in [`Run::pour`]) a pour that is the same twice, warm and cold, with a watermark that never goes back.
    #[test]
    fn any_split_into_cuts_gives_the_same_lake(plan in plan(), cut_rows in prop::collection::vec(1_u64..20, 0..12)) {
        check_laws(&plan, &cut_rows, &iot())?;
    }

    #[test]
    fn windows_that_close_early_lose_nothing(plan in plan(), cut_rows in prop::collection::vec(1_u64..20, 0..12)) {
        check_laws(&plan, &cut_rows, &iot_with(&[("max_open_windows = 500_000", "max_open_windows = 3")]))?;
    }

    /// With few ids remembered duplicates slip through, but what is poured is the same, warm or cold.
    #[test]
    fn warm_and_cold_agree_when_ids_are_forgotten(
        plan in plan(),
        cut_rows in prop::collection::vec(1_u64..20, 0..12),
        max_ids in 1_usize..20,
        horizon in 1_i64..200,
    ) {
        let dataset = iot_with(&[
            ("max_ids = 20_000_000", &format!("max_ids = {max_ids}")),
            ("horizon_secs = 600", &format!("horizon_secs = {horizon}")),
        ]);
        let mut raw = Raw::new(&dataset, &chains(&plan));
        let mut run = Run::new(&dataset);
        let mut sizes = cut_rows.iter().chain(std::iter::repeat(&u64::MAX));
        while !raw.is_empty() {
            let cut = run.cut(raw.take(*sizes.next().unwrap()), Closing::Watermark);
            run.pour(&cut, &raw.files);
            prop_assert!(run.state.chain_totals().balance());
        }
    }
}

#[test]
fn totals_of_an_empty_window_do_not_exist() {
    // A window exists because an event fell into it.
    let dataset = iot();
    let run = pour_once(&dataset, &[(START, vec![event(3, -5)])]);
    let open: Vec<Totals> = run.open_windows.iter().map(|row| row.totals).collect();
    assert_eq!((open.len(), open[0].count, open[0].measured), (1, 1, 0));
}

#[test]
fn a_row_of_silver_without_an_id_keeps_its_place() {
    let ids = StringArray::from(vec![None, Some("00000000-0000-0000-0000-0000000000ff"), None, None]);
    let batch = RecordBatch::try_from_iter_with_nullable([("event_id", Arc::new(ids) as ArrayRef, true)]).unwrap();
    let mut writer = table::TableWriter::new(&batch.schema(), &[]).unwrap();
    writer.write(&batch).unwrap();
    let file = writer.finish("test", &()).unwrap();
    assert_eq!(silver_ids(&iot(), &file).unwrap(), [None, Some(0xff), None, None]);
}
