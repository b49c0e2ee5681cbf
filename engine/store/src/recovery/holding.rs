//! Which segment a slot holds by its frames, where the head in it cannot be asked, or believed.
//!
//! Opening believes an intact head frame. Damage can put one into the slot of another segment: two
//! blocks that changed places, an old block that came back. What follows it there tells.

use std::collections::BTreeSet;

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Pos, SegmentNo, SlotNo};
use roundhouse_runtime::FileId;

use crate::error::Corruption;
use crate::format::{FrameHeader, FrameReject};
use crate::pool::slot_path;
use crate::recovery::{Context, Survey, Surveyed, read_many};
use crate::scan::{Found, FrameScan};

/// Whether the frame right behind a head is one of its segment.
pub(crate) async fn is_followed(context: &Context, segment: &Surveyed) -> bool {
    let mut scan = context.scan(segment.file, segment.frame.header.end());
    let found = scan.next().await;
    scan.settle().await;
    matches!(found, Found::Frame(frame) if context.is_in_force(&frame.header))
}

/// Whether any frame behind a head is one of its segment. It need not be the one right behind it, which
/// may be damaged, or have changed places with another.
async fn is_at_home(context: &Context, segment: &Surveyed) -> bool {
    let mut scan = context.scan(segment.file, segment.frame.header.end());
    let is_at_home = has_frame_in_force(context, &mut scan).await;
    scan.settle().await;
    is_at_home
}

/// The segment whose slot an intact head strayed into; `None` if it is where it belongs, as far as
/// the frames in the slot tell.
///
/// A slot that was used again has older frames behind its new head as well. But their segment was
/// dead when the head was written, or, if its frames were once given up there, it has another slot.
pub(crate) async fn displaced(
    context: &Context,
    survey: &Survey,
    segment: &Surveyed,
) -> Option<SegmentNo> {
    let slot_bytes = context.superblock.slot_bytes;
    if is_followed(context, segment).await {
        return None;
    }
    let oldest_live = survey.newest()?.frame.header.low_water.segment(slot_bytes);
    // What a dead segment left behind may lie under a live one whose head was lost.
    if segment.segment >= oldest_live && is_at_home(context, segment).await {
        return None;
    }
    let live = segment.frame.header.low_water.segment(slot_bytes);
    let held = identify(context, segment.file, |no| no >= live && no != segment.segment).await?;
    match survey.segment(held) {
        Some(other) if is_followed(context, other).await => None,
        _ => Some(held),
    }
}

/// The slot that an intact head was meant for, if nothing follows it where it is, and the frame that
/// names it as its predecessor is in another slot: the disk wrote the head to the same place of the
/// wrong file. Reads one block of each slot, and its own up to the first frame of its segment.
pub(crate) async fn followed_elsewhere(
    context: &Context,
    survey: &Survey,
    head: &Surveyed,
) -> Option<(SlotNo, FileId)> {
    if is_at_home(context, head).await {
        return None;
    }
    let (end, hash) = (head.frame.header.end(), head.frame.hash());
    let at = end.in_slot(context.superblock.slot_bytes);
    let files = survey.files.iter().map(|(slot, file)| (*slot, *file));
    let others: Vec<(SlotNo, FileId)> = files.filter(|(slot, _)| *slot != head.slot).collect();
    let places = others.iter().map(|(_, file)| (*file, at, BLOCK_BYTES)).collect();
    let blocks = read_many(&context.shard, places).await;
    let follows = |block: &[u8]| {
        let header = FrameHeader::decode(block, &context.salts).ok();
        header.is_some_and(|header| {
            header.pos == end && header.prev_hash == hash && context.is_in_force(&header)
        })
    };
    let mut found = others.into_iter().zip(blocks);
    found.find_map(|(other, block)| follows(&block.ok()?).then_some(other))
}

/// The same, or by any frame of the segment, where the one right behind the head was lost as well: for that,
/// reads the slots without a head in full.
pub(crate) async fn found_elsewhere(
    context: &Context,
    survey: &Survey,
    head: &Surveyed,
) -> Option<(SlotNo, FileId)> {
    if is_at_home(context, head).await {
        return None;
    }
    if let Some(found) = followed_elsewhere(context, survey, head).await {
        return Some(found);
    }
    for (&slot, &file) in &survey.files {
        let has_head = survey.segments().any(|segment| segment.slot == slot);
        let mut scan = context.scan(file, head.frame.header.end());
        let is_there = !has_head && has_frame_in_force(context, &mut scan).await;
        scan.settle().await;
        if is_there {
            return Some((slot, file));
        }
    }
    None
}

/// Names the head in the wrong slot as the place of corruption, if that is why something was not
/// found behind it.
pub(super) async fn name_displaced_head(
    context: &Context,
    survey: &Survey,
    corruption: Corruption,
) -> Corruption {
    let is_there = |head: &&Surveyed| slot_path(&context.directory, head.slot) == corruption.file;
    let Some(head) = survey.segments().find(is_there) else { return corruption };
    let (pos, proven) = (head.frame.header.pos, corruption.proven);
    if let Some((slot, _)) = followed_elsewhere(context, survey, head).await {
        let there = corruption.file.display();
        let reason = format!("the head of segment {} is not here, but in {there}", head.segment);
        return context.corruption(slot, pos, proven, reason);
    }
    let Some(held) = displaced(context, survey, head).await else { return corruption };
    let reason = format!(
        "the head of segment {} is in the slot of segment {held}; so {}",
        head.segment, corruption.reason
    );
    // The head that is lost: the other one may be of a segment that is dead, and missed nowhere.
    context.corruption(head.slot, held.base(context.superblock.slot_bytes), proven, reason)
}

/// The newest segment that any intact header in a slot file names, in force or not.
pub(crate) async fn newest_named(context: &Context, file: FileId) -> Option<SegmentNo> {
    named_segments(context, file).await.pop_last()
}

/// The segment that frames in a slot file belong to: of those they name that are `possible`, the
/// newest that has a frame in force, since a slot also keeps what its earlier segments left behind.
pub(crate) async fn identify(
    context: &Context,
    file: FileId,
    possible: impl Fn(SegmentNo) -> bool,
) -> Option<SegmentNo> {
    let named = named_segments(context, file).await;
    for segment in named.into_iter().rev().filter(|segment| possible(*segment)) {
        let base = segment.base(context.superblock.slot_bytes);
        let mut scan = context.scan(file, base);
        let is_there = has_frame_in_force(context, &mut scan).await;
        scan.settle().await;
        if is_there {
            return Some(segment);
        }
    }
    None
}

/// Whether the scan comes across an intact frame in force.
async fn has_frame_in_force(context: &Context, scan: &mut FrameScan) -> bool {
    loop {
        match scan.next().await {
            Found::Frame(frame) if context.is_in_force(&frame.header) => return true,
            Found::Frame(_) => {}
            Found::Rejected(_) => scan.skip_block().await,
            Found::End => return false,
        }
    }
}

/// The segments that intact headers in a slot file name, where their place in the file is right.
async fn named_segments(context: &Context, file: FileId) -> BTreeSet<SegmentNo> {
    let slot_bytes = context.superblock.slot_bytes;
    let mut named = BTreeSet::new();
    // Read as if it were segment 0; a frame of another one is rejected with the position it names.
    let mut scan = context.scan(file, Pos(0));
    loop {
        match scan.next().await {
            Found::Frame(_) => {
                named.insert(SegmentNo(0));
            }
            Found::Rejected(rejection) => {
                if let FrameReject::Position { found, expected } = rejection.reject
                    && found.in_slot(slot_bytes) == expected.in_slot(slot_bytes)
                {
                    named.insert(found.segment(slot_bytes));
                }
                scan.skip_block().await;
            }
            Found::End => return named,
        }
    }
}
