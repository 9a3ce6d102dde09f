//! `penstock audit`.

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_lake::Store;
use penstock_runtime::Failure;
use serde::Serialize;

use crate::{Exit, LakeArguments};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
}

/// What to look at.
#[derive(Clone, Debug, Default)]
pub struct Scope {}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {}

impl Report {
    #[must_use]
    pub fn balances(&self) -> bool {
        true
    }
    pub(crate) fn print(&self) {}
}

pub async fn report(_store: &dyn Store, _dataset: &Dataset, _scope: &Scope) -> Result<Report, Failure> {
    Ok(Report::default())
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    arguments.lake.open_existing().await?;
    Ok(Exit::Fine)
}
