//! Where messages go: what a channel is asked, and what its answers mean.

mod slack;
mod telegram;
mod webhook;

use std::fmt::Debug;

use bytes::Bytes;
use hyper::Uri;
use hyper::header::{HeaderName, HeaderValue};
use penstock_runtime::SecretPlace;

use crate::attempts::Missed;
use crate::http::Answer;
use crate::markup::{self, Markup, units};
use crate::notice::Notice;

pub(crate) use slack::Slack;
pub(crate) use telegram::Telegram;
pub(crate) use webhook::Webhook;

pub(crate) trait Channel: Debug + Send + Sync {
    /// As people call it.
    fn name(&self) -> &'static str;

    /// The setting that says where its secret is kept.
    fn setting(&self) -> &'static str;

    fn secret(&self) -> &SecretPlace;

    /// The notices as few messages, in their order.
    fn messages(&self, notices: &[Notice]) -> Vec<Message>;

    /// Where a message goes.
    ///
    /// # Errors
    /// The secret is not what it should be. The problem does not show it.
    fn target(&self, secret: &str) -> Result<Target, String>;

    /// What an answer means.
    fn verdict(&self, answer: &Answer) -> Result<(), Missed>;
}

/// One request, whatever its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) body: Bytes,
    /// How many notices it tells.
    pub(crate) notices: usize,
}

#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Target {
    const fn of(uri: Uri) -> Self {
        Self { uri, headers: Vec::new() }
    }
}

/// Notices as texts of at most `limit` units, each with the number of notices in it: several share one while they fit.
fn pages(notices: &[Notice], markup: Markup, limit: usize) -> Vec<(String, usize)> {
    const BETWEEN: &str = "\n\n";
    let mut pages: Vec<(String, usize)> = Vec::new();
    for notice in notices {
        let text = markup::text(notice, markup, limit);
        match pages.last_mut() {
            Some((page, count)) if units(page) + units(BETWEEN) + units(&text) <= limit => {
                page.push_str(BETWEEN);
                page.push_str(&text);
                *count += 1;
            }
            _ => pages.push((text, 1)),
        }
    }
    pages
}

/// What all channels mean by a status that is no success.
fn missed(answer: &Answer, wait: Option<std::time::Duration>, detail: &str) -> Missed {
    let status = answer.status.as_u16();
    let problem = format!("answered {status} ({})", shortened(detail));
    match status {
        408 | 425 | 429 | 500.. => Missed::Later { wait: wait.or_else(|| answer.retry_after()), problem },
        401 | 403 | 404 => Missed::WrongSecret(problem),
        _ => Missed::Refused(problem),
    }
}

/// The beginning of a text that may be long, on one line.
fn shortened(text: &str) -> String {
    text.trim().chars().take(200).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::Text;

    #[test]
    fn notices_share_a_message_while_they_fit() {
        let notice = |length: usize| {
            Notice::Text(Text { id: String::new(), note: "", subject: Some(String::new()), text: "x".repeat(length) })
        };
        let check = |lengths: &[usize], expect: &[usize]| {
            let notices: Vec<Notice> = lengths.iter().map(|length| notice(*length)).collect();
            let pages = pages(&notices, Markup::Telegram, 100);
            assert!(pages.iter().all(|(page, _)| units(page) <= 100), "{pages:?}");
            assert_eq!(pages.iter().map(|(_, count)| *count).collect::<Vec<_>>(), expect, "{lengths:?}");
        };
        check(&[], &[]);
        check(&[10, 10, 10], &[3]);
        check(&[60, 60, 10], &[1, 2]);
        check(&[1000, 10], &[1, 1]);
    }
}
