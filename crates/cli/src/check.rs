//! `penstock check`: dataset files, a sample of events, the functions' settings and the lake, before anything depends
//! on them, and what a volume of events would cost.
//! Everything that is wrong is said at once, each with its place and its remedy, and nothing is changed.

mod datasets;
mod sample;
mod lake;
mod cost;

use std::path::PathBuf;

use clap::Args;
use penstock_core::dataset::{Dataset, Problem};
use penstock_runtime::{Failure, FunctionSettings, LakeUrl, Settings, VARIABLES, env};
use serde::Serialize;

pub use self::cost::{Bill, Item};
use crate::Exit;
use crate::output::{self, count, counted, line};

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    /// Dataset files, or names of shipped datasets
    #[arg(value_name = "DATASET.toml")]
    datasets: Vec<String>,
    /// Events of yours, one JSON object a line: which of them the dataset would reject, and why
    #[arg(long, value_name = "FILE.ndjson|-", requires = "datasets")]
    sample: Option<PathBuf>,
    /// A lake: s3://BUCKET/PREFIX or a directory; datasets are compared with what it holds
    #[arg(long, value_name = "URL")]
    lake: Option<LakeUrl>,
    #[command(flatten)]
    volume: cost::VolumeArguments,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Check {
    pub what: String,
    /// What is wrong, each with its remedy.
    pub problems: Vec<Finding>,
    /// Records that would be rejected.
    pub rejects: Vec<Finding>,
    /// What is worth knowing, though nothing is wrong.
    pub notes: Vec<String>,
    /// What a volume costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bill: Option<Bill>,
}

/// Something that was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub file: Option<String>,
    /// Counted from 1, as the column.
    pub line: Option<u64>,
    pub column: Option<u64>,
    pub message: String,
}

impl Check {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    fn with_problem(mut self, message: impl Into<String>) -> Self {
        self.problems.push(Finding { file: None, line: None, column: None, message: message.into() });
        self
    }

    fn of(what: impl Into<String>, result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::new(what),
            Err(problem) => Self::new(what).with_problem(problem),
        }
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut checks = Vec::new();
    let mut valid = Vec::new();
    for name in &arguments.datasets {
        let (check, dataset) = datasets::check(name);
        checks.push(check);
        valid.extend(dataset);
    }
    if let Some(sample) = &arguments.sample {
        checks.extend(sample::check(sample, &arguments.datasets, &valid)?);
    }
    let settings = check_settings(env, &mut checks);
    if let Some(Settings { dataset, .. }) = &settings
        && valid.iter().all(|known| known.hash != dataset.hash)
    {
        valid.push(Dataset::clone(dataset));
    }
    if let Some(url) = arguments.lake.or(settings.map(|settings| settings.lake)) {
        lake::check(&url, &valid, &mut checks).await;
    }
    checks.extend(cost::check(&arguments.volume)?);
    if checks.is_empty() {
        let message = "nothing to check: name dataset files, a --lake or --events-per-second, or set the functions' PENSTOCK_* variables";
        return Err(Failure::misconfigured(message));
    }
    if arguments.json {
        output::json(&checks)?;
    } else {
        checks.iter().for_each(Check::print);
    }
    conclude(&checks)
}

/// What is wrong must be mended first; what a sample would lose is for somebody to look at.
fn conclude(checks: &[Check]) -> Result<Exit, Failure> {
    let failed = checks.iter().filter(|check| !check.problems.is_empty()).count();
    if 0 < failed {
        return Err(Failure::misconfigured(format!("{failed} of {} checks failed", checks.len())));
    }
    let is_fine = checks.iter().all(|check| check.rejects.is_empty());
    Ok(if is_fine { Exit::Fine } else { Exit::Finding })
}

/// Checks the functions' settings if any is set; they are there if nothing is wrong.
fn check_settings(get: impl Fn(&str) -> Option<String>, checks: &mut Vec<Check>) -> Option<Settings> {
    VARIABLES.iter().find(|variable| get(variable.name).is_some())?;
    let check = Check::new("settings");
    match Settings::read(get) {
        Ok(settings) => {
            checks.push(check);
            Some(settings)
        }
        Err(error) => {
            checks.push(error.0.into_iter().fold(check, Check::with_problem));
            None
        }
    }
}

impl Check {
    /// How many rejects are printed: enough to see what is wrong. `--json` has them all.
    const PRINTED: usize = 20;

    fn print(&self) {
        let Self { what, problems, rejects, notes, bill } = self;
        let (headline, findings) = match problems.as_slice() {
            [Finding { file: None, message, .. }] => (format!("failed  {what}: {message}"), [].as_slice()),
            [] if rejects.is_empty() => (format!("ok      {what}"), [].as_slice()),
            [] => (format!("reject  {what}: {}", counted(rejects.len() as u64, "line")), rejects.as_slice()),
            _ => (format!("failed  {what}: {}", counted(problems.len() as u64, "problem")), problems.as_slice()),
        };
        line(&headline);
        let printed = if problems.is_empty() { Self::PRINTED } else { usize::MAX };
        findings.iter().take(printed).for_each(Finding::print);
        if printed < findings.len() {
            line(&format!("  ... and {} more; --json lists them all", count((findings.len() - printed) as u64)));
        }
        if let Some(bill) = bill {
            bill.print();
        }
        notes.iter().for_each(|note| line(&format!("  note: {note}")));
    }
}

impl Finding {
    /// As compilers and editors write a place.
    fn print(&self) {
        let places = [self.line, self.column].into_iter().flatten().map(|number| number.to_string());
        let place: Vec<String> = self.file.iter().cloned().chain(places).collect();
        let message = &self.message;
        line(&if place.is_empty() { format!("  {message}") } else { format!("  {}: {message}", place.join(":")) });
    }

    fn in_file(file: &str, problem: Problem) -> Self {
        let Problem { line, column, message } = problem;
        Self { file: Some(file.to_owned()), line: Some(line as u64), column: Some(column as u64), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_setting_is_a_problem_of_its_own() {
        let check = |set: &[(&str, &str)], expect: Option<usize>| {
            let mut checks = Vec::new();
            let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let settings = check_settings(get, &mut checks);
            assert_eq!(checks.first().map(|check| check.problems.len()), expect, "{checks:?}");
            assert_eq!(settings.is_some(), expect == Some(0));
        };
        check(&[], None);
        check(&[("PENSTOCK_LAKE", "s3://lake"), ("PENSTOCK_DATASET", "iot")], Some(0));
        check(&[("PENSTOCK_LAKE", "gs://lake"), ("PENSTOCK_DATASET", "no-such"), ("PENSTOCK_EPOCH", "x")], Some(3));
    }
}
