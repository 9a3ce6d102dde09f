//! One invocation's payload: the records that the plain reader finds, or refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use penstock_fuzz::compare::check_payload;

fuzz_target!(|payload: &[u8]| check_payload(payload));
