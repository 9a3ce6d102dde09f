//! `penstock gaps`: ranges of positions without records, and how an operator declares one.

mod declare;
mod list;
mod unreadable;

use clap::{Args, Subcommand};
use penstock_runtime::Failure;

use crate::Exit;

pub use declare::{Declaration, Declared, Outcome, declare};
pub use list::{GapReport, Listing, list};
pub use unreadable::declare_unreadable;

pub(crate) use unreadable::{Lost, check_sound, damage, declare_lost, first_after};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// List every declared gap
    Ls(list::Arguments),
    /// Declare that records are gone for good, so that what comes after them lands
    Declare(declare::Arguments),
}

/// Whether a command changes the lake, or only says what it would change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    DryRun,
    Write,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Ls(arguments) => list::run(arguments).await,
        Command::Declare(arguments) => declare::run(arguments).await,
    }
}
