use super::*;
use crate::sample::{at, chain, iot};
use crate::window::Totals;

fn sum(rows: u64, hash: u128) -> Sum {
    Sum { rows, checksum: Checksum(hash) }
}

fn state() -> State {
    let totals = ChainTotals {
        landed: sum(10, 100),
        silver: sum(7, 70),
        duplicates: sum(2, 20),
        rejected: sum(1, 10),
        gap_positions: 3,
    };
    let chains = (0..2).map(|partition| ChainState {
        next: at(13),
        newest_event_time: Some(5),
        newest_ingested_at: 6,
        totals,
        ..ChainState::new(chain(partition))
    });
    State {
        cut: 3,
        declared_at: 4,
        watermark: 1,
        closed_through: 2,
        chains: chains.collect(),
        open_windows: 1,
        ..State::empty()
    }
}

fn window() -> WindowRow {
    let totals = Totals {
        count: 2,
        measured: 0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        first_event_time: 1,
        last_event_time: 2,
    };
    WindowRow { start: 0, group: Box::new(["device".into()]), totals }
}

#[test]
fn a_state_round_trips_with_its_windows() {
    let dataset = iot();
    for (state, open) in [(state(), vec![window()]), (State::empty(), vec![])] {
        let file = encode(&dataset, &state, &open).unwrap();
        assert_eq!(decode(&dataset, &file).unwrap(), (state.clone(), open));
        assert_eq!(table::footer_entry(&file, FOOTER_KEY).unwrap(), table::FooterRead::Entry(state));
    }
}

#[test]
fn a_chain_that_was_never_poured_begins_at_zero() {
    assert_eq!(state().position(&chain(1)), at(13));
    assert_eq!(state().position(&chain(2)), at(0));
}

#[test]
fn totals_add_up_over_chains_and_balance() {
    let totals = state().chain_totals();
    assert_eq!((totals.landed, totals.gap_positions), (sum(20, 200), 6));
    assert!(totals.balance());
    // One row lost and another doubled: the count is right, the checksum is not.
    assert!(!ChainTotals { silver: sum(14, 141), ..totals }.balance());
    assert!(!ChainTotals { duplicates: sum(5, 40), ..totals }.balance());
}
