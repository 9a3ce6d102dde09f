//! What a person wants to know after a run, and can check.

use std::collections::BTreeMap;
use std::time::Duration;

use penstock_core::dataset::Dataset;
use penstock_lake::Operation;
use penstock_runtime::{Failure, Lake};
use serde::Serialize;

use super::pipeline::Ran;
use crate::output::{self, bytes, count, line};
use crate::{audit, p95};

#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    sent: u64,
    delivered: u64,
    redelivered: u64,
    invocations: u64,
    failed_invocations: u64,
    seconds: f64,
    events_per_second: f64,
    requests: BTreeMap<&'static str, u64>,
    bytes_written: u64,
    lake: audit::Report,
    p95: Option<p95::Report>,
}

pub(super) async fn collect(lake: &Lake, dataset: &Dataset, ran: Ran, elapsed: Duration) -> Result<Summary, Failure> {
    let requests = lake.counts().snapshot();
    let report = audit::report(&*lake.store(), dataset, 0).await?;
    let p95 = match dataset.p95 {
        Some(_) => Some(p95::report(&*lake.store(), dataset, None, None).await?),
        None => None,
    };
    let sent = ran.produced.counts.expected.sent;
    Ok(Summary {
        sent,
        delivered: ran.served.delivered,
        redelivered: ran.served.redelivered,
        invocations: ran.served.invocations,
        failed_invocations: ran.served.failed_invocations,
        seconds: elapsed.as_secs_f64(),
        events_per_second: sent as f64 / elapsed.as_secs_f64(),
        requests: requests
            .iter()
            .filter(|(_, counts)| 0 < counts.requests)
            .map(|(operation, counts)| (operation.name(), counts.requests))
            .collect(),
        bytes_written: requests.of(Operation::PutNew).bytes_out,
        lake: report,
        p95,
    })
}

impl Summary {
    pub(super) fn balances(&self) -> bool {
        self.lake.balances()
    }

    pub(super) fn show(&self, dataset: &Dataset, lake: &str, as_json: bool) -> Result<(), Failure> {
        if as_json {
            return output::json(self);
        }
        line(&format!(
            "sent {} events in {:.1} s ({} a second), delivered in {} batches, {} records redelivered on purpose",
            count(self.sent),
            self.seconds,
            count(self.events_per_second as u64),
            count(self.invocations),
            count(self.redelivered),
        ));
        let requests: Vec<String> =
            self.requests.iter().map(|(name, number)| format!("{} {name}", count(*number))).collect();
        line(&format!("store requests: {}; {} written", requests.join(", "), bytes(self.bytes_written)));
        line("");
        self.lake.print();
        line("");
        match (&self.p95, &dataset.p95) {
            (Some(report), Some(asked)) => p95::print(dataset, asked, report),
            _ => line(&format!("no p95: the dataset {} has no section [p95]", dataset.name)),
        }
        line("");
        line(&format!("the lake is in {lake}; read it with any tool, such as DuckDB:"));
        line(&format!("  SELECT count(*) FROM read_parquet('{lake}/silver/{}/**/*.parquet')", dataset.name));
        Ok(())
    }
}
