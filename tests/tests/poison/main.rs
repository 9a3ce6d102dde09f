//! Poison through the real functions: every bad record of the corpus lands beside good ones, is rejected byte for byte
//! with its reason and its position, and harms nobody; every odd one is accepted. All of it on a small stack.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_wrap,
    reason = "a test fails by panicking, and its numbers are small"
)]

mod envelopes;

use std::collections::{BTreeMap, BTreeSet};

use penstock_fuzz::corpus::{ARRIVAL, Carried, Case, Expect, event, odd, poison};
use penstock_lake::Clock;
use penstock_runtime::Call;
use penstock_tests::lake::TestLake;
use penstock_tests::random::Random;
use penstock_tests::reading::Reject;

/// The stack of a thread that nobody asked to have a larger one.
const STACK_BYTES: usize = 2 << 20;

/// Numbers of good events, far from those of the corpus.
const FIRST_GOOD: u64 = 1 << 40;

/// One record per line of the payload's array. Base64 comes from here, so that a case may break it.
fn payload(records: &[(i64, &Carried)]) -> String {
    let record = |(offset, carried): &(i64, &Carried)| {
        let value = match carried {
            Carried::Null => "null".to_owned(),
            Carried::Bytes(bytes) => format!("\"{}\"", base64_simd::STANDARD.encode_to_string(bytes)),
            Carried::Text(text) => serde_json::to_string(text).unwrap(),
        };
        let timestamp = ARRIVAL / 1000 + offset;
        format!(
            r#"{{"topic":"events","partition":0,"offset":{offset},"timestamp":{timestamp},"timestampType":"CREATE_TIME","key":"ZGV2","value":{value},"headers":[]}}"#
        )
    };
    let records: Vec<String> = records.iter().map(record).collect();
    format!(r#"{{"eventSource":"aws:kafka","records":{{"events-0":[{}]}}}}"#, records.join(",\n"))
}

/// Runs on a thread with a small stack, so that whatever takes stack for nesting or length is seen.
fn on_a_small_stack(future: impl Future<Output = ()> + Send + 'static) {
    let run = || tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A record of the topic: a case, or a good event beside it.
enum Sent<'c> {
    Case(&'c Case),
    Good(Carried),
}

impl Sent<'_> {
    fn value(&self) -> &Carried {
        match self {
            Self::Case(case) => &case.value,
            Self::Good(value) => value,
        }
    }
}

/// The cases with good events between them.
fn among_good(cases: &[Case]) -> Vec<Sent<'_>> {
    let good = |number: u64| Sent::Good(Carried::Bytes(event(FIRST_GOOD + number).to_string().into()));
    let mut records = vec![good(0)];
    for (number, case) in (1..).zip(cases) {
        records.extend([Sent::Case(case), good(number)]);
    }
    records
}

/// Delivers the cases among good events in batches of up to `longest` records, pours them, and looks for each one.
async fn check(cases: Vec<Case>, longest: usize) {
    let lake = TestLake::in_memory();
    assert_eq!(lake.clock.now(), ARRIVAL, "the corpus is made for the time at which the clock begins");
    let ingest = lake.ingest();
    let records = among_good(&cases);
    let numbered: Vec<(i64, &Carried)> = (0..).zip(records.iter().map(Sent::value)).collect();
    for batch in Random::seeded(longest as u64).pieces(&numbered, longest) {
        ingest.handle(payload(batch).as_bytes(), &Call::default()).await.expect("a record fails no batch");
    }
    lake.drain().await;
    let reading = lake.read().await;
    assert_eq!(reading.ids_each_once().len(), reading.silver_rows().len());
    let landed: BTreeMap<i64, String> =
        reading.silver_rows().into_iter().map(|row| (row.offset, row.device_id)).collect();
    let rejected: BTreeMap<i64, Reject> = reading.rejects().into_iter().map(|reject| (reject.offset, reject)).collect();
    let mut wrong = Vec::new();
    for (offset, sent) in (0..).zip(&records) {
        if let Err(problem) = check_one(sent, landed.contains_key(&offset), rejected.get(&offset)) {
            wrong.push(format!("offset {offset}: {problem}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} records:\n{}", wrong.len(), records.len(), wrong.join("\n"));
    assert_eq!(landed.len() + rejected.len(), records.len());
}

fn check_one(sent: &Sent<'_>, is_in_silver: bool, reject: Option<&Reject>) -> Result<(), String> {
    let name = match sent {
        Sent::Case(case) => case.name.as_str(),
        Sent::Good(_) => "a good neighbour",
    };
    match (sent, reject) {
        (Sent::Good(_) | Sent::Case(Case { expect: Expect::Row(_), .. }), None) if is_in_silver => Ok(()),
        (Sent::Case(Case { expect: Expect::Rejected(reason), value, .. }), Some(reject)) if !is_in_silver => {
            let is_kept = reject.bytes.as_deref() == value.kept();
            let is_right = reject.reason == reason.as_str() && is_kept;
            let kept = if is_kept { "as it came" } else { "changed" };
            if is_right { Ok(()) } else { Err(format!("{name} is {}, not {reason}; it is kept {kept}", reject.reason)) }
        }
        (_, reject) => {
            let reason = reject.map_or("not rejected", |reject| &reject.reason);
            Err(format!("{name} is {reason}, in silver: {is_in_silver}"))
        }
    }
}

#[test]
fn each_bad_record_is_rejected_and_harms_no_neighbour() {
    on_a_small_stack(check(poison(), 3));
}

#[test]
fn many_bad_records_in_one_batch_harm_no_neighbour() {
    on_a_small_stack(check(poison(), 400));
}

#[test]
fn odd_records_are_accepted() {
    on_a_small_stack(check(odd(), 3));
}

#[test]
fn bad_and_odd_records_side_by_side() {
    let (mut cases, mut random) = ([poison(), odd()].concat(), Random::seeded(1));
    // Fisher and Yates: neighbours that the rules did not choose.
    for last in (1..cases.len()).rev() {
        cases.swap(last, random.below(last + 1));
    }
    on_a_small_stack(check(cases, 100));
}

#[test]
fn a_batch_of_nothing_but_poison_lands() {
    on_a_small_stack(async {
        let (lake, cases) = (TestLake::in_memory(), poison());
        let records: Vec<(i64, &Carried)> = (0..).zip(cases.iter().map(|case| &case.value)).collect();
        lake.ingest().handle(payload(&records).as_bytes(), &Call::default()).await.unwrap();
        lake.drain().await;
        let reading = lake.read().await;
        assert_eq!(reading.ids_each_once(), BTreeSet::new());
        assert_eq!(reading.rejects().len(), cases.len());
    });
}
