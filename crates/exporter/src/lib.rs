//! Where metrics leave a program that lives long: Prometheus scrapes `/metrics`, StatsD gets datagrams.
//!
//! In: the registry that the program records in, and what the command line asks for. Out: answers to whoever asks, and
//! datagrams. It has a thread of its own, so that the program never waits for its observers, nor they for a busy program:
//! what cannot be sent is dropped and counted, and a scraper that is slow holds up nobody but itself.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod memory;
mod scrape;
mod statsd;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use penstock_telemetry::Registry;
use penstock_telemetry::function::ProcessState;
use tokio::sync::oneshot;

pub use memory::memory_peak;
pub use statsd::Target;

/// Epoch microseconds.
pub type Now = Box<dyn Fn() -> i64 + Send + Sync>;

/// Where metrics are to go; by default nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "arguments", derive(clap::Args), command(next_help_heading = "Metrics"))]
pub struct Outputs {
    /// Serve metrics to Prometheus at http://IP:PORT/metrics
    #[cfg_attr(feature = "arguments", arg(long, value_name = "IP:PORT"))]
    pub metrics: Option<SocketAddr>,
    /// Send metrics to StatsD, such as Telegraf, every ten seconds
    #[cfg_attr(feature = "arguments", arg(long, value_name = "HOST:PORT"))]
    pub statsd: Option<Target>,
}

/// Why a program cannot be observed as it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ExporterError {
    #[error("--metrics {address}: {}", in_use(*.address, .source))]
    Listen { address: SocketAddr, source: io::Error },
    #[error("metrics cannot be served: {0}")]
    Start(#[from] io::Error),
}

fn in_use(address: SocketAddr, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::AddrInUse {
        format!("port {} is in use: choose another one, or 0 for any that is free", address.port())
    } else {
        error.to_string()
    }
}

/// What the exporter's thread knows.
struct Observed {
    registry: Arc<Registry>,
    /// The program's name, for what it knows of itself.
    program: &'static str,
    now: Now,
}

impl Observed {
    fn measure_the_process(&self) {
        ProcessState { function: self.program, cold: false, memory_peak_bytes: memory_peak() }.emit(&self.registry);
    }
}

/// Metrics on their way out, until this is dropped: then StatsD gets what is left.
#[derive(Debug, Default)]
pub struct Exporter {
    /// Where Prometheus may ask.
    address: Option<SocketAddr>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Exporter {
    /// Starts what the outputs ask for; with none of them, nothing.
    ///
    /// # Errors
    /// The address is in use, or is none of this machine.
    pub fn start(
        outputs: &Outputs,
        registry: Arc<Registry>,
        program: &'static str,
        now: Now,
    ) -> Result<Self, ExporterError> {
        if *outputs == Outputs::default() {
            return Ok(Self::default());
        }
        let listener = outputs.metrics.map(listen).transpose()?;
        let address = listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let observed = Arc::new(Observed { registry, program, now });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let target = outputs.statsd.clone();
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Some(listener) = listener {
                    tokio::spawn(scrape::serve(listener, Arc::clone(&observed)));
                }
                match target {
                    Some(target) => statsd::send_until(stopped, &target, &observed).await,
                    // It resolves when the exporter is dropped, too.
                    None => drop(stopped.await),
                }
            });
        })?;
        Ok(Self { address, running: Some((stop, thread)) })
    }

    /// Where Prometheus may ask, if it may.
    #[must_use]
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, ExporterError> {
    let refused = |source| ExporterError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(refused)?;
    listener.set_nonblocking(true).map_err(refused)?;
    Ok(listener)
}

impl Drop for Exporter {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            // Either may have ended by itself; then there is nothing left to do.
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
