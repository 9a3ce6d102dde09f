//! The usual record, read in one go.
//!
//! Nearly all records of a topic look alike: one flat object with the dataset's keys in the dataset's order, no white
//! space, no escapes, plain numbers. Exactly these are read here, with nothing but a place in the text to keep track of.
//! Whatever else stands there, anything wrong above all, is left to the full parser: it alone rejects,
//! and on what both of them read they agree.

use super::{Column, Plan, TypedColumns, Values};
use crate::json::{plain_number, plain_string};
use crate::parse::plan::{Field, Target};
use crate::{time, uuid};

/// As many bytes, of any kind, should stand behind a value: then steps of several bytes need not care for its end.
/// A value that ends closer to the end of the text may be left to the full parser.
pub(in crate::parse) const PADDING: usize = 32;

impl TypedColumns<'_> {
    /// Reads the value that the first `length` bytes of `text` hold, into a row.
    /// False: nothing has been read, and the full parser must say what it is.
    pub(super) fn parse_usual(&mut self, plan: &Plan, row: usize, text: &[u8], length: usize) -> bool {
        // With nested objects the dataset's order is not that of the text.
        let [object] = plan.objects.as_slice() else { return false };
        // The end of the value need not be looked at before: what is read goes forward, and must end exactly there.
        let read = self.usual_object(&object.fields, row, text) == Some(length) && self.check_row(row).is_ok();
        if !read {
            self.columns.iter_mut().for_each(|column| column.take_back(row));
        }
        read
    }

    /// Reads the object at the start of a text, and returns where it ends.
    #[inline]
    fn usual_object(&mut self, fields: &[Field], row: usize, text: &[u8]) -> Option<usize> {
        let (mut at, mut before_key) = (0, b'{');
        for field in fields {
            if *text.get(at)? != before_key {
                break;
            }
            // A column that is absent, or a key that is none of the dataset's: then no other field takes it either.
            if !field.key.starts(text.get(at + 1..)?) {
                continue;
            }
            let Target::Column(column) = field.target else { return None };
            at = usual_value(&mut self.columns[column], row, text, at + 1 + field.key.text.len())?;
            before_key = b',';
        }
        (*text.get(at)? == b'}').then_some(at + 1)
    }
}

/// Reads the value at `start` into a row of its column, and returns where it ends.
#[inline]
fn usual_value(column: &mut Column, row: usize, text: &[u8], start: usize) -> Option<usize> {
    let end = match (&mut column.values, *text.get(start)?) {
        (_, b'n') => return text[start..].starts_with(b"null").then_some(start + 4),
        (Values::Uuid(ids), b'"') => {
            let end = start + 1 + uuid::TEXT_BYTES;
            ids[row] = uuid::parse(text.get(start + 1..end)?)?;
            (*text.get(end)? == b'"').then_some(end + 1)?
        }
        (Values::String(strings), b'"') => {
            let string = plain_string(text, start)?;
            strings.set(row, string);
            start + string.len() + 2
        }
        (Values::Timestamp(times), b'"') => {
            let string = plain_string(text, start)?;
            times[row] = time::parse(string)?;
            start + string.len() + 2
        }
        (Values::Timestamp(times), _) => {
            let (number, end) = plain_number(text, start)?;
            times[row] = time::from_epoch_millis(number.integer().ok()?)?;
            end
        }
        (Values::Int(values), _) => {
            let (number, end) = plain_number(text, start)?;
            values[row] = number.integer().ok()?;
            end
        }
        (Values::Double(values), _) => {
            let (number, end) = plain_number(text, start)?;
            values[row] = number.double()?;
            end
        }
        (Values::Bool(bits), b't') if text[start..].starts_with(b"true") => {
            bits.set(row);
            start + 4
        }
        (Values::Bool(_), b'f') if text[start..].starts_with(b"false") => start + 5,
        _ => return None,
    };
    column.set_valid(row);
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use proptest::prelude::*;

    /// 2026-11-21T12:00:00Z, when everything here arrives.
    const ARRIVAL: i64 = 1_795_262_400_000_000;

    const USUAL: [&str; 4] = [
        r#"{"event_id":"01234567-89ab-cdef-0123-456789abcdef","device_id":"device-1","device_type":"light","event_time":"2026-11-21T11:59:58.5Z","event_duration":12.5,"value":-21.25,"unit":"lux","site":"oslo","firmware":"1.5.0","battery":7,"status":"ok"}"#,
        r#"{"event_id":"01234567-89AB-cdef-0123-456789abcdef","device_id":"ä","device_type":"","event_time":1795262390000,"event_duration":0,"value":null,"unit":"a string of more than sixteen bytes","battery":-0}"#,
        r#"{"event_id":"01234567-89ab-cdef-0123-456789abcdef","device_id":"device-1","device_type":"light","event_time":"2026-11-21T13:59:58+02:00","event_duration":-0.0}"#,
        r#"{"event_id":"01234567-89ab-cdef-0123-456789abcdef","device_id":"device-1","device_type":"light","event_time":1795262390000,"event_duration":123456789012345}"#,
    ];

    /// A value between others, as the batch holds it: first by both parsers, then by the full one alone.
    fn check(value: &str, expect_usual: Option<bool>) {
        let dataset = Dataset::shipped("iot").unwrap();
        let plan = Plan::new(&dataset);
        let columns = || TypedColumns::new(&dataset, &plan, 1, ARRIVAL);
        let padded = format!("{value}{}", USUAL[0]);
        let mut usual = columns();
        let is_usual = usual.parse_usual(&plan, 0, padded.as_bytes(), value.len());
        assert!(expect_usual.is_none_or(|expect| expect == is_usual), "{value}");
        let mut full = columns();
        let parsed = full.parse_any(&plan, 0, value.as_bytes());
        if is_usual {
            parsed.unwrap_or_else(|reject| panic!("{value}: {reject:?}"));
        } else {
            // What the attempt left behind must not show.
            let _ = usual.parse_any(&plan, 0, value.as_bytes());
        }
        assert_eq!(usual.finish(1).unwrap(), full.finish(1).unwrap(), "{value}");
    }

    #[test]
    fn what_is_usual() {
        for value in USUAL {
            check(value, Some(true));
        }
    }

    #[test]
    fn what_is_left_to_the_full_parser() {
        let [first, ..] = USUAL;
        check("{}", Some(false));
        check("", Some(false));
        check("null", Some(false));
        for (part, other) in [
            ("{", "{ "),
            ("}", " }"),
            ("}", "}}"),
            ("}", ",}"),
            ("}", ""),
            ("}", r#","status":"ok"}"#),
            ("}", r#","new":1}"#),
            (r#""site""#, r#""Site""#),
            (r#""unit":"lux","site":"oslo""#, r#""site":"oslo","unit":"lux""#),
            ("oslo", "os\\u006co"),
            ("oslo", "os\nlo"),
            ("cdef\"", "cdeg\""),
            ("cdef\"", "cdef0\""),
            ("12.5", "1.25e1"),
            ("12.5", "012.5"),
            ("12.5", "12."),
            ("12.5", ".5"),
            ("12.5", "-"),
            ("12.5", "12.5.5"),
            ("12.5", "\"12.5\""),
            ("12.5", "1234567890123456"),
            (":7", ":7.5"),
            (":7", ":true"),
            ("null", "nul"),
            ("2026-11-21T11:59:58.5Z", "2026-02-30T11:59:58.5Z"),
            ("2026-11-21T11:59:58.5Z", "2025-11-21T11:59:58.5Z"),
            (r#""device_id":"device-1","#, ""),
            (r#""device-1""#, "null"),
        ] {
            let value = first.replacen(part, other, 1);
            check(&value, if value == first { None } else { Some(false) });
        }
    }

    proptest! {
        /// One change anywhere, and both parsers still make the same of it.
        #[test]
        fn the_full_parser_agrees(
            usual in 0..USUAL.len(),
            at in any::<proptest::sample::Index>(),
            cut in 0..4_usize,
            put in r#"[-0-9.eE+{}",:\\ nullA-Fa-f\x00ä]{0,4}"#,
        ) {
            let text: Vec<char> = USUAL[usual].chars().collect();
            let start = at.index(text.len());
            let end = (start + cut).min(text.len());
            let changed: String = text[..start].iter().copied().chain(put.chars()).chain(text[end..].iter().copied()).collect();
            check(&changed, None);
        }
    }
}
