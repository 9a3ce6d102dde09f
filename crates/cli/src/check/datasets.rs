//! A dataset file: everything that is wrong in it at once.

use penstock_core::dataset::Dataset;
use penstock_runtime::dataset_file;

use super::{Check, Finding};

/// Checks a file, or a shipped dataset. The dataset is there if nothing is wrong.
pub(super) fn check(name: &str) -> (Check, Option<Dataset>) {
    let check = Check::new(format!("dataset {name}"));
    let text = match dataset_file(name) {
        Ok(text) => text,
        Err(problem) => return (check.with_problem(problem), None),
    };
    match Dataset::parse(&text) {
        Ok(dataset) => (check, Some(dataset)),
        Err(problems) => {
            let problems = problems.0.into_iter().map(|problem| Finding::in_file(name, problem)).collect();
            (Check { problems, ..check }, None)
        }
    }
}
