//! Which slot file holds which segment, also where the head frame that would say so is damaged.

use std::collections::{BTreeMap, BTreeSet};

use roundhouse_base::{Pos, SegmentNo, SlotNo};
use roundhouse_runtime::FileId;

use crate::format::FrameReject;
use crate::recovery::{Context, Survey};
use crate::scan::{Found, FrameScan};

/// The segments of which something was found, and where.
#[derive(Debug)]
pub(super) struct SlotMap {
    places: BTreeMap<SegmentNo, Place>,
}

/// A slot file that holds a segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) slot: SlotNo,
    pub(super) file: FileId,
    /// Whether the segment's head frame is intact.
    pub(super) has_head: bool,
}

impl SlotMap {
    /// Starts from the heads that the survey found, and searches the other slots in full.
    pub(super) async fn build(context: &Context, survey: &Survey) -> SlotMap {
        let mut places: BTreeMap<SegmentNo, Place> = BTreeMap::new();
        for found in survey.segments() {
            let place = Place { slot: found.slot, file: found.file, has_head: true };
            places.insert(found.segment, place);
        }
        let known: BTreeSet<SlotNo> = places.values().map(|place| place.slot).collect();
        for (&slot, &file) in survey.files.iter().filter(|(slot, _)| !known.contains(slot)) {
            if let Some(segment) = identify(context, file).await {
                places.entry(segment).or_insert(Place { slot, file, has_head: false });
            }
        }
        SlotMap { places }
    }

    /// Where a segment is.
    pub(super) fn place(&self, segment: SegmentNo) -> Option<Place> {
        self.places.get(&segment).copied()
    }

    /// The newest segment of which there is anything.
    pub(super) fn newest(&self) -> Option<(SegmentNo, Place)> {
        self.places.last_key_value().map(|(segment, place)| (*segment, *place))
    }

    /// The segment that a slot holds.
    pub(super) fn segment_in(&self, slot: SlotNo) -> Option<SegmentNo> {
        let mut places = self.places.iter();
        places.find(|(_, place)| place.slot == slot).map(|(segment, _)| *segment)
    }
}

/// The newest segment that any intact header in a slot file names, in force or not.
pub(super) async fn newest_named(context: &Context, file: FileId) -> Option<SegmentNo> {
    named_segments(context, file).await.pop_last()
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

/// The segment that frames in a slot file belong to: of those they name, the newest that has a
/// frame in force, since a slot also keeps what its earlier segments left behind.
async fn identify(context: &Context, file: FileId) -> Option<SegmentNo> {
    for segment in named_segments(context, file).await.into_iter().rev() {
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
