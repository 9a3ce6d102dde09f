//! `penstock rejects`: the records that fit no row, byte for byte, with their reasons.

mod list;
mod read;
mod redrive;
mod show;

use clap::{Args, Subcommand};
use penstock_runtime::Failure;

use crate::Exit;

pub(crate) use read::read_file;
pub use read::{Rejected, Selection};
pub use redrive::{Redriven, redrive};
pub(crate) use show::{shown, visible};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Count them by reason and by partition
    Ls(list::Arguments),
    /// Show them, the newest cut first
    Show(show::Arguments),
    /// Publish their bytes to a topic again, after what was wrong is mended
    Redrive(redrive::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    match arguments.command {
        Command::Ls(arguments) => list::run(arguments).await,
        Command::Show(arguments) => show::run(arguments).await,
        Command::Redrive(arguments) => redrive::run(arguments).await,
    }
}
