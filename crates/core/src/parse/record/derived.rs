//! Columns that stand in no value: they follow from the ones that do, or from the value as a whole.

use super::TypedColumns;
use crate::dataset::{Dataset, Derive};
use crate::dedupe;
use crate::french::number_to_french;
use crate::parse::columns::{Column, Values};

/// The derived columns and how each follows.
pub(super) fn of(dataset: &Dataset) -> Vec<(usize, Derive)> {
    let columns = dataset.columns.iter().enumerate();
    columns.filter_map(|(index, column)| Some((index, column.derive?))).collect()
}

impl TypedColumns<'_> {
    /// Fills the derived columns of a row whose other columns are there.
    #[inline]
    pub(super) fn derive(&mut self, row: usize, value: &[u8]) {
        for &(index, derive) in &self.derived {
            match derive {
                Derive::ValueHash => {
                    if let Values::Uuid(ids) = &mut self.columns[index].values {
                        ids[row] = dedupe::hash(value).to_be_bytes();
                        self.columns[index].set_valid(row);
                    }
                }
                Derive::NumberToFrench { from, spelling } => {
                    let words = int(&self.columns[from], row).and_then(|number| number_to_french(number, spelling));
                    if let (Values::String(strings), Some(words)) = (&mut self.columns[index].values, words) {
                        strings.set(row, words.as_bytes());
                        self.columns[index].set_valid(row);
                    }
                }
            }
        }
    }
}

/// What stands in a row of an int column.
fn int(column: &Column, row: usize) -> Option<i64> {
    match &column.values {
        Values::Int(values) if column.is_valid(row) => Some(values[row]),
        _ => None,
    }
}
