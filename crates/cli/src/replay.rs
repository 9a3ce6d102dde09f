//! `penstock replay`: pours again from raw, by a changed dataset file, into a lake of its own, while ingestion goes on.
//!
//! What has landed lands once more in the new lake, under the same positions, as the changed file would have parsed it
//! ([`penstock_core::replay`]), and then refine's own code pours it. So the new lake is one like any other: every command
//! and every reader takes it, and the functions can go on in it where the replay ended. The old lake is only read.
//!
//! A replay takes what had arrived when it began. Whoever runs it again, after an interruption or for what has arrived
//! since, goes on where the new lake ends.

mod definitions;
mod land;
mod place;
mod survey;

use std::sync::Arc;

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_core::time::Date;
use penstock_refine::{Mode, Refine};
use penstock_runtime::{Call, CutSettings, Failure, Lake, LakeUrl, dataset};
use serde::Serialize;

use crate::audit;
use crate::output::{self, count, counted, line, note};
use crate::{Exit, LakeArguments};

pub use survey::{Survey, survey};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// Where the new lake is to be: s3://BUCKET/PREFIX or a directory
    #[arg(long, value_name = "URL")]
    into: LakeUrl,
    /// The first day of arrival to take, in UTC
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The last day of arrival to take, in UTC
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// A dataset file that parsed some of the raw objects, if no cut of the lake carries it
    #[arg(long, value_name = "FILE")]
    parsed_by: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What to take of the raw objects.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The first day of arrival.
    pub from: Option<Date>,
    /// The last day of arrival.
    pub to: Option<Date>,
    /// Dataset files that parsed raw objects, beside those in the cuts.
    pub older: Vec<Dataset>,
}

/// What a replay did, and what the new lake holds.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub landed: Landed,
    /// The cuts that this run poured.
    pub cuts: Vec<u64>,
    pub lake: audit::Report,
}

/// What this run has landed in the new lake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Landed {
    pub objects: u64,
    pub records: u64,
    /// How many of the records the old lake had rejected.
    pub rejected_before: u64,
    /// How many of them are rejected now.
    pub rejected: u64,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (from, into) = place::apart(&arguments.lake.lake, &arguments.into)?;
    let older = arguments.parsed_by.iter().map(|file| dataset(file)).collect::<Result<_, _>>();
    let older = older.map_err(Failure::misconfigured)?;
    let request = Request { from: arguments.from, to: arguments.to, older };
    let at = |lake: &LakeUrl| LakeArguments { lake: lake.clone(), dataset: arguments.lake.dataset.clone() };
    let (source, dataset) = at(&from).open_existing().await?;
    let survey = survey(&source, &dataset, request).await?;
    note(&format!("replaying {} into {into}; run it again for what arrives from now on", survey.source()));
    let (target, _) = at(&into).open().await?;
    let report = replay(&survey, &target).await?;
    if arguments.json {
        output::json(&report)?;
    } else {
        report.print();
    }
    Ok(if report.lake.balances() { Exit::Fine } else { Exit::Finding })
}

/// Lands in the target what was found in the source and is not there yet, and pours it.
///
/// # Errors
/// The stores'; the target is not free; or a raw object cannot be replayed.
pub async fn replay(survey: &Survey, target: &Lake) -> Result<Report, Failure> {
    let store = target.store();
    place::claim(&*store, survey).await?;
    let landed = land::all(survey, &store).await?;
    // Windows that still wait for events stay open: whoever goes on with the lake closes them.
    let refine = Refine::new(target.clone(), Arc::clone(survey.dataset()), CutSettings::default());
    let cuts = refine.run(Mode::Scheduled, &Call::default()).await?.cuts;
    let lake = audit::report(&*store, survey.dataset(), 0).await?;
    Ok(Report { landed, cuts, lake })
}

impl Report {
    fn print(&self) {
        let Landed { objects, records, rejected_before, rejected } = self.landed;
        line(&format!(
            "replayed {} from {}: {} were rejected before, {} are now",
            counted(records, "record"),
            counted(objects, "object"),
            count(rejected_before),
            count(rejected)
        ));
        line("");
        self.lake.print();
    }
}
