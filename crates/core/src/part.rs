//! What a file of silver, windows or rejects says of itself in its footer.

use serde::{Deserialize, Serialize};

use crate::checksum::Checksum;

/// The name of the footer entry that holds a [`Part`] as JSON.
pub const FOOTER_KEY: &str = "penstock.part";

/// One file that a cut was poured into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub key: String,
    pub cut: u64,
    pub rows: u64,
    /// Silver and rejects: sum of the hashes of the rows' coordinates. Windows: hash of the rows.
    pub checksum: Checksum,
    /// SHA-256 of the dataset file that the cut names.
    pub dataset_hash: String,
}
