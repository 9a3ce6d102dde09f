//! The landing of one partition's batch: trim to the tail, encode, create the next object; whoever comes second looks again.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;
use penstock_core::chain::{Gap, Link, LinkKind, Offsets, Refusal, Step, Tail, next_step, split_at_tail};
use penstock_core::keys::{ChainId, MAX_NAME_BYTES};
use penstock_core::parse;
use penstock_core::payload::{Batch, Record};
use penstock_core::position::{Partition, Position};
use penstock_core::raw_object;
use penstock_core::reject::Reason;
use penstock_lake::chain::find_tail;
use penstock_lake::{Put, Store, hints};
use penstock_runtime::{Call, Failure};
use penstock_telemetry::ingest::GapDeclared;

use crate::tails::Seen;
use crate::{Ingest, overlap};

/// What became of one partition's batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landed {
    /// Rows written now.
    pub rows: u64,
    /// Records that had landed before.
    pub trimmed: u64,
    pub rejected: u64,
    pub rejects: BTreeMap<Reason, usize>,
    pub objects: u64,
    pub bytes: u64,
    /// The objects as `key..next`.
    pub ranges: Vec<String>,
    /// The newest record timestamp that the chain has seen.
    pub newest_timestamp: Option<i64>,
}

/// An object that is ready to be created.
struct Object {
    link: Link,
    bytes: Bytes,
    rejects: BTreeMap<Reason, usize>,
}

impl Ingest {
    /// Lands what is new of a batch. When it returns, every record of it stands in the lake.
    pub(crate) async fn land_batch(&self, batch: &Batch<'_>, call: &Call) -> Result<Landed, Failure> {
        let chain = self.chain(batch);
        let mut landed = Landed::default();
        let result = self.land(&chain, batch, &mut landed, call).await;
        if result.is_err() {
            self.tails.forget(&chain);
        }
        self.emit_done(batch, &landed);
        result.map(|()| landed)
    }

    async fn land(&self, chain: &ChainId, batch: &Batch<'_>, landed: &mut Landed, call: &Call) -> Result<(), Failure> {
        let store = self.lake.store_until(call.deadline);
        let Some(first) = batch.records.first() else {
            return Ok(());
        };
        if let Some(name) = chain.name_too_long() {
            return Err(Failure::misconfigured(format!(
                "the topic `{}` has no place in the lake: escaped it is `{name}`, {} bytes, and the name of a folder has \
                 at most {MAX_NAME_BYTES}. An upper-case letter takes three: use a topic with a shorter name",
                chain.topic,
                name.len()
            )));
        }
        let mut seen = self.tail(&*store, chain, first.position).await?;
        // Below this position every record is known to be the one that landed.
        let mut verified = Position::ZERO;
        loop {
            let tail = &seen.tail;
            let step = next_step(chain, tail, self.offsets(batch), self.settings.on_gap, &batch.records);
            let step = step.map_err(Failure::misconfigured)?;
            let found = unverified(batch, verified, tail);
            self.check_overlap(&*store, chain, tail, found).await?;
            landed.trimmed += found.len() as u64;
            landed.newest_timestamp = tail.newest_timestamp;
            verified = tail.next;
            let object = match step {
                Step::Landed => return Ok(()),
                Step::Declare(gap) => self.gap_object(chain, tail, &gap, call)?,
                Step::Write { records, next } => self.data_object(chain, tail, records, next, batch, call)?,
            };
            seen = match self.create(&*store, chain, &seen, &object).await? {
                Some(seen) => {
                    verified = object.link.next;
                    landed.add(&object, &chain.object(&self.dataset.name, object.link.from));
                    self.emit_gap(&object.link, call);
                    seen
                }
                None => self.look(&*store, chain, Some(tail.next)).await?,
            };
        }
    }

    /// Creates an object at the end of its chain and says how the chain ends now;
    /// `None`: the chain may end elsewhere and must be looked at.
    async fn create(
        &self,
        store: &dyn Store,
        chain: &ChainId,
        seen: &Seen,
        object: &Object,
    ) -> Result<Option<Seen>, Failure> {
        let now = self.lake.clock().now();
        // We may have been frozen since the look. So long afterwards, an object may have been created here,
        // poured and deleted again, and nothing would stop us from landing its records a second time.
        if !seen.is_recent(now) {
            return Ok(None);
        }
        let began = Instant::now();
        let put = store.put_new(&chain.object(&self.dataset.name, object.link.from), object.bytes.clone()).await;
        self.stage_ended("create", began);
        match put? {
            Put::Created => {
                let seen = Seen { tail: Tail::from(&object.link), at: now };
                self.tails.remember(chain, &seen, object.link.from);
                Ok(Some(seen))
            }
            // Somebody is there: perhaps another writer, perhaps our own request whose reply was lost.
            // It makes no difference: what is there is there, and we go on behind it.
            Put::Exists => Ok(None),
        }
    }

    fn chain(&self, batch: &Batch<'_>) -> ChainId {
        ChainId {
            topic: batch.topic.clone().into_owned(),
            partition: batch.partition.clone(),
            source: self.settings.source.clone(),
            epoch: self.settings.epoch,
        }
    }

    const fn offsets(&self, batch: &Batch<'_>) -> Offsets {
        match batch.partition {
            Partition::Kafka(_) => self.settings.offsets,
            Partition::Shard(_) => Offsets::Sparse,
        }
    }

    /// The chain's end, from memory if that is fresh and fits, else from the store.
    async fn tail(&self, store: &dyn Store, chain: &ChainId, first: Position) -> Result<Seen, Failure> {
        if let Some(seen) = self.tails.recent(chain, first, self.lake.clock().now()) {
            return Ok(seen);
        }
        let known = match self.tails.last(chain) {
            Some(last) => Some(last),
            None => hints::last_object(store, &self.dataset.name, chain).await,
        };
        self.look(store, chain, known).await
    }

    async fn look(&self, store: &dyn Store, chain: &ChainId, known: Option<Position>) -> Result<Seen, Failure> {
        let at = self.lake.clock().now();
        let began = Instant::now();
        let end = find_tail(store, &self.dataset.name, chain, known).await;
        self.stage_ended("locate", began);
        let end = end?;
        let seen = Seen { tail: end.tail, at };
        if let Some(last) = end.last {
            self.tails.remember(chain, &seen, last);
        }
        Ok(seen)
    }

    async fn check_overlap(
        &self,
        store: &dyn Store,
        chain: &ChainId,
        tail: &Tail,
        records: &[Record<'_>],
    ) -> Result<(), Failure> {
        match overlap::find_difference(store, &self.dataset.name, chain, tail, records).await? {
            None => Ok(()),
            Some((position, evidence)) => Err(Failure::misconfigured(Refusal::NotTheSame {
                chain: Box::new(chain.clone()),
                position,
                tail: tail.next,
                evidence,
            })),
        }
    }

    fn data_object(
        &self,
        chain: &ChainId,
        tail: &Tail,
        records: &[Record<'_>],
        next: Position,
        batch: &Batch<'_>,
        call: &Call,
    ) -> Result<Object, Failure> {
        let (arrived_at, began) = (self.lake.clock().now(), Instant::now());
        let rows = parse::rows(&self.dataset, batch, records, chain.seed(), arrived_at).map_err(Failure::bug)?;
        let newest_timestamp = tail.newest_timestamp.max(rows.newest_timestamp);
        let link = Link {
            next,
            rows: records.len() as u64,
            rejected: rows.rejected as u64,
            checksum: rows.checksum,
            rejected_checksum: rows.rejected_checksum,
            uncompressed_bytes: rows.uncompressed_bytes,
            newest_timestamp,
            ..self.empty_link(chain, tail, arrived_at, call)
        };
        let bytes = raw_object::encode(&link, &rows.batch).map_err(Failure::bug)?;
        self.stage_ended("encode", began);
        Ok(Object { link, bytes, rejects: rows.rejects })
    }

    fn gap_object(&self, chain: &ChainId, tail: &Tail, gap: &Gap, call: &Call) -> Result<Object, Failure> {
        let link = self.empty_link(chain, tail, self.lake.clock().now(), call).into_gap(gap.next, gap.reason);
        let bytes = raw_object::encode_gap(&self.dataset, &link).map_err(Failure::bug)?;
        Ok(Object { link, bytes, rejects: BTreeMap::new() })
    }

    /// The reason of a gap is the last that its link declares.
    fn emit_gap(&self, link: &Link, call: &Call) {
        let Some(gap) = link.gaps.last().filter(|_| link.kind == LinkKind::Gap) else { return };
        GapDeclared {
            request_id: &call.request_id,
            topic: &link.chain.topic,
            partition: &link.chain.partition.to_string(),
            from: &gap.from.to_string(),
            next: &gap.next.to_string(),
            reason: gap.reason.as_str(),
        }
        .emit(self.lake.telemetry());
    }

    fn empty_link(&self, chain: &ChainId, tail: &Tail, arrived_at: i64, call: &Call) -> Link {
        Link::at_tail(&self.dataset, chain, tail, arrived_at, &call.request_id)
    }
}

/// The records below the tail that this invocation has neither written nor compared.
fn unverified<'r, 'a>(batch: &'r Batch<'a>, verified: Position, tail: &Tail) -> &'r [Record<'a>] {
    let (below, _) = split_at_tail(tail, &batch.records);
    &below[below.partition_point(|record| record.position < verified)..]
}

impl Landed {
    fn add(&mut self, object: &Object, key: &str) {
        self.rows += object.link.rows;
        self.rejected += object.link.rejected;
        self.objects += 1;
        self.bytes += object.bytes.len() as u64;
        self.ranges.push(format!("{key}..{}", object.link.next));
        self.newest_timestamp = object.link.newest_timestamp;
        for (reason, count) in &object.rejects {
            *self.rejects.entry(*reason).or_default() += count;
        }
    }
}
