//! What a changed dataset file means for a lake that an older one wrote.

use super::{Column, Dataset, Derive, read};
use crate::french::Spelling;

/// A difference between two versions of a dataset that somebody should know of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The lake cannot go on with the new file, or readers would misunderstand it: what to do instead.
    Breaks(String),
    /// It can: what happens when the new file is deployed.
    Follows(String),
}

impl Dataset {
    /// What follows if this file takes the place of an older one of the same name, in the order of the older's columns.
    #[must_use]
    pub fn changes_since(&self, older: &Self) -> Vec<Change> {
        let mut changes: Vec<Change> = older.columns.iter().flat_map(|column| self.changes_of(column, older)).collect();
        changes.extend(self.columns.iter().filter_map(|column| older.newly_required(column)));
        changes.extend(self.parts_without_history(older));
        changes.extend(self.other_parts(older));
        changes
    }

    fn changes_of(&self, old: &Column, older: &Self) -> Vec<Change> {
        let Some(new) = self.column(&old.name) else { return vec![self.gone(old)] };
        let mut changes = old.changes_to(new);
        let (from, to) = (older.origin(old), self.origin(new));
        if (&old.path, &from) != (&new.path, &to) {
            let name = &old.name;
            changes.push(Change::Follows(format!("column `{name}` comes from {to} from now on, not from {from}")));
        }
        changes
    }

    fn gone(&self, old: &Column) -> Change {
        let name = &old.name;
        match self.columns.iter().find(|new| new.field_id == old.field_id) {
            Some(new) => Change::Breaks(format!(
                "column `{name}` is called `{}` now (field_id {}): files keep the old name, and most readers go by it. \
                 Call it `{name}` again; `path` says under which JSON key it comes",
                new.name, old.field_id
            )),
            None => Change::Follows(format!(
                "column `{name}` is gone: from now on its values go to `extra` in raw, and silver lacks the column"
            )),
        }
    }

    fn newly_required(&self, new: &Column) -> Option<Change> {
        let is_known = self.columns.iter().any(|old| old.name == new.name || old.field_id == new.field_id);
        (!is_known && new.required && new.derive.is_none()).then(|| {
            Change::Follows(format!(
                "column `{}` is new and required: events of producers that do not send it yet are rejected",
                new.name
            ))
        })
    }

    /// What a pour needs of every raw object cannot be a column that older objects lack.
    fn parts_without_history<'d>(&'d self, older: &'d Self) -> impl Iterator<Item = Change> + 'd {
        let windows = self.windows.keys.iter().copied().chain(self.windows.measure);
        let parts = self.id.into_iter().chain([self.event_time]).map(|index| ("[roles]", index));
        parts.chain(windows.map(|index| ("[windows]", index))).filter_map(move |(table, index)| {
            let name = &self.columns.get(index)?.name;
            older.column(name).is_none().then(|| {
                Change::Breaks(format!(
                    "{table} names the new column `{name}`, which raw objects that wait to be poured lack. \
                     Deploy the column first, and name it in {table} when everything older is poured"
                ))
            })
        })
    }

    fn other_parts(&self, older: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let (id, old_id) = (self.name_of(self.id), older.name_of(older.id));
        if id != old_id {
            changes.push(Change::Follows(format!(
                "the id changes from {old_id} to {id}: what comes is not compared with what was poured before"
            )));
        }
        let (time, old_time) = (self.name_of(Some(self.event_time)), older.name_of(Some(older.event_time)));
        if time != old_time {
            changes.push(Change::Follows(format!(
                "the event time changes from {old_time} to {time}: folders and windows follow it from now on"
            )));
        }
        if !self.has_windows_like(older) {
            changes.push(Change::Follows(
                "the windows change: the next run of refine first closes all that are open (a drain), by their old settings"
                    .to_owned(),
            ));
        }
        changes
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Where the values of a column come from, for messages.
    fn origin(&self, column: &Column) -> String {
        match column.derive {
            Some(Derive::ValueHash) => "the hash of the value".to_owned(),
            Some(Derive::NumberToFrench { from, spelling }) => {
                let spelling = if spelling == Spelling::Traditional { "traditional " } else { "" };
                format!("the {spelling}French words of {}", self.name_of(Some(from)))
            }
            None => format!("`{}`", column.path.join(".")),
        }
    }

    fn name_of(&self, index: Option<usize>) -> String {
        let column = index.and_then(|index| self.columns.get(index));
        column.map_or_else(|| "none".to_owned(), |column| format!("`{}`", column.name))
    }
}

impl Column {
    fn changes_to(&self, new: &Self) -> Vec<Change> {
        let name = &self.name;
        let mut changes = Vec::new();
        if self.kind != new.kind {
            let (old_type, new_type) = (read::type_name(self.kind), read::type_name(new.kind));
            changes.push(Change::Breaks(format!(
                "column `{name}` is of type {old_type} in the lake and of type {new_type} in the file: a type never changes. \
                 Keep it, and add a column with another name and field_id for the new type"
            )));
        }
        if self.field_id != new.field_id {
            changes.push(Change::Breaks(format!(
                "column `{name}` has field_id {} in the lake and {} in the file: readers that go by ids would take it \
                 for another column. Set it to {0} again",
                self.field_id, new.field_id
            )));
        }
        if !self.required && new.required {
            changes.push(Change::Follows(format!(
                "column `{name}` is required now: events without it are rejected, older rows without it stay"
            )));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::SHIPPED;

    const OLD: &str = r#"name = "small"
columns = [
    { name = "at", field_id = 100, type = "timestamp", required = true },
    { name = "who", field_id = 101, type = "string", required = true },
    { name = "level", field_id = 102, type = "double" },
    { name = "place", field_id = 103, type = "string" },
]
[roles]
event_time = "at"
[windows]
keys = ["who"]
measure = "level"
"#;

    /// What follows from changing one part of the file, each kind with its mark.
    fn check(from: &str, to: &str) -> String {
        assert!(OLD.contains(from), "{from}");
        let new = OLD.replacen(from, to, 1);
        let new = Dataset::parse(&new).unwrap_or_else(|problems| panic!("{problems}"));
        let changes = new.changes_since(&Dataset::parse(OLD).unwrap());
        let lines = changes.into_iter().map(|change| match change {
            Change::Breaks(text) => format!("breaks: {text}"),
            Change::Follows(text) => format!("follows: {text}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_changes_nothing() {
        assert_eq!(check("small", "small"), "");
        assert_eq!(check("[roles]", "[limits]\nmax_depth = 3\n[dedupe]\nmax_ids = 5\n[roles]"), "");
        assert_eq!(check("]\n[roles]", "    { name = \"new\", field_id = 104, type = \"int\" },\n]\n[roles]"), "");
    }

    #[test]
    fn columns_that_change() {
        insta::assert_snapshot!(check("\"place\", field_id = 103, type = \"string\"", "\"place\", field_id = 103, type = \"int\""), @"breaks: column `place` is of type string in the lake and of type int in the file: a type never changes. Keep it, and add a column with another name and field_id for the new type");
        insta::assert_snapshot!(check("field_id = 103", "field_id = 104"), @"breaks: column `place` has field_id 103 in the lake and 104 in the file: readers that go by ids would take it for another column. Set it to 103 again");
        insta::assert_snapshot!(check("\"place\"", "\"site\""), @"breaks: column `place` is called `site` now (field_id 103): files keep the old name, and most readers go by it. Call it `place` again; `path` says under which JSON key it comes");
        insta::assert_snapshot!(check("    { name = \"place\", field_id = 103, type = \"string\" },\n", ""), @"follows: column `place` is gone: from now on its values go to `extra` in raw, and silver lacks the column");
        insta::assert_snapshot!(check("type = \"string\" },\n]", "type = \"string\", required = true, path = \"a.b\" },\n]"), @r"
        follows: column `place` is required now: events without it are rejected, older rows without it stay
        follows: column `place` comes from `a.b` from now on, not from `place`
        ");
        insta::assert_snapshot!(check("]\n[roles]", "    { name = \"new\", field_id = 104, type = \"int\", required = true },\n]\n[roles]"), @"follows: column `new` is new and required: events of producers that do not send it yet are rejected");
    }

    #[test]
    fn words_that_change() {
        let (_, numbers) = SHIPPED.into_iter().find(|(name, _)| *name == "numbers").unwrap();
        let changes = |from: &str, to: &str| {
            assert!(numbers.contains(from), "{from}");
            let changed = Dataset::parse(&numbers.replace(from, to)).unwrap();
            changed.changes_since(&Dataset::parse(numbers).unwrap())
        };
        let traditional = "column `french` comes from the traditional French words of `number` from now on, not from the French words of `number`";
        assert_eq!(
            changes("from = \"number\"", "from = \"number\"\nspelling = \"traditional\""),
            [Change::Follows(traditional.to_owned())]
        );
        // A column that is new before them moves them, and changes nothing.
        let new = "[[columns]]\nname = \"new\"\nfield_id = 190\ntype = \"int\"\n[[columns]]\nname = \"source\"";
        assert_eq!(changes("[[columns]]\nname = \"source\"", new), []);
    }

    #[test]
    fn parts_that_other_columns_play() {
        insta::assert_snapshot!(check("[roles]", "[roles]\nid = \"who\""), @"follows: the id changes from none to `who`: what comes is not compared with what was poured before");
        insta::assert_snapshot!(check("]\n[roles]", "    { name = \"id\", field_id = 104, type = \"uuid\", derive = \"value_hash\" },\n]\n[roles]\nid = \"id\""), @r"
        breaks: [roles] names the new column `id`, which raw objects that wait to be poured lack. Deploy the column first, and name it in [roles] when everything older is poured
        follows: the id changes from none to `id`: what comes is not compared with what was poured before
        ");
        insta::assert_snapshot!(check("measure = \"level\"", ""), @"follows: the windows change: the next run of refine first closes all that are open (a drain), by their old settings");
        insta::assert_snapshot!(check("[windows]", "[windows]\nlength_secs = 300"), @"follows: the windows change: the next run of refine first closes all that are open (a drain), by their old settings");
        insta::assert_snapshot!(check("]\n[roles]\nevent_time = \"at\"", "    { name = \"seen\", field_id = 104, type = \"timestamp\", required = true },\n]\n[roles]\nevent_time = \"seen\""), @r"
        follows: column `seen` is new and required: events of producers that do not send it yet are rejected
        breaks: [roles] names the new column `seen`, which raw objects that wait to be poured lack. Deploy the column first, and name it in [roles] when everything older is poured
        follows: the event time changes from `at` to `seen`: folders and windows follow it from now on
        ");
    }
}
