//! `penstock-sql`.
fn main() {}
