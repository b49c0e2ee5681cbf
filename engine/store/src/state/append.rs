//! Accepting records: may it be appended, where does it go, and when does a new segment begin.

use bytes::BytesMut;
use roundhouse_base::limits::{
    BLOCK_BYTES, FRAME_BYTES_SOFT_MAX, RECORD_BYTES_MAX, RECORD_COUNT_MAX,
};
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{LogId, Monotonic, Offset, SlotNo, WallTime};

use crate::error::AppendError;
use crate::format::{
    FRAME_HEADER_BYTES, FrameKind, HeadPayload, RecordHeader, RecordKind, SealLog, SealPayload,
    record_bytes,
};
use crate::logs::{NotedRecord, Share};
use crate::pool::Room;
use crate::state::State;
use crate::wal::{Ticket, Touch};

/// A record to append.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// What to store.
    pub body: &'a [u8],
    /// Offsets the record spans, 1 to [`RECORD_COUNT_MAX`]: one record may be a batch.
    pub count: u32,
    /// Its time; `None` for the time of arrival.
    pub time: Option<WallTime>,
}

impl<'a> From<&'a [u8]> for NewRecord<'a> {
    fn from(body: &'a [u8]) -> NewRecord<'a> {
        NewRecord { body, count: 1, time: None }
    }
}

/// An accepted append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The first offset it was given.
    pub first: Offset,
    /// What to wait for.
    pub ticket: Ticket,
}

/// Why an append was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Too much is on its way to disk: wait for room and try again.
    Wait,
    /// It can't be.
    Error(AppendError),
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Refusal {
        Refusal::Error(error)
    }
}

/// Whose record it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordClass {
    /// Takes up space: leaves the last slot alone, before it is begun and after.
    User,
    /// May make room, so it may use the last slot.
    Control,
}

impl State {
    /// Accepts all of `records`, at consecutive offsets, or none.
    pub(crate) fn append(
        &mut self,
        id: LogId,
        records: &[NewRecord<'_>],
        wall: WallTime,
        now: Monotonic,
    ) -> Result<Appended, Refusal> {
        self.check_writable()?;
        let log = self.catalogue.log(id).ok_or(AppendError::Deleted)?;
        let first = log.end;
        let strict = log.is_strict();
        let total_bytes = self.check_sizes(records)?;
        self.admit(total_bytes, records.len(), RecordClass::User, now)?;
        let mut ticket = Ticket::default();
        for record in records {
            ticket = self.push_data(id, record, strict, wall, now);
        }
        let counters = &self.counters;
        counters.records_appended.add(records.len() as u64);
        counters.record_bytes_appended.add(records.iter().map(|r| r.body.len() as u64).sum());
        self.kick_commit();
        Ok(Appended { first, ticket })
    }

    /// The largest body that is taken, of one record or of a batch together.
    pub(crate) fn record_bytes_max(&self) -> usize {
        RECORD_BYTES_MAX.min(self.slot_bytes as usize / 8)
    }

    /// The largest catalogue that is allowed, as a head frame's payload.
    pub(crate) fn head_bytes_max(&self) -> usize {
        self.slot_bytes as usize / 8
    }

    /// Bytes the records take up in frames, if each and all are of a possible size.
    fn check_sizes(&self, records: &[NewRecord<'_>]) -> Result<usize, AppendError> {
        let bytes: usize = records.iter().map(|record| record_bytes(record.body.len())).sum();
        let bytes_max = self.record_bytes_max();
        // Headers count only for batches, so that a record of exactly the limit passes.
        let is_single = records.len() == 1;
        let counted = if is_single { records[0].body.len() } else { bytes };
        if counted > bytes_max {
            let (bytes, bytes_max) = (counted as u64, bytes_max as u64);
            return Err(AppendError::TooLarge { bytes, bytes_max });
        }
        let is_possible = |count: u32| (1..=RECORD_COUNT_MAX).contains(&count);
        match records.iter().find(|record| !is_possible(record.count)) {
            Some(record) => Err(AppendError::Count { count: record.count }),
            None => Ok(bytes),
        }
    }

    /// Makes sure that `records` records of `bytes` together can be appended now.
    pub(crate) fn admit(
        &mut self,
        bytes: usize,
        records: usize,
        class: RecordClass,
        now: Monotonic,
    ) -> Result<(), Refusal> {
        if self.writer.is_full() {
            self.counters.backpressure.add(1);
            return Err(Refusal::Wait);
        }
        // Whatever frames they end up in, one per megabyte and two more are enough.
        let frames = 2 + bytes / (FRAME_BYTES_SOFT_MAX / 2);
        let worst = bytes + frames * (BLOCK_BYTES + FRAME_HEADER_BYTES);
        let seal_growth = records * (Share::SEAL_LOG_BYTES + Share::SEAL_ENTRY_BYTES);
        let used = self.writer.end().in_slot(self.slot_bytes);
        let is_at_start = used == 0 && self.writer.end() != self.segments.low_water();
        let fits = !is_at_start
            && used + worst as u64 + self.reserve_bytes(seal_growth) <= self.slot_bytes;
        let class = if planted(Bug::ReserveSpent) { RecordClass::Control } else { class };
        let slots_wanted = match (class, fits) {
            (RecordClass::Control, true) => return Ok(()),
            (RecordClass::Control, false) | (RecordClass::User, true) => 1,
            (RecordClass::User, false) => 2,
        };
        match self.pool.room(slots_wanted, now) {
            Room::Ready => Ok(()),
            Room::Soon => {
                self.counters.backpressure.add(1);
                Err(Refusal::Wait)
            }
            Room::None(reason) => {
                self.counters.no_space.add(1);
                Err(AppendError::NoSpace { reason }.into())
            }
        }
    }

    /// Bytes to keep free at the end of the active segment: for its seal frame, when that has grown
    /// by `growth`, and for the epoch frame that opening the store again would add.
    pub(crate) fn reserve_bytes(&self, growth: usize) -> u64 {
        let seal = FRAME_HEADER_BYTES + self.seal_bytes + growth;
        (seal.next_multiple_of(BLOCK_BYTES) + BLOCK_BYTES) as u64
    }

    fn push_data(
        &mut self,
        id: LogId,
        record: &NewRecord<'_>,
        strict: bool,
        wall: WallTime,
        now: Monotonic,
    ) -> Ticket {
        self.make_room(record.body.len(), now);
        let log = self.catalogue.log_mut(id).expect("the caller looked it up");
        let time = record.time.unwrap_or(wall);
        let header = RecordHeader {
            log: id,
            kind: RecordKind::Data,
            first_offset: log.end,
            count: record.count,
            time,
        };
        let place = self.writer.append(&header, record.body, strict, now);
        self.seal_bytes += log.note_record(&NotedRecord {
            first: header.first_offset,
            count: record.count,
            frame: place.frame,
            time,
            bytes: record_bytes(record.body.len()) as u64,
        });
        let ticket = log.progress.issue(strict);
        let touch = Touch { log: id, ticket, end: log.end };
        self.writer.touch(touch, &mut log.touch_hint);
        ticket
    }

    /// Begins a new segment if a record of `body_bytes` does not fit the active one any more.
    pub(crate) fn make_room(&mut self, body_bytes: usize, now: Monotonic) {
        let growth = Share::SEAL_LOG_BYTES + Share::SEAL_ENTRY_BYTES;
        if !self.writer.fits_segment(body_bytes, self.reserve_bytes(growth)) {
            self.roll(now);
        }
    }

    /// Seals the active segment and begins the next one in a ready slot.
    pub(crate) fn roll(&mut self, now: Monotonic) {
        let mut payload = BytesMut::new();
        self.seal_payload().encode(&mut payload);
        let seal = (!planted(Bug::SealSkipped))
            .then(|| self.writer.push_frame(FrameKind::Seal, &payload, now));
        let shares = self.catalogue.logs_mut().filter_map(|log| Some((log.id, log.take_share()?)));
        self.segments.active_mut().shares = shares.collect();

        let slot = self.pool.activate();
        self.segments.activate(slot);
        self.writer.next_segment();
        self.begin_segment(seal, now);
        self.bury_dead_segments();
        // Retention works on sealed segments, and there is a new one.
        self.look_at_retention(now);
    }

    /// The slot that follows the segment of the next frame to write. That frame may still be of a
    /// segment that was sealed meanwhile; then its successor's slot is not the pool's next any more.
    pub(crate) fn next_slot(&self) -> Option<SlotNo> {
        let segment = self.writer.unsubmitted_from().segment(self.slot_bytes);
        let successor = self.segments.slot_of(segment.next().base(self.slot_bytes));
        successor.or_else(|| self.pool.next())
    }

    /// Puts the head frame at the start of the active segment.
    pub(crate) fn begin_segment(
        &mut self,
        prev_seal: Option<crate::format::SealLink>,
        now: Monotonic,
    ) {
        let low_water = self.segments.low_water();
        for log in self.catalogue.logs_mut() {
            log.forget_truncations(low_water);
        }
        let head = HeadPayload {
            segment: self.segments.active().no,
            prev_seal,
            next_log: self.catalogue.next_log(),
            catalogue_end: self.catalogue.end(),
            logs: self.catalogue.to_head_logs(),
        };
        let mut payload = BytesMut::new();
        head.encode(&mut payload);
        self.writer.push_frame(FrameKind::Head, &payload, now);
        self.seal_bytes = SEAL_FIXED_BYTES;
    }

    /// What the active segment's seal frame says.
    fn seal_payload(&self) -> SealPayload {
        let segment = self.segments.active().no;
        let base = segment.base(self.slot_bytes);
        let logs = self.catalogue.logs().filter_map(|log| {
            let share = log.share.filter(|share| share.first < share.end)?;
            let is_inside = |entry: &&crate::format::IndexEntry| {
                share.first <= entry.offset && entry.offset < share.end
            };
            let entries = log.index.entries_from(base).filter(is_inside).copied().collect();
            let Share { first, end, bytes, time_max } = share;
            Some(SealLog { log: log.id, first, end, bytes, time_max, entries })
        });
        let logs = logs.filter(|_| !planted(Bug::SealForgetsLogs)).collect();
        SealPayload { segment, logs }
    }
}

/// Bytes of a seal frame's payload without any log.
pub(crate) const SEAL_FIXED_BYTES: usize = 16;
