//! Walks the frames of the newest segment, and of any that follows it, accepting one after the
//! other.

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Epoch, Pos, SlotNo};

use roundhouse_runtime::FileId;

use crate::error::OpenError;
use crate::format::{FrameKind, FrameReject, HeadPayload, SealLink};
use crate::logs::Segment;
use crate::recovery::{Context, Replay, Survey, Surveyed};
use crate::scan::{Found, FrameScan, Rejection, ScannedFrame};

/// What the accepted frames add up to.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) replay: Replay,
    /// The segments that were walked, oldest first.
    pub(crate) segments: Vec<Segment>,
    pub(crate) end: WalkEnd,
}

/// Where the walk ended, and why.
#[derive(Debug)]
pub(crate) struct WalkEnd {
    /// The first position that was not accepted.
    pub(crate) pos: Pos,
    /// The slot that holds the last accepted frame.
    pub(crate) slot: SlotNo,
    /// Where the last accepted frame starts.
    pub(crate) last: Pos,
    /// Header hash of the last accepted frame.
    pub(crate) hash: u64,
    /// Epoch of the last accepted frame.
    pub(crate) epoch: Epoch,
    /// The highest `durable_upto` of the accepted frames.
    pub(crate) durable_upto: Pos,
    pub(crate) low_water: Pos,
    pub(crate) next_slot: Option<SlotNo>,
    /// The seal, if the last accepted frame is one.
    pub(crate) sealed: Option<SealLink>,
    /// What was found instead of a frame; `None` if there was nothing to look at.
    pub(crate) rejection: Option<Rejection>,
    /// Whether an intact frame is there that was submitted when the one before it was durable, and
    /// names another one.
    pub(crate) is_contradicted: bool,
    /// Frames that were accepted.
    pub(crate) frames: u64,
}

impl WalkEnd {
    /// The slot where the next frame should be: the one named for the next segment, if the last
    /// accepted frame is a seal.
    pub(crate) fn slot_of_next(&self) -> SlotNo {
        self.next_slot.filter(|_| self.sealed.is_some()).unwrap_or(self.slot)
    }

    /// The position behind the first rejected frame, if that is of an epoch which the superblock does
    /// not know of: the superblock is an older one than the store had.
    pub(crate) fn newer_epoch_upto(&self) -> Pos {
        match &self.rejection {
            Some(Rejection { pos, reject: FrameReject::Epoch { highest, found, .. }, .. })
                if found > highest =>
            {
                pos.advance(BLOCK_BYTES as u64)
            }
            _ => Pos(0),
        }
    }
}

impl Walk {
    /// Walks from the head of `start` on.
    ///
    /// # Errors
    /// Records that no writer produces, in a frame whose checksums hold.
    pub(crate) async fn run(
        context: &Context,
        survey: &Survey,
        start: &Surveyed,
    ) -> Result<Walk, OpenError> {
        let header = &start.frame.header;
        let end = WalkEnd {
            pos: header.pos,
            slot: start.slot,
            last: header.pos,
            hash: header.prev_hash,
            epoch: header.epoch,
            durable_upto: header.durable_upto,
            low_water: header.low_water,
            next_slot: header.next_slot,
            sealed: None,
            rejection: None,
            is_contradicted: false,
            frames: 0,
        };
        let segment = Segment { no: start.segment, slot: start.slot, shares: Default::default() };
        let replay = Replay::new(start.head.clone());
        let mut walk = Walk { replay, segments: vec![segment], end };
        let mut next = Some(start);
        while let Some(segment) = next {
            let is_sealed = walk.walk_segment(context, segment.file).await?;
            next = if is_sealed { walk.next_segment(context, survey) } else { None };
        }
        Ok(walk)
    }

    /// Accepts the frames of one segment, and says whether its seal was among them.
    async fn walk_segment(&mut self, context: &Context, file: FileId) -> Result<bool, OpenError> {
        let mut scan = context.scan(file, self.end.pos);
        let walked = self.walk_frames(context, file, &mut scan).await;
        scan.settle().await;
        walked
    }

    async fn walk_frames(
        &mut self,
        context: &Context,
        file: FileId,
        scan: &mut FrameScan,
    ) -> Result<bool, OpenError> {
        loop {
            let mut frame = self.next_acceptable(context, scan).await;
            if frame.is_none() {
                // A second look: a bit may have flipped on the way here, not on the disk.
                let again = context.scan(file, self.end.pos);
                std::mem::replace(scan, again).settle().await;
                frame = self.next_acceptable(context, scan).await;
            }
            let Some(frame) = frame else { return Ok(false) };
            self.accept(context, &frame)?;
            if frame.header.kind == FrameKind::Seal {
                return Ok(true);
            }
        }
    }

    /// The frame at the end of the walk, if it continues it.
    async fn next_acceptable(
        &mut self,
        context: &Context,
        scan: &mut FrameScan,
    ) -> Option<ScannedFrame> {
        self.end.rejection = None;
        self.end.is_contradicted = false;
        let frame = match scan.next().await {
            Found::Frame(frame) => frame,
            Found::Rejected(rejection) => {
                self.end.rejection = Some(rejection);
                return None;
            }
            Found::End => return None,
        };
        let checked = self.check(context, &frame);
        if let Err(reject) = checked {
            self.end.is_contradicted = is_contradiction(context, &frame, reject);
            self.end.rejection = Some(Rejection { pos: self.end.pos, reject, unreadable: None });
            return None;
        }
        Some(frame)
    }

    /// Whether a frame continues the ones before it, in an epoch that may write here.
    fn check(&self, context: &Context, frame: &ScannedFrame) -> Result<(), FrameReject> {
        let superblock = &context.superblock;
        let header = &frame.header;
        let lowest =
            if header.pos >= superblock.epoch_start { superblock.epoch } else { self.end.epoch };
        header.check_epoch(lowest, superblock.epoch)?;
        if planted(Bug::ChainUnchecked) {
            return Ok(());
        }
        header.check_chain(self.end.hash)
    }

    fn accept(&mut self, context: &Context, frame: &ScannedFrame) -> Result<(), OpenError> {
        let header = &frame.header;
        if header.kind == FrameKind::Data {
            self.replay.take_frame(frame).map_err(|reason| {
                let reason = format!("the frame is intact, but impossible: {reason}");
                OpenError::Corruption(context.corruption(
                    self.end.slot,
                    header.pos,
                    header.end(),
                    reason,
                ))
            })?;
        }
        let end = &mut self.end;
        end.frames += 1;
        end.last = header.pos;
        end.hash = frame.hash();
        end.epoch = header.epoch;
        end.durable_upto = end.durable_upto.max(header.durable_upto);
        end.low_water = end.low_water.max(header.low_water);
        end.next_slot = header.next_slot;
        end.sealed = None;
        end.pos = header.end();
        if header.kind == FrameKind::Seal {
            let slot_bytes = context.superblock.slot_bytes;
            end.sealed = Some(SealLink { pos: header.pos, bytes: header.frame_bytes });
            end.pos = header.pos.segment(slot_bytes).next().base(slot_bytes);
            self.seal();
        }
        Ok(())
    }

    /// Moves the logs' shares to the segment that was just sealed.
    fn seal(&mut self) {
        let logs = self.replay.catalogue.logs_mut();
        let shares = logs.filter_map(|log| Some((log.id, log.take_share()?))).collect();
        let sealed = self.segments.last_mut().expect("the walk began in a segment");
        sealed.shares = shares;
    }

    /// Goes on in the segment after the sealed one, if its head follows.
    fn next_segment<'a>(&mut self, context: &Context, survey: &'a Survey) -> Option<&'a Surveyed> {
        let no = self.end.pos.segment(context.superblock.slot_bytes);
        let next = survey.segment(no)?;
        let HeadPayload { prev_seal, .. } = &next.head;
        if let Err(reject) = self.check(context, &next.frame) {
            self.end.is_contradicted = is_contradiction(context, &next.frame, reject);
            return None;
        }
        if *prev_seal != self.end.sealed {
            return None;
        }
        self.segments.push(Segment { no, slot: next.slot, shares: Default::default() });
        self.replay.seal_bytes = crate::state::SEAL_FIXED_BYTES;
        self.end.slot = next.slot;
        Some(next)
    }
}

fn is_contradiction(context: &Context, frame: &ScannedFrame, reject: FrameReject) -> bool {
    matches!(reject, FrameReject::Chain { .. }) && context.proves_predecessor(&frame.header)
}
