//! Which slot file holds which segment, also where the head frame that would say so is damaged.

use std::collections::{BTreeMap, BTreeSet};

use roundhouse_base::{SegmentNo, SlotNo};
use roundhouse_runtime::FileId;

use crate::recovery::{Context, Survey, displaced, found_elsewhere, identify};

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
    /// Starts from the heads that the survey found and that are in their own slots, and searches the
    /// other slots in full.
    pub(super) async fn build(context: &Context, survey: &Survey) -> SlotMap {
        let mut places: BTreeMap<SegmentNo, Place> = BTreeMap::new();
        for found in survey.segments() {
            if let Some((slot, file)) = found_elsewhere(context, survey, found).await {
                places.insert(found.segment, Place { slot, file, has_head: false });
                continue;
            }
            let held = displaced(context, survey, found).await;
            let place = Place { slot: found.slot, file: found.file, has_head: held.is_none() };
            places.insert(held.unwrap_or(found.segment), place);
        }
        let known: BTreeSet<SlotNo> = places.values().map(|place| place.slot).collect();
        for (&slot, &file) in survey.files.iter().filter(|(slot, _)| !known.contains(slot)) {
            let is_free = |segment| !places.contains_key(&segment);
            if let Some(segment) = identify(context, file, is_free).await {
                places.insert(segment, Place { slot, file, has_head: false });
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
