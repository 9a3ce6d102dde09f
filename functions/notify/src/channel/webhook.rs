//! A webhook of one's own, which gets the notices as JSON.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use penstock_runtime::SecretPlace;
use serde_json::json;

use super::{Channel, Message, Target, missed};
use crate::attempts::Missed;
use crate::http::{Answer, address};
use crate::notice::Notice;

#[derive(Debug)]
pub(crate) struct Webhook {
    pub(crate) address: SecretPlace,
}

impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "the webhook"
    }

    fn setting(&self) -> &'static str {
        "PENSTOCK_NOTIFY_WEBHOOK"
    }

    fn secret(&self) -> &SecretPlace {
        &self.address
    }

    /// A program reads it: everything at once, and nothing cut.
    fn messages(&self, notices: &[Notice]) -> Vec<Message> {
        if notices.is_empty() {
            return Vec::new();
        }
        let body = json!({ "version": 1, "notices": notices });
        vec![Message { body: Bytes::from(body.to_string()), notices: notices.len() }]
    }

    /// Its address; each further line is a header.
    fn target(&self, secret: &str) -> Result<Target, String> {
        let mut lines = secret.lines().map(str::trim).filter(|line| !line.is_empty());
        let uri = address(lines.next().unwrap_or_default())?;
        let header = |line: &str| -> Option<(HeaderName, HeaderValue)> {
            let (name, value) = line.split_once(':')?;
            let mut value: HeaderValue = value.trim().parse().ok()?;
            value.set_sensitive(true);
            Some((name.trim().parse().ok()?, value))
        };
        let headers = lines.map(header).collect::<Option<_>>();
        let headers = headers.ok_or("a line after the address is no header, such as `Authorization: Bearer ...`")?;
        Ok(Target { uri, headers })
    }

    fn verdict(&self, answer: &Answer) -> Result<(), Missed> {
        if answer.status.is_success() {
            return Ok(());
        }
        let detail = match answer.status.canonical_reason() {
            _ if answer.status.is_redirection() => "moved: name the address that it moved to",
            reason => reason.unwrap_or("no reason"),
        };
        Err(missed(answer, None, detail))
    }
}
