//! How far the log is proven to reach, and from where on it is live: what a walk from the beginning
//! must know before it starts, and only the newest frames say.

use roundhouse_base::{Epoch, Pos, SegmentNo};

use crate::check::slots::{Place, SlotMap};
use crate::format::FrameHeader;
use crate::recovery::{Context, Survey};
use crate::scan::Found;

/// What superblock and frames prove about the whole log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    /// Every byte below was durable.
    pub(super) durable_upto: Pos,
    /// The first live position. Slots of segments below may have been used again.
    pub(super) low_water: Pos,
    /// The highest epoch of any frame, and of the superblock. A higher one than the superblock's shows
    /// that the superblock is an old one.
    pub(super) epoch_max: Epoch,
}

impl Proof {
    /// Reads the newest segment in full. Older ones prove less than its head does.
    pub(super) async fn gather(context: &Context, survey: &Survey, slots: &SlotMap) -> Proof {
        let superblock = &context.superblock;
        let clean_end = superblock.clean_end.map_or(Pos(0), |end| end.pos);
        let mut proof = Proof {
            durable_upto: superblock.epoch_start.max(clean_end).max(survey.durable_upto),
            low_water: superblock.low_water,
            epoch_max: superblock.epoch.max(survey.epoch_max),
        };
        for segment in survey.segments() {
            proof.take(&segment.frame.header);
        }
        if let Some((newest, place)) = slots.newest() {
            proof.take_segment(context, newest, place).await;
        }
        proof
    }

    /// Takes in the frames of the newest segment.
    ///
    /// Behind a gap, a low-water mark counts only if its frame is proven durable: a frame that was
    /// never acknowledged may carry a trim that never happened.
    async fn take_segment(&mut self, context: &Context, segment: SegmentNo, place: Place) {
        let mut scan = context.scan(place.file, segment.base(context.superblock.slot_bytes));
        let mut is_unbroken = place.has_head;
        let mut behind_gap: Vec<FrameHeader> = Vec::new();
        loop {
            match scan.next().await {
                Found::Frame(frame) if context.is_in_force(&frame.header) => {
                    let header = frame.header;
                    self.durable_upto = self.durable_upto.max(header.durable_upto);
                    let is_news =
                        behind_gap.last().is_none_or(|last| last.low_water < header.low_water);
                    if is_unbroken {
                        self.take(&header);
                    } else if is_news {
                        behind_gap.push(header);
                    }
                }
                Found::Frame(frame) => {
                    is_unbroken = false;
                    if frame.header.epoch > context.superblock.epoch {
                        // The superblock of its epoch was durable before it was written.
                        self.durable_upto = self.durable_upto.max(frame.header.end());
                        self.epoch_max = self.epoch_max.max(frame.header.epoch);
                    }
                }
                Found::Rejected(_) => {
                    is_unbroken = false;
                    scan.skip_block().await;
                }
                Found::End => break,
            }
        }
        let durable_upto = self.durable_upto;
        behind_gap.iter().filter(|header| header.end() <= durable_upto).for_each(|h| self.take(h));
    }

    fn take(&mut self, header: &FrameHeader) {
        self.durable_upto = self.durable_upto.max(header.durable_upto);
        self.low_water = self.low_water.max(header.low_water);
    }
}
