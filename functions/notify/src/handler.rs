//! Tells people of alarms: an SNS event in; a message to each channel (Slack, Telegram, a webhook) out.
//!
//! A channel that cannot be reached is asked again until the invocation's time is nearly up. If one did not get its
//! message, the invocation fails; Lambda calls again, and at last keeps the event in a queue, so nothing is lost.
//! That call tells only those who have not been told, as long as the process that remembers it lives.
//! After a cold start a channel may get a message twice: better than never.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking"))]

mod notice;
mod markup;
mod channel;
mod memory;
mod attempts;
mod http;
mod secrets;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Method, Request};
use penstock_lake::Clock;
use penstock_runtime::{Call, Failure, Function, Kind, NotifySettings, SystemClock};
use penstock_telemetry::Registry;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use attempts::{Attempts, Missed};
use channel::{Channel, Message, Slack, Telegram, Webhook};
use http::Http;
use memory::{InAlarm, Memory, Say};
use notice::Notice;
use secrets::Secrets;

/// A warm function.
#[derive(Debug)]
pub struct Notify {
    posts: Vec<Post>,
    secrets: Secrets,
    http: Http,
    quiet: Duration,
    in_alarm: Mutex<InAlarm>,
    clock: Arc<dyn Clock>,
}

/// A channel, and what it has been told.
#[derive(Debug)]
struct Post {
    channel: Box<dyn Channel>,
    memory: Mutex<Memory>,
}

#[async_trait]
impl Function for Notify {
    const NAME: &'static str = "notify";
    type Settings = NotifySettings;

    async fn open(settings: &NotifySettings, _telemetry: Arc<Registry>) -> Result<Self, Failure> {
        Self::new(settings, Arc::new(SystemClock))
    }

    async fn call(&self, event: &[u8], call: &Call) -> Result<Value, Failure> {
        let mut notices = notice::notices(event, &call.request_id);
        let mut in_alarm = self.in_alarm.lock().await;
        notices.iter_mut().for_each(|notice| in_alarm.follow(notice));
        drop(in_alarm);
        let attempts = Attempts::until(call.deadline, &self.clock);
        if notices.is_empty() {
            return self.check(&attempts).await;
        }
        let told = join_all(self.posts.iter().map(|post| self.tell(post, &notices, &attempts))).await;
        self.report(&told, "told").map(|()| json!({ "notices": notices.len() }))
    }
}

impl Notify {
    /// # Errors
    /// The system has no certificates to trust.
    pub fn new(settings: &NotifySettings, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let http = Http::new()?;
        let slack = settings.slack.clone().map(|webhook| Box::new(Slack { webhook }) as Box<dyn Channel>);
        let telegram = settings.telegram.clone().map(|settings| Box::new(Telegram(settings)) as Box<dyn Channel>);
        let webhook = settings.webhook.clone().map(|address| Box::new(Webhook { address }) as Box<dyn Channel>);
        let post = |channel| Post { channel, memory: Mutex::default() };
        Ok(Self {
            posts: [slack, telegram, webhook].into_iter().flatten().map(post).collect(),
            secrets: Secrets::new(http.clone()),
            http,
            quiet: settings.quiet,
            in_alarm: Mutex::default(),
            clock,
        })
    }

    /// Waits so long, instead of ten seconds, for one answer.
    #[must_use]
    pub fn answer_within(mut self, patience: Duration) -> Self {
        self.http.patience = patience;
        self
    }

    /// What an event without records asks for: whether every channel's secret can be read and looks like one.
    async fn check(&self, attempts: &Attempts) -> Result<Value, Failure> {
        let checks = self.posts.iter().map(|Post { channel, .. }| async {
            let secret = self.secrets.get_again(channel.secret(), attempts).await?;
            channel.target(&secret).map(drop).map_err(Missed::Refused)
        });
        self.report(&join_all(checks).await, "ready").map(|()| json!({ "ready": self.posts.len() }))
    }

    /// Tells a channel what it has not been told.
    async fn tell(&self, post: &Post, notices: &[Notice], attempts: &Attempts) -> Result<(), Missed> {
        let channel = &*post.channel;
        let mut memory = post.memory.lock().await;
        let mut to_tell = Vec::new();
        for notice in notices {
            match memory.say(notice, attempts.now(), self.quiet) {
                Say::Tell => to_tell.push(notice.clone()),
                Say::TellLast(until) => to_tell.push(notice.clone().into_the_last_before(until)),
                Say::New => tracing::info!(channel = channel.name(), id = notice.id(), "a new alarm that is not on"),
                Say::Told => tracing::info!(channel = channel.name(), id = notice.id(), "told already"),
                Say::Quiet => {
                    tracing::info!(channel = channel.name(), id = notice.id(), "changes too often to be told")
                }
            }
        }
        let mut rest = to_tell.as_slice();
        for message in channel.messages(rest) {
            self.send(channel, &message, attempts).await?;
            let (told, later) = rest.split_at(message.notices);
            told.iter().for_each(|notice| memory.remember(notice, attempts.now()));
            rest = later;
        }
        Ok(())
    }

    /// Sends one message; if the channel refuses the secret, once more with what the secret is now.
    async fn send(&self, channel: &dyn Channel, message: &Message, attempts: &Attempts) -> Result<(), Missed> {
        let secret = self.secrets.get(channel.secret(), attempts).await?;
        match self.send_with(channel, &secret, message, attempts).await {
            Err(Missed::WrongSecret(problem)) => {
                let now = self.secrets.get_again(channel.secret(), attempts).await?;
                if now == secret {
                    return Err(Missed::WrongSecret(problem));
                }
                self.send_with(channel, &now, message, attempts).await
            }
            sent => sent,
        }
    }

    async fn send_with(
        &self,
        channel: &dyn Channel,
        secret: &str,
        message: &Message,
        attempts: &Attempts,
    ) -> Result<(), Missed> {
        let attempt = |patience| async move {
            let target = channel.target(secret).map_err(Missed::WrongSecret)?;
            let mut request = Request::builder()
                .method(Method::POST)
                .uri(target.uri)
                .header(CONTENT_TYPE, "application/json")
                .header(USER_AGENT, concat!("penstock/", env!("CARGO_PKG_VERSION")))
                .body(Full::new(message.body.clone()))
                .map_err(|error| Missed::Refused(format!("cannot be asked: {error}")))?;
            request.headers_mut().extend(target.headers);
            let answer = self.http.send(request, patience).await.map_err(Missed::later)?;
            channel.verdict(&answer)
        };
        attempts.until_done(attempt).await.map_err(|missed| missed.without(secret))
    }

    /// Fails if a channel did, with what each said.
    fn report(&self, outcomes: &[Result<(), Missed>], done: &str) -> Result<(), Failure> {
        let failed: Vec<Failure> = self
            .posts
            .iter()
            .zip(outcomes)
            .filter_map(|(post, outcome)| {
                let missed = outcome.as_ref().err()?.clone();
                Some(missed.about(&format!("{} ({}):", post.channel.name(), post.channel.setting())).into())
            })
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let kind =
            if failed.iter().any(|failure| failure.kind == Kind::Retry) { Kind::Retry } else { Kind::Misconfigured };
        let problems = failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let all = outcomes.len();
        Err(Failure { kind, message: format!("{} of {all} channels {done}. {problems}", all - failed.len()) })
    }
}
