//! `penstock`: see `penstock --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    penstock_cli::main()
}
