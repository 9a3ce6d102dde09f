//! Notices as text, in the markup of whoever shows it, and never longer than it may be.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::notice::{Alarm, Notice, State, Text};

/// How a channel writes bold letters and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Markup {
    /// Slack's mrkdwn.
    Slack,
    /// What Telegram calls HTML.
    Telegram,
}

impl Markup {
    /// What stands for a letter that would be read as markup.
    const fn escaped(self, letter: char) -> Option<&'static str> {
        match letter {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            // It ends an address in a tag.
            '"' if matches!(self, Self::Telegram) => Some("&quot;"),
            _ => None,
        }
    }

    fn around(self, span: &Span) -> (String, &'static str) {
        match (span, self) {
            (Span::Plain(_), _) => (String::new(), ""),
            (Span::Bold(_), Self::Slack) => ("*".to_owned(), "*"),
            (Span::Bold(_), Self::Telegram) => ("<b>".to_owned(), "</b>"),
            // What would end an address is written as addresses write it.
            (Span::Link { url, .. }, Self::Slack) => {
                (format!("<{}|", self.text(&url.replace('|', "%7C").replace('>', "%3E").replace('<', "%3C"))), ">")
            }
            (Span::Link { url, .. }, Self::Telegram) => (format!("<a href=\"{}\">", self.text(url)), "</a>"),
        }
    }

    fn text(self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        for letter in text.chars() {
            match self.escaped(letter) {
                Some(instead) => escaped.push_str(instead),
                None => escaped.push(letter),
            }
        }
        escaped
    }
}

#[derive(Debug)]
enum Span {
    Plain(String),
    Bold(String),
    Link { url: String, label: &'static str },
}

impl Span {
    fn text(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Bold(text) => text,
            Self::Link { label, .. } => label,
        }
    }
}

/// What stands where something was left out.
const CUT: &str = " … (cut)";

/// One notice as text of at most `limit` units of UTF-16, which is how the strictest count; markup included.
pub(crate) fn text(notice: &Notice, markup: Markup, limit: usize) -> String {
    let lines = match notice {
        Notice::Alarm(alarm) => lines_of_alarm(alarm),
        Notice::Text(text) => lines_of_text(text),
    };
    let mut writer = Writer { markup, room: limit.saturating_sub(units(CUT)), text: String::new() };
    for (index, line) in lines.iter().enumerate() {
        let newline = (0 < index).then(|| Span::Plain("\n".to_owned()));
        if !newline.iter().chain(line).all(|span| writer.put(span)) {
            writer.text.push_str(CUT);
            break;
        }
    }
    writer.text
}

/// The length of a text in units of UTF-16.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

struct Writer {
    markup: Markup,
    room: usize,
    text: String,
}

impl Writer {
    /// Writes as much as there is room for, and says whether that was all. A link is written whole or not at all.
    fn put(&mut self, span: &Span) -> bool {
        let (before, after) = self.markup.around(span);
        let frame = units(&before) + units(after);
        let text = self.markup.text(span.text());
        if frame + units(&text) <= self.room {
            self.room -= frame + units(&text);
            self.text.extend([before.as_str(), &text, after]);
            return true;
        }
        if self.room <= frame || matches!(span, Span::Link { .. }) {
            return false;
        }
        self.room -= frame;
        self.text.push_str(&before);
        for letter in span.text().chars() {
            let letter = self.markup.text(letter.encode_utf8(&mut [0; 4]));
            if self.room < units(&letter) {
                break;
            }
            self.room -= units(&letter);
            self.text.push_str(&letter);
        }
        self.text.push_str(after);
        false
    }
}

fn lines_of_alarm(alarm: &Alarm) -> Vec<Vec<Span>> {
    let plain = |text: String| vec![Span::Plain(text)];
    let headline = match alarm.state {
        State::Alarm => "🔴 ALARM",
        State::Ok => "🟢 OK",
        State::InsufficientData => "⚪ NO DATA",
    };
    let mut lines = vec![vec![Span::Bold(format!("{headline}: {}", alarm.name))]];
    if alarm.state == State::Ok {
        lines.push(plain(match alarm.was_in_alarm_secs {
            Some(seconds) => format!("It is over; it was in alarm for {}.", duration(seconds)),
            None => "It is over.".to_owned(),
        }));
    } else if !alarm.meaning.is_empty() {
        lines.push(plain(alarm.meaning.clone()));
    }
    if let Some(since) = alarm.since {
        lines.push(plain(format!("Since {}.", moment(since))));
    }
    match (&alarm.value, &alarm.threshold, &alarm.measured) {
        (Some(value), Some(threshold), Some(measured)) => {
            lines.push(plain(format!("Value {value}, threshold {threshold}: {measured}.")));
        }
        (_, threshold, measured) => {
            if !alarm.reason.is_empty() {
                lines.push(plain(alarm.reason.clone()));
            }
            if let (Some(threshold), Some(measured)) = (threshold, measured) {
                lines.push(plain(format!("Threshold {threshold}: {measured}.")));
            }
        }
    }
    if let Some(until) = alarm.quiet_until {
        lines.push(plain(format!("It keeps changing: nothing more is said of it before {}.", moment(until))));
    }
    let links = [("Runbook", &alarm.runbook), ("Dashboard", &alarm.dashboard), ("Alarm", &alarm.console)];
    let mut line = Vec::new();
    for (label, url) in links {
        if let Some(url) = url {
            if !line.is_empty() {
                line.push(Span::Plain(" · ".to_owned()));
            }
            line.push(Span::Link { url: url.clone(), label });
        }
    }
    if !alarm.account.is_empty() {
        line.push(Span::Plain(format!(" (account {}, {})", alarm.account, alarm.region)));
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

fn lines_of_text(text: &Text) -> Vec<Vec<Span>> {
    let subject = text.subject.clone().unwrap_or_else(|| "A message".to_owned());
    [Span::Bold(subject), Span::Plain(text.note.to_owned()), Span::Plain(text.text.clone())]
        .into_iter()
        .map(|span| vec![span])
        .collect()
}

/// `2026-11-21 12:01:30 UTC`
pub(crate) fn moment(time: Timestamp) -> String {
    format!("{} UTC", time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S"))
}

fn duration(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
