use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000;

fn recent(cut: u64, arrived_at_secs: i64, ids: u64) -> RecentCut {
    RecentCut { cut, newest_ingested_at: arrived_at_secs * SECOND, ids, column: "event_id".to_owned(), files: vec![] }
}

/// Which of the cuts are in reach of a cut whose oldest object arrived then.
fn check(recent: &[RecentCut], horizon_secs: i64, max_ids: usize, oldest_secs: i64, expect: &[u64]) {
    let kept = within_reach(recent, Dedupe { horizon_secs, max_ids }, oldest_secs * SECOND);
    assert_eq!(kept.iter().map(|cut| cut.cut).collect::<Vec<_>>(), expect);
}

#[test]
fn the_horizon_ends_where_it_says() {
    let cuts = [recent(1, 100, 5), recent(2, 200, 5), recent(3, 300, 5)];
    check(&cuts, 600, 1000, 300, &[1, 2, 3]);
    check(&cuts, 600, 1000, 700, &[1, 2, 3]);
    check(&cuts, 600, 1000, 701, &[2, 3]);
    check(&cuts, 600, 1000, 901, &[]);
    check(&cuts, 600, 1000, 0, &[1, 2, 3]);
    check(&[], 600, 1000, 0, &[]);
}

#[test]
fn beyond_the_limit_whole_oldest_cuts_go() {
    let cuts = [recent(1, 100, 5), recent(2, 200, 5), recent(3, 300, 5)];
    check(&cuts, 600, 15, 300, &[1, 2, 3]);
    check(&cuts, 600, 14, 300, &[2, 3]);
    check(&cuts, 600, 5, 300, &[3]);
    check(&cuts, 600, 4, 300, &[]);
}

#[test]
fn a_cut_behind_the_horizon_counts_towards_the_limit_only_if_it_is_newer() {
    // The clock of cut 3's machine was slow: it is out of reach, but newer than cut 2.
    let cuts = [recent(1, 100, 5), recent(2, 900, 5), recent(3, 100, 5)];
    check(&cuts, 600, 15, 800, &[2]);
    check(&cuts, 600, 9, 800, &[]);
}

#[test]
fn text_ids_are_part_of_the_format() {
    // The first half of SHA-256, as any tool prints it.
    assert_eq!(format!("{:032x}", text_id("")), "e3b0c44298fc1c149afbf4c8996fb924");
    assert_eq!(format!("{:032x}", text_id("abc")), "ba7816bf8f01cfea414140de5dae2223");
}

proptest! {
    /// A warm function that forgets holds the same ids as a cold one that reads what is kept.
    #[test]
    fn forgetting_leaves_what_a_cold_function_reads(sizes in prop::collection::vec(0_u128..20, 0..8), kept: [bool; 8]) {
        let ids = |cut: u64| (0..sizes[cut as usize]).map(|id| id << 8 | u128::from(cut)).collect::<Vec<_>>();
        let cuts = 0..sizes.len() as u64;
        let mut warm = RecentIds::default();
        cuts.clone().for_each(|cut| warm.push(cut, ids(cut)));
        let kept: Vec<RecentCut> = cuts.filter(|cut| kept[*cut as usize]).map(|cut| recent(cut, 0, 0)).collect();
        warm.retain(&kept);
        let mut cold = RecentIds::default();
        kept.iter().for_each(|recent| cold.push(recent.cut, ids(recent.cut)));
        prop_assert_eq!(warm.cuts().collect::<Vec<_>>(), cold.cuts().collect::<Vec<_>>());
        prop_assert_eq!(&warm.all, &cold.all);
        prop_assert_eq!(warm.len(), kept.iter().map(|recent| ids(recent.cut).len()).sum::<usize>());
        prop_assert_eq!(warm.is_empty(), cold.all.is_empty());
        for id in &cold.all {
            prop_assert!(warm.contains(*id));
        }
    }
}
