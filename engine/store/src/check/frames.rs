//! Listing what a single slot file holds, frame by frame.

use std::path::Path;

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{SegmentNo, SlotNo};
use roundhouse_runtime::{Errno, FileId, OpenMode, Shard};

use crate::check::examined::Examined;
use crate::error::OpenError;
use crate::format::FrameHeader;
use crate::pool::slot_path;
use crate::recovery::{Context, newest_named};
use crate::scan::{Found, Rejection};

/// A part of a slot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotPart {
    /// An intact frame.
    Frame {
        /// Its first byte in the file.
        file_offset: u64,
        /// Its header.
        header: FrameHeader,
        /// Whether its epoch may have a frame there. If not, recovery or a repair gave it up.
        is_in_force: bool,
    },
    /// Blocks in which no intact frame begins.
    Other {
        /// The first byte of the first of them.
        file_offset: u64,
        /// Their length together.
        bytes: u64,
        /// What was found at the first of them.
        reason: String,
    },
}

/// Gives every part of a slot file of the store in `directory` to `visitor`, in order. Changes
/// nothing.
///
/// The file is read as the segment that it holds, or, if it holds none, as the newest that any
/// intact header in it names.
///
/// The caller holds the lock that keeps other processes out.
///
/// # Errors
/// As [`verify`](crate::verify); [`OpenError::Io`] with `ENOENT` if there is no such slot.
pub async fn list_frames(
    shard: &Shard,
    directory: &Path,
    slot: SlotNo,
    visitor: &mut dyn FnMut(SlotPart),
) -> Result<(), OpenError> {
    let examined = Examined::open(shard, directory, OpenMode::Read).await?;
    let context = &examined.context;
    if let Some(file) = examined.survey.files.get(&slot).copied() {
        let segment = match examined.slots.segment_in(slot) {
            Some(segment) => segment,
            None => newest_named(context, file).await.unwrap_or_default(),
        };
        walk(context, file, segment, visitor).await;
        return examined.close().await;
    }
    let path = slot_path(directory, slot);
    examined.close().await?;
    Err(Context::io("find the slot file", &path, Errno::NOENT))
}

async fn walk(
    context: &Context,
    file: FileId,
    segment: SegmentNo,
    visitor: &mut dyn FnMut(SlotPart),
) {
    let slot_bytes = context.superblock.slot_bytes;
    let mut scan = context.scan(file, segment.base(slot_bytes));
    let mut gap: Option<(Rejection, u64)> = None;
    loop {
        let found = scan.next().await;
        if let Found::Rejected(rejection) = found {
            let (_, bytes) = gap.get_or_insert((rejection, 0));
            *bytes += BLOCK_BYTES as u64;
            scan.skip_block().await;
            continue;
        }
        if let Some((rejection, bytes)) = gap.take() {
            let (file_offset, reason) = (rejection.pos.in_slot(slot_bytes), rejection.to_string());
            visitor(SlotPart::Other { file_offset, bytes, reason });
        }
        let Found::Frame(frame) = found else { return };
        visitor(SlotPart::Frame {
            file_offset: frame.header.pos.in_slot(slot_bytes),
            header: frame.header,
            is_in_force: context.is_in_force(&frame.header),
        });
    }
}
