//! The write path as a state machine: records go in, frames to write come out, and what was
//! written comes back in as progress. No I/O and no clock here.
//!
//! ```text
//!   append -> open frame -> closed frames -> flying (<= 4) -> written -> durable
//!               ^ gathers while others fly                     |  acknowledged, if that is
//!                                                              |  all its log asks for
//!                                                              +- by RWF_DSYNC, or by one sync
//! ```
//! Frames complete in any order but count in theirs: a frame is *written* when it and all before it
//! are, and *durable* likewise.

use std::collections::VecDeque;

use bytes::Bytes;
use roundhouse_base::limits::{
    BLOCK_BYTES, FRAME_BYTES_SOFT_MAX, FRAME_MORE_IN_FLIGHT_BYTES, FRAME_SECOND_IN_FLIGHT_BYTES,
    FRAMES_IN_FLIGHT_MAX, FRAMES_PENDING_MAX,
};
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Monotonic, Pos, SlotNo, WallTime};

use crate::format::{
    EpochSalt, FRAME_HEADER_BYTES, FrameHeader, FrameKind, PayloadSum, RecordHeader, SealLink,
    SyncMethod, complete_header, complete_payload, record_bytes, write_record,
};
use crate::wal::gather::{FrameBuffers, PendingFrame};
use crate::wal::touch::{Touch, Touches};

/// The state machine of one shard's write path.
#[derive(Debug)]
pub(crate) struct Writer {
    slot_bytes: u64,
    salt: EpochSalt,
    sync_method: SyncMethod,
    buffers: FrameBuffers,
    /// Where the next frame starts, if none is open.
    next_pos: Pos,
    open: Option<PendingFrame>,
    closed: VecDeque<ClosedFrame>,
    flying: VecDeque<Flying>,
    /// Hash of the last submitted frame's header.
    prev_hash: u64,
    /// First live position as of the records appended so far.
    low_water: Pos,
    /// `durable_upto` in the header of the last submitted frame.
    proven_upto: Pos,
    /// Where the last submitted frame with records ends.
    records_end: Pos,
    /// Everything below was written.
    written_upto: Pos,
    /// Everything below is durable.
    durable_upto: Pos,
    /// Logs extended between `durable_upto` and `written_upto`.
    unsynced: Touches,
    /// Whether something in that range waits for being durable.
    sync_wanted: bool,
    spare_touches: Vec<Touches>,
}

/// Where the write path begins: right behind what recovery accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriterStart {
    pub(crate) pos: Pos,
    pub(crate) prev_hash: u64,
    pub(crate) low_water: Pos,
    pub(crate) salt: EpochSalt,
}

/// Where a record was put.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordPlace {
    /// The frame that holds it.
    pub(crate) frame: Pos,
    /// Its own first byte.
    pub(crate) record: Pos,
}

/// A frame to write now.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) pos: Pos,
    pub(crate) bytes: Bytes,
    /// Whether the write itself must be durable when it completes.
    pub(crate) durable: bool,
    /// When its first record was appended.
    pub(crate) opened: Monotonic,
}

/// What the rest of the store contributes to a frame's header at the moment it is submitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubmitContext {
    pub(crate) next_slot: Option<SlotNo>,
    pub(crate) wall: WallTime,
}

/// A frame that waits for its turn. Its payload was summed up when it was closed, which is when the
/// device is busy with others, and not when its turn has come, which is when the device is idle.
#[derive(Debug)]
struct ClosedFrame {
    frame: PendingFrame,
    sum: PayloadSum,
}

/// A frame in flight, or landed behind one that still is.
#[derive(Debug)]
struct Flying {
    pos: Pos,
    end: Pos,
    landed: bool,
    durable_when_landed: bool,
    must_sync: bool,
    low_water: Pos,
    touches: Touches,
}

/// A frame counted as written.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) touches: Touches,
    /// Whether it is durable as well, with everything before it.
    pub(crate) durable: bool,
    /// The low-water mark in its header.
    pub(crate) low_water: Pos,
}

impl Writer {
    pub(crate) fn new(
        slot_bytes: u64,
        sync_method: SyncMethod,
        buffers: FrameBuffers,
        start: WriterStart,
    ) -> Writer {
        Writer {
            slot_bytes,
            salt: start.salt,
            sync_method,
            buffers,
            next_pos: start.pos,
            open: None,
            closed: VecDeque::new(),
            flying: VecDeque::new(),
            prev_hash: start.prev_hash,
            low_water: start.low_water,
            proven_upto: start.pos,
            records_end: start.pos,
            written_upto: start.pos,
            durable_upto: start.pos,
            unsynced: Touches::new(),
            sync_wanted: false,
            spare_touches: Vec::new(),
        }
    }

    /// Where the next byte of payload, or the next frame, will go.
    pub(crate) fn end(&self) -> Pos {
        self.open.as_ref().map_or(self.next_pos, |open| open.pos.advance(open.frame_bytes() as u64))
    }

    /// Everything below this position is durable.
    pub(crate) fn durable_upto(&self) -> Pos {
        self.durable_upto
    }

    /// Everything below this position was written.
    pub(crate) fn written_upto(&self) -> Pos {
        self.written_upto
    }

    /// The hash that the next frame's header will carry of the one before it.
    pub(crate) fn prev_hash(&self) -> u64 {
        self.prev_hash
    }

    /// Whether so much is waiting that the next append has to wait, too.
    pub(crate) fn is_full(&self) -> bool {
        self.closed.len() >= FRAMES_PENDING_MAX
    }

    /// Whether every byte that was appended is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_none() && self.closed.is_empty() && self.flying.is_empty()
    }

    /// Whether the records that were written are durable, too.
    pub(crate) fn is_synced(&self) -> bool {
        self.durable_upto == self.written_upto
    }

    /// Whether durable records lie behind everything that some frame proves to be durable, with no
    /// frame on its way that would prove it.
    pub(crate) fn needs_anchor(&self) -> bool {
        self.is_idle()
            && self.proven_upto < self.records_end
            && self.records_end <= self.durable_upto
    }

    /// The first live position that frames closed from now on will carry.
    pub(crate) fn low_water(&self) -> Pos {
        self.low_water
    }

    /// Bytes of the frames in flight.
    pub(crate) fn flying_bytes(&self) -> u64 {
        self.flying.iter().map(|frame| frame.end.0 - frame.pos.0).sum()
    }

    /// Whether a record of `body_bytes` fits the current segment when `reserve_bytes` at its end
    /// must stay free.
    pub(crate) fn fits_segment(&self, body_bytes: usize, reserve_bytes: u64) -> bool {
        let record = record_bytes(body_bytes);
        let fits = |pos: Pos, frame: usize| {
            let frame = frame.next_multiple_of(BLOCK_BYTES) as u64;
            pos.in_slot(self.slot_bytes) + frame + reserve_bytes <= self.slot_bytes
        };
        match &self.open {
            Some(open) if Self::fits_frame(open, record) => {
                fits(open.pos, open.bytes.len() + record)
            }
            _ => fits(self.end(), FRAME_HEADER_BYTES + record),
        }
    }

    /// Adds a record, which must fit the segment, to the open frame, or to a new one. Returns where
    /// it is.
    pub(crate) fn append(
        &mut self,
        header: &RecordHeader,
        body: &[u8],
        must_sync: bool,
        now: Monotonic,
    ) -> RecordPlace {
        let record = record_bytes(body.len());
        if !self.open.as_ref().is_some_and(|open| Self::fits_frame(open, record)) {
            self.close_open();
            let touches = self.spare_touches.pop().unwrap_or_default();
            let wanted = FRAME_HEADER_BYTES + record;
            self.open =
                Some(self.buffers.start(FrameKind::Data, self.next_pos, wanted, touches, now));
        }
        let open = self.open.as_mut().expect("opened above");
        let record = open.pos.advance(open.bytes.len() as u64);
        write_record(&mut open.bytes, header, body);
        open.record_count += 1;
        open.must_sync |= must_sync;
        RecordPlace { frame: open.pos, record }
    }

    /// Notes that the last appended record extended a log, replacing what an earlier record of the
    /// frame noted. `hint`, kept by the log, is the index of that note.
    pub(crate) fn touch(&mut self, touch: Touch, hint: &mut usize) {
        let open = self.open.as_mut().expect("a record was just appended");
        match open.touches.get_mut(*hint) {
            Some(noted) if noted.log == touch.log => *noted = touch,
            _ => {
                *hint = open.touches.len();
                open.touches.push(touch);
            }
        }
    }

    /// Adds a frame of the store's own behind everything appended so far. It must fit the segment.
    /// Returns its position and length.
    pub(crate) fn push_frame(
        &mut self,
        kind: FrameKind,
        payload: &[u8],
        now: Monotonic,
    ) -> SealLink {
        self.close_open();
        let pos = self.next_pos;
        let touches = self.spare_touches.pop().unwrap_or_default();
        let wanted = FRAME_HEADER_BYTES + payload.len();
        let mut frame = self.buffers.start(kind, pos, wanted, touches, now);
        frame.bytes.extend_from_slice(payload);
        frame.must_sync = true;
        let frame_bytes = frame.frame_bytes();
        self.close(frame);
        assert!(
            pos.in_slot(self.slot_bytes) + frame_bytes as u64 <= self.slot_bytes,
            "a {kind:?} frame of {frame_bytes} bytes at {pos} crosses the end of its slot"
        );
        SealLink { pos, bytes: frame_bytes as u32 }
    }

    /// Takes in that the records appended so far leave nothing alive below `low_water`.
    pub(crate) fn set_low_water(&mut self, low_water: Pos) {
        assert!(low_water >= self.low_water, "the low-water mark never falls");
        self.low_water = low_water;
    }

    /// Goes on in the next segment, whose first frame must be a head. The current one must have
    /// been sealed.
    pub(crate) fn next_segment(&mut self) {
        assert!(self.open.is_none(), "a sealed segment takes no more records");
        self.next_pos = self.next_pos.segment(self.slot_bytes).next().base(self.slot_bytes);
    }

    /// Where the next frame to write starts, or will start.
    pub(crate) fn unsubmitted_from(&self) -> Pos {
        let closed = self.closed.front().map(|closed| &closed.frame);
        let waiting = closed.or(self.open.as_ref());
        waiting.map_or(self.next_pos, |frame| frame.pos)
    }

    /// The next frame to write, if one may be written now.
    pub(crate) fn next_submission(&mut self, context: SubmitContext) -> Option<Submission> {
        let (bytes, kind) = match self.closed.front() {
            Some(closed) => (closed.frame.frame_bytes(), closed.frame.kind),
            None => (self.open.as_ref()?.frame_bytes(), FrameKind::Data),
        };
        let room = match self.flying.len() {
            0 => true,
            1 => bytes >= FRAME_SECOND_IN_FLIGHT_BYTES,
            n => n < FRAMES_IN_FLIGHT_MAX && bytes >= FRAME_MORE_IN_FLIGHT_BYTES,
        };
        let is_hasty = kind == FrameKind::Head && planted(Bug::HeadBeforeSync);
        if !room && !is_hasty {
            return None;
        }
        if kind == FrameKind::Head && !is_hasty && !self.is_ready_for_head() {
            return None;
        }
        if self.closed.is_empty() {
            self.close_open();
        }
        let closed = self.closed.pop_front().expect("closed above if there was none");
        Some(self.submit(closed, context))
    }

    /// A head frame proves that its predecessors are durable, so it waits until they are.
    fn is_ready_for_head(&mut self) -> bool {
        if !self.flying.is_empty() {
            return false;
        }
        self.sync_wanted |= !self.is_synced();
        self.is_synced()
    }

    fn submit(&mut self, closed: ClosedFrame, context: SubmitContext) -> Submission {
        let PendingFrame {
            kind,
            pos,
            mut bytes,
            record_count,
            must_sync,
            low_water,
            touches,
            opened,
        } = closed.frame;
        let mut header = FrameHeader {
            kind,
            pos,
            frame_bytes: 0,
            payload_bytes: 0,
            epoch: self.salt.epoch,
            next_slot: context.next_slot,
            durable_upto: self.durable_upto,
            low_water,
            prev_hash: self.prev_hash,
            payload_hash: 0,
            wall: context.wall,
            record_count,
        };
        self.prev_hash = complete_header(&mut bytes, &mut header, closed.sum, self.salt);

        // A durable write covers itself only; it is enough if nothing before it lacks a sync.
        let alone = self.is_synced() && self.flying.iter().all(|other| other.durable_when_landed);
        let alone = alone || planted(Bug::DurableWriteCoversAll);
        let durable = must_sync && alone && self.sync_method == SyncMethod::Dsync;
        let end = pos.advance(bytes.len() as u64);
        self.proven_upto = self.durable_upto;
        if kind == FrameKind::Data {
            self.records_end = end;
        }
        self.flying.push_back(Flying {
            pos,
            end,
            landed: false,
            durable_when_landed: durable,
            must_sync,
            low_water,
            touches,
        });
        Submission { pos, bytes: bytes.freeze(), durable, opened }
    }

    /// Takes in that the frame at `pos` was written. [`Writer::next_landed`] then tells what that
    /// completes.
    pub(crate) fn landed(&mut self, pos: Pos) {
        let frame = self.flying.iter_mut().find(|frame| frame.pos == pos);
        let frame = frame.expect("a frame lands once, after it was submitted");
        assert!(!frame.landed, "the frame at {pos} landed twice");
        frame.landed = true;
    }

    /// The next frame, in order, that now counts as written. Its touches come back through
    /// [`Writer::recycle`].
    pub(crate) fn next_landed(&mut self) -> Option<Landed> {
        if !self.flying.front()?.landed {
            return None;
        }
        let frame = self.flying.pop_front()?;
        assert!(frame.pos >= self.written_upto, "frames count in their order");
        self.written_upto = frame.end;
        if frame.durable_when_landed {
            self.durable_upto = frame.end;
        } else {
            self.sync_wanted |= frame.must_sync;
            for touch in &frame.touches {
                note_latest(&mut self.unsynced, *touch);
            }
        }
        let Flying { touches, durable_when_landed: durable, low_water, .. } = frame;
        Some(Landed { touches, durable, low_water })
    }

    /// Asks that everything written so far become durable soon.
    pub(crate) fn want_sync(&mut self) {
        self.sync_wanted |= !self.is_synced();
    }

    /// Asks the same for everything appended so far.
    pub(crate) fn want_all_synced(&mut self) {
        for frame in self.flying.iter_mut().filter(|frame| !frame.durable_when_landed) {
            frame.must_sync = true;
        }
        let closed = self.closed.iter_mut().map(|closed| &mut closed.frame);
        for frame in closed.chain(&mut self.open) {
            frame.must_sync = true;
        }
        self.want_sync();
    }

    /// The position up to which a sync would make things durable, if one is wanted. All of it lies
    /// in one segment, since a head frame waits for what is before it.
    pub(crate) fn wanted_sync(&self) -> Option<Pos> {
        (self.sync_wanted && !self.is_synced()).then_some(self.written_upto)
    }

    /// Takes in that everything below `upto`, which was written before the sync began, is durable.
    /// Returns the logs that this concerns; the list comes back through [`Writer::recycle`].
    pub(crate) fn synced(&mut self, upto: Pos) -> Touches {
        assert!(
            self.durable_upto <= upto && upto <= self.written_upto,
            "a sync covers what was written"
        );
        self.durable_upto = upto;
        self.sync_wanted = false;
        let empty = self.spare_touches.pop().unwrap_or_default();
        std::mem::replace(&mut self.unsynced, empty)
    }

    /// Takes a list of touches back for another frame.
    pub(crate) fn recycle(&mut self, mut touches: Touches) {
        touches.clear();
        if self.spare_touches.len() < FRAMES_PENDING_MAX + FRAMES_IN_FLIGHT_MAX {
            self.spare_touches.push(touches);
        }
    }

    fn fits_frame(open: &PendingFrame, record: usize) -> bool {
        open.bytes.len() + record <= open.room_bytes().min(FRAME_BYTES_SOFT_MAX)
    }

    fn close_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.close(open);
        }
    }

    fn close(&mut self, mut frame: PendingFrame) {
        // Now, not when it is submitted: a trim appended after this frame must not count in it.
        frame.low_water = self.low_water;
        self.buffers.close(&mut frame);
        self.next_pos = frame.pos.advance(frame.frame_bytes() as u64);
        let sum = complete_payload(&mut frame.bytes, self.salt);
        self.closed.push_back(ClosedFrame { frame, sum });
    }
}

/// Keeps one touch per log, the latest, by ascending log: the order must be the same in every run.
fn note_latest(touches: &mut Touches, touch: Touch) {
    match touches.binary_search_by_key(&touch.log, |noted| noted.log) {
        Ok(place) => touches[place] = touch,
        Err(place) => touches.insert(place, touch),
    }
}
