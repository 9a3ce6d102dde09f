//! `penstock-sql`: see `penstock-sql --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    penstock_sql::main()
}
