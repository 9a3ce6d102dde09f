//! Functions that do anything at all.

use std::collections::BTreeMap;

use penstock_trigger::mapping::Failures;
use proptest::prelude::*;

use crate::payload::Payload;
use crate::scene::{Act, Scene};

prop_compose! {
    fn settings()(
        maximum_retry_attempts in prop::option::of(0..3_u32),
        bisect_batch_on_function_error in any::<bool>(),
        report_batch_item_failures in any::<bool>(),
    ) -> Failures {
        Failures {
            maximum_retry_attempts,
            bisect_batch_on_function_error,
            report_batch_item_failures,
            ..Failures::default()
        }
    }
}

/// Fails, is away, reports or succeeds, as the seed, the payload and the call say; some records are poison for ever.
fn capricious(seed: u64, reports: bool) -> impl Fn(&Payload, usize) -> Act {
    let dice = move |of: u64| {
        let mixed = (seed ^ of.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33
    };
    let is_poison =
        move |partition: i32, offset: i64| dice(((partition as u64) << 32) | offset as u64).is_multiple_of(9);
    move |payload, call| {
        let places = payload.iter().flat_map(|(partition, offsets)| offsets.iter().map(|offset| (*partition, *offset)));
        let failed: Vec<_> = places.filter(|(partition, offset)| is_poison(*partition, *offset)).collect();
        match dice(call as u64 + 1_000_000) % 6 {
            0 => Act::BeAway,
            1 => Act::Fail,
            _ if failed.is_empty() => Act::Succeed,
            _ if reports => Act::Report(failed),
            _ => Act::Fail,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the function does and the mapping says: each record is delivered or given up, once, and in order.
    #[test]
    fn every_record_is_delivered_or_given_up(
        counts in prop::collection::vec(0..30_usize, 1..4),
        failures in settings(),
        batch_size in 1..12_usize,
        refusals in 0..4_u32,
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let reports = failures.report_batch_item_failures;
            let mut scene = Scene::new(&counts, failures).await;
            scene.mapping.batch_size = batch_size;
            *scene.refusals.lock().unwrap() = refusals;
            let served = scene.run(capricious(seed, reports)).await;
            let settled = settled(&scene.story());
            for (partition, &count) in counts.iter().enumerate() {
                let settled = settled.get(&(partition as i32)).cloned().unwrap_or_default();
                prop_assert_eq!(settled, (0..count as i64).collect::<Vec<_>>(), "{:#?}", scene.story());
                prop_assert_eq!(scene.log.committed()[partition], count as i64);
            }
            prop_assert_eq!(served.delivered + served.discarded, counts.iter().sum::<usize>() as u64);
            Ok(())
        })?;
    }
}

/// The offsets that a story says were delivered or given up, by partition, in its order.
fn settled(story: &[String]) -> Payload {
    let mut settled = Payload::new();
    for line in story {
        let (places, outcome) = line.split_at(line.rfind(')').unwrap() + 1);
        let first_failures: BTreeMap<i32, i64> =
            outcome.strip_prefix(" reports ").map_or_else(BTreeMap::new, |failed| {
                let failed = failed.split(' ').map(|place| place.split_once('@').unwrap());
                let failed = failed.map(|(partition, offset)| (partition.parse().unwrap(), offset.parse().unwrap()));
                // Later entries of a partition go before earlier ones, and its first failure is the least.
                failed.collect::<Vec<(i32, i64)>>().into_iter().rev().collect()
            });
        if outcome == " failed" || outcome == " away" {
            continue;
        }
        for place in places.split(' ') {
            let (partition, range) = place.trim_end_matches(')').split_once('[').unwrap();
            let (from, next) = range.split_once(',').unwrap();
            let (partition, from, next): (i32, i64, i64) =
                (partition.parse().unwrap(), from.parse().unwrap(), next.parse().unwrap());
            let next = first_failures.get(&partition).copied().unwrap_or(next);
            settled.entry(partition).or_default().extend(from..next);
        }
    }
    settled
}
