//! What a partition knows of its idempotent producers, across restarts.
//!
//! The records themselves say it: their batches' headers hold producer and sequence. So that not all of
//! them must be read again, what is known is written down now and then; after a restart, the first
//! idempotent batch has everything from there on read.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use kafka_protocol::ResponseError;
use roundhouse::{LocalLog, Offset, ReadError, Shard};
use serde::{Deserialize, Serialize};

use super::producers::{Producers, Verdict};
use crate::errors;
use crate::limits::PRODUCER_REPLAY_BYTES;
use crate::protocol::batch::{BATCH_HEADER_BYTES, BatchInfo};
use crate::protocol::topic_ref::TopicId;
use crate::table::Table;

/// A partition's producers.
#[derive(Debug)]
pub(super) struct ProducerMemory {
    table: Rc<Table>,
    key: String,
    topic: TopicId,
    /// Where the log ended when it was opened: what came later is known.
    opened_at: u64,
    /// `None` until somebody asks.
    known: RefCell<Option<Producers>>,
    /// Bytes appended since they were written down.
    bytes_since: Cell<usize>,
}

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Snapshot {
    /// A topic of the same name may have been deleted and created again.
    topic: TopicId,
    /// Everything before is accounted for.
    upto: u64,
    producers: Producers,
}

impl ProducerMemory {
    /// The key under which the producers of a partition are written down.
    pub(super) fn key(topic: &str, partition: i32) -> String {
        format!("producers/{topic}/{partition}")
    }

    /// The memory of a partition whose log ends at `opened_at`.
    pub(super) fn new(
        table: Rc<Table>,
        key: String,
        topic: TopicId,
        opened_at: u64,
    ) -> ProducerMemory {
        let (known, bytes_since) = (RefCell::default(), Cell::default());
        ProducerMemory { table, key, topic, opened_at, known, bytes_since }
    }

    /// Judges a batch; `None` if what was before the restart is not known yet.
    pub(super) fn judge(&self, info: &BatchInfo) -> Option<Verdict> {
        self.known.borrow().as_ref().map(|producers| producers.judge(info))
    }

    /// Notes that a batch of `bytes` was appended, and now and then writes down what is known.
    pub(super) fn note(&self, shard: &Shard, info: &BatchInfo, base_offset: u64, bytes: usize) {
        let mut known = self.known.borrow_mut();
        let Some(producers) = known.as_mut() else { return };
        producers.note(info, base_offset);
        self.bytes_since.update(|since| since + bytes);
        if self.bytes_since.get() < PRODUCER_REPLAY_BYTES {
            return;
        }
        self.bytes_since.set(0);
        let upto = base_offset + u64::from(info.count);
        let snapshot = Snapshot { topic: self.topic, upto, producers: producers.clone() };
        let (table, key) = (self.table.clone(), self.key.clone());
        // It lies behind the batches in the same write-ahead log, so it is never ahead of them.
        let written = async move {
            if let Err(error) = table.change([(key, Some(snapshot))]).await {
                tracing::warn!(%error, "producers could not be written down; the next time will do");
            }
        };
        shard.spawn(written).detach();
    }

    /// Finds out what was before the restart.
    ///
    /// # Errors
    /// The engine's.
    pub(super) async fn recall(&self, log: &LocalLog) -> Result<(), ResponseError> {
        let snapshot = self.table.get::<Snapshot>(&self.key);
        let snapshot = snapshot.filter(|snapshot| snapshot.topic == self.topic);
        let (mut at, mut producers) = snapshot
            .map_or((0, Producers::default()), |snapshot| (snapshot.upto, snapshot.producers));
        while at < self.opened_at {
            at = at.max(log.info().ok_or(ResponseError::UnknownTopicOrPartition)?.start.0);
            match log.reader(Offset(at)).read(RECALL_READ_BYTES).await {
                Ok(records) if records.is_empty() => break,
                Ok(records) => {
                    for record in &records {
                        note_stored(&mut producers, &record.body, record.offset.0);
                    }
                    at = records.next_offset().0;
                }
                // Trimmed meanwhile: go on behind.
                Err(ReadError::Trimmed { start, .. }) => at = start.0,
                Err(ReadError::BeyondEnd { .. }) => break,
                Err(error) => return Err(errors::of_read(&error)),
            }
        }
        self.known.replace(Some(producers));
        Ok(())
    }
}

fn note_stored(producers: &mut Producers, batch: &[u8], base_offset: u64) {
    let Some(header) = batch.first_chunk::<BATCH_HEADER_BYTES>() else { return };
    let info = BatchInfo::read(header);
    if info.is_idempotent() && info.count > 0 {
        producers.note(&info, base_offset);
    }
}

/// Bytes read at once.
const RECALL_READ_BYTES: usize = 1 << 20;
