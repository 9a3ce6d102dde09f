//! An incoming webhook of Slack. Its address is its secret.
//!
//! Source: Slack's documentation, "Sending messages using incoming webhooks", "Rate limits", "Formatting message text".

use bytes::Bytes;
use penstock_runtime::SecretPlace;
use serde_json::json;

use super::{Channel, Message, Target, missed, pages};
use crate::attempts::Missed;
use crate::http::{Answer, address};
use crate::markup::Markup;
use crate::notice::Notice;

/// What Slack recommends; it cuts off at 40,000.
const LIMIT: usize = 4000;

#[derive(Debug)]
pub(crate) struct Slack {
    pub(crate) webhook: SecretPlace,
}

impl Channel for Slack {
    fn name(&self) -> &'static str {
        "Slack"
    }

    fn setting(&self) -> &'static str {
        "PENSTOCK_NOTIFY_SLACK"
    }

    fn secret(&self) -> &SecretPlace {
        &self.webhook
    }

    fn messages(&self, notices: &[Notice]) -> Vec<Message> {
        let pages = pages(notices, Markup::Slack, LIMIT).into_iter();
        let message = |(text, notices)| Message {
            body: Bytes::from(json!({ "text": text, "unfurl_links": false }).to_string()),
            notices,
        };
        pages.map(message).collect()
    }

    fn target(&self, secret: &str) -> Result<Target, String> {
        address(secret).map(Target::of)
    }

    /// Errors are a word: `no_service`, `invalid_token`, `channel_is_archived`.
    fn verdict(&self, answer: &Answer) -> Result<(), Missed> {
        if answer.status.is_success() { Ok(()) } else { Err(missed(answer, None, &answer.body)) }
    }
}
