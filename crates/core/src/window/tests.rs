use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

fn settings(max_open_windows: usize) -> Windows {
    Windows {
        length_secs: 60,
        keys: vec![0],
        measure: Some(1),
        allowed_lateness_secs: 120,
        idle_after_secs: 300,
        max_open_windows,
    }
}

fn progress(newest_event_secs: Option<i64>, newest_arrival_secs: i64, waiting: bool) -> Progress {
    Progress {
        newest_event_time: newest_event_secs.map(|seconds| seconds * SECOND),
        newest_ingested_at: newest_arrival_secs * SECOND,
        waiting,
    }
}

/// The watermark in seconds after a cut with these partitions, if it was at 1,000 before.
fn check(partitions: &[Progress], expect: i64) {
    assert_eq!(watermark(1000 * SECOND, partitions, &settings(100)), expect * SECOND, "{partitions:?}");
}

#[test]
fn the_watermark_follows_the_slowest_active_partition() {
    check(&[], 1000);
    check(&[progress(Some(2000), 2000, false)], 1880);
    check(&[progress(Some(2000), 2000, false), progress(Some(1500), 2000, false)], 1380);
    check(&[progress(Some(2000), 2000, false), progress(Some(1100), 2000, false)], 1000);
    check(&[progress(Some(2000), 2000, false), progress(None, 2000, false)], 1880);
}

#[test]
fn a_partition_that_is_silent_for_long_holds_nobody_back() {
    let active = progress(Some(5000), 5000, false);
    check(&[active, progress(Some(4000), 4701, false)], 3880);
    check(&[active, progress(Some(4000), 4700, false)], 4880);
}

#[test]
fn a_partition_with_waiting_objects_is_not_silent() {
    let active = progress(Some(5000), 5000, false);
    check(&[active, progress(Some(2000), 2000, true)], 1880);
    check(&[active, progress(None, i64::MIN / SECOND, true)], 1000);
}

#[test]
fn a_window_takes_its_start_and_not_its_end() {
    let check = |event_time: i64, expect: i64| assert_eq!(window_start(event_time, MINUTE), expect);
    check(0, 0);
    check(MINUTE - 1, 0);
    check(MINUTE, MINUTE);
    check(-1, -MINUTE);
    check(-MINUTE, -MINUTE);
}

#[test]
fn a_window_closes_when_the_watermark_reaches_its_end() {
    let closed_at = |watermark: i64| {
        let mut windows = OpenWindows::new(&settings(100), i64::MIN);
        let group = windows.group_number(Box::new(["a".into()]));
        windows.add(MINUTE + 1, group, Some(1.0));
        windows.close(watermark).0.on_time.len()
    };
    assert_eq!(closed_at(2 * MINUTE - 1), 0);
    assert_eq!(closed_at(2 * MINUTE), 1);
}

#[test]
fn an_event_of_a_closed_window_is_a_correction_even_for_a_new_group() {
    let mut windows = OpenWindows::new(&settings(100), 2 * MINUTE);
    let group = windows.group_number(Box::new(["new".into()]));
    windows.add(2 * MINUTE - 1, group, None);
    windows.add(2 * MINUTE, group, None);
    assert_eq!(windows.late_events(), 1);
    let (closed, closed_through) = windows.close(i64::MIN);
    assert_eq!((closed.on_time.len(), closed.late.len(), closed_through), (0, 1, 2 * MINUTE));
    assert_eq!(windows.into_open().len(), 1);
}

#[test]
fn beyond_the_bound_the_oldest_windows_close_early_and_whole() {
    let mut windows = OpenWindows::new(&settings(3), i64::MIN);
    for (minute, group) in [(0, "a"), (1, "a"), (1, "b"), (2, "a"), (3, "a")] {
        let group = windows.group_number(Box::new([group.into()]));
        windows.add(minute * MINUTE, group, None);
    }
    // Two of five are too many; with one of the second minute its other goes too, so that none closes twice.
    let (closed, closed_through) = windows.close(i64::MIN);
    assert_eq!(closed.on_time.iter().map(|row| row.start).collect::<Vec<_>>(), [0, MINUTE, MINUTE]);
    assert_eq!(closed_through, 2 * MINUTE);
    assert_eq!(windows.into_open().len(), 2);
}

/// The event's time, group and measure. Integers, so that the order of additions does not matter.
type Event = (i64, u8, Option<i16>);

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((-5 * MINUTE..20 * MINUTE, 0_u8..4, any::<Option<i16>>()), 0..120)
}

/// One row of each window and group, from all events at once.
fn batch(events: &[Event]) -> BTreeMap<(i64, Group), Totals> {
    let mut rows = BTreeMap::new();
    for (time, group, measure) in events {
        let group: Group = Box::new([group.to_string().into()]);
        rows.entry((window_start(*time, MINUTE), group)).or_insert(Totals::EMPTY).add(*time, measure.map(f64::from));
    }
    rows
}

fn plus(a: Totals, b: Totals) -> Totals {
    Totals {
        count: a.count + b.count,
        measured: a.measured + b.measured,
        sum: a.sum + b.sum,
        min: a.min.min(b.min),
        max: a.max.max(b.max),
        first_event_time: a.first_event_time.min(b.first_event_time),
        last_event_time: a.last_event_time.max(b.last_event_time),
    }
}

proptest! {
    #[test]
    fn every_event_is_in_exactly_one_window(time in -1_000_000 * MINUTE..1_000_000 * MINUTE, length in 1_i64..1_000_000_000) {
        let start = window_start(time, length);
        prop_assert!(start <= time && time < start + length && start % length == 0);
    }

    #[test]
    fn the_watermark_never_goes_back(
        previous in 0_i64..10_000,
        partitions in prop::collection::vec((any::<Option<u16>>(), any::<u16>(), any::<bool>()), 0..6),
    ) {
        let partitions: Vec<Progress> = partitions
            .iter()
            .map(|(event, arrival, waiting)| progress(event.map(i64::from), i64::from(*arrival), *waiting))
            .collect();
        let next = watermark(previous * SECOND, &partitions, &settings(100));
        prop_assert!(previous * SECOND <= next);
        // It never passes what waits.
        for waiting in partitions.iter().filter(|partition| partition.waiting) {
            let limit = waiting.newest_event_time.map_or(i64::MIN, |newest| newest - 120 * SECOND);
            prop_assert!(next <= limit.max(previous * SECOND));
        }
    }

    /// However the events are cut, wherever the watermark stands and however few windows may stay open:
    /// no window is written twice as on time, and all rows add up to what a batch computes.
    #[test]
    fn rows_add_up_to_a_batch_computation(
        events in events(),
        cuts in prop::collection::vec((0_usize..40, 0_i64..8 * MINUTE), 0..6),
        max_open in 1_usize..12,
    ) {
        let settings = settings(max_open);
        let (mut rest, mut watermark, mut closed_through) = (events.as_slice(), -6 * MINUTE, i64::MIN);
        let mut open: Vec<WindowRow> = Vec::new();
        let mut totals: BTreeMap<(i64, Group), Totals> = BTreeMap::new();
        let mut on_time = BTreeMap::new();
        let last = (usize::MAX, 60 * MINUTE);
        for (take, advance) in cuts.into_iter().chain([last]) {
            let (now, later) = rest.split_at(take.min(rest.len()));
            rest = later;
            watermark += advance;
            let mut windows = OpenWindows::new(&settings, closed_through);
            open.into_iter().for_each(|row| windows.restore(row));
            for (time, group, measure) in now {
                let group = windows.group_number(Box::new([group.to_string().into()]));
                windows.add(*time, group, measure.map(f64::from));
            }
            let (closed, through) = windows.close(watermark);
            prop_assert!(closed_through <= through && watermark <= through);
            for row in &closed.on_time {
                prop_assert!(closed_through < row.start + MINUTE && row.start + MINUTE <= through);
                prop_assert!(on_time.insert((row.start, row.group.clone()), ()).is_none(), "written twice: {row:?}");
            }
            for row in &closed.late {
                prop_assert!(row.start + MINUTE <= closed_through);
            }
            for row in closed.on_time.into_iter().chain(closed.late) {
                let total = totals.entry((row.start, row.group)).or_insert(Totals::EMPTY);
                *total = plus(*total, row.totals);
            }
            closed_through = through;
            open = windows.into_open();
            prop_assert!(open.len() <= max_open);
            prop_assert!(open.iter().all(|row| closed_through < row.start + MINUTE));
        }
        prop_assert!(open.is_empty());
        prop_assert_eq!(totals, batch(&events));
    }

    /// The order of events decides nothing but the last bits of sums, which integers do not have.
    #[test]
    fn rows_come_sorted_and_do_not_depend_on_the_order_of_events(events in events()) {
        let close = |events: &mut dyn Iterator<Item = &Event>| {
            let mut windows = OpenWindows::new(&settings(1000), 0);
            for (time, group, measure) in events {
                let group = windows.group_number(Box::new([group.to_string().into()]));
                windows.add(*time, group, measure.map(f64::from));
            }
            (windows.close(10 * MINUTE), windows.into_open())
        };
        let forwards = close(&mut events.iter());
        prop_assert_eq!(&forwards, &close(&mut events.iter().rev()));
        let ((closed, _), open) = forwards;
        for rows in [closed.on_time, closed.late, open] {
            prop_assert!(rows.is_sorted_by(|a, b| (a.start, &a.group) < (b.start, &b.group)));
        }
    }
}
