//! `penstock cuts`: what refine declared and poured, and how an operator gives up a cut that cannot be poured.

mod list;
mod show;
mod void;

use clap::{Args, Subcommand};
use penstock_core::time;
use penstock_runtime::Failure;

use crate::Exit;

pub use void::{Force, Plan, Voiding, carry_out, plan};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List the newest cuts and what came of them
    Ls(list::Arguments),
    /// Show a cut in full
    Show(show::Arguments),
    /// Give up the newest cut because a raw object of it is lost, before anything of it is written
    Void(void::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Ls(arguments) => list::run(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Void(arguments) => void::run(arguments).await,
    }
}

/// A time of a state; `-` where there is none yet.
fn time_or_dash(micros: i64) -> String {
    if micros == i64::MIN { "-".to_owned() } else { time::rfc3339(micros) }
}
