//! One partition: batches in, batches out.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use kafka_protocol::ResponseError;
use roundhouse::{
    AppendError, Appended, LocalLog, LocalReader, Log, NewRecord, Offset, Refusal, Shard, Ticket,
    WallTime,
};

use super::growth::{self, Waiters};
use super::memory::ProducerMemory;
use super::producers::Verdict;
use crate::errors;
use crate::limits::READERS_PER_PARTITION;
use crate::line::Line;
use crate::protocol::batch::{self, BatchInfo};
use crate::table::Table;
use crate::topics::Topic;

/// A batch to append: checked, but not yet placed.
#[derive(Debug)]
pub struct Batch {
    /// What came.
    pub bytes: BytesMut,
    /// What its header says.
    pub info: BatchInfo,
}

/// Where a batch was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The offset of its first record.
    pub base_offset: u64,
    /// The time the records were given in ms since 1970, or -1 if they keep their own.
    pub append_time_ms: i64,
}

/// A partition on the shard that owns its log. All appends to the log go through it.
#[derive(Debug)]
pub struct Partition {
    shard: Shard,
    log: Log,
    local: LocalLog,
    topic: RefCell<Arc<Topic>>,
    producers: ProducerMemory,
    /// The offset the next batch gets.
    next: Cell<u64>,
    /// The offset after the last acknowledged record.
    high_watermark: Cell<u64>,
    /// Bytes of batches acknowledged since the partition was opened.
    acknowledged_bytes: Cell<u64>,
    /// Batches that could not be appended at once. Others get in line behind them.
    line: Rc<Line>,
    waiters: Waiters,
    /// Readers by the offset they go on at, the latest last.
    readers: RefCell<Vec<LocalReader>>,
    is_retired: Cell<bool>,
    /// A write failed: nothing more will be acknowledged.
    has_failed: Cell<bool>,
}

/// What a partition is made of.
#[derive(Debug)]
pub struct PartitionParts {
    /// The shard it lives on.
    pub shard: Shard,
    /// Its log.
    pub log: Log,
    /// The same, on its shard.
    pub local: LocalLog,
    /// Its topic.
    pub topic: Arc<Topic>,
    /// Its number.
    pub index: i32,
    /// What the shard has to remember.
    pub table: Rc<Table>,
}

/// What became of a batch at the first look.
enum Attempt {
    /// It is on its way to the disk.
    Accepted(Placed, Ticket),
    /// It is there already, if maybe not acknowledged yet.
    Duplicate(Placed),
    /// There is no room at the moment.
    NoRoom,
    /// What was before the restart must be found out first.
    Unjudged,
    /// It can't be.
    Refused(ResponseError),
}

impl Partition {
    /// A partition over its log, to which nothing is being appended. `None` if the log is gone.
    pub fn new(parts: PartitionParts) -> Option<Partition> {
        let PartitionParts { shard, log, local, topic, index, table } = parts;
        let end = local.info()?.end.0;
        let key = ProducerMemory::key(&topic.name, index);
        Some(Partition {
            shard,
            log,
            local,
            producers: ProducerMemory::new(table, key, topic.id, end),
            topic: RefCell::new(topic),
            next: Cell::new(end),
            high_watermark: Cell::new(end),
            acknowledged_bytes: Cell::default(),
            line: Rc::default(),
            waiters: Waiters::default(),
            readers: RefCell::default(),
            is_retired: Cell::default(),
            has_failed: Cell::default(),
        })
    }

    /// Where it begins: what is before was trimmed.
    pub fn log_start(&self) -> Option<u64> {
        self.local.info().map(|info| info.start.0)
    }

    /// The offset after the last acknowledged record.
    pub fn high_watermark(&self) -> u64 {
        self.high_watermark.get()
    }

    /// Bytes of batches acknowledged since it was opened.
    pub fn acknowledged_bytes(&self) -> u64 {
        self.acknowledged_bytes.get()
    }

    /// Bytes of its log, with the engine's headers.
    pub fn stored_bytes(&self) -> u64 {
        self.local.info().map_or(0, |info| info.bytes)
    }

    /// Whether a write failed, so that nothing more will be acknowledged.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Whether its topic was deleted.
    pub fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// Its topic was deleted: whoever waits learns of it.
    pub fn retire(&self) {
        self.is_retired.set(true);
        self.waiters.wake();
    }

    /// Its topic has other settings now.
    pub fn set_topic(&self, topic: Arc<Topic>) {
        self.topic.replace(topic);
    }

    pub(super) fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Forgets what is written down of the producers of a topic's partitions.
    ///
    /// # Errors
    /// The engine's.
    pub async fn forget_producers(table: &Table, topic: &Topic) -> Result<(), AppendError> {
        let keys = (0..topic.partitions).map(|index| ProducerMemory::key(&topic.name, index));
        let written = keys.filter(|key| table.contains(key)).map(|key| (key, None::<()>));
        table.change(written.collect::<Vec<_>>()).await
    }

    /// Gives up the records before `start`; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn trim(&self, start: u64) -> Result<(), ResponseError> {
        let trimmed = self.log.trim_to(Offset(start)).await;
        trimmed.map_err(|error| errors::of_engine(&error.into()))
    }

    /// Appends a batch. It has its place before any later call when this returns; the future
    /// completes when it is acknowledged. Dropping the future may take the batch back only if it
    /// had to wait for room.
    pub fn append(
        self: &Rc<Self>,
        mut batch: Batch,
    ) -> LocalBoxFuture<'static, Result<Placed, ResponseError>> {
        if !self.line.is_empty() {
            return self.clone().append_in_line(batch).boxed_local();
        }
        match self.try_append(&mut batch) {
            Attempt::NoRoom | Attempt::Unjudged => self.clone().append_in_line(batch).boxed_local(),
            attempt => self.clone().finish(attempt, batch).boxed_local(),
        }
    }

    /// Reads whole batches from `offset` on, of about `bytes_max` bytes but at least one.
    ///
    /// # Errors
    /// [`ResponseError::OffsetOutOfRange`] before the start or beyond the end; the engine's.
    pub async fn read(&self, offset: i64, bytes_max: usize) -> Result<Vec<Bytes>, ResponseError> {
        if self.is_retired() {
            return Err(ResponseError::UnknownTopicOrPartition);
        }
        let from = u64::try_from(offset).map_err(|_| ResponseError::OffsetOutOfRange)?;
        if from == self.high_watermark() {
            return Ok(Vec::new());
        }
        let mut reader = self.reader_at(Offset(from));
        let records = reader.read(bytes_max).await.map_err(|error| errors::of_read(&error))?;
        self.keep(reader);
        Ok(records.iter().map(|record| record.body).collect())
    }

    /// The first offset whose record has `time_ms` or a later time, with that record's time; `None`
    /// if all are earlier. Within a compressed batch, that of the batch.
    ///
    /// # Errors
    /// The engine's.
    pub async fn offset_at(&self, time_ms: i64) -> Result<Option<(u64, i64)>, ResponseError> {
        let batch = self.batch_at(time_ms).await?;
        Ok(batch.and_then(|batch| batch::offset_at(&batch, time_ms)))
    }

    /// The first offset of those whose records have the latest time, with that time; `None` if there
    /// are no records. Within a compressed batch, that of the batch.
    ///
    /// # Errors
    /// The engine's.
    pub async fn latest_time(&self) -> Result<Option<(u64, i64)>, ResponseError> {
        let latest_in = |batch: &Bytes| {
            batch.first_chunk().map_or(0, |header| BatchInfo::read(header).max_timestamp)
        };
        let Some(mut found) = self.batch_at(0).await? else { return Ok(None) };
        // The last batch is the likeliest; from there on by steps that double until nothing is found,
        // and then halve.
        let end = self.high_watermark() as i64;
        if let Some(last) = self.read(end - 1, 1).await?.pop().filter(|_| end > 0) {
            found = last;
        }
        let (mut step, mut is_growing) = (1, true);
        while step > 0 {
            match self.batch_at(latest_in(&found).saturating_add(step)).await? {
                Some(later) => found = later,
                None => is_growing = false,
            }
            step = if is_growing { step * 2 } else { step / 2 };
        }
        let latest = latest_in(&found);
        let first = self.batch_at(latest).await?.unwrap_or(found);
        Ok(batch::offset_at(&first, latest).map(|(offset, _)| (offset, latest)))
    }

    /// The first batch that has a record with `time_ms` or a later time.
    async fn batch_at(&self, time_ms: i64) -> Result<Option<Bytes>, ResponseError> {
        let time = WallTime::from_millis(time_ms.max(0) as u64);
        let found = self.log.offset_at(time).await.map_err(|error| errors::of_read(&error))?;
        let Some(found) = found else { return Ok(None) };
        match self.read(found.0 as i64, 1).await {
            Err(ResponseError::OffsetOutOfRange) => Ok(None),
            read => Ok(read?.into_iter().next()),
        }
    }

    /// Gives the batch its place and puts it in line for the disk, or says why not.
    fn try_append(&self, batch: &mut Batch) -> Attempt {
        if batch.info.is_idempotent() {
            match self.producers.judge(&batch.info) {
                None => return Attempt::Unjudged,
                Some(Verdict::Append) => {}
                Some(Verdict::Duplicate { base_offset }) => {
                    return Attempt::Duplicate(Placed { base_offset, append_time_ms: -1 });
                }
                Some(Verdict::Refuse(error)) => return Attempt::Refused(error),
            }
        }
        let base_offset = self.next.get();
        let append_time_ms = self.stamp(batch);
        batch::place(&mut batch.bytes, base_offset);
        let time = WallTime::from_millis(batch.info.max_timestamp.max(0) as u64);
        let (body, count) = (&batch.bytes[..], batch.info.count);
        let record = NewRecord { body, count, time: Some(time) };
        let Appended { first, ticket } = match self.local.try_append(&[record]) {
            Ok(appended) => appended,
            Err(Refusal::Wait) => return Attempt::NoRoom,
            Err(Refusal::Error(error)) => return Attempt::Refused(errors::of_append(&error)),
        };
        assert_eq!(first.0, base_offset, "nobody else appends to a partition's log");
        self.next.set(base_offset + u64::from(count));
        if batch.info.is_idempotent() {
            self.producers.note(&self.shard, &batch.info, base_offset, body.len());
        }
        Attempt::Accepted(Placed { base_offset, append_time_ms }, ticket)
    }

    /// Gives the records the time of their arrival if the topic is so.
    fn stamp(&self, batch: &mut Batch) -> i64 {
        if !self.topic.borrow().config.stamps_on_arrival() {
            return -1;
        }
        let now = self.shard.wall().as_millis() as i64;
        batch::stamp(&mut batch.bytes, now);
        batch.info.max_timestamp = now;
        now
    }

    /// Waits for room, and for those who waited before.
    fn append_in_line(
        self: Rc<Self>,
        mut batch: Batch,
    ) -> impl Future<Output = Result<Placed, ResponseError>> {
        let place = self.line.enter();
        async move {
            place.turn().await;
            let attempt = loop {
                match self.try_append(&mut batch) {
                    Attempt::NoRoom => self.local.wait_for_room().await,
                    Attempt::Unjudged => self.producers.recall(&self.local).await?,
                    attempt => break attempt,
                }
            };
            drop(place);
            self.finish(attempt, batch).await
        }
    }

    /// Waits until what was begun is acknowledged.
    async fn finish(
        self: Rc<Self>,
        attempt: Attempt,
        batch: Batch,
    ) -> Result<Placed, ResponseError> {
        match attempt {
            Attempt::Accepted(placed, ticket) => self.acknowledge(placed, ticket, &batch).await,
            Attempt::Duplicate(placed) => {
                let end = placed.base_offset + u64::from(batch.info.count);
                growth::Visible::new(self, end).await.map(|()| placed)
            }
            Attempt::Refused(error) => Err(error),
            Attempt::NoRoom | Attempt::Unjudged => Err(ResponseError::KafkaStorageError),
        }
    }

    async fn acknowledge(
        &self,
        placed: Placed,
        ticket: Ticket,
        batch: &Batch,
    ) -> Result<Placed, ResponseError> {
        if let Err(error) = self.local.wait_acknowledged(ticket).await {
            self.has_failed.set(true);
            self.waiters.wake();
            return Err(errors::of_append(&error));
        }
        let end = placed.base_offset + u64::from(batch.info.count);
        self.high_watermark.set(self.high_watermark.get().max(end));
        self.acknowledged_bytes.update(|bytes| bytes + batch.bytes.len() as u64);
        self.waiters.wake();
        Ok(placed)
    }

    /// A reader that goes on at `offset`: one that was kept, or a new one.
    fn reader_at(&self, offset: Offset) -> LocalReader {
        let mut readers = self.readers.borrow_mut();
        let kept = readers.iter().position(|reader| reader.next_offset() == offset);
        kept.map_or_else(|| self.local.reader(offset), |at| readers.remove(at))
    }

    fn keep(&self, reader: LocalReader) {
        let mut readers = self.readers.borrow_mut();
        if readers.len() == READERS_PER_PARTITION {
            readers.remove(0);
        }
        readers.push(reader);
    }
}
