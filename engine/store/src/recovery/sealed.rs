//! Loads what is needed of the older segments: the seal of each.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use roundhouse_base::{LogId, Pos, SegmentNo, SlotNo};

use crate::error::OpenError;
use crate::format::{FrameHeader, FrameKind, SealLink, SealLog, SealPayload};
use crate::logs::{Catalogue, SealedIndex, Segment, Share};
use crate::pool::slot_path;
use crate::recovery::survey::read_many;
use crate::recovery::{Context, Survey, Surveyed, unreadable_slot};
use crate::scan::ScannedFrame;

/// Loads the segments from `first` up to the one before `start`, and their share of the logs'
/// indexes.
///
/// # Errors
/// A segment that is missing, or a seal that is damaged or does not match its neighbours.
pub(crate) async fn load(
    context: &Context,
    survey: &Survey,
    first: SegmentNo,
    start: &Surveyed,
    catalogue: &mut Catalogue,
) -> Result<VecDeque<Segment>, OpenError> {
    let mut wanted = Vec::new();
    for no in first.0..start.segment.0 {
        let (segment, next) =
            (find(context, survey, SegmentNo(no))?, find(context, survey, SegmentNo(no + 1))?);
        let seal = next.head.prev_seal.ok_or_else(|| {
            let reason = "the head of the next segment names no seal of this one".to_owned();
            corruption(context, segment, segment.frame.header.pos, &reason)
        })?;
        wanted.push((segment, next, seal));
    }
    let place =
        |seal: &SealLink| (seal.pos.in_slot(context.superblock.slot_bytes), seal.bytes as usize);
    let places = wanted.iter().map(|(segment, _, seal)| {
        let (at, bytes) = place(seal);
        (segment.file, at, bytes)
    });
    let seals = read_many(&context.shard, places.collect()).await;
    let mut segments = VecDeque::new();
    let mut indexes: HashMap<LogId, Vec<SealedIndex>> = HashMap::new();
    for ((segment, next, link), bytes) in wanted.into_iter().zip(seals) {
        let bytes = bytes.map_err(|errno| unreadable_slot(context, segment.slot, errno))?;
        let (named, seal) = check(context, segment, next, link, bytes)
            .map_err(|reason| corruption(context, segment, link.pos, &reason))?;
        if named != Some(next.slot) {
            return Err(strayed(context, next, named));
        }
        segments.push_back(take(context, segment, seal, &mut indexes));
    }
    cut_to_logs(context, &mut segments, catalogue);
    for log in catalogue.logs_mut() {
        if let Some(sealed) = indexes.remove(&log.id) {
            log.index.prepend(sealed, &log.truncations);
        }
        log.index.trim(log.start);
    }
    Ok(segments)
}

fn find<'a>(
    context: &Context,
    survey: &'a Survey,
    segment: SegmentNo,
) -> Result<&'a Surveyed, OpenError> {
    survey.segment(segment).ok_or_else(|| match survey.unreadable() {
        Some((slot, errno)) => unreadable_slot(context, slot, errno),
        None => OpenError::MissingSegment {
            segment,
            expected: "no slot file begins with an intact head frame of it".to_owned(),
        },
    })
}

fn corruption(context: &Context, segment: &Surveyed, pos: Pos, reason: &str) -> OpenError {
    let slot_bytes = context.superblock.slot_bytes;
    let proven = segment.segment.next().base(slot_bytes);
    let reason = format!("the seal of segment {} is not intact: {reason}", segment.segment);
    OpenError::Corruption(context.corruption(segment.slot, pos, proven, reason))
}

/// A head lies in another slot than the seal before it names: the disk wrote it to the wrong file.
fn strayed(context: &Context, head: &Surveyed, named: Option<SlotNo>) -> OpenError {
    let FrameHeader { pos, .. } = head.frame.header;
    let there = slot_path(&context.directory, head.slot);
    let reason =
        format!("the head of segment {} is not here, but in {}", head.segment, there.display());
    let proven = head.frame.header.end();
    OpenError::Corruption(context.corruption(named.unwrap_or(head.slot), pos, proven, reason))
}

/// Checks a seal frame against the segment it ends and the head that follows it. Gives the slot that
/// it names for that head, and what it says of the segment.
fn check(
    context: &Context,
    segment: &Surveyed,
    next: &Surveyed,
    link: SealLink,
    bytes: Bytes,
) -> Result<(Option<SlotNo>, SealPayload), String> {
    let header =
        FrameHeader::decode(&bytes, &context.salts).map_err(|reject| reject.to_string())?;
    let expected = (FrameKind::Seal, link.pos, link.bytes);
    let found = (header.kind, header.pos, header.frame_bytes);
    if found != expected {
        return Err(format!("expected {expected:?}, found {found:?}"));
    }
    header.check_payload(&bytes, &context.salts).map_err(|reject| reject.to_string())?;
    let named = header.next_slot;
    let frame = ScannedFrame { header, bytes };
    next.frame.header.check_chain(frame.hash()).map_err(|reject| reject.to_string())?;
    let seal = SealPayload::decode(&frame.payload()).map_err(|reject| reject.to_string())?;
    if seal.segment != segment.segment {
        return Err(format!("it is the seal of segment {}", seal.segment));
    }
    Ok((named, seal))
}

/// The segment that a seal describes; its index entries go to their logs' lists.
fn take(
    context: &Context,
    segment: &Surveyed,
    seal: SealPayload,
    indexes: &mut HashMap<LogId, Vec<SealedIndex>>,
) -> Segment {
    let segment_end = segment.segment.next().base(context.superblock.slot_bytes);
    let mut shares = BTreeMap::new();
    for SealLog { log, first, end, bytes, time_max, entries } in seal.logs {
        shares.insert(log, Share { first, end, bytes, time_max });
        let sealed = SealedIndex { end: segment_end, entries, time_max };
        indexes.entry(log).or_default().push(sealed);
    }
    Segment { no: segment.segment, slot: segment.slot, shares }
}

/// Applies to the shares what happened to their logs after they were sealed.
fn cut_to_logs(context: &Context, segments: &mut VecDeque<Segment>, catalogue: &Catalogue) {
    for segment in segments {
        let end = segment.no.next().base(context.superblock.slot_bytes);
        segment.shares.retain(|id, share| {
            let Some(log) = catalogue.log(*id) else { return false };
            let later = log.truncations.iter().filter(|truncation| truncation.pos >= end);
            later.for_each(|truncation| share.cut(truncation.offset));
            share.is_alive(log.start)
        });
    }
}
