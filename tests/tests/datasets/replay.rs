//! `penstock replay`: a changed dataset file pours again what landed, and ingestion goes on meanwhile.

use std::sync::Arc;

use penstock_cli::replay::{Landed, Report, Request, replay, survey};
use penstock_core::dataset::Dataset;
use penstock_core::time::{Date, rfc3339};
use penstock_lake::chain::find_chains;
use penstock_lake::{Answer, Fault, LIST_LIMIT};
use penstock_runtime::{Failure, Kind};
use penstock_tests::lake::TestLake;
use serde_json::{Value, json};

use crate::rows::{Row, lake_of, land, read};

/// The dataset of numbers with other lines in its file.
fn numbers(changes: &[(&str, &str)]) -> Dataset {
    let mut text = Dataset::shipped("numbers").unwrap().text;
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    Dataset::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn traditional() -> Dataset {
    numbers(&[("from = \"number\"", "from = \"number\"\nspelling = \"traditional\"")])
}

/// The events of numbers, one a second; a note is a field that the shipped file does not know.
fn events(lake: &TestLake, range: std::ops::Range<i64>) -> Vec<Vec<u8>> {
    let event = |number: i64| {
        let (time, id) = (rfc3339(lake.seconds_ago(1000 - number)), format!("00000000-0000-0000-0000-{number:012}"));
        format!(
            r#"{{"event_id":"{id}","source":"counter-{}","event_time":"{time}","number":{number},"note":"n{number}"}}"#,
            number % 3
        )
        .into_bytes()
    };
    range.map(event).collect()
}

/// An empty lake beside another one, with the same clock.
fn beside(lake: &TestLake, dataset: Dataset) -> TestLake {
    TestLake { dataset: Arc::new(dataset), clock: Arc::clone(&lake.clock), ..TestLake::in_memory() }
}

async fn replay_into(lake: &TestLake, target: &TestLake, request: Request) -> Result<Report, Failure> {
    let survey = survey(&lake.lake(), &target.dataset, request).await?;
    replay(&survey, &target.lake()).await
}

/// Replays everything, and the new lake balances.
async fn replayed(lake: &TestLake, target: &TestLake) -> Landed {
    let report = replay_into(lake, target, Request::default()).await.unwrap();
    assert_eq!(report.lake.findings, []);
    assert_eq!(report.lake.waiting, 0);
    report.landed
}

async fn refused(lake: &TestLake, target: &TestLake, request: Request, words: &str) {
    let failure = replay_into(lake, target, request).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Misconfigured, "{failure}");
    assert!(failure.message.contains(words), "{failure}");
}

/// Rows without the numbers of cuts: windows added up, everything else as it is.
async fn content(lake: &TestLake) -> [Vec<Row>; 3] {
    [read(lake, "silver").await, read(lake, "windows").await, read(lake, "rejects").await]
}

/// The new lake holds what a lake does that had the new file from the start.
async fn is_as_from_the_start(target: &TestLake, deliveries: &[(i64, Vec<Vec<u8>>)]) {
    let fresh = beside(target, (*target.dataset).clone());
    for (first, values) in deliveries {
        land(&fresh, *first, values).await;
    }
    fresh.drain().await;
    target.drain().await;
    assert_eq!(content(target).await, content(&fresh).await);
}

fn column(rows: &[Row], name: &str) -> Vec<Value> {
    rows.iter().map(|row| row[name].clone()).collect()
}

#[tokio::test]
async fn words_are_spelled_anew_while_ingest_goes_on() {
    let lake = lake_of(traditional());
    let numbers_of = |range: std::ops::Range<i64>| (range.start, events(&lake, range));
    let deliveries = [numbers_of(0..500), numbers_of(500..600), numbers_of(600..700)];
    for (first, values) in &deliveries[..2] {
        land(&lake, *first, values).await;
    }
    lake.drain().await;
    assert_eq!(read(&lake, "silver").await[21]["french"], json!("vingt et un"));

    // Between the look at what is there and the replay more lands: that is for the next run.
    let target = beside(&lake, numbers(&[]));
    let seen = survey(&lake.lake(), &target.dataset, Request::default()).await.unwrap();
    lake.wait(1);
    land(&lake, 600, &deliveries[2].1).await;
    let first = replay(&seen, &target.lake()).await.unwrap();
    assert_eq!((first.landed.objects, first.landed.records), (2, 600));
    let second = replayed(&lake, &target).await;
    assert_eq!((second.objects, second.records), (1, 100));
    assert_eq!(replayed(&lake, &target).await, Landed::default());

    assert_eq!(read(&target, "silver").await[21]["french"], json!("vingt-et-un"));
    is_as_from_the_start(&target, &deliveries).await;
    lake.drain().await;
    assert_eq!(read(&lake, "silver").await[21]["french"], json!("vingt et un"), "the old lake is only read");
}

#[tokio::test]
async fn a_new_column_is_filled_and_records_are_judged_anew() {
    let note = "[[columns]]\nname = \"note\"\nfield_id = 106\ntype = \"string\"\nrequired = true\n\n[roles]";
    let lake = lake_of(numbers(&[("max_depth = 4", "max_depth = 2")]));
    let mut values = events(&lake, 0..6);
    let with = |value: &[u8], from: &str, to: &str| String::from_utf8_lossy(value).replace(from, to).into_bytes();
    values[1] = with(&values[1], "\"note\"", "\"deep\":[[{}]],\"note\"");
    values[2] = with(&values[2], ",\"note\":\"n2\"", "");
    values[3] = b"no json".to_vec();
    values[4] = values[0].clone();
    land(&lake, 0, &values).await;
    lake.drain().await;
    assert_eq!(column(&read(&lake, "rejects").await, "reject_reason"), ["too_deep", "not_json"]);

    let target = beside(&lake, numbers(&[("[roles]", note)]));
    let landed = replayed(&lake, &target).await;
    assert_eq!(landed, Landed { objects: 1, records: 6, rejected_before: 2, rejected: 2 });
    assert_eq!(column(&read(&target, "silver").await, "note"), ["n0", "n1", "n5"]);
    assert_eq!(column(&read(&target, "rejects").await, "reject_reason"), ["required_absent", "not_json"]);
    is_as_from_the_start(&target, &[(0, values)]).await;
}

#[tokio::test]
async fn one_that_dies_at_any_call_is_finished_by_the_next() {
    let lake = lake_of(traditional());
    let deliveries: Vec<_> = (0..4).map(|batch| (10 * batch, events(&lake, 10 * batch..10 * batch + 10))).collect();
    for (first, values) in &deliveries {
        land(&lake, *first, values).await;
        lake.wait(400);
    }
    lake.drain().await;
    let whole = beside(&lake, numbers(&[]));
    replayed(&lake, &whole).await;
    let (calls, expected) = (whole.faulty.calls().len(), content(&whole).await);
    let mut deaths = 0;
    for (call, answer) in (0..calls).flat_map(|call| [(call, Answer::Die), (call, Answer::DieAfter)]) {
        let target = beside(&lake, numbers(&[]));
        target.faulty.script(Fault::new(answer).skip(call).times(1));
        // Nobody dies behind a call that had nothing to do, such as reading what is not there.
        if replay_into(&lake, &target, Request::default()).await.is_err() {
            deaths += 1;
        }
        replayed(&lake, &target.reopened()).await;
        assert_eq!(content(&target).await, expected, "{answer:?} at call {call}");
    }
    assert!(calls < deaths, "{deaths} of {calls} calls");
}

#[tokio::test]
async fn days_of_arrival_bound_what_is_taken_and_a_chain_may_begin_late() {
    let lake = lake_of(traditional());
    let first_day = Date::of(lake.seconds_ago(0));
    for day in 0..4 {
        land(&lake, day, &events(&lake, day..day + 1)).await;
        lake.wait(86_400);
    }
    lake.drain().await;
    let numbers_of = |rows: &[Row]| column(rows, "number");
    let target = beside(&lake, numbers(&[]));
    let days = |from: i32, to: i32| Request {
        from: Some(Date(first_day.0 + from)),
        to: Some(Date(first_day.0 + to)),
        ..Request::default()
    };
    replay_into(&lake, &target, days(1, 2)).await.unwrap();
    assert_eq!(numbers_of(&read(&target, "silver").await), [1, 2]);
    // The next one may go farther, but not begin elsewhere.
    replay_into(&lake, &target, days(1, 3)).await.unwrap();
    assert_eq!(numbers_of(&read(&target, "silver").await), [1, 2, 3]);
    refused(&lake, &target, Request::default(), "is a replay of what arrived from").await;
    refused(&lake, &beside(&lake, numbers(&[])), days(7, 9), "change --from and --to").await;

    // Retention has taken the oldest object.
    let chain = find_chains(&*lake.store, "numbers").await.unwrap().remove(0);
    lake.store.delete(&chain.object("numbers", 0.to_string().parse().unwrap())).await.unwrap();
    let target = beside(&lake, numbers(&[]));
    let report = replay_into(&lake, &target, Request::default()).await.unwrap();
    assert_eq!((report.lake.findings, report.lake.silver), (vec![], 3));
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_and_nothing_is_written() {
    let lake = lake_of(traditional());
    let target = beside(&lake, numbers(&[]));
    refused(&lake, &target, Request::default(), "there is no raw object in `raw/numbers/`").await;
    land(&lake, 0, &events(&lake, 0..3)).await;

    // The file that parsed the records stands in no cut before one is declared.
    let own = numbers(&[("description = \"Who sent", "description = \"Who has sent")]);
    let unrefined = lake_of(own.clone());
    land(&unrefined, 0, &events(&unrefined, 0..3)).await;
    refused(&unrefined, &target, Request::default(), "--parsed-by").await;
    let request = Request { older: vec![own], ..Request::default() };
    replay_into(&unrefined, &beside(&lake, numbers(&[])), request).await.unwrap();

    let hash = "[[columns]]\nname = \"digest\"\nfield_id = 106\ntype = \"uuid\"\nderive = \"value_hash\"\n\n[roles]";
    lake.drain().await;
    refused(&lake, &beside(&lake, numbers(&[("[roles]", hash)])), Request::default(), "hash of the value").await;
    refused(&lake, &lake, Request::default(), "that is no replay").await;
    assert_eq!(target.store.list_after("", None, LIST_LIMIT).await.unwrap(), []);

    replayed(&lake, &target).await;
    let other = TestLake { dataset: Arc::new(numbers(&[("length_secs = 60", "length_secs = 30")])), ..target.clone() };
    refused(&lake, &other, Request::default(), "by another dataset file").await;
}
