//! Reads the rejects of a lake, cut by cut.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, BinaryArray, PrimitiveArray, RecordBatch, StringArray};
use bytes::Bytes;
use clap::Args;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use penstock_core::keys;
use penstock_core::position::{Partition, Position};
use penstock_core::reject::Reason;
use penstock_core::table::{self, TableError, column, primitive, wrong_type};
use penstock_lake::Store;
use penstock_runtime::Failure;

use crate::common::list_all;

/// How many files are read at once.
const READS_AT_ONCE: usize = 4;

const COLUMNS: [&str; 11] = [
    "topic",
    "partition",
    "offset",
    "shard",
    "sequence_number",
    "timestamp",
    "ingested_at",
    "key",
    "reject_reason",
    "reject_detail",
    "reject_bytes",
];

/// Which rejects.
#[derive(Clone, Debug, Default, Args)]
pub struct Selection {
    /// Only those with this reason
    #[arg(long, value_name = "REASON")]
    pub reason: Option<Reason>,
    /// Only those of this cut
    #[arg(long, value_name = "CUT", conflicts_with = "since")]
    pub cut: Option<u64>,
    /// Only those that came after this cut
    #[arg(long, value_name = "CUT")]
    pub since: Option<u64>,
}

/// A record that fits no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub cut: u64,
    pub topic: String,
    pub partition: Partition,
    pub position: Position,
    /// The record's own, in epoch microseconds.
    pub timestamp: Option<i64>,
    pub ingested_at: i64,
    pub reason: String,
    pub detail: String,
    pub key: Option<Vec<u8>>,
    /// As it came; `None` is a tombstone. Of a value that was no base64, its text.
    pub value: Option<Vec<u8>>,
}

impl Rejected {
    /// The record's time, or that of its arrival if it has none.
    pub(super) fn time(&self) -> i64 {
        self.timestamp.unwrap_or(self.ingested_at)
    }
}

/// A file of rejects.
pub(super) struct File {
    cut: u64,
    key: String,
}

impl Selection {
    fn takes_cut(&self, cut: u64) -> bool {
        self.cut.is_none_or(|only| only == cut) && self.since.is_none_or(|since| since < cut)
    }

    fn takes(&self, record: &Rejected) -> bool {
        self.reason.is_none_or(|reason| reason.as_str() == record.reason)
    }

    /// The files to read, in the order of their cuts.
    pub(super) async fn files(&self, store: &dyn Store, dataset: &str) -> Result<Vec<File>, Failure> {
        let listed = list_all(store, &keys::rejects_folder(dataset), None).await?;
        let file = |key: String| Some(File { cut: keys::parse_cut_number(&key)?, key });
        let files = listed.into_iter().filter_map(|listed| file(listed.key));
        Ok(files.filter(|file| self.takes_cut(file.cut)).collect())
    }

    /// The records of each file, in the order of the files.
    pub(super) fn records<'s>(
        &'s self,
        store: &'s dyn Store,
        files: Vec<File>,
    ) -> BoxStream<'s, Result<Vec<Rejected>, Failure>> {
        let reads: Vec<BoxFuture<'_, _>> = files.into_iter().map(|file| self.read(store, file).boxed()).collect();
        stream::iter(reads).buffered(READS_AT_ONCE).boxed()
    }

    async fn read(&self, store: &dyn Store, file: File) -> Result<Vec<Rejected>, Failure> {
        let mut records = read_file(store, file.cut, &file.key).await?;
        records.retain(|record| self.takes(record));
        Ok(records)
    }
}

/// All records of a file of rejects.
pub(crate) async fn read_file(store: &dyn Store, cut: u64, key: &str) -> Result<Vec<Rejected>, Failure> {
    let bytes = store.get(key).await?;
    decode(cut, bytes)
        .map_err(|error| Failure::misconfigured(format!("`{key}` is damaged ({error}): restore it from a backup")))
}

fn decode(cut: u64, file: Bytes) -> Result<Vec<Rejected>, TableError> {
    let mut records = Vec::new();
    for batch in table::read(file, &COLUMNS, &[])? {
        let columns = Columns::new(&batch)?;
        records.extend((0..batch.num_rows()).map(|row| columns.record(cut, row)));
    }
    Ok(records)
}

struct Columns<'b> {
    topic: &'b StringArray,
    partition: &'b PrimitiveArray<Int32Type>,
    offset: &'b PrimitiveArray<Int64Type>,
    shard: &'b StringArray,
    sequence_number: &'b StringArray,
    timestamp: &'b PrimitiveArray<TimestampMicrosecondType>,
    ingested_at: &'b PrimitiveArray<TimestampMicrosecondType>,
    key: &'b BinaryArray,
    reason: &'b StringArray,
    detail: &'b StringArray,
    value: &'b BinaryArray,
}

impl<'b> Columns<'b> {
    fn new(batch: &'b RecordBatch) -> Result<Self, TableError> {
        let text = |name: &str| column(batch, name)?.as_string_opt::<i32>().ok_or_else(|| wrong_type(name, "text"));
        let bytes = |name: &str| column(batch, name)?.as_binary_opt::<i32>().ok_or_else(|| wrong_type(name, "bytes"));
        Ok(Self {
            topic: text("topic")?,
            partition: primitive(batch, "partition")?,
            offset: primitive(batch, "offset")?,
            shard: text("shard")?,
            sequence_number: text("sequence_number")?,
            timestamp: primitive(batch, "timestamp")?,
            ingested_at: primitive(batch, "ingested_at")?,
            key: bytes("key")?,
            reason: text("reject_reason")?,
            detail: text("reject_detail")?,
            value: bytes("reject_bytes")?,
        })
    }

    fn record(&self, cut: u64, row: usize) -> Rejected {
        let text = |array: &StringArray| if array.is_valid(row) { array.value(row).to_owned() } else { String::new() };
        let bytes = |array: &BinaryArray| array.is_valid(row).then(|| array.value(row).to_vec());
        let (partition, position) = if self.partition.is_valid(row) {
            let offset = Position::from_offset(self.offset.value(row).unsigned_abs());
            (Partition::Kafka(self.partition.value(row)), offset)
        } else {
            (Partition::Shard(text(self.shard)), text(self.sequence_number).parse().unwrap_or_default())
        };
        Rejected {
            cut,
            topic: text(self.topic),
            partition,
            position,
            timestamp: self.timestamp.is_valid(row).then(|| self.timestamp.value(row)),
            ingested_at: self.ingested_at.value(row),
            reason: text(self.reason),
            detail: text(self.detail),
            key: bytes(self.key),
            value: bytes(self.value),
        }
    }
}
