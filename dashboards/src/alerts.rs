//! All alerts, in the order of the runbook.

mod arrival;
mod landing;
mod refinement;
mod quality;
mod machinery;

use crate::alert::Alert;

/// All alerts.
pub const ALERTS: [&Alert; 19] = [
    &arrival::EVENTS_MISSING,
    &arrival::EVENTS_SURGE,
    &arrival::LAG,
    &arrival::STALE,
    &landing::PARTITION_STOPPED,
    &landing::INVOCATIONS_FAIL,
    &landing::TRIGGER_FAILS,
    &landing::RECORDS_GIVEN_UP,
    &landing::GAP_DECLARED,
    &refinement::REFINE_BEHIND,
    &refinement::CHAIN_BROKEN,
    &refinement::WATERMARK_STUCK,
    &quality::REJECTS,
    &quality::DUPLICATES,
    &quality::LATE,
    &machinery::STORE_STRUGGLES,
    &machinery::RIVALS,
    &machinery::DOWN,
    &machinery::COST,
];
