//! A Telegram bot that writes to one chat. Its token is its secret.
//!
//! Source: Telegram's documentation, "Bot API": "Making requests", "sendMessage", "HTML style".

use std::time::Duration;

use bytes::Bytes;
use penstock_runtime::{SecretPlace, TelegramSettings};
use serde::Deserialize;
use serde_json::json;

use super::{Channel, Message, Target, missed, pages};
use crate::attempts::Missed;
use crate::http::{Answer, address};
use crate::markup::Markup;
use crate::notice::Notice;

/// Longer texts are refused. It counts them without their markup, so this is on the safe side.
const LIMIT: usize = 4096;

#[derive(Debug)]
pub(crate) struct Telegram(pub(crate) TelegramSettings);

/// As far as it matters of an answer that is no success.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    /// The group has become a supergroup, which has another number.
    migrate_to_chat_id: Option<i64>,
}

impl Channel for Telegram {
    fn name(&self) -> &'static str {
        "Telegram"
    }

    fn setting(&self) -> &'static str {
        "PENSTOCK_NOTIFY_TELEGRAM"
    }

    fn secret(&self) -> &SecretPlace {
        &self.0.token
    }

    fn messages(&self, notices: &[Notice]) -> Vec<Message> {
        let pages = pages(notices, Markup::Telegram, LIMIT).into_iter();
        let message = |(text, notices)| {
            let body = json!({
                "chat_id": self.0.chat, "text": text, "parse_mode": "HTML", "link_preview_options": { "is_disabled": true },
            });
            Message { body: Bytes::from(body.to_string()), notices }
        };
        pages.map(message).collect()
    }

    fn target(&self, secret: &str) -> Result<Target, String> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-');
        if !secret.bytes().all(is_token) {
            return Err("it is no token, as @BotFather gives them (123456:ABC-DEF)".to_owned());
        }
        address(&format!("{}/bot{secret}/sendMessage", self.0.api)).map(Target::of)
    }

    fn verdict(&self, answer: &Answer) -> Result<(), Missed> {
        if answer.status.is_success() {
            return Ok(());
        }
        let Problem { mut description, parameters } = serde_json::from_str(&answer.body).unwrap_or_default();
        if let Some(chat) = parameters.migrate_to_chat_id {
            description.push_str(&format!("; set PENSTOCK_NOTIFY_TELEGRAM_CHAT to {chat}"));
        }
        Err(missed(answer, parameters.retry_after.map(Duration::from_secs), &description))
    }
}
