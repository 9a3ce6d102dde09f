//! Values out of a parsed TOML document, each wrong one noted with its line and its remedy.

use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::{Problem, Problems};

/// Notes problems and goes on. Where a value is wrong a stand-in takes its place, so that the rest is still checked;
/// with a single problem nothing that was read is handed out.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Stands for a section that is not there.
    empty: &'t DeTable<'t>,
    problems: Vec<Problem>,
    /// Lines that are no TOML. What they hide is not reported as missing.
    broken_lines: Vec<usize>,
}

/// A table of the file and what messages call it.
pub(super) struct Section<'t> {
    pub(super) title: String,
    pub(super) offset: usize,
    pub(super) table: &'t DeTable<'t>,
}

/// A value and the byte of the file where it begins.
#[derive(Clone, Copy)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(text: &'t str, empty: &'t DeTable<'t>) -> Self {
        Self { text, empty, problems: Vec::new(), broken_lines: Vec::new() }
    }

    pub(super) fn problem(&mut self, offset: usize, message: impl Into<String>) {
        let (line, column) = self.place_of(offset);
        if !self.broken_lines.contains(&line) {
            self.problems.push(Problem { line, column, message: message.into() });
        }
    }

    pub(super) fn syntax_problem(&mut self, offset: usize, message: impl Into<String>) {
        self.problem(offset, message);
        self.broken_lines.push(self.place_of(offset).0);
    }

    /// Something that is not there; a broken line may hold it.
    pub(super) fn missing(&mut self, offset: usize, message: impl Into<String>) {
        if self.broken_lines.is_empty() {
            self.problem(offset, message);
        }
    }

    /// Line and column, both counted from 1.
    fn place_of(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let last = before.rsplit('\n').next().unwrap_or(before);
        (1 + before.matches('\n').count(), 1 + last.chars().count())
    }

    /// The problems in the order of the file, if there are any.
    pub(super) fn finish(mut self) -> Result<(), Problems> {
        self.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.problems.dedup();
        if self.problems.is_empty() { Ok(()) } else { Err(Problems(self.problems)) }
    }

    /// Every key of the section must be one that we know: a misspelt one would be a setting that has no effect.
    pub(super) fn known_keys(&mut self, section: &Section<'t>, known: &[&str]) {
        for key in section.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let message = format!("unknown key `{name}` in {}: {}", section.title, choose(name, known));
                self.problem(key.span().start, message);
            }
        }
    }

    /// The table under `key`; absent is like empty: what must be in it is then reported as missing there.
    pub(super) fn section(&mut self, root: &Section<'t>, key: &str) -> Section<'t> {
        let found = self.value(root, key, &format!("a table [{key}]"), as_table);
        let At { value: table, offset } = found.unwrap_or(At { value: self.empty, offset: root.offset });
        Section { title: format!("[{key}]"), offset, table }
    }

    /// The value under `key`; absent is fine, a value that `convert` refuses is noted.
    pub(super) fn value<T>(
        &mut self,
        section: &Section<'t>,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        let found = section.table.get(key)?;
        let offset = found.span().start;
        let value = convert(found.get_ref());
        if value.is_none() {
            self.problem(offset, format!("`{key}` in {} must be {expected}", section.title));
        }
        value.map(|value| At { value, offset })
    }

    pub(super) fn required<T>(
        &mut self,
        section: &Section<'t>,
        key: &str,
        expected: &str,
        convert: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Option<At<T>> {
        if !section.table.contains_key(key) {
            self.missing(section.offset, format!("{} lacks `{key}`: add {expected}", section.title));
        }
        self.value(section, key, expected, convert)
    }

    /// A string that may be absent.
    pub(super) fn text(&mut self, section: &Section<'t>, key: &str) -> Option<String> {
        Some(self.value(section, key, "a string", as_str)?.value.to_owned())
    }

    /// A number that has a default; `remedy` says how to choose it.
    pub(super) fn integer(
        &mut self,
        section: &Section<'t>,
        key: &str,
        default: i64,
        range: RangeInclusive<i64>,
        remedy: &str,
    ) -> i64 {
        let Some(number) = self.value(section, key, "an integer", as_integer) else { return default };
        self.check_range(key, number, range, remedy)
    }

    pub(super) fn float(
        &mut self,
        section: &Section<'t>,
        key: &str,
        default: f64,
        range: RangeInclusive<f64>,
        remedy: &str,
    ) -> f64 {
        let Some(number) = self.value(section, key, "a number", as_float) else { return default };
        self.check_range(key, number, range, remedy)
    }

    pub(super) fn check_range<T>(&mut self, key: &str, number: At<T>, range: RangeInclusive<T>, remedy: &str) -> T
    where
        T: PartialOrd + std::fmt::Display,
    {
        if !range.contains(&number.value) {
            let (low, high) = (range.start(), range.end());
            let value = &number.value;
            self.problem(number.offset, format!("`{key}` is {value} but must lie between {low} and {high}: {remedy}"));
        }
        number.value
    }
}

pub(super) fn as_table<'t>(value: &'t DeValue<'t>) -> Option<&'t DeTable<'t>> {
    match value {
        DeValue::Table(table) => Some(table),
        _ => None,
    }
}

pub(super) fn as_str<'t>(value: &'t DeValue<'t>) -> Option<&'t str> {
    match value {
        DeValue::String(text) => Some(text),
        _ => None,
    }
}

pub(super) const fn as_bool(value: &DeValue<'_>) -> Option<bool> {
    match value {
        DeValue::Boolean(flag) => Some(*flag),
        _ => None,
    }
}

pub(super) fn as_integer(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
        _ => None,
    }
}

pub(super) fn as_float(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok().filter(|_| number.radix() == 10),
        _ => None,
    }
}

/// The strings of an array, each with its place.
pub(super) fn as_strings<'t>(value: &'t DeValue<'t>) -> Option<Vec<At<&'t str>>> {
    let DeValue::Array(items) = value else { return None };
    items.iter().map(|item| Some(At { value: as_str(item.get_ref())?, offset: item.span().start })).collect()
}

/// Which of the known words was meant: the closest one if there is one, else all of them.
pub(super) fn choose(word: &str, known: &[&str]) -> String {
    let closest = known.iter().map(|known| (edit_distance(word, known), known)).min_by_key(|(distance, _)| *distance);
    match closest {
        Some((distance, known)) if distance <= word.chars().count().div_ceil(3).max(2) => {
            format!("did you mean `{known}`?")
        }
        Some(_) => format!("use one of {}", known.join(", ")),
        None => "there is none".to_owned(),
    }
}

/// How many characters must be inserted, removed or replaced to make one word of the other (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut distances: Vec<usize> = (0..=to.len()).collect();
    for (row, left) in from.chars().enumerate() {
        let mut diagonal = row;
        let mut previous = row + 1;
        for (right, above) in to.iter().zip(distances.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = *above;
            previous = replaced.min(previous + 1).min(*above + 1);
            *above = previous;
        }
    }
    if to.is_empty() { from.chars().count() } else { distances.last().copied().unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_single_changes() {
        for (from, to, distance) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "abd", 1),
            ("abc", "ac", 1),
            ("colums", "columns", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edit_distance(from, to), distance, "{from} -> {to}");
            assert_eq!(edit_distance(to, from), distance, "{to} -> {from}");
        }
    }
}
