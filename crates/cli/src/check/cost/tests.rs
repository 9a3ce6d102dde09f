//! Bills that can be checked by hand.

use super::measured::{Line, Step};
use super::*;

/// Round numbers: a call of ingest takes 1 s, an event 1 ms; a GB-second and a thousand requests cost a dollar.
fn round() -> (Prices, Measured) {
    let prices = toml::from_str(
        "[lambda]\n gb_second = 1\n million_requests = 1000000\n ingest_memory_mb = 512\n refine_memory_mb = 2048\n \
         mb_per_core = 1024\n[s3]\n thousand_puts = 10\n thousand_gets = 1\n gb_month = 30\n[assumed]\n request_wait_ms = 100",
    )
    .unwrap();
    let nothing = Line { per_object: 0.0, per_event: 0.0, per_extra_byte: 0.0 };
    let step = Step { cpu_secs: nothing, written_bytes: nothing };
    (prices, Measured { event_bytes: 200.0, record_overhead_bytes: 0.0, ingest: step, refine: step })
}

fn volume() -> Volume {
    Volume {
        events_per_second: 100.0,
        event_bytes: 300.0,
        partitions: 8.0,
        batch_size: 10_000.0,
        batching_window_secs: 10.0,
        pollers: 2.0,
        keep_days: 60.0,
    }
}

#[test]
fn what_ends_a_batch() {
    let check = |volume: Volume, records: f64, end: &str| {
        let (found, said) = volume.batch(&round().1);
        assert_eq!((found, said.as_str()), (records, end));
    };
    let volume = volume();
    // 100 a second for 10 s, to two pollers.
    check(volume, 500.0, "the batching window of 10 s");
    check(Volume { batch_size: 100.0, ..volume }, 100.0, "the batch size of 100");
    // 300 bytes are 400 in base64: 6,291,456 / 400 = 15,728.64; of 3,000 bytes a tenth.
    check(Volume { events_per_second: 1e6, ..volume }, 10_000.0, "the batch size of 10000");
    check(Volume { events_per_second: 1e6, event_bytes: 3000.0, ..volume }, 1_572.0, "the payload of 6 MB");
    // An event every 100 s waits for nobody.
    check(Volume { events_per_second: 0.01, ..volume }, 1.0, "the batching window of 10 s");
}

#[test]
fn each_window_of_each_poller_is_a_call_and_each_partition_an_object() {
    let (prices, measured) = round();
    let day = Day::of(&volume(), &prices, &measured);
    // 86,400 / 10 windows of 2 pollers; 4 partitions each.
    assert_eq!((day.ingest.calls, day.ingest.requests.puts), (17_280.0, 69_120.0));
    // 8 partitions, 288 times a day.
    assert_eq!((day.ingest.requests.gets, day.ingest.requests.lists), (2_304.0, 2_304.0));
    // A wait for each call, and two more 288 times for each of 2 pollers: (17,280 + 1,152) x 0.1 s.
    assert_eq!(day.ingest.secs, 1_843.2);
    // 1,440 runs with a cut each: 5 writes; a list of cuts, and twice 3 folders and 8 chains; 2 reads, and 2 an object.
    let expect = Requests { puts: 7_200.0, gets: 2_880.0 + 138_240.0, lists: 1_440.0 * 23.0 };
    assert_eq!(day.refine.requests, expect);
    // A rare event is a call, an object and a cut of its own, and needs no list but those of refine.
    let rare = Volume { events_per_second: 1.0 / 8_640.0, ..volume() };
    let day = Day::of(&rare, &prices, &measured);
    let near = |found: f64, expect: f64| assert!((found - expect).abs() < 1e-9, "{found}, not {expect}");
    near(day.ingest.calls, 10.0);
    near(day.ingest.requests.puts, 10.0);
    near(day.refine.requests.puts, 50.0);
    near(day.refine.requests.lists, 1_440.0 + 1_450.0 * 11.0);
}

#[test]
fn time_and_bytes_are_those_of_objects_events_and_longer_events() {
    let (prices, mut measured) = round();
    measured.ingest.cpu_secs = Line { per_object: 0.01, per_event: 0.000_1, per_extra_byte: 0.000_001 };
    measured.refine.written_bytes = Line { per_object: 0.0, per_event: 50.0, per_extra_byte: 0.5 };
    let day = Day::of(&volume(), &prices, &measured);
    // Half a core: 2 x (69,120 x 0.01 + 8,640,000 x (0.0001 + 100 bytes more x 0.000001)), and the waits of before.
    assert!((day.ingest.secs - (2.0 * (691.2 + 1_728.0) + 1_843.2)).abs() < 1e-6, "{}", day.ingest.secs);
    // 8,640,000 x (50 + 100 x 0.5) bytes, for 60 days.
    assert!((day.stored_gb - 51.84).abs() < 1e-9, "{}", day.stored_gb);
    // A shorter event saves nothing.
    let short = Day::of(&Volume { event_bytes: 20.0, ..volume() }, &prices, &measured);
    assert!((short.stored_gb - 25.92).abs() < 1e-9, "{}", short.stored_gb);
}

#[test]
fn the_bill_is_amounts_times_prices() {
    let (prices, _) = round();
    let requests = Requests { puts: 3_000.0, gets: 2_000.0, lists: 1_000.0 };
    let work = Work { calls: 5.0, secs: 10.0, memory_mb: 512.0, requests };
    let day = Day { ingest: work, refine: work, pollers: 1.0, stored_gb: 7.0 };
    let bill = day.bill(&prices);
    let dollars: Vec<f64> = bill.items.iter().map(|item| item.dollars).collect();
    let of_one = [5.0, 5.0, 30.0, 10.0, 2.0];
    assert_eq!(dollars, [&of_one[..], &of_one, &[7.0]].concat());
    assert_eq!((bill.dollars_a_day, bill.dollars_a_month), (111.0, 3_330.0));
}

#[test]
fn a_volume_that_nobody_keeps_up_with_is_a_problem() {
    let requests = Requests { puts: 0.0, gets: 0.0, lists: 0.0 };
    let work = |secs| Work { calls: 1.0, secs, memory_mb: 512.0, requests };
    let day = |ingest, refine| Day { ingest: work(ingest), refine: work(refine), pollers: 2.0, stored_gb: 0.0 };
    assert!(day(172_800.0, 86_400.0).overloads().is_empty());
    let [ingest] = &day(180_000.0, 0.0).overloads()[..] else { panic!("ingest has two pollers") };
    assert!(ingest.starts_with("ingest would be busy 25.0 hours a day"), "{ingest}");
    let [refine] = &day(0.0, 90_000.0).overloads()[..] else { panic!("refine is one") };
    assert!(refine.contains("split the topics into datasets"), "{refine}");
}
