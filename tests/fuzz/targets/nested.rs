//! One value as a record of a dataset with columns of every type within objects, and the first of repeated keys.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use penstock_fuzz::compare::Subject;

static SUBJECT: LazyLock<Subject> = LazyLock::new(Subject::nested);

fuzz_target!(|value: &[u8]| SUBJECT.check(value));
