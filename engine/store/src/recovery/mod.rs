//! Finding out what is true: which frames count, where the log ends, and whether anything below
//! that end was damaged. Nothing here changes the disk.
//!
//! Let p be the first position where no acceptable frame is, and D the highest position that some
//! valid frame, or the superblock, proves to have been durable. D > p means that acknowledged bytes
//! were damaged: an error, never a repair. Otherwise everything from p on was never acknowledged: a
//! torn tail, or nothing.
//!
//! A head frame is only written when everything before it is durable. So opening walks the frames
//! of the newest segment, reads one head and one seal for each older one, and leaves the data in
//! between to whoever reads it, or to `verify`.

mod evidence;
mod holding;
mod replay;
mod sealed;
mod survey;
mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Epoch, Offset, Pos, SlotNo};
use roundhouse_runtime::{Errno, FileId, Shard};

use crate::error::{Corruption, OpenError};
use crate::format::{FrameHeader, FrameKind, Salts, SealLink, Superblock};
use crate::logs::{Catalogue, Segment};
use crate::pool::slot_path;
use crate::recovery::holding::name_displaced_head;
use crate::scan::{FrameScan, Rejection};

pub(crate) use crate::recovery::evidence::Evidence;
pub(crate) use crate::recovery::holding::{
    displaced, followed_elsewhere, found_elsewhere, identify, newest_named,
};
pub(crate) use crate::recovery::replay::Replay;
pub(crate) use crate::recovery::survey::{Survey, Surveyed, read_many};
pub(crate) use crate::recovery::walk::{Walk, WalkEnd};

/// Everything that recovery needs to know before it reads frames.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) shard: Shard,
    pub(crate) directory: PathBuf,
    pub(crate) superblock: Superblock,
    pub(crate) salts: Salts,
}

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) catalogue: Catalogue,
    /// Live segments, oldest first. Empty in a store that was never written.
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) files: BTreeMap<SlotNo, FileId>,
    /// The slot that the last frame named for the next segment.
    pub(crate) next_slot: Option<SlotNo>,
    /// The first position that holds nothing acknowledged.
    pub(crate) end: Pos,
    /// Header hash of the last frame.
    pub(crate) end_hash: u64,
    /// Where the last segment was sealed, if `end` is the start of a segment.
    pub(crate) sealed: Option<SealLink>,
    pub(crate) seal_bytes: usize,
    pub(crate) low_water: Pos,
    /// What lies behind the end, if it is more than leftovers.
    pub(crate) torn: Option<TornTail>,
}

/// Bytes behind the end that were never acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The slot file.
    pub file: PathBuf,
    /// Where in the file the log ends.
    pub file_offset: u64,
    /// The same place as a position.
    pub pos: Pos,
    /// Where the last intact frame behind it ends, if there is one: written out of order, never
    /// acknowledged, and copied to quarantine when the store is opened.
    pub frames_end: Option<Pos>,
    /// Why the frame at the end was not accepted.
    pub reason: String,
}

impl Context {
    /// The base position of a slot file's content is its segment's, so a place has two names.
    pub(crate) fn corruption(
        &self,
        slot: SlotNo,
        pos: Pos,
        proven: Pos,
        reason: String,
    ) -> Corruption {
        Corruption {
            file: slot_path(&self.directory, slot),
            file_offset: pos.in_slot(self.superblock.slot_bytes),
            pos,
            proven,
            reason,
        }
    }

    /// Whether a frame's epoch may have a frame at its position: from the start of the current epoch
    /// on only that one, below it any earlier one as well.
    pub(crate) fn is_in_force(&self, header: &FrameHeader) -> bool {
        let Superblock { epoch, epoch_start, .. } = self.superblock;
        let lowest = if header.pos >= epoch_start { epoch } else { Epoch(0) };
        (lowest..=epoch).contains(&header.epoch)
    }

    /// Whether the frame with this header hash may end at `end`, where the superblock knows of one:
    /// the frame that the epoch began behind, and the last one of a store that was closed.
    pub(crate) fn may_end_at(&self, end: Pos, hash: u64) -> bool {
        let Superblock { epoch_start, epoch_prev_hash, clean_end, .. } = self.superblock;
        let is_last = clean_end.is_none_or(|clean| end != clean.pos || hash == clean.hash);
        is_last && (end != epoch_start || hash == epoch_prev_hash)
    }

    /// Whether frames may have been written at `pos`, where the known ones end: not where the store
    /// was closed.
    pub(crate) fn may_go_on_at(&self, pos: Pos) -> bool {
        self.superblock.clean_end.is_none_or(|clean| clean.pos != pos)
    }

    /// Whether a frame in force was submitted when the one before it was durable, so that the frame
    /// it names must be there. What the current epoch began behind, the superblock says.
    pub(crate) fn proves_predecessor(&self, header: &FrameHeader) -> bool {
        let Superblock { epoch, epoch_start, .. } = self.superblock;
        let was_durable = header.kind == FrameKind::Head || header.durable_upto >= header.pos;
        was_durable && header.epoch == epoch && header.pos > epoch_start
    }

    /// A scan of a slot's file as the segment of `from`, to the end of the slot.
    pub(crate) fn scan(&self, file: FileId, from: Pos) -> FrameScan {
        self.scan_to(file, from, Pos(u64::MAX))
    }

    /// The same up to `limit`: nothing behind it is read.
    pub(crate) fn scan_to(&self, file: FileId, from: Pos, limit: Pos) -> FrameScan {
        let slot_bytes = self.superblock.slot_bytes;
        let (shard, salts) = (self.shard.clone(), self.salts);
        FrameScan::new(shard, file, salts, slot_bytes, from, limit, None)
    }

    pub(crate) fn io(action: &'static str, path: &Path, errno: Errno) -> OpenError {
        OpenError::Io { action, path: path.to_owned(), errno }
    }
}

/// Finds out what a shard's directory holds.
///
/// # Errors
/// See [`OpenError`]; nothing was changed.
pub(crate) async fn recover(context: &Context, survey: &Survey) -> Result<Recovered, OpenError> {
    match find_out(context, survey).await {
        Err(OpenError::Corruption(corruption)) => {
            let named = name_displaced_head(context, survey, corruption).await;
            Err(OpenError::Corruption(named))
        }
        other => other,
    }
}

async fn find_out(context: &Context, survey: &Survey) -> Result<Recovered, OpenError> {
    let superblock = context.superblock;
    if let Some(slot) = survey.missing.first() {
        let missing = slot_path(&context.directory, *slot);
        return Err(Context::io("find the slot file", &missing, Errno::NOENT));
    }
    let Some(start) = survey.newest() else { return nothing_written(context, survey).await };
    let walk = Walk::run(context, survey, start).await?;
    let evidence = if superblock.clean_end.is_some() {
        Evidence::near_clean_end(context, survey, &walk.end).await
    } else {
        Evidence::gather(context, survey, &walk.end).await
    };
    if planted(Bug::EverySlotScanned) {
        let _unused = Evidence::of_first_segment(context, survey).await;
    }
    check_readable(context, survey, &walk.end)?;
    judge(context, survey, &walk.end, &evidence)?;

    let WalkEnd { pos: end, hash: end_hash, next_slot, low_water, sealed, .. } = walk.end;
    let mut replay = walk.replay;
    let first = low_water.max(superblock.low_water).segment(superblock.slot_bytes);
    let mut segments = sealed::load(context, survey, first, start, &mut replay.catalogue).await?;
    segments.extend(walk.segments);
    forget_lost_starts(&segments, &mut replay.catalogue);
    Ok(Recovered {
        catalogue: replay.catalogue,
        segments,
        files: survey.files.clone(),
        next_slot,
        end,
        end_hash,
        sealed,
        seal_bytes: replay.seal_bytes,
        low_water: first.base(superblock.slot_bytes),
        torn: torn_tail(context, &walk.end, &evidence),
    })
}

/// Moves the start of every log up to its first record in a live segment.
///
/// In a store that only ever crashed they are there already: a segment is given up when its logs
/// start behind it. A repair may have cut off the record that said so, when the slot of the old
/// segment was long used again.
fn forget_lost_starts(segments: &VecDeque<Segment>, catalogue: &mut Catalogue) {
    for log in catalogue.logs_mut() {
        let sealed = segments.iter().filter_map(|segment| segment.shares.get(&log.id));
        let shares = sealed.chain(&log.share).filter(|share| share.first < share.end);
        let first: Offset = shares.map(|share| share.first).min().unwrap_or(log.end);
        if log.start < first {
            log.trim(first);
        }
    }
}

/// A store without any segment: new, or opened for the first time and interrupted. One whose first
/// head was damaged later has frames that prove more.
async fn nothing_written(context: &Context, survey: &Survey) -> Result<Recovered, OpenError> {
    let superblock = &context.superblock;
    if let Some((slot, errno)) = survey.unreadable() {
        return Err(unreadable_slot(context, slot, errno));
    }
    if superblock.epoch_start > Pos(0) || superblock.clean_end.is_some_and(|end| end.pos > Pos(0)) {
        let segment = superblock.epoch_start.segment(superblock.slot_bytes);
        let expected = "no slot file begins with an intact head frame".to_owned();
        return Err(OpenError::MissingSegment { segment, expected });
    }
    let (slot, evidence) = Evidence::of_first_segment(context, survey).await;
    let proven = evidence.durable_upto.max(survey.durable_upto);
    if proven > Pos(0) {
        let reason = "no slot file begins with an intact head frame of this epoch".to_owned();
        let corruption = context.corruption(slot, Pos(0), proven, reason);
        return Err(OpenError::Corruption(corruption));
    }
    let torn = evidence.frames_end.map(|frames_end| TornTail {
        file: slot_path(&context.directory, slot),
        file_offset: 0,
        pos: Pos(0),
        frames_end: Some(frames_end),
        reason: "the first frame is not intact".to_owned(),
    });
    Ok(Recovered {
        catalogue: Catalogue::new(None),
        segments: VecDeque::new(),
        files: survey.files.clone(),
        next_slot: None,
        end: Pos(0),
        end_hash: 0,
        sealed: None,
        seal_bytes: 0,
        low_water: Pos(0),
        torn,
    })
}

/// Checks that the walk did not end merely because the kernel could not read on. What could not be
/// read may have been acknowledged, and the next attempt may well read it. That holds where an epoch
/// begins as well: the frame that marks it has no records, but those behind it do, and they cannot
/// prove anything if the kernel cannot read them either. For a place that stays so there is `repair`.
fn check_readable(context: &Context, survey: &Survey, end: &WalkEnd) -> Result<(), OpenError> {
    let at_end = end.rejection.as_ref().and_then(|rejection| rejection.unreadable);
    let head = || survey.why_unreadable(end.slot_of_next()).filter(|_| end.sealed.is_some());
    let may_go_on = context.may_go_on_at(end.pos) && !planted(Bug::UnreadableTakenForEnd);
    let unreadable = at_end.map(|(_, errno)| errno).or_else(head).filter(|_| may_go_on);
    unreadable.map_or(Ok(()), |errno| Err(unreadable_slot(context, end.slot_of_next(), errno)))
}

fn unreadable_slot(context: &Context, slot: SlotNo, errno: roundhouse_runtime::Errno) -> OpenError {
    Context::io("read", &slot_path(&context.directory, slot), errno)
}

/// Decides between a torn tail and corruption.
fn judge(
    context: &Context,
    survey: &Survey,
    end: &WalkEnd,
    evidence: &Evidence,
) -> Result<(), OpenError> {
    let superblock = &context.superblock;
    if let Some(slot) = end.next_slot
        && !survey.files.contains_key(&slot)
    {
        let last = end.pos.segment(superblock.slot_bytes);
        let segment = if end.sealed.is_some() { last } else { last.next() };
        let expected =
            format!("the last frame names {} for what follows it", slot_name(Some(slot)));
        return Err(OpenError::MissingSegment { segment, expected });
    }
    let clean_end = superblock.clean_end.filter(|_| !planted(Bug::CleanEndIgnored));
    let clean_end = clean_end.map_or(Pos(0), |end| end.pos);
    let proven = [
        end.durable_upto,
        evidence.durable_upto,
        survey.durable_upto,
        superblock.epoch_start,
        clean_end,
        end.newer_epoch_upto(),
    ];
    let proven = proven.into_iter().max().unwrap_or_default();
    let is_known = context.may_end_at(end.pos, end.hash);
    let fits = is_known && !end.is_contradicted;
    if (proven <= end.pos && fits) || planted(Bug::ProofIgnored) {
        return Ok(());
    }
    if !is_known {
        // The frame itself is the damage, not the place behind it.
        let reason = "it is another frame than the superblock names here".to_owned();
        let corruption = context.corruption(end.slot, end.last, proven, reason);
        return Err(OpenError::Corruption(corruption));
    }
    let reason = match &end.rejection {
        _ if end.is_contradicted => {
            "the frame before is another one than the one here names".to_owned()
        }
        Some(rejection) => format!("there is no intact frame: {rejection}"),
        None => "the log ends here".to_owned(),
    };
    Err(OpenError::Corruption(context.corruption(end.slot_of_next(), end.pos, proven, reason)))
}

/// What lies behind the end, if it is more than leftovers. Where the last frame is a seal, the next
/// one would be a head; that may be missing, or not follow the seal, without having been rejected.
fn torn_tail(context: &Context, end: &WalkEnd, evidence: &Evidence) -> Option<TornTail> {
    let is_interrupted = end.rejection.as_ref().is_some_and(is_interrupted_write);
    if evidence.frames_end.is_none() && !is_interrupted {
        return None;
    }
    let reason = end.rejection.as_ref().map(Rejection::to_string);
    Some(TornTail {
        file: slot_path(&context.directory, end.slot_of_next()),
        file_offset: end.pos.in_slot(context.superblock.slot_bytes),
        pos: end.pos,
        frames_end: evidence.frames_end,
        reason: reason.unwrap_or_else(|| "no intact head frame continues the log here".to_owned()),
    })
}

/// Whether a rejected place looks like a frame of this very position that was not fully written,
/// rather than like what the slot held before.
fn is_interrupted_write(rejection: &Rejection) -> bool {
    use crate::format::FrameReject;
    matches!(
        rejection.reject,
        FrameReject::HeaderChecksum { .. }
            | FrameReject::PayloadHash { .. }
            | FrameReject::Field(_)
    )
}

fn slot_name(slot: Option<SlotNo>) -> String {
    slot.map_or_else(
        || "(unknown)".to_owned(),
        |slot| slot_path(Path::new(""), slot).display().to_string(),
    )
}
