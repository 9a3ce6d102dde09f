//! Sends datagrams to StatsD, every few seconds and once more at the end.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use penstock_telemetry::producer::DatagramsDropped;
use penstock_telemetry::statsd::Sent;
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use crate::Observed;

/// How often datagrams are sent: what StatsD's own servers take for an interval by default.
const EVERY: Duration = Duration::from_secs(10);

/// Where a StatsD server listens: `HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| 0 < port) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err("write HOST:PORT, such as 127.0.0.1:8125".to_owned()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sends until `stopped` resolves.
pub(crate) async fn send_until(mut stopped: oneshot::Receiver<()>, target: &Target, observed: &Observed) {
    let mut sender = Sender { target, sent: Sent::default(), is_failing: false };
    DatagramsDropped(0).emit(&observed.registry);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => sender.send(observed).await,
        }
    }
    sender.send(observed).await;
}

struct Sender<'t> {
    target: &'t Target,
    sent: Sent,
    is_failing: bool,
}

impl Sender<'_> {
    async fn send(&mut self, observed: &Observed) {
        observed.measure_the_process();
        let datagrams = self.sent.datagrams(&observed.registry.flush((observed.now)()));
        let (mut dropped, mut last_error) = (0, None);
        match connect(self.target).await {
            Ok(socket) => {
                for datagram in &datagrams {
                    if let Err(error) = socket.send(datagram.as_bytes()).await {
                        dropped += 1;
                        last_error = Some(error);
                    }
                }
            }
            Err(error) => {
                dropped = datagrams.len() as u64;
                last_error = Some(error);
            }
        }
        DatagramsDropped(dropped).emit(&observed.registry);
        self.say(last_error.as_ref());
    }

    /// Once when it begins to fail, and once when it is over.
    fn say(&mut self, error: Option<&io::Error>) {
        match error {
            Some(error) if !self.is_failing => {
                tracing::warn!("StatsD at {} cannot be reached, its metrics are dropped: {error}", self.target);
            }
            None if self.is_failing => tracing::info!("StatsD at {} can be reached again", self.target),
            _ => {}
        }
        self.is_failing = error.is_some();
    }
}

/// A socket for the target, whose name is looked up anew: a server may move.
async fn connect(target: &Target) -> io::Result<UdpSocket> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let address = lookup_host(&target.0).await?.next().ok_or_else(unknown)?;
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(address).await?;
    Ok(socket)
}
