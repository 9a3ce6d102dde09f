//! One record's value to one row of the dataset's columns.

mod derived;
mod place;
mod usual;

use std::borrow::Cow;

use arrow_array::ArrayRef;
use arrow_schema::ArrowError;
use hashbrown::HashSet;

use super::columns::{Bytes, Column, Values};
use super::plan::{Field, Object, Plan, Target};
use crate::dataset::{self, Dataset, Derive, DuplicateKeys};
use crate::json::{Fault, Kind, Problem, Scanner, Text};
use crate::reject::{Reason, Reject, quote};
use crate::time::{self, MICROS_PER_DAY, MICROS_PER_SECOND};
use crate::uuid;

use place::Place;
pub(super) use usual::PADDING;

/// The rare way out of the hot path is boxed, so that results stay in registers.
type Parsed<T> = Result<T, Box<Reject>>;

/// How many of the expected keys are tried before the key is looked up by its name: optional ones may be absent.
const KEYS_TRIED: usize = 3;

/// The dataset's columns and `extra` under construction.
#[derive(Debug)]
pub(super) struct TypedColumns<'d> {
    dataset: &'d Dataset,
    columns: Vec<Column>,
    /// Indices of the columns that every value must have.
    required: Vec<usize>,
    /// The columns that are in no value, but follow from it, and how.
    derived: Vec<(usize, Derive)>,
    extra: Bytes,
    /// For each field of the plan the last row that had it, plus one.
    seen: Vec<usize>,
    /// Event times outside this half-open range are too old or in the future.
    earliest: i64,
    end: i64,
}

/// What is known while one record is read.
struct Walk<'a> {
    plan: &'a Plan,
    scanner: Scanner<'a>,
    row: usize,
    /// The unknown keys so far, each with its object in the plan.
    unknown: Option<HashSet<(usize, Cow<'a, [u8]>)>>,
}

enum Key<'a> {
    Known(&'a Field),
    Unknown(Text<'a>),
}

impl<'a> Walk<'a> {
    /// The first key of an object that has one, and its colon.
    #[inline]
    fn first_key(&mut self, object: &'a Object, expected: &mut usize) -> Parsed<Key<'a>> {
        match object.fields.first() {
            Some(field) if self.scanner.take_literal(&field.key) => {
                *expected = 1;
                Ok(Key::Known(field))
            }
            _ => self.any_key(object, expected),
        }
    }

    /// The comma, the next key and its colon; `None` at the object's end.
    /// Producers write keys in one order and without white space: what comes after the last one is tried first.
    #[inline]
    fn next_key(&mut self, object: &'a Object, expected: &mut usize) -> Parsed<Option<Key<'a>>> {
        let tried = if self.scanner.at_brace() { 0 } else { KEYS_TRIED };
        for (index, field) in object.fields.iter().enumerate().skip(*expected).take(tried) {
            if self.scanner.take_literal(&field.comma_key) {
                *expected = index + 1;
                return Ok(Some(Key::Known(field)));
            }
        }
        if self.scanner.next_member()? { self.any_key(object, expected).map(Some) } else { Ok(None) }
    }

    /// A key looked up by its name, and its colon.
    fn any_key(&mut self, object: &'a Object, expected: &mut usize) -> Parsed<Key<'a>> {
        let key = self.scanner.key()?;
        let found = object.find(&key.unescape());
        if let Some(index) = found {
            *expected = index + 1;
        }
        Ok(found.map_or(Key::Unknown(key), |index| Key::Known(&object.fields[index])))
    }
}

impl<'d> TypedColumns<'d> {
    pub(super) fn new(dataset: &'d Dataset, plan: &Plan, rows: usize, ingested_at: i64) -> Self {
        let past = dataset.limits.max_past_days.saturating_mul(MICROS_PER_DAY);
        let future = dataset.limits.max_future_secs.saturating_mul(MICROS_PER_SECOND);
        Self {
            dataset,
            columns: dataset.columns.iter().map(|column| Column::new(column.kind, rows)).collect(),
            required: indices(dataset, |column| column.required && column.derive.is_none()),
            derived: derived::of(dataset),
            extra: Bytes::new(rows),
            seen: vec![0; plan.slots],
            earliest: ingested_at.saturating_sub(past),
            end: ingested_at.saturating_add(future).saturating_add(1),
        }
    }

    /// Reads a value, which is UTF-8 and the first `length` bytes of `text`, into a row. Rows come in ascending order.
    /// What stands behind it changes nothing, but should be there: see [`PADDING`].
    ///
    /// # Errors
    /// The first thing wrong with the value, from left to right. The row is null in every column then.
    pub(super) fn parse(&mut self, plan: &Plan, row: usize, text: &[u8], length: usize) -> Parsed<()> {
        let value = &text[..length];
        if !self.parse_usual(plan, row, text, length) {
            self.parse_any(plan, row, value)?;
        }
        self.derive(row, value);
        Ok(())
    }

    /// Reads a value of any form.
    fn parse_any(&mut self, plan: &Plan, row: usize, value: &[u8]) -> Parsed<()> {
        let extra_start = self.extra.bytes.len();
        let mut walk = Walk { plan, scanner: Scanner::new(value), row, unknown: None };
        let parsed = self.root(&mut walk).and_then(|()| self.check_row(row));
        match parsed {
            Ok(()) => {
                if extra_start < self.extra.bytes.len() {
                    self.extra.close(row);
                }
                Ok(())
            }
            Err(mut reject) => {
                self.extra.bytes.truncate(extra_start);
                self.columns.iter_mut().for_each(|column| column.take_back(row));
                if reject.reason == Reason::TooDeep {
                    reject.detail.push_str(&format!(": the dataset allows {} levels", self.dataset.limits.max_depth));
                }
                Err(reject)
            }
        }
    }

    /// The arrays of the dataset's columns, in its order, and then that of `extra`.
    pub(super) fn finish(self, rows: usize) -> Result<Vec<ArrayRef>, ArrowError> {
        let columns = self.columns.into_iter().map(|column| column.finish(rows));
        columns.chain([self.extra.finish_utf8(rows)]).collect()
    }

    fn root(&mut self, walk: &mut Walk<'_>) -> Parsed<()> {
        let kind = walk.scanner.kind()?;
        if kind != Kind::Object {
            // A text that is no JSON at all should be called that.
            walk.scanner.skip(self.dataset.limits.max_depth)?;
            walk.scanner.finish()?;
            return Err(reject(Reason::WrongType, format!("the value is {}, expected an object", kind.name())));
        }
        let start = self.extra.bytes.len();
        self.extra.bytes.push(b'{');
        self.object(walk, 0, 1)?;
        self.close_extra(start, start + 1);
        Ok(walk.scanner.finish()?)
    }

    /// The members of an object of the plan. `depth` counts this object.
    fn object(&mut self, walk: &mut Walk<'_>, object: usize, depth: usize) -> Parsed<()> {
        if depth > self.dataset.limits.max_depth {
            return Ok(walk.scanner.fault(Problem::TooDeep)?);
        }
        if !walk.scanner.enter_object()? {
            return Ok(());
        }
        let fields = &walk.plan.objects[object];
        let mut expected = 0;
        let mut key = Some(walk.first_key(fields, &mut expected)?);
        while let Some(found) = key {
            match found {
                Key::Known(field) => self.known(walk, field, depth)?,
                Key::Unknown(name) => self.unknown(walk, object, name, depth)?,
            }
            key = walk.next_key(fields, &mut expected)?;
        }
        Ok(())
    }

    #[inline]
    fn known(&mut self, walk: &mut Walk<'_>, field: &Field, depth: usize) -> Parsed<()> {
        let seen = std::mem::replace(&mut self.seen[field.slot], walk.row + 1);
        match field.target {
            _ if seen == walk.row + 1 => self.repeated(walk, &field.name, depth),
            Target::Column(column) => self.store(walk, column),
            Target::Object(child) => self.nested(walk, field, child, depth),
        }
    }

    fn repeated(&self, walk: &mut Walk<'_>, name: &[u8], depth: usize) -> Parsed<()> {
        match self.dataset.limits.duplicate_keys {
            DuplicateKeys::Reject => {
                let detail =
                    format!("the key {} stands there twice, again before byte {}", quote(name), walk.scanner.at());
                Err(reject(Reason::DuplicateKey, detail))
            }
            DuplicateKeys::First => {
                walk.scanner.skip(self.depth_left(depth))?;
                Ok(())
            }
        }
    }

    fn depth_left(&self, depth: usize) -> usize {
        self.dataset.limits.max_depth.saturating_sub(depth)
    }

    /// An object that holds columns. What is unknown in it keeps its nesting in `extra`.
    fn nested(&mut self, walk: &mut Walk<'_>, field: &Field, child: usize, depth: usize) -> Parsed<()> {
        let kind = walk.scanner.kind()?;
        match kind {
            Kind::Null => Ok(walk.scanner.null()?),
            Kind::Object => {
                let start = self.extra.bytes.len();
                self.open_extra(&field.key.text);
                self.extra.bytes.push(b'{');
                let open = self.extra.bytes.len();
                self.object(walk, child, depth + 1)?;
                self.close_extra(start, open);
                Ok(())
            }
            _ => {
                let (key, at) = (quote(&field.name), walk.scanner.at());
                Err(reject(
                    Reason::WrongType,
                    format!("the key {key} holds {} at byte {at}, expected an object", kind.name()),
                ))
            }
        }
    }

    /// A field that is no column: it goes to `extra` as it stands in the text.
    #[cold]
    fn unknown<'a>(&mut self, walk: &mut Walk<'a>, object: usize, key: Text<'a>, depth: usize) -> Parsed<()> {
        if !walk.unknown.get_or_insert_default().insert((object, key.unescape())) {
            return self.repeated(walk, &key.unescape(), depth);
        }
        let value = walk.scanner.skip(self.depth_left(depth))?;
        self.open_extra(&[b"\"", key.raw, b"\":"].concat());
        self.extra.bytes.extend_from_slice(value);
        Ok(())
    }

    /// Begins a member of the object that `extra` is in.
    fn open_extra(&mut self, key_and_colon: &[u8]) {
        let extra = &mut self.extra.bytes;
        if extra.last() != Some(&b'{') {
            extra.push(b',');
        }
        extra.extend_from_slice(key_and_colon);
    }

    /// Ends the object whose members begin at `open`; without members it goes, back to `start`.
    fn close_extra(&mut self, start: usize, open: usize) {
        if self.extra.bytes.len() == open {
            self.extra.bytes.truncate(start);
        } else {
            self.extra.bytes.push(b'}');
        }
    }

    /// A column's value.
    #[inline]
    fn store(&mut self, walk: &mut Walk<'_>, index: usize) -> Parsed<()> {
        let (scanner, row) = (&mut walk.scanner, walk.row);
        let kind = scanner.kind()?;
        let place = Place { column: &self.dataset.columns[index].name, at: scanner.at() };
        let column = &mut self.columns[index];
        match (&mut column.values, kind) {
            (_, Kind::Null) => return Ok(scanner.null()?),
            (Values::Uuid(ids), Kind::String) => {
                let text = scanner.string()?.unescape();
                ids[row] = uuid::parse(&text).ok_or_else(|| place.wrong_text("a UUID", &text))?;
            }
            (Values::String(strings), Kind::String) => drop(strings.set(row, &scanner.string()?.unescape())),
            (Values::Int(values), Kind::Number) => values[row] = place.integer(&scanner.number()?)?,
            (Values::Double(values), Kind::Number) => {
                let number = scanner.number()?;
                values[row] = number.double().ok_or_else(|| place.out_of_range("a double", number.text))?;
            }
            (Values::Bool(bits), Kind::Bool) => bits.put(row, scanner.bool()?),
            (Values::Timestamp(times), Kind::String) => {
                let text = scanner.string()?.unescape();
                times[row] = time::parse(&text).ok_or_else(|| place.unreadable(&text))?;
            }
            (Values::Timestamp(times), Kind::Number) => {
                let number = scanner.number()?;
                let millis = number.integer().ok().and_then(time::from_epoch_millis);
                times[row] = millis.ok_or_else(|| place.unreadable(number.text))?;
            }
            (values, kind) => return Err(place.wrong_type(values.expected(), kind)),
        }
        column.set_valid(row);
        Ok(())
    }

    /// What can only be said once the whole value has been read.
    fn check_row(&self, row: usize) -> Parsed<()> {
        if let Some(&absent) = self.required.iter().find(|&&index| !self.columns[index].is_valid(row)) {
            let detail = format!("the required column `{}` is absent or null", self.dataset.columns[absent].name);
            return Err(reject(Reason::RequiredAbsent, detail));
        }
        let index = self.dataset.event_time;
        match &self.columns[index].values {
            Values::Timestamp(times) => self.check_event_time(&self.dataset.columns[index].name, times[row]),
            _ => Ok(()),
        }
    }

    fn check_event_time(&self, column: &str, event_time: i64) -> Parsed<()> {
        let limits = &self.dataset.limits;
        if event_time < self.earliest {
            let detail = format!(
                "column `{column}`: {} is more than {} days before its arrival",
                time::rfc3339(event_time),
                limits.max_past_days
            );
            return Err(reject(Reason::TooOld, detail));
        }
        if self.end <= event_time {
            let detail = format!(
                "column `{column}`: {} is more than {} s after its arrival",
                time::rfc3339(event_time),
                limits.max_future_secs
            );
            return Err(reject(Reason::InFuture, detail));
        }
        Ok(())
    }
}

/// The columns that have a property.
fn indices(dataset: &Dataset, has: impl Fn(&dataset::Column) -> bool) -> Vec<usize> {
    dataset.columns.iter().enumerate().filter(|(_, column)| has(column)).map(|(index, _)| index).collect()
}

#[cold]
fn reject(reason: Reason, detail: String) -> Box<Reject> {
    Box::new(Reject { reason, detail })
}

impl From<Fault> for Box<Reject> {
    #[cold]
    fn from(fault: Fault) -> Self {
        let reason = if fault.problem == Problem::TooDeep { Reason::TooDeep } else { Reason::NotJson };
        reject(reason, fault.to_string())
    }
}
