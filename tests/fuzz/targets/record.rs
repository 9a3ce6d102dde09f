//! One value as a record of the default dataset: a row or a reject, as the plain parser says, and nothing else is harmed.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use penstock_fuzz::compare::Subject;

static SUBJECT: LazyLock<Subject> = LazyLock::new(Subject::iot);

fuzz_target!(|value: &[u8]| SUBJECT.check(value));
