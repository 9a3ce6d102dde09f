//! `penstock cuts show`: a cut in full, and its files.

use clap::Args;
use penstock_core::chain::LinkKind;
use penstock_core::cut::{Closing, Cut};
use penstock_core::keys;
use penstock_core::state::State;
use penstock_core::time;
use penstock_lake::cuts;
use penstock_runtime::Failure;
use serde::Serialize;

use super::list::Status;
use super::time_or_dash;
use crate::output::{self, count, line};
use crate::{Exit, LakeArguments};

#[derive(Clone, Debug, Args)]
pub(super) struct Arguments {
    /// The cut's number
    #[arg(value_name = "CUT")]
    cut: u64,
    #[command(flatten)]
    lake: LakeArguments,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Shown {
    status: Status,
    cut: Cut,
    state: Option<State>,
}

pub(super) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let (lake, dataset) = arguments.lake.open_existing().await?;
    let (store, number) = (lake.store(), arguments.cut);
    let newest = cuts::newest(&*store, &dataset.name).await?;
    if number == 0 || newest < number {
        return Err(Failure::misconfigured(format!(
            "there is no cut {number} of {}: the newest is {newest}",
            dataset.name
        )));
    }
    let cut = cuts::read(&*store, &dataset.name, number).await?;
    let state = cuts::read_state(&*store, &dataset.name, number).await?;
    let shown = Shown { status: Status::of(state.as_ref()), cut, state };
    if arguments.json {
        output::json(&shown)?;
    } else {
        shown.print(&dataset.name);
    }
    Ok(Exit::Fine)
}

impl Shown {
    fn print(&self, dataset: &str) {
        let Self { status, cut, state } = self;
        let closing = match cut.closing {
            Closing::Watermark => "those that the watermark has passed",
            Closing::All => "all",
        };
        line(&format!("cut            {} ({})", cut.number, status.as_str()));
        line(&format!("declaration    {}", keys::cut(dataset, cut.number)));
        line(&format!("declared at    {}", time::rfc3339(cut.declared_at)));
        line(&format!("rules          {}", cut.rules));
        line(&format!("dataset        {}", cut.dataset_hash));
        line(&format!("closes windows {closing}"));
        line(&format!("objects        {} with {} rows", cut.objects().count(), count(cut.rows())));
        if let Some(state) = state {
            line(&format!("watermark      {}", time_or_dash(state.watermark)));
            line(&format!("open windows   {}", count(state.open_windows)));
        }
        self.print_objects();
        self.print_files();
    }

    fn print_objects(&self) {
        for chain in self.cut.chains.iter().filter(|chain| !chain.objects.is_empty()) {
            let waiting = if chain.waiting { ", more wait behind them" } else { "" };
            line(&format!("\n{}: {} objects{waiting}", chain.chain, chain.objects.len()));
            let cells = chain.objects.iter().map(|object| {
                let kind = match object.kind {
                    LinkKind::Data => "data",
                    LinkKind::Gap => "gap",
                };
                vec![
                    object.from.to_string(),
                    object.next.to_string(),
                    kind.to_owned(),
                    count(object.rows),
                    count(object.rejected),
                    time::rfc3339(object.ingested_at),
                ]
            });
            output::table(&["from", "next", "kind", "rows", "rejected", "ingested at"], &cells.collect::<Vec<_>>());
        }
    }

    fn print_files(&self) {
        let Some(state) = self.state.as_ref().filter(|state| !state.parts.is_empty()) else {
            return;
        };
        line(&format!("\n{} files", state.parts.len()));
        let cells = state.parts.iter().map(|part| vec![part.key.clone(), count(part.rows), part.checksum.to_string()]);
        output::table(&["file", "rows", "checksum"], &cells.collect::<Vec<_>>());
    }
}
