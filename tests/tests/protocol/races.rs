//! Several writers with differently cut batches over the same records, interleaved at random, warm and cold, over a store
//! that fails at random: the chain never forks, and each record lands once.

use std::ops::Range;

use futures::future::join_all;
use penstock_core::chain::OnGap;
use penstock_ingest::Ingest;
use penstock_lake::{Answer, Fault, Operation};
use penstock_runtime::IngestSettings;
use penstock_tests::lake::TestLake;
use proptest::prelude::*;

use crate::scene::*;
use crate::watched::Watched;

/// How many records the partition holds.
const RECORDS: i64 = 40;

/// What one writer does next.
#[derive(Clone, Debug)]
enum Act {
    Deliver(Range<i64>),
    /// The next delivery goes to a new process.
    Restart,
    /// Some minutes go by.
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..RECORDS, 1_i64..15).prop_map(|(first, count)| Act::Deliver(first..(first + count).min(RECORDS))),
        1 => Just(Act::Restart),
        1 => (1_u64..10).prop_map(Act::Wait),
    ]
}

fn fault() -> impl Strategy<Value = (Answer, usize)> {
    (prop_oneof![Just(Answer::Unavailable), Just(Answer::ReplyLost), Just(Answer::Conflict)], 0_usize..60)
}

async fn write(lake: &TestLake, seed: u64, settings: &IngestSettings, acts: &[Act]) {
    let shuffled = || lake_over(lake, Watched::shuffled(lake.faulty.clone(), seed));
    let new = || Ingest::new(shuffled(), lake.dataset.clone(), settings.clone());
    let mut ingest = new();
    for act in acts {
        match act {
            // Above the tail it is refused, as it must be; the mapping would come back to it.
            Act::Deliver(offsets) => drop(deliver(&ingest, &batch(offsets.clone())).await),
            Act::Restart => ingest = new(),
            Act::Wait(minutes) => lake.wait(60 * minutes),
        }
    }
}

async fn check(writers: Vec<Vec<Act>>, faults: Vec<(Answer, usize)>, seed: u64) {
    let lake = TestLake::in_memory();
    // The chain begins, so that no writer may declare where it starts.
    land(&lake.ingest(), &batch(0..1)).await;
    for (answer, skip) in faults {
        lake.faulty.script(Fault::new(answer).on(Operation::PutNew).skip(skip).times(1));
    }
    let settings = IngestSettings::default();
    let writing = writers.iter().zip(seed..).map(|(acts, seed)| write(&lake, seed, &settings, acts));
    join_all(writing).await;
    let landed: u64 = links(&lake, &chain(0)).await.iter().map(|link| link.rows).sum();
    holds(&lake, 0..landed as i64).await;
    // In the end somebody delivers everything in order, as a mapping does.
    for first in (0..RECORDS).step_by(7) {
        deliver(&lake.ingest(), &batch(first..(first + 7).min(RECORDS))).await.unwrap();
    }
    holds(&lake, 0..RECORDS).await;
    drained(&lake, &ids(0..RECORDS)).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_chain_never_forks(
        writers in prop::collection::vec(prop::collection::vec(act(), 1..14), 2..5),
        faults in prop::collection::vec(fault(), 0..6),
        seed in any::<u32>(),
    ) {
        block_on(check(writers, faults, seed.into()));
    }
}

/// Writers that declare every hole at once: what is in a gap is refused for ever, what is not has landed once.
async fn check_declaring(writers: Vec<Vec<Act>>, seed: u64) {
    let lake = TestLake::in_memory();
    let settings = IngestSettings { on_gap: OnGap::Declare, ..IngestSettings::default() };
    join_all(writers.iter().zip(seed..).map(|(acts, seed)| write(&lake, seed, &settings, acts))).await;
    let Some(last) = links(&lake, &chain(0)).await.pop() else { return };
    let in_gap =
        |offset: &i64| last.gaps.iter().any(|gap| gap.from <= at(*offset as u64) && at(*offset as u64) < gap.next);
    let end = last.next.offset().unwrap();
    holds(&lake, (0..end).filter(|offset| !in_gap(offset))).await;
    for offset in 0..end {
        let again = deliver(&lake.ingest(), &batch(offset..=offset)).await;
        assert_eq!(again.is_err(), in_gap(&offset), "{offset}: {again:?}");
    }
    drained(&lake, &ids((0..end).filter(|offset| !in_gap(offset)))).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_gap_and_a_record_never_stand_at_one_position(
        writers in prop::collection::vec(prop::collection::vec(act(), 1..10), 2..5),
        seed in any::<u32>(),
    ) {
        block_on(check_declaring(writers, seed.into()));
    }
}
