//! What ingest and refine ask of the store, each operation named by what it is for.

use std::fmt;

use penstock_core::keys;
use penstock_lake::{Call, Operation};

use crate::scene::START_OF_A_CHAIN;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Function {
    Ingest,
    Refine,
}

/// An operation of a function, and on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ask {
    pub(crate) function: Function,
    pub(crate) operation: Operation,
    pub(crate) object: &'static str,
}

/// Every operation of the two functions. What they ask beyond it fails the test until it is listed here.
pub(crate) const OPERATIONS: [Ask; 31] = [
    // Where does the chain end?
    ingest(Operation::Get, "hint"),
    ingest(Operation::ListAfter, "raw"),
    ingest(Operation::GetEnd, "raw"),
    // Is what was delivered again what landed?
    ingest(Operation::ListAfter, "declarations"),
    ingest(Operation::Get, "declarations"),
    ingest(Operation::Get, "raw"),
    // The landing.
    ingest(Operation::PutNew, "raw"),
    ingest(Operation::PutNew, "gap"),
    // Which cut is the newest, and is it poured?
    refine(Operation::Get, "hint"),
    refine(Operation::ListAfter, "cuts"),
    refine(Operation::Get, "cuts"),
    refine(Operation::Get, "state"),
    // What waits?
    refine(Operation::ListFolders, "sources"),
    refine(Operation::ListFolders, "topics"),
    refine(Operation::ListFolders, "partitions"),
    refine(Operation::ListAfter, "raw"),
    refine(Operation::GetEnd, "raw"),
    refine(Operation::Get, "declarations"),
    // The cut, and its pour.
    refine(Operation::PutNew, "cuts"),
    refine(Operation::Get, "silver"),
    refine(Operation::Get, "raw"),
    refine(Operation::PutNew, "silver"),
    refine(Operation::PutNew, "windows"),
    refine(Operation::PutNew, "rejects"),
    refine(Operation::PutNew, "state"),
    // Somebody was first: with the same rows?
    refine(Operation::GetEnd, "silver"),
    refine(Operation::GetEnd, "windows"),
    refine(Operation::GetEnd, "rejects"),
    refine(Operation::GetEnd, "state"),
    // Afterwards.
    refine(Operation::PutHint, "hint"),
    refine(Operation::Delete, "raw"),
];

const fn ingest(operation: Operation, object: &'static str) -> Ask {
    Ask { function: Function::Ingest, operation, object }
}

const fn refine(operation: Operation, object: &'static str) -> Ask {
    Ask { function: Function::Refine, operation, object }
}

impl Ask {
    pub(crate) fn of(function: Function, call: &Call) -> Self {
        Self { function, operation: call.operation, object: object(call.operation, &call.key) }
    }

    /// Whether a call of the function with this operation and key is the one.
    pub(crate) fn is_about(&self, key: &str) -> bool {
        self.object == object(self.operation, key)
    }

    /// Hints only save listing: without them all goes on, and nobody need hear of it.
    pub(crate) fn is_about_hints(&self) -> bool {
        self.object == "hint"
    }
}

/// What a key, or the prefix of a list, is for.
fn object(operation: Operation, key: &str) -> &'static str {
    let folders: [(&str, &'static str); 8] = [
        (&keys::progress_hint("iot"), "hint"),
        (&keys::cuts_folder("iot"), "cuts"),
        (&keys::states_folder("iot"), "state"),
        (&keys::unreadable_folder("iot"), "declarations"),
        (&keys::silver_folder("iot"), "silver"),
        (&keys::windows_folder("iot"), "windows"),
        (&keys::rejects_folder("iot"), "rejects"),
        (&keys::raw_folder("iot"), "raw"),
    ];
    let known = folders.iter().find(|(folder, _)| key.starts_with(folder));
    let (folder, object) = known.unwrap_or_else(|| panic!("{operation} `{key}` has no name: give it one"));
    match operation {
        Operation::PutNew if key == START_OF_A_CHAIN => "gap",
        Operation::ListFolders => ["sources", "topics", "partitions"][key[folder.len()..].matches('/').count()],
        _ => object,
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = match self.function {
            Function::Ingest => "ingest",
            Function::Refine => "refine",
        };
        write!(f, "{function}.{}({})", self.operation, self.object)
    }
}
