//! The columns of a raw object, as the pour looks at them row by row.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, DictionaryArray, FixedSizeBinaryArray, PrimitiveArray, RecordBatch, StringArray};
use bytes::Bytes;
use hashbrown::HashMap;

use crate::dataset::{ColumnType, Dataset};
use crate::dedupe;
use crate::keys::ChainId;
use crate::position::{Partition, Position};
use crate::table::{self, TableError, column, primitive, wrong_type};
use crate::uuid;
use crate::window::{Group, OpenWindows};

/// Penstock's own columns that silver and rejects take over.
const OWN: [&str; 9] = [
    "offset",
    "shard",
    "sequence_number",
    "timestamp",
    "key",
    "ingested_at",
    "reject_reason",
    "reject_detail",
    "reject_bytes",
];

/// Reads the columns that a pour needs; repeated text as dictionaries.
pub(super) fn read(dataset: &Dataset, partition: &Partition, file: &Bytes) -> Result<Vec<RecordBatch>, TableError> {
    let position = position_column(partition);
    let own = OWN.iter().copied().filter(|name| *name == position || !["offset", "sequence_number"].contains(name));
    let columns: Vec<&str> = dataset.columns.iter().map(|column| column.name.as_str()).chain(own).collect();
    let texts = dataset.columns.iter().filter(|column| column.kind == ColumnType::String);
    let dictionaries: Vec<&str> = texts.map(|column| column.name.as_str()).chain(["reject_reason", "shard"]).collect();
    table::read(file.clone(), &columns, &dictionaries)
}

const fn position_column(partition: &Partition) -> &'static str {
    match partition {
        Partition::Kafka(_) => "offset",
        Partition::Shard(_) => "sequence_number",
    }
}

/// One batch of a raw object.
pub(super) struct RawColumns<'b> {
    positions: Positions<'b>,
    reject_reason: &'b DictionaryArray<Int32Type>,
    id: Option<IdColumn<'b>>,
    event_time: &'b PrimitiveArray<TimestampMicrosecondType>,
    measure: Option<&'b PrimitiveArray<Float64Type>>,
}

enum Positions<'b> {
    Offsets(&'b PrimitiveArray<Int64Type>),
    SequenceNumbers(&'b StringArray),
}

enum IdColumn<'b> {
    Uuid(&'b FixedSizeBinaryArray),
    Text(&'b DictionaryArray<Int32Type>),
}

impl<'b> RawColumns<'b> {
    pub(super) fn new(dataset: &Dataset, chain: &ChainId, batch: &'b RecordBatch) -> Result<Self, TableError> {
        let name = |index: usize| dataset.columns[index].name.as_str();
        let positions = match chain.partition {
            Partition::Kafka(_) => Positions::Offsets(primitive(batch, "offset")?),
            Partition::Shard(_) => Positions::SequenceNumbers(
                column(batch, "sequence_number")?
                    .as_string_opt()
                    .ok_or_else(|| wrong_type("sequence_number", "text"))?,
            ),
        };
        let columns = Self {
            positions,
            reject_reason: dictionary(batch, "reject_reason")?,
            id: dataset.id.map(|index| id_column(batch, name(index))).transpose()?,
            event_time: primitive(batch, name(dataset.event_time))?,
            measure: dataset.windows.measure.map(|index| primitive(batch, name(index))).transpose()?,
        };
        columns.check_nulls(dataset)?;
        Ok(columns)
    }

    /// A row is rejected, or has an id and an event time.
    fn check_nulls(&self, dataset: &Dataset) -> Result<(), TableError> {
        let missing = |row: &usize| {
            let has_id = match &self.id {
                Some(IdColumn::Uuid(ids)) => ids.is_valid(*row),
                Some(IdColumn::Text(ids)) => ids.is_valid(*row),
                None => true,
            };
            self.reject_reason.is_null(*row) && (self.event_time.is_null(*row) || !has_id)
        };
        match (0..self.reject_reason.len()).find(missing) {
            Some(row) => Err(TableError::Column {
                column: dataset.columns[dataset.event_time].name.clone(),
                problem: format!(
                    "(or the id) is null at {}: the object was written for another dataset file",
                    self.position(row)
                ),
            }),
            None => Ok(()),
        }
    }

    pub(super) fn position(&self, row: usize) -> Position {
        match self.positions {
            Positions::Offsets(offsets) => Position::from_offset(offsets.value(row).unsigned_abs()),
            Positions::SequenceNumbers(numbers) => numbers.value(row).parse().unwrap_or_default(),
        }
    }

    pub(super) fn reject_reason(&self, row: usize) -> Option<&'b str> {
        self.reject_reason.is_valid(row).then(|| text(self.reject_reason, row))
    }

    pub(super) fn id(&self, row: usize) -> Option<u128> {
        match self.id.as_ref()? {
            IdColumn::Uuid(ids) => ids.value(row).try_into().map(u128::from_be_bytes).ok(),
            IdColumn::Text(ids) => Some(dedupe::text_id(text(ids, row))),
        }
    }

    pub(super) fn event_time(&self, row: usize) -> i64 {
        self.event_time.value(row)
    }

    pub(super) fn measure(&self, row: usize) -> Option<f64> {
        self.measure.filter(|measure| measure.is_valid(row)).map(|measure| measure.value(row))
    }
}

fn id_column<'b>(batch: &'b RecordBatch, name: &str) -> Result<IdColumn<'b>, TableError> {
    let ids = column(batch, name)?;
    if let Some(uuids) = ids.as_fixed_size_binary_opt() {
        return Ok(IdColumn::Uuid(uuids));
    }
    dictionary(batch, name).map(IdColumn::Text)
}

fn dictionary<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b DictionaryArray<Int32Type>, TableError> {
    column(batch, name)?.as_dictionary_opt().ok_or_else(|| wrong_type(name, "text"))
}

fn text(array: &DictionaryArray<Int32Type>, row: usize) -> &str {
    let values = array.values().as_string::<i32>();
    array.key(row).map_or("", |key| values.value(key))
}

/// The window groups of a batch: each combination of dictionary keys is looked up once.
pub(super) struct Groups<'b> {
    keys: Vec<&'b DictionaryArray<Int32Type>>,
    numbers: HashMap<Box<[usize]>, u32>,
    scratch: Vec<usize>,
}

impl<'b> Groups<'b> {
    pub(super) fn new(dataset: &Dataset, batch: &'b RecordBatch) -> Result<Self, TableError> {
        let keys = dataset.windows.keys.iter().map(|index| dictionary(batch, &dataset.columns[*index].name));
        Ok(Self { keys: keys.collect::<Result<_, _>>()?, numbers: HashMap::new(), scratch: Vec::new() })
    }

    pub(super) fn number(&mut self, row: usize, windows: &mut OpenWindows) -> u32 {
        self.scratch.clear();
        self.scratch.extend(self.keys.iter().map(|keys| keys.key(row).unwrap_or(usize::MAX)));
        if let Some(number) = self.numbers.get(self.scratch.as_slice()) {
            return *number;
        }
        let group: Group = self.keys.iter().map(|keys| Box::from(text(keys, row))).collect();
        let number = windows.group_number(group);
        self.numbers.insert(self.scratch.as_slice().into(), number);
        number
    }
}

/// The ids of a silver file. See [`super::silver_ids`].
pub(super) fn silver_ids(dataset: &Dataset, file: &Bytes) -> Result<Vec<Option<u128>>, TableError> {
    let Some(id) = dataset.id else {
        return Ok(Vec::new());
    };
    let id = &dataset.columns[id];
    let mut ids = Vec::new();
    for batch in table::read(file.clone(), &[&id.name], &[])? {
        let texts = column(&batch, &id.name)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(&id.name, "text"))?;
        for text in texts {
            ids.push(match (text, id.kind) {
                (None, _) => None,
                (Some(text), ColumnType::Uuid) => Some(uuid_id(&id.name, text)?),
                (Some(text), _) => Some(dedupe::text_id(text)),
            });
        }
    }
    Ok(ids)
}

fn uuid_id(column: &str, text: &str) -> Result<u128, TableError> {
    uuid::parse(text.as_bytes()).map(u128::from_be_bytes).ok_or_else(|| TableError::Column {
        column: column.to_owned(),
        problem: format!("holds `{text}`, which is no UUID"),
    })
}
