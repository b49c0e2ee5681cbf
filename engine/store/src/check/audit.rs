//! The walk over everything that must be there: from the first live segment to the end of the log,
//! and on behind damage.

use roundhouse_base::{Epoch, Pos, SegmentNo, SlotNo};
use roundhouse_runtime::Errno;

use crate::check::contents::{Contents, check_alone};
use crate::check::examined::Examined;
use crate::check::slots::Place;
use crate::error::Corruption;
use crate::format::{FrameHeader, FrameKind, HeadPayload, SealLink, SealPayload};
use crate::logs::Catalogue;
use crate::pool::slot_path;
use crate::scan::{Found, FrameScan, Rejection, ScannedFrame};

/// Walks the frames of a store one after the other.
///
/// A place without an acceptable frame is damage if it lies below what is proven durable, and else
/// the end; but one that cannot be read is damage at the end as well, since nobody knows what it
/// holds. Behind damage the walk takes the next intact frame in force, whatever its predecessor
/// was, and knows what the logs are again from the next head on.
#[derive(Debug)]
pub(super) struct Audit<'a> {
    examined: &'a Examined,
    /// Where the next frame should start, as far as that is known.
    at: Pos,
    place: Option<OpenSegment>,
    track: Track,
    /// No later frame has a lower epoch.
    epoch: Epoch,
    contents: Option<Contents>,
    /// What the logs were before the last damage.
    contents_before: Option<Contents>,
    /// An intact frame that did not follow the one before it, to be looked at by itself.
    set_aside: Option<ScannedFrame>,
    /// Whether what is being skipped was reported.
    is_reported: bool,
    is_over: bool,
}

/// What the walk comes across.
#[derive(Debug)]
pub(super) enum Step {
    /// An intact frame, which follows the frame before it unless damage was reported in between.
    Frame(ScannedFrame),
    /// A place below what was proven durable that holds no acceptable frame, or one where the log may
    /// go on that cannot be read.
    Damage(Corruption),
}

#[derive(Debug)]
struct OpenSegment {
    segment: SegmentNo,
    place: Place,
    scan: FrameScan,
}

/// What is known of the frame before.
#[derive(Debug, Clone, Copy)]
enum Track {
    /// There is none: the next is the head of the first live segment.
    Start,
    /// It was accepted.
    After { hash: u64, sealed: Option<SealLink>, next_slot: Option<SlotNo> },
    /// It is damaged.
    Lost,
}

/// Why an intact frame was not accepted.
enum Mismatch {
    /// It is no part of the log at this place.
    Foreign(String),
    /// It is, and says something impossible.
    Impossible(String),
}

impl<'a> Audit<'a> {
    /// A walk from the first live segment on.
    pub(super) fn new(examined: &'a Examined) -> Audit<'a> {
        let first = *examined.live_segments().start();
        Audit {
            examined,
            at: first.base(examined.slot_bytes()),
            place: None,
            track: Track::Start,
            epoch: Epoch(0),
            contents: None,
            contents_before: None,
            set_aside: None,
            is_reported: false,
            is_over: false,
        }
    }

    /// Where the next frame should start. At the end of the walk, that is where the log ends, unless
    /// damage came before it.
    pub(super) fn at(&self) -> Pos {
        self.at
    }

    /// The slot that the frame before names for the next segment; `None` behind damage, too.
    pub(super) fn next_slot(&self) -> Option<SlotNo> {
        match self.track {
            Track::After { next_slot, .. } => next_slot,
            Track::Start | Track::Lost => None,
        }
    }

    /// The logs as of the frame before; behind damage and up to the next head, as of the damage.
    /// `None` before the first head.
    pub(super) fn catalogue(&self) -> Option<&Catalogue> {
        let known = self.contents.as_ref().or(self.contents_before.as_ref());
        known.map(Contents::catalogue)
    }

    /// The next frame or damage; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Step> {
        while !self.is_over {
            self.leave().await;
            let step = if let Some(frame) = self.set_aside.take() {
                self.take(frame)
            } else if let Some(place) = &mut self.place {
                match place.scan.next().await {
                    Found::Frame(frame) => self.take(frame),
                    Found::Rejected(rejection) => {
                        place.scan.skip_block().await;
                        self.reject(&rejection)
                    }
                    Found::End => self.leave_unsealed(),
                }
            } else {
                self.enter()
            };
            if step.is_some() {
                return step;
            }
        }
        None
    }

    /// Ends the walk where it is.
    pub(super) async fn settle(self) {
        if let Some(open) = self.place {
            open.scan.settle().await;
        }
    }

    /// Lets go of a segment that the walk is through with.
    async fn leave(&mut self) {
        let segment = self.at.segment(self.examined.slot_bytes());
        if let Some(open) = self.place.take_if(|open| open.segment != segment) {
            open.scan.settle().await;
        }
    }

    /// Goes on in the segment of the current place.
    fn enter(&mut self) -> Option<Step> {
        let Examined { context, slots, proof, .. } = self.examined;
        let segment = self.at.segment(self.examined.slot_bytes());
        if let Some(place) = slots.place(segment) {
            let scan = context.scan(place.file, self.at);
            self.place = Some(OpenSegment { segment, place, scan });
            self.is_reported = false;
            return None;
        }
        if self.at >= proof.durable_upto {
            let unreadable = self.unreadable_head();
            return self.end(unreadable.map(|(slot, _)| slot), self.at, unreadable.map(|(_, e)| e));
        }
        let reason = format!("no slot file holds segment {segment}");
        let damage = self.damage(self.next_slot(), self.at, &reason);
        self.at = segment.next().base(self.examined.slot_bytes());
        Some(damage)
    }

    /// The slot of the segment to enter, if what it begins with cannot be read. A first segment may be
    /// in any.
    fn unreadable_head(&self) -> Option<(SlotNo, Errno)> {
        let survey = &self.examined.survey;
        match self.next_slot() {
            Some(slot) => survey.why_unreadable(slot).map(|errno| (slot, errno)),
            None if matches!(self.track, Track::Start) => survey.unreadable(),
            None => None,
        }
    }

    /// Leaves a segment at the end of its slot, where a seal should have come before.
    fn leave_unsealed(&mut self) -> Option<Step> {
        let segment = self.place.as_ref()?.segment;
        let step = self.miss(self.at, "the segment ends without a seal");
        self.at = segment.next().base(self.examined.slot_bytes());
        step
    }

    fn take(&mut self, frame: ScannedFrame) -> Option<Step> {
        let pos = frame.header.pos;
        match self.check(&frame) {
            Ok(()) => {
                self.accept(&frame);
                Some(Step::Frame(frame))
            }
            Err(Mismatch::Foreign(reason)) => {
                let step = self.miss(pos, &reason);
                self.set_aside = (step.is_some() && !self.is_over).then_some(frame);
                step
            }
            Err(Mismatch::Impossible(_)) if self.is_reported => None,
            Err(Mismatch::Impossible(reason)) => {
                let reason = format!("the frame is intact, but impossible: {reason}");
                let slot = self.place.as_ref().map(|open| open.place.slot);
                let step = self.damage(slot, pos, &reason);
                self.set_aside = Some(frame);
                Some(step)
            }
        }
    }

    /// Whether a frame continues the ones before it.
    fn check(&mut self, frame: &ScannedFrame) -> Result<(), Mismatch> {
        let header = &frame.header;
        let context = &self.examined.context;
        if !context.is_in_force(header) || header.epoch < self.epoch {
            let (found, pos) = (header.epoch, header.pos);
            return Err(Mismatch::Foreign(format!("epoch {found} has no frame at position {pos}")));
        }
        if let Track::After { hash, .. } = self.track {
            let chained = header.check_chain(hash).map_err(|reject| reject.to_string());
            let must_follow = context.proves_predecessor(header);
            chained.map_err(if must_follow { Mismatch::Impossible } else { Mismatch::Foreign })?;
        }
        if !context.may_end_at(self.end_of(header), frame.hash()) {
            let reason = "the superblock names another frame than the one here";
            return Err(Mismatch::Foreign(reason.to_owned()));
        }
        let is_at_start = header.pos.in_slot(self.examined.slot_bytes()) == 0;
        if is_at_start != (header.kind == FrameKind::Head) {
            let kind = header.kind;
            return Err(Mismatch::Impossible(format!("a {kind:?} frame is never here")));
        }
        self.check_contents(frame).map_err(Mismatch::Impossible)
    }

    /// Whether what the frame says fits what the ones before it said.
    fn check_contents(&mut self, frame: &ScannedFrame) -> Result<(), String> {
        let Some(contents) = &mut self.contents else {
            check_alone(frame)?;
            if frame.header.kind == FrameKind::Head {
                self.contents = Some(Contents::new(self.decode_head(frame)?));
            }
            return Ok(());
        };
        match frame.header.kind {
            FrameKind::Data => contents.take_data(frame),
            FrameKind::Anchor | FrameKind::Epoch => Ok(()),
            FrameKind::Seal => {
                let seal = SealPayload::decode(&frame.payload());
                let seal = seal.map_err(|reject| reject.to_string())?;
                contents.take_seal(&seal)
            }
            FrameKind::Head => {
                let head = self.decode_head(frame)?;
                let sealed = match self.track {
                    Track::After { sealed, .. } => sealed,
                    Track::Start | Track::Lost => head.prev_seal,
                };
                let contents = self.contents.as_mut().expect("it was there above");
                contents.take_head(&frame.header, &head, sealed)
            }
        }
    }

    fn decode_head(&self, frame: &ScannedFrame) -> Result<HeadPayload, String> {
        let head = HeadPayload::decode(&frame.payload()).map_err(|reject| reject.to_string())?;
        let segment = frame.header.pos.segment(self.examined.slot_bytes());
        if head.segment != segment {
            return Err(format!("it is the head of segment {}", head.segment));
        }
        Ok(head)
    }

    fn accept(&mut self, frame: &ScannedFrame) {
        let header = &frame.header;
        self.epoch = header.epoch;
        self.at = self.end_of(header);
        self.is_reported = false;
        let is_seal = header.kind == FrameKind::Seal;
        let link = SealLink { pos: header.pos, bytes: header.frame_bytes };
        self.track = Track::After {
            hash: frame.hash(),
            sealed: is_seal.then_some(link),
            next_slot: header.next_slot,
        };
    }

    /// Where the frame behind this one starts. What follows a seal begins the next segment.
    fn end_of(&self, header: &FrameHeader) -> Pos {
        let slot_bytes = self.examined.slot_bytes();
        match header.kind {
            FrameKind::Seal => header.pos.segment(slot_bytes).next().base(slot_bytes),
            _ => header.end(),
        }
    }

    /// Takes in that there is no intact frame at a place.
    fn reject(&mut self, rejection: &Rejection) -> Option<Step> {
        let pos = rejection.pos;
        if pos < self.examined.proof.durable_upto {
            return self.miss(pos, &rejection.to_string());
        }
        let slot = self.place.as_ref().map(|open| open.place.slot);
        self.end(slot, pos, rejection.unreadable.map(|(_, errno)| errno))
    }

    /// Ends the walk at a place behind everything that is proven. If that cannot be read, records that
    /// were acknowledged may be there.
    fn end(&mut self, slot: Option<SlotNo>, pos: Pos, unreadable: Option<Errno>) -> Option<Step> {
        self.is_over = true;
        let errno = unreadable.filter(|_| self.examined.context.may_go_on_at(pos))?;
        let reason = format!("what may follow here cannot be read: {errno}");
        (!self.is_reported).then(|| self.damage(slot, pos, &reason))
    }

    /// Takes in that there is no acceptable frame at `pos`: the end, or damage.
    fn miss(&mut self, pos: Pos, reason: &str) -> Option<Step> {
        if pos >= self.examined.proof.durable_upto {
            self.is_over = true;
            return None;
        }
        if self.is_reported {
            return None;
        }
        let slot = self.place.as_ref().map(|open| open.place.slot);
        Some(self.damage(slot, pos, &format!("there is no intact frame: {reason}")))
    }

    fn damage(&mut self, slot: Option<SlotNo>, pos: Pos, reason: &str) -> Step {
        self.track = Track::Lost;
        self.contents_before = self.contents.take().or(self.contents_before.take());
        self.is_reported = true;
        let Examined { context, proof, .. } = self.examined;
        let directory = &context.directory;
        Step::Damage(Corruption {
            file: slot.map_or_else(|| directory.clone(), |slot| slot_path(directory, slot)),
            file_offset: pos.in_slot(self.examined.slot_bytes()),
            pos,
            proven: proof.durable_upto,
            reason: reason.to_owned(),
        })
    }
}
