//! The settings of `notify`: which channels get alarms, and where their secrets are kept.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{FunctionSettings, LOG, Reader, SettingsError, Variable, variables};

variables! {
    /// Every setting of `notify`, in the order of the documentation, besides `PENSTOCK_LOG`.
    NOTIFY_VARIABLES:
    SLACK = "PENSTOCK_NOTIFY_SLACK", Some("none"), "Where the address of an incoming webhook of Slack is kept: `ssm:NAME`, `secretsmanager:NAME` (or its ARN), `file:PATH`, `env:NAME`, or `none`.";
    TELEGRAM = "PENSTOCK_NOTIFY_TELEGRAM", Some("none"), "Where the token of a Telegram bot is kept; as above.";
    TELEGRAM_CHAT = "PENSTOCK_NOTIFY_TELEGRAM_CHAT", Some("none"), "The chat that the bot writes to: its number, or `@name` of a channel.";
    TELEGRAM_API = "PENSTOCK_NOTIFY_TELEGRAM_API", Some("https://api.telegram.org"), "Where the Bot API is, for those who run a server of their own.";
    WEBHOOK = "PENSTOCK_NOTIFY_WEBHOOK", Some("none"), "Where the address of a webhook of yours is kept, as above; it gets JSON. Each further line of the secret is a header, such as `Authorization: Bearer ...`.";
    QUIET_MINUTES = "PENSTOCK_NOTIFY_QUIET_MINUTES", Some("15"), "Within so many minutes an alarm is not told twice in one state, and of one that keeps changing only four changes are.";
}

/// What stands for "no such channel".
const NONE: &str = "none";

/// Whom `notify` tells, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifySettings {
    pub slack: Option<SecretPlace>,
    pub telegram: Option<TelegramSettings>,
    pub webhook: Option<SecretPlace>,
    pub quiet: Duration,
    pub log: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelegramSettings {
    pub token: SecretPlace,
    pub chat: String,
    /// Without a slash at its end.
    pub api: String,
}

/// Where a secret is kept. The secret itself is no setting: whoever may read a function's settings may not read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretPlace {
    /// A parameter of SSM's Parameter Store.
    Parameter(String),
    /// A secret of Secrets Manager, by its name or ARN.
    Secret(String),
    File(String),
    /// Another environment variable.
    Variable(String),
}

impl FromStr for SecretPlace {
    type Err = String;

    /// `ssm:NAME`, `secretsmanager:NAME`, `file:PATH` or `env:NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        // What is set may be the secret itself, by mistake: it is not shown.
        let unknown = || {
            "it must say where the secret is kept, and not be the secret: \
             write ssm:NAME, secretsmanager:NAME, file:PATH, env:NAME or none"
                .to_owned()
        };
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(unknown)?;
        let name = name.to_owned();
        match kind {
            "ssm" => Ok(Self::Parameter(name)),
            "secretsmanager" => Ok(Self::Secret(name)),
            "file" => Ok(Self::File(name)),
            "env" => Ok(Self::Variable(name)),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for SecretPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameter(name) => write!(f, "ssm:{name}"),
            Self::Secret(name) => write!(f, "secretsmanager:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::Variable(name) => write!(f, "env:{name}"),
        }
    }
}

impl FunctionSettings for NotifySettings {
    fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Reader::new(get).finish(Reader::notify)
    }

    fn log(&self) -> &str {
        &self.log
    }

    fn dataset(&self) -> &str {
        ""
    }
}

impl<G: Fn(&str) -> Option<String>> Reader<G> {
    fn notify(&mut self) -> Option<NotifySettings> {
        let slack = self.optional(SLACK, str::parse);
        let telegram = self.telegram();
        let webhook = self.optional(WEBHOOK, str::parse);
        let minutes: Option<u32> = self.number(QUIET_MINUTES);
        let log = self.text(LOG);
        let quiet = Duration::from_secs(u64::from(minutes?) * 60);
        let settings = NotifySettings { slack: slack?, telegram: telegram?, webhook: webhook?, quiet, log: log? };
        if settings.slack.is_none() && settings.telegram.is_none() && settings.webhook.is_none() {
            self.problems.push(format!("nobody is told: set {}, {} or {}", SLACK.name, TELEGRAM.name, WEBHOOK.name));
        }
        Some(settings)
    }

    fn telegram(&mut self) -> Option<Option<TelegramSettings>> {
        let token = self.optional(TELEGRAM, str::parse);
        let chat = self.optional(TELEGRAM_CHAT, |text| Ok(text.to_owned()));
        let api = self.parsed(TELEGRAM_API, |text| Ok::<_, String>(text.trim_end_matches('/').to_owned()));
        match (token?, chat?) {
            (None, None) => Some(None),
            (Some(token), Some(chat)) => Some(Some(TelegramSettings { token, chat, api: api? })),
            (Some(_), None) => {
                self.problems.push(format!("{} is not set ({})", TELEGRAM_CHAT.name, TELEGRAM_CHAT.about));
                None
            }
            (None, Some(_)) => {
                self.problems.push(format!("{} is set, but not {}", TELEGRAM_CHAT.name, TELEGRAM.name));
                None
            }
        }
    }

    /// `Some(None)` for a channel that is not wanted.
    fn optional<T>(&mut self, variable: Variable, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<Option<T>> {
        self.parsed(variable, |text| if text == NONE { Ok(None) } else { parse(text).map(Some) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<NotifySettings, SettingsError> {
        NotifySettings::read(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn places_of_secrets_round_trip() {
        for text in ["ssm:/penstock/slack", "secretsmanager:arn:aws:secretsmanager:eu:1:secret:s", "file:/s", "env:S"] {
            assert_eq!(text.parse::<SecretPlace>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_secret_that_stands_where_its_place_belongs_is_not_shown() {
        let error = read(&[("PENSTOCK_NOTIFY_SLACK", "https://hooks.slack.com/services/T0/B0/hush")]).unwrap_err();
        assert!(error.0[0].starts_with("PENSTOCK_NOTIFY_SLACK: it must say where"), "{error}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let check = |set: &[(&str, &str)], expect: &str| {
            let error = read(set).unwrap_err().to_string();
            assert!(error.contains(expect), "{error}");
        };
        check(&[], "nobody is told: set PENSTOCK_NOTIFY_SLACK");
        check(&[("PENSTOCK_NOTIFY_TELEGRAM", "env:T")], "PENSTOCK_NOTIFY_TELEGRAM_CHAT is not set");
        check(&[("PENSTOCK_NOTIFY_TELEGRAM_CHAT", "1")], "is set, but not PENSTOCK_NOTIFY_TELEGRAM");
        check(&[("PENSTOCK_NOTIFY_WEBHOOK", "ssm:")], "PENSTOCK_NOTIFY_WEBHOOK: it must say where");
        check(&[("PENSTOCK_NOTIFY_QUIET_MINUTES", "-1")], "no number in range");
    }

    #[test]
    fn channels_are_chosen_one_by_one() {
        let settings = read(&[
            ("PENSTOCK_NOTIFY_TELEGRAM", "ssm:/bot"),
            ("PENSTOCK_NOTIFY_TELEGRAM_CHAT", "-100123"),
            ("PENSTOCK_NOTIFY_TELEGRAM_API", "http://127.0.0.1:1/"),
        ])
        .unwrap();
        assert_eq!((settings.slack, settings.webhook), (None, None));
        let telegram = settings.telegram.unwrap();
        assert_eq!((telegram.chat.as_str(), telegram.api.as_str()), ("-100123", "http://127.0.0.1:1"));
    }
}
