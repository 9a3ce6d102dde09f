//! `penstock cuts void`: gives up the newest cut, because a raw object that it takes is lost.
//!
//! The lost objects are declared unreadable, and the cut gets a state that stands where the one before it stood.
//! So the next run of refine declares another cut from the same positions, with gaps in place of what is lost.
//! Only a cut of which nothing is written can be voided: then no reader has seen anything of it.

use bytes::Bytes;
use clap::Args;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use penstock_core::chain::{Link, LinkKind};
use penstock_core::cut::{ChainCut, Cut};
use penstock_core::dataset::Dataset;
use penstock_core::keys;
use penstock_core::position::Position;
use penstock_core::state::{self, State};
use penstock_core::window::WindowRow;
use penstock_lake::chain::find_covering;
use penstock_lake::{Put, Store, cuts};
use penstock_runtime::Failure;
use serde::Serialize;

use crate::gaps::{Lost, check_sound, damage, declare_lost, first_after};
use crate::output::{self, count, line, note};
use crate::{Exit, LakeArguments};

/// How many objects are read, or keys looked for, at once.
const REQUESTS_AT_ONCE: usize = 8;

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The cut's number: the newest
    #[arg(value_name = "CUT")]
    cut: u64,
    #[command(flatten)]
    lake: LakeArguments,
    /// Void it although all its objects can be read: its rows come with the next cut
    #[arg(long)]
    force: bool,
    /// Void it; without it, only say what would be done
    #[arg(long)]
    yes: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Whether a cut may be voided that could be poured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    No,
    Yes,
}

/// A cut that can be voided, and what that takes.
#[derive(Debug)]
pub struct Plan {
    cut: Cut,
    /// The cut's own.
    dataset: Dataset,
    before: State,
    open_windows: Vec<WindowRow>,
    unreadable: Vec<Unreadable>,
}

/// What voiding a cut does, or did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Voiding {
    pub cut: u64,
    pub rows: u64,
    pub rows_lost: u64,
    pub unreadable: Vec<Unreadable>,
}

/// An object of the cut whose rows can no longer be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    pub key: String,
    #[serde(flatten)]
    lost: Lost,
    pub rows: u64,
    pub problem: String,
    /// A gap that ingest or an operator declared in its place covers it.
    pub is_declared: bool,
    /// No object comes after it in its chain.
    pub is_last: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let store = lake.store();
    let force = if arguments.force { Force::Yes } else { Force::No };
    let plan = plan(&*store, &dataset.name, arguments.cut, force).await?;
    if arguments.yes {
        carry_out(&*store, &plan).await?;
    }
    let voiding = plan.voiding();
    if arguments.json {
        output::json(&voiding)?;
    } else {
        voiding.print(arguments.yes);
    }
    if !arguments.yes {
        note("nothing was changed: stop refine's schedule, and add --yes");
    }
    Ok(Exit::Fine)
}

/// Checks that the cut may be voided, and finds which of its objects are lost.
///
/// # Errors
/// The cut is not the newest, is poured, is written in part, can be read, or takes an object again that is damaged;
/// or the store's.
pub async fn plan(store: &dyn Store, name: &str, number: u64, force: Force) -> Result<Plan, Failure> {
    let newest = cuts::newest(store, name).await?;
    if number == 0 || number != newest {
        return Err(Failure::misconfigured(format!(
            "only the newest cut of {name} can be voided, and that is {newest}"
        )));
    }
    if let Some(state) = cuts::read_state(store, name, number).await? {
        let done = if state.voided { "voided" } else { "poured" };
        return Err(Failure::misconfigured(format!("cut {number} of {name} is {done}: it cannot be voided")));
    }
    if let Some(written) = find_written(store, name, number).await? {
        return Err(Failure::misconfigured(format!(
            "cut {number} of {name} is written in part, and readers may have seen it: {written}. It can only be poured to \
             its end: restore its raw objects from a backup and let refine run"
        )));
    }
    let cut = cuts::read(store, name, number).await?;
    let dataset = dataset_in(&cut)?;
    let (before, open_windows) = state_before(store, name, number).await?;
    let problems = find_problems(store, &dataset, &cut).await?;
    if problems.iter().all(Option::is_none) && force == Force::No {
        return Err(Failure::misconfigured(format!(
            "all {} objects of cut {number} of {name} can be read: let refine run, and see what it says. \
             `--force` voids it nevertheless, and its rows come with the next cut",
            cut.objects().count()
        )));
    }
    let unreadable = find_unreadable(store, &dataset, &cut, problems).await?;
    Ok(Plan { cut, dataset, before, open_windows, unreadable })
}

/// Declares the lost objects unreadable, and then writes the state that voids the cut.
///
/// # Errors
/// The cut was poured meanwhile, or files of it were written; or the store's.
pub async fn carry_out(store: &dyn Store, plan: &Plan) -> Result<(), Failure> {
    let (name, number) = (&plan.dataset.name, plan.cut.number);
    for unreadable in plan.unreadable.iter().filter(|unreadable| !unreadable.is_declared) {
        declare_lost(store, &plan.dataset, &unreadable.lost).await?;
    }
    let state = plan.state();
    let file: Bytes = state::encode(&plan.dataset, &state, &plan.open_windows).map_err(Failure::bug)?;
    if store.put_new(&keys::state(name, number), file).await? == Put::Exists
        && cuts::read_state(store, name, number).await?.as_ref() != Some(&state)
    {
        return Err(Failure::retry(format!("cut {number} of {name} was poured meanwhile: it is not voided")));
    }
    // A run of refine that had all objects in memory may have written in between.
    match find_written(store, name, number).await? {
        None => Ok(()),
        Some(written) => Err(Failure::misconfigured(format!(
            "cut {number} of {name} is voided, and refine wrote files of it meanwhile: {written}. Their rows come again \
             with the next cut: stop refine's schedule, delete these files, and start it again"
        ))),
    }
}

impl Plan {
    /// The state before, as the state of this cut: nothing moved.
    fn state(&self) -> State {
        State {
            cut: self.cut.number,
            rules: self.cut.rules,
            declared_at: self.cut.declared_at,
            voided: true,
            parts: Vec::new(),
            open_windows: self.open_windows.len() as u64,
            dataset_hash: self.cut.dataset_hash.clone(),
            ..self.before.clone()
        }
    }

    /// What voiding the cut does.
    #[must_use]
    pub fn voiding(&self) -> Voiding {
        Voiding {
            cut: self.cut.number,
            rows: self.cut.rows(),
            rows_lost: self.unreadable.iter().map(|unreadable| unreadable.rows).sum(),
            unreadable: self.unreadable.clone(),
        }
    }
}

fn dataset_in(cut: &Cut) -> Result<Dataset, Failure> {
    Dataset::parse(&cut.dataset).map_err(|problems| {
        Failure::misconfigured(format!("the dataset in cut {} cannot be read:\n{problems}", cut.number))
    })
}

async fn state_before(store: &dyn Store, name: &str, number: u64) -> Result<(State, Vec<WindowRow>), Failure> {
    let before = number - 1;
    if before == 0 {
        return Ok((State::empty(), Vec::new()));
    }
    let key = keys::state(name, before);
    let damaged =
        |problem: String| Failure::misconfigured(format!("the state `{key}` {problem}: restore it from a backup"));
    let file = match store.get(&key).await {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Err(damaged("is missing".to_owned())),
        Err(error) => return Err(error.into()),
    };
    let dataset = dataset_in(&cuts::read(store, name, before).await?)?;
    state::decode(&dataset, &file).map_err(|error| damaged(format!("cannot be understood ({error})")))
}

/// What keeps each object of the cut from being poured as it was declared.
async fn find_problems(store: &dyn Store, dataset: &Dataset, cut: &Cut) -> Result<Vec<Option<String>>, Failure> {
    let looks: Vec<BoxFuture<'_, Result<Option<String>, Failure>>> =
        cut.objects().map(|(chain, object)| damage(store, dataset, chain, object).boxed()).collect();
    stream::iter(looks).buffered(REQUESTS_AT_ONCE).try_collect().await
}

/// The objects whose rows the next cut cannot have: the chain no longer covers them, or has a gap there.
async fn find_unreadable(
    store: &dyn Store,
    dataset: &Dataset,
    cut: &Cut,
    problems: Vec<Option<String>>,
) -> Result<Vec<Unreadable>, Failure> {
    let mut problems = problems.into_iter();
    let mut unreadable = Vec::new();
    for ChainCut { chain, objects, .. } in &cut.chains {
        // Records may land again in other batches, so that one object covers several that were lost.
        let mut standing: Option<Link> = None;
        let mut stands_to = objects.first().map_or(Position::ZERO, |object| object.from);
        for (object, problem) in objects.iter().zip(problems.by_ref()) {
            let (from, next) = (object.from, object.next);
            let Some(problem) = problem else {
                stands_to = next;
                continue;
            };
            if stands_to <= from {
                standing = find_covering(store, &dataset.name, chain, stands_to, from).await?;
                if let Some(link) = &standing {
                    check_sound(store, dataset, chain, link).await?;
                }
                stands_to = standing.as_ref().map_or(next, |link| link.next);
            }
            if standing.as_ref().is_some_and(|link| link.kind == LinkKind::Data) {
                continue;
            }
            unreadable.push(Unreadable {
                key: chain.object(&dataset.name, from),
                lost: Lost { chain: chain.clone(), from, next, ingested_at: object.ingested_at },
                rows: object.rows,
                problem,
                is_declared: standing.is_some(),
                is_last: standing.is_none() && first_after(store, dataset, chain, from).await?.is_none(),
            });
        }
    }
    Ok(unreadable)
}

/// The files of the cut that are there, separated by commas: what a reader may have seen stays.
async fn find_written(store: &dyn Store, name: &str, number: u64) -> Result<Option<String>, Failure> {
    let mut candidates = vec![keys::rejects(name, number)];
    for folder in [keys::silver_folder(name), keys::windows_folder(name)] {
        let days = store.list_folders(&folder).await?;
        candidates.extend(days.iter().map(|day| format!("{folder}{day}/{number:012}.parquet")));
    }
    let looks: Vec<BoxFuture<'_, Result<bool, Failure>>> =
        candidates.iter().map(|key| exists(store, key).boxed()).collect();
    let exist: Vec<bool> = stream::iter(looks).buffered(REQUESTS_AT_ONCE).try_collect().await?;
    let written: Vec<&str> =
        candidates.iter().zip(exist).filter(|(_, exists)| *exists).map(|(key, _)| key.as_str()).collect();
    Ok((!written.is_empty()).then(|| written.join(", ")))
}

async fn exists(store: &dyn Store, key: &str) -> Result<bool, Failure> {
    Ok(store.list_after(key, None, 1).await?.iter().any(|listed| listed.key == *key))
}

impl Voiding {
    fn print(&self, done: bool) {
        let verb = if done { "voided" } else { "would void" };
        line(&format!("{verb} cut {}: {} rows, {} of them lost", self.cut, count(self.rows), count(self.rows_lost)));
        for Unreadable { key, lost, rows, problem, is_declared, is_last } in &self.unreadable {
            let Lost { chain, from, next, .. } = lost;
            let outcome = if *is_declared { "are declared a gap already" } else { "become a gap" };
            line(&format!(
                "  {key} {problem}: {} rows of {chain}, positions [{from}, {next}), {outcome}",
                count(*rows)
            ));
            if *is_last {
                line(
                    "    it is the last of its chain: delete what is left of it; ingest then takes its records again, \
                     or refuses later ones and says what to declare",
                );
            }
        }
        line("the next run of refine declares a cut from the same positions, with everything that can be read");
        if 0 < self.rows_lost {
            line("lost records may still be had from the topic: publish them to it again, they get new positions");
        }
    }
}
