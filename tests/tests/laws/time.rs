//! Time only goes forward.

use penstock_refine::Mode;
use penstock_runtime::Call;
use penstock_tests::lake::TestLake;
use proptest::prelude::*;

use crate::scene::{block_on, deliver, log, pieces, states, topic};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever arrives, however late, and however long nothing does.
    #[test]
    fn the_watermark_of_the_lake_never_goes_back(
        topics in proptest::collection::vec((topic(60), pieces(), 0..400_u64), 1..4),
    ) {
        block_on(async {
            let lake = TestLake::in_memory();
            let topic: Vec<_> = topics.iter().flat_map(|(topic, ..)| topic.clone()).collect();
            let records = log(&lake, &topic);
            let mut rest = &records[..];
            for (topic, pieces, idle_secs) in &topics {
                let (now, later) = rest.split_at(topic.len());
                rest = later;
                deliver(&lake, now, pieces).await;
                lake.wait(*idle_secs);
                lake.refine().run(Mode::Scheduled, &Call::default()).await.unwrap();
            }
            let states = states(&lake).await;
            prop_assert!(!states.is_empty());
            for pair in states.windows(2) {
                prop_assert!(pair[0].watermark <= pair[1].watermark);
                prop_assert!(pair[0].closed_through <= pair[1].closed_through);
                prop_assert!(pair[0].declared_at <= pair[1].declared_at);
            }
            prop_assert!(states.iter().all(|state| state.watermark <= state.closed_through));
            Ok(())
        })?;
    }
}
