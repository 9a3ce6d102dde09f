//! What a page shows of a file of windows: when each row's window begins, and of which kind it is.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use bytes::Bytes;
use penstock_core::table::{self, TableError, column, primitive, wrong_type};
use penstock_core::windows_table::Kind;

/// The rows of a file of windows, or of a state, whose rows are the open windows.
pub(super) fn kinds(file: Bytes) -> Result<Vec<(i64, Kind)>, TableError> {
    let mut rows = Vec::new();
    for batch in table::read(file, &["window_start", "kind"], &[])? {
        let starts = primitive::<TimestampMicrosecondType>(&batch, "window_start")?;
        let kinds = column(&batch, "kind")?.as_string_opt::<i32>().ok_or_else(|| wrong_type("kind", "text"))?;
        for (start, kind) in starts.values().iter().zip(kinds) {
            let kind = [Kind::OnTime, Kind::Late, Kind::Open].into_iter().find(|known| Some(known.as_str()) == kind);
            rows.push((*start, kind.ok_or_else(|| wrong_type("kind", "on_time, late or open"))?));
        }
    }
    Ok(rows)
}
