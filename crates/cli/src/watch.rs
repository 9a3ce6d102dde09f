//! `penstock watch`, and `penstock run --serve`: a page that shows a lake as it flows.
//!
//! ```text
//! lake -> follow (what is new) -> known (bounded) -> view (pure) -> server (the newest one, as an event) -> page
//! ```
//! The lake is the only source: what the page says of it, `penstock audit` says, too.
//! Nobody waits for a page. It gets the newest view and never those that it was too slow for; and while none is open, nobody looks.

mod follow;
mod known;
mod pace;
mod server;
mod view;
mod windows;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use clap::Args;
use penstock_core::dataset::Dataset;
use penstock_core::keys::ChainId;
use penstock_core::position::Partition;
use penstock_lake::Clock;
use penstock_runtime::{Failure, LakeUrl, SystemClock};
use penstock_trigger::log::Log;
use tokio::net::TcpListener;
use tokio::sync::watch::Sender;
use tokio::task::JoinSet;

use crate::output::note;
use crate::{Exit, LakeArguments};

use follow::Follower;
use pace::Pace;
use view::{Circumstances, LogPositions, View};

/// Where the page is, unless `--serve` says otherwise: on this machine alone.
const ADDRESS: &str = "127.0.0.1:8080";

/// Requests are counted over so long a time.
const MINUTE_MICROS: i64 = 60_000_000;

#[derive(Clone, Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    lake: LakeArguments,
    /// Where the page is to be; port 0 takes a free one
    #[arg(long, default_value = ADDRESS, value_name = "IP:PORT")]
    serve: SocketAddr,
}

pub(crate) async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let dataset = arguments.lake.read_dataset()?;
    let page = Page::open(arguments.serve, arguments.lake.lake, dataset, RunLog::default()).await?;
    page.stay().await
}

/// The log of a run, once there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunLog(Arc<OnceLock<Running>>);

/// A log, and the chains that it lands in.
#[derive(Debug)]
struct Running {
    log: Arc<dyn Log>,
    source: String,
    topic: String,
    epoch: u32,
}

impl RunLog {
    /// Shows how far the log has been read.
    pub(crate) fn show(&self, log: Arc<dyn Log>, source: &str, topic: &str, epoch: u32) {
        let _ = self.0.set(Running { log, source: source.to_owned(), topic: topic.to_owned(), epoch });
    }

    async fn positions(&self) -> Option<LogPositions> {
        let Running { log, source, topic, epoch } = self.0.get()?;
        let chain = |partition| ChainId {
            topic: topic.clone(),
            partition: Partition::Kafka(partition),
            source: source.clone(),
            epoch: *epoch,
        };
        // A log that does not answer is missing on the page, and nothing else.
        let positions = log.positions().await.ok()?;
        Some(positions.into_iter().map(|(partition, position)| (chain(partition), position)).collect())
    }
}

/// A page that is being served; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Page {
    tasks: JoinSet<()>,
}

impl Page {
    /// Begins to serve, and says where.
    ///
    /// # Errors
    /// The address cannot be had.
    pub(crate) async fn open(
        address: SocketAddr,
        lake: LakeUrl,
        dataset: Arc<Dataset>,
        log: RunLog,
    ) -> Result<Self, Failure> {
        let listener = TcpListener::bind(address).await.map_err(|error| unavailable(address, &error))?;
        let address = listener.local_addr().map_err(|error| unavailable(address, &error))?;
        note(&format!("the page is at http://{address}/"));
        if !address.ip().is_loopback() {
            note("whoever reaches this address sees the page, with samples of rejected records");
        }
        let views = Sender::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(listener, views.clone()));
        tasks.spawn(look_while_somebody_watches(lake, dataset, log, views));
        Ok(Self { tasks })
    }

    /// Serves until interrupted.
    pub(crate) async fn stay(mut self) -> Result<Exit, Failure> {
        note("press Ctrl-C to end");
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(Failure::bug)?,
            _ = self.tasks.join_next() => return Err(Failure::bug("the page's server ended")),
        }
        Ok(Exit::Fine)
    }
}

fn unavailable(address: SocketAddr, error: &std::io::Error) -> Failure {
    let remedy = match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program listens there: name another port, or 0 for a free one",
        std::io::ErrorKind::PermissionDenied => "ports below 1024 are not for everybody: name a higher one",
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address: 127.0.0.1 is always there",
        _ => "name another address",
    };
    Failure::misconfigured(format!("cannot serve the page at {address} ({error}): {remedy} (--serve IP:PORT)"))
}

/// Publishes a view at each look. The last one of a lake stays there to be seen, also while nobody looks.
async fn look_while_somebody_watches(
    lake: LakeUrl,
    dataset: Arc<Dataset>,
    log: RunLog,
    views: Sender<server::Published>,
) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let pace = Pace::of(&lake);
    let location = lake.to_string();
    let mut follower = Follower::new(lake, Arc::clone(&dataset), pace);
    let mut requests = Requests::default();
    let mut said = None;
    loop {
        server::somebody_watches(&views).await;
        let now = clock.now();
        let problem = follower.look(now).await.err().map(|failure| failure.message);
        if problem.is_some() && problem != said {
            note(&format!("the page cannot be up to date: {}", problem.as_deref().unwrap_or_default()));
        }
        said.clone_from(&problem);
        let positions = log.positions().await;
        let view = View::of(
            &follower.known,
            &Circumstances {
                now: clock.now(),
                location: &location,
                dataset: &dataset,
                problem: problem.as_deref(),
                requests_per_minute: requests.in_the_last_minute(now, follower.requests()),
                log: positions.as_ref(),
            },
        );
        if let Ok(json) = serde_json::to_string(&view) {
            views.send_replace(Some(json.into()));
        }
        clock.sleep(pace.look).await;
    }
}

/// How many requests there were when.
#[derive(Debug, Default)]
struct Requests(VecDeque<(i64, u64)>);

impl Requests {
    fn in_the_last_minute(&mut self, now: i64, total: u64) -> u64 {
        self.0.push_back((now, total));
        while self.0.front().is_some_and(|(at, _)| *at < now - MINUTE_MICROS) {
            self.0.pop_front();
        }
        total.saturating_sub(self.0.front().map_or(0, |(_, first)| *first))
    }
}

#[cfg(test)]
mod tests;
