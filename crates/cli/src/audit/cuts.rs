//! The cuts and their states: each begins where the one before ended, and accounts for every row that it took.

use std::collections::{BTreeMap, HashMap};

use penstock_core::cut::{Cut, CutObject};
use penstock_core::dataset::Dataset;
use penstock_core::keys::{self, ChainId};
use penstock_core::part::Part;
use penstock_core::position::Position;
use penstock_core::state::{self, ChainTotals, State, Sum};
use penstock_lake::Store;
use penstock_lake::chain::{just_before, read_entry};
use penstock_runtime::Failure;

use super::{Finding, list_all};

/// What the cuts say.
#[derive(Debug)]
pub(super) struct History {
    /// The state of the cut that the audit begins after.
    pub(super) first: State,
    /// The state of the newest poured cut.
    pub(super) last: State,
    /// The newest cut, if it is declared and not poured yet: its files may be there already.
    pub(super) unpoured: Option<u64>,
    /// Every file that the states list.
    pub(super) parts: BTreeMap<String, Part>,
    /// Every raw object that was poured.
    pub(super) objects: HashMap<(ChainId, Position), CutObject>,
}

pub(super) async fn read(
    store: &dyn Store,
    dataset: &Dataset,
    since: u64,
    findings: &mut Vec<Finding>,
) -> Result<History, Failure> {
    let name = &dataset.name;
    let first = match since {
        0 => State::empty(),
        cut => read_state(store, name, cut).await?.map_err(Failure::misconfigured)?,
    };
    let mut history =
        History { last: first.clone(), first, unpoured: None, parts: BTreeMap::new(), objects: HashMap::new() };
    let after = Some(just_before(&keys::cut(name, since + 1)));
    let declared = list_all(store, &keys::cuts_folder(name), after).await?;
    let mut numbers = declared.iter().filter_map(|listed| keys::parse_cut_number(&listed.key)).peekable();
    while let Some(number) = numbers.next() {
        let mut find = |problem: String| findings.push(Finding { place: format!("cut {number}"), problem });
        if number != history.last.cut + 1 {
            find(format!("comes after cut {}: a cut between them is missing", history.last.cut));
        }
        let cut = match read_cut(store, name, number).await? {
            Ok(cut) => cut,
            Err(problem) => {
                find(problem);
                continue;
            }
        };
        match read_state(store, name, number).await? {
            Ok(state) => {
                check(name, &cut, &history.last, &state, &mut find);
                history.add(cut, state);
            }
            // Only the newest cut may be without a state: it is being poured, or will be by the next run.
            Err(_) if numbers.peek().is_none() => history.unpoured = Some(number),
            Err(problem) => find(problem),
        }
    }
    Ok(history)
}

impl History {
    fn add(&mut self, cut: Cut, state: State) {
        if !state.voided {
            for chain in cut.chains {
                for object in chain.objects {
                    self.objects.insert((chain.chain.clone(), object.from), object);
                }
            }
        }
        self.parts.extend(state.parts.iter().map(|part| (part.key.clone(), part.clone())));
        self.last = state;
    }
}

async fn read_cut(store: &dyn Store, dataset: &str, number: u64) -> Result<Result<Cut, String>, Failure> {
    let json = store.get(&keys::cut(dataset, number)).await?;
    Ok(serde_json::from_slice(&json).map_err(|error| format!("its declaration cannot be understood: {error}")))
}

async fn read_state(store: &dyn Store, dataset: &str, number: u64) -> Result<Result<State, String>, Failure> {
    let key = keys::state(dataset, number);
    match read_entry::<State>(store, &key, state::FOOTER_KEY).await {
        Ok(Ok(state)) if state.cut == number => Ok(Ok(state)),
        Ok(Ok(state)) => Ok(Err(format!("`{key}` is the state of cut {}", state.cut))),
        Ok(Err(error)) => Ok(Err(format!("`{key}` cannot be understood: {error}"))),
        Err(error) if error.is_not_found() => Ok(Err(format!("`{key}` is missing"))),
        Err(error) => Err(error.into()),
    }
}

/// Checks that the state follows from the state before it and the cut.
fn check(dataset: &str, cut: &Cut, before: &State, after: &State, find: &mut impl FnMut(String)) {
    if after.watermark < before.watermark || after.closed_through < before.closed_through {
        find("its watermark went back".to_owned());
    }
    if after.voided {
        if after.chains != before.chains || !after.parts.is_empty() {
            find("it is voided, and yet its state moved".to_owned());
        }
        return;
    }
    let mut taken = ChainTotals::default();
    for chain in &cut.chains {
        let mut expected = before.position(&chain.chain);
        for object in &chain.objects {
            if object.from != expected {
                find(format!("{}: takes {} where {expected} comes next", chain.chain, object.from));
            }
            expected = object.next;
            taken.landed = taken.landed.plus(Sum { rows: object.rows, checksum: object.checksum });
            taken.rejected = taken.rejected.plus(Sum { rows: object.rejected, checksum: object.rejected_checksum });
        }
        if after.position(&chain.chain) != expected {
            let found = after.position(&chain.chain);
            find(format!("{}: its objects end at {expected}, its state at {found}", chain.chain));
        }
    }
    check_sums(dataset, &taken, before, after, find);
}

fn check_sums(dataset: &str, taken: &ChainTotals, before: &State, after: &State, find: &mut impl FnMut(String)) {
    let (old, new) = (before.chain_totals(), after.chain_totals());
    let mut compare = |what: &str, expected: Sum, found: Sum| {
        if expected != found {
            find(format!(
                "{what}: {} rows (checksum {}) instead of {} ({})",
                found.rows, found.checksum, expected.rows, expected.checksum
            ));
        }
    };
    let written = |folder: &str| {
        let parts = after.parts.iter().filter(|part| part.key.starts_with(folder));
        parts.fold(Sum::default(), |sum, part| sum.plus(Sum { rows: part.rows, checksum: part.checksum }))
    };
    compare("landed", old.landed.plus(taken.landed), new.landed);
    compare("rejected", old.rejected.plus(taken.rejected), new.rejected);
    compare("silver", new.silver, old.silver.plus(written(&keys::silver_folder(dataset))));
    compare("rejects", new.rejected, old.rejected.plus(written(&keys::rejects_folder(dataset))));
    for chain in after.chains.iter().filter(|chain| !chain.totals.balance()) {
        let ChainTotals { landed, silver, duplicates, rejected, .. } = chain.totals;
        find(format!(
            "{}: {} landed, but {} silver + {} duplicates + {} rejected",
            chain.chain, landed.rows, silver.rows, duplicates.rows, rejected.rows
        ));
    }
}
