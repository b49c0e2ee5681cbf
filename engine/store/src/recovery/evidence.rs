//! Looks behind the end of the walk for frames that prove more than was accepted.

use roundhouse_base::limits::SCAN_READ_BYTES;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Pos, SlotNo};
use roundhouse_runtime::FileId;

use crate::recovery::{Context, Survey, WalkEnd, followed_elsewhere};
use crate::scan::{Found, FrameScan};

/// What the frames behind the end say.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// The highest `durable_upto` of theirs.
    pub(crate) durable_upto: Pos,
    /// Where the last of them ends.
    pub(crate) frames_end: Option<Pos>,
}

impl Evidence {
    /// Looks at every later block of the slot where the walk ended, and of the slot that was to
    /// follow it; and where the walk ended behind a head, of the slot where that is followed.
    pub(crate) async fn gather(context: &Context, survey: &Survey, end: &WalkEnd) -> Evidence {
        let mut evidence = Evidence::default();
        let slot_bytes = context.superblock.slot_bytes;
        let file = |slot: SlotNo| survey.files.get(&slot).copied();
        if end.pos.in_slot(slot_bytes) != 0 {
            if let Some(file) = file(end.slot) {
                evidence.scan(context, file, end.pos).await;
            }
            let strayed = survey.newest().filter(|head| head.frame.header.end() == end.pos);
            if let Some(head) = strayed
                && let Some((_, file)) = followed_elsewhere(context, survey, head).await
            {
                // What these frames prove counts, and no more: they are not behind the end.
                let mut meant = Evidence::default();
                meant.scan(context, file, end.pos).await;
                evidence.durable_upto = evidence.durable_upto.max(meant.durable_upto);
            }
            let next = end.pos.segment(slot_bytes).next().base(slot_bytes);
            if let Some(file) = end.next_slot.and_then(file) {
                evidence.scan(context, file, next).await;
            }
        } else if let Some(file) = end.next_slot.and_then(file) {
            evidence.scan(context, file, end.pos).await;
        }
        evidence
    }

    /// Looks a little way behind the place where the store was closed. Frames are only there if a disk
    /// lost every superblock of a later opening, and kept what was written after it.
    pub(crate) async fn near_clean_end(
        context: &Context,
        survey: &Survey,
        end: &WalkEnd,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let is_at_start = end.pos.in_slot(context.superblock.slot_bytes) == 0;
        let slot = if is_at_start { end.next_slot } else { Some(end.slot) };
        if let Some(file) = slot.and_then(|slot| survey.files.get(&slot)) {
            let limit = end.pos.advance(SCAN_READ_BYTES as u64);
            evidence.take(context, context.scan_to(*file, end.pos, limit)).await;
        }
        evidence
    }

    /// Looks at every slot of a store that has no head frame, as if it held the first segment, and
    /// returns what the one with the most to say says.
    pub(crate) async fn of_first_segment(context: &Context, survey: &Survey) -> (SlotNo, Evidence) {
        let mut found = (SlotNo(0), Evidence::default());
        for (slot, file) in &survey.files {
            let mut evidence = Evidence::default();
            evidence.scan(context, *file, Pos(0)).await;
            if evidence.says_more_than(&found.1) {
                found = (*slot, evidence);
            }
        }
        found
    }

    /// What is proven counts more than what is merely there. Frames of an epoch that the superblock
    /// does not know of only prove.
    fn says_more_than(&self, other: &Evidence) -> bool {
        (self.durable_upto, self.frames_end) > (other.durable_upto, other.frames_end)
    }

    async fn scan(&mut self, context: &Context, file: FileId, from: Pos) {
        self.take(context, context.scan(file, from)).await;
    }

    async fn take(&mut self, context: &Context, mut scan: FrameScan) {
        let superblock = &context.superblock;
        loop {
            match scan.next().await {
                // The superblock of its epoch was durable before it: the one that counts is older.
                Found::Frame(frame) if frame.header.epoch > superblock.epoch => {
                    self.durable_upto = self.durable_upto.max(frame.header.end());
                }
                // A frame of an earlier epoch behind the place where a later one began was given up
                // then, and what it proves lies below that place. Below it, it is as good as any.
                Found::Frame(frame)
                    if frame.header.pos >= superblock.epoch_start
                        && frame.header.epoch != superblock.epoch
                        && !planted(Bug::WatermarkNotClamped) => {}
                Found::Frame(frame) => {
                    self.durable_upto = self.durable_upto.max(frame.header.durable_upto);
                    self.frames_end = self.frames_end.max(Some(frame.header.end()));
                }
                Found::Rejected(_) => scan.skip_block().await,
                Found::End => return,
            }
        }
    }
}
