//! The first look: which slot files are there, and which segment each begins.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Epoch, Pos, SegmentNo, SlotNo, aligned_buffer};
use roundhouse_runtime::{Errno, FileId, OpenMode, ReadOperation, Shard};

use crate::error::OpenError;
use crate::format::{FrameHeader, FrameKind, HeadPayload};
use crate::pool::{parse_slot_name, slot_path};
use crate::recovery::Context;
use crate::recovery::holding::is_followed;
use crate::scan::{Found, Rejection, ScannedFrame};

/// The slot files of a shard and the segments whose heads are intact.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(crate) files: BTreeMap<SlotNo, FileId>,
    /// Slots that are not there although higher ones are.
    pub(crate) missing: Vec<SlotNo>,
    segments: BTreeMap<SegmentNo, Surveyed>,
    /// Slots of which it is unknown what they hold, since the kernel could not read their heads.
    unreadable: BTreeMap<SlotNo, Errno>,
    /// The highest position that an intact head's header proves to be durable, also of heads whose
    /// payload is damaged, or whose epoch the superblock does not know of.
    pub(crate) durable_upto: Pos,
    /// The highest epoch of such a head that the superblock does not know of.
    pub(crate) epoch_max: Epoch,
}

/// A segment with an intact head.
#[derive(Debug, Clone)]
pub(crate) struct Surveyed {
    pub(crate) segment: SegmentNo,
    pub(crate) slot: SlotNo,
    pub(crate) file: FileId,
    pub(crate) frame: ScannedFrame,
    pub(crate) head: HeadPayload,
}

impl Survey {
    /// Opens all slot files and reads their first frames.
    pub(crate) async fn run(context: &Context, mode: OpenMode) -> Result<Survey, OpenError> {
        let (files, missing) = open_slots(&context.shard, &context.directory, mode).await?;
        let is_in_doubt = context.superblock.clean_end.is_none() && !planted(Bug::CacheBelieved);
        if mode == OpenMode::Write && is_in_doubt {
            // No decision may rest on data, or on a slot's name, that a process that died never
            // made durable.
            let synced = context.shard.sync_directory(&context.directory).await;
            synced.map_err(|errno| Context::io("sync", &context.directory, errno))?;
            for (slot, file) in &files {
                let synced = context.shard.sync_data(*file).await;
                synced.map_err(|errno| {
                    Context::io("sync", &slot_path(&context.directory, *slot), errno)
                })?;
            }
        }
        let mut survey = Survey {
            files,
            missing,
            segments: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            durable_upto: Pos(0),
            epoch_max: Epoch(0),
        };
        let wanted: Vec<_> = survey.files.iter().map(|(slot, file)| (*slot, *file)).collect();
        let blocks = read_many(
            &context.shard,
            wanted.iter().map(|(_, file)| (*file, 0, BLOCK_BYTES)).collect(),
        )
        .await;
        for ((slot, file), block) in wanted.into_iter().zip(blocks) {
            match block {
                Ok(block) => survey.take(context, slot, file, &block).await,
                Err(errno) => drop(survey.unreadable.insert(slot, errno)),
            }
        }
        Ok(survey)
    }

    /// The newest segment.
    pub(crate) fn newest(&self) -> Option<&Surveyed> {
        self.segments.last_key_value().map(|(_, segment)| segment)
    }

    /// A segment, if its head is intact.
    pub(crate) fn segment(&self, segment: SegmentNo) -> Option<&Surveyed> {
        self.segments.get(&segment)
    }

    /// The first slot whose head could not be read, and why.
    pub(crate) fn unreadable(&self) -> Option<(SlotNo, Errno)> {
        self.unreadable.iter().next().map(|(slot, errno)| (*slot, *errno))
    }

    /// Why the head of a slot could not be read, if so.
    pub(crate) fn why_unreadable(&self, slot: SlotNo) -> Option<Errno> {
        self.unreadable.get(&slot).copied()
    }

    /// All segments whose heads are intact, oldest first.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &Surveyed> {
        self.segments.values()
    }

    /// Takes in a slot if its first block begins an acceptable head frame.
    async fn take(&mut self, context: &Context, slot: SlotNo, file: FileId, block: &[u8]) {
        if let Ok(header) = FrameHeader::decode(block, &context.salts)
            && header.epoch > context.superblock.epoch
        {
            // The superblock is an older one than the store had: it was durable before this frame.
            self.durable_upto = self.durable_upto.max(header.end());
            self.epoch_max = self.epoch_max.max(header.epoch);
        }
        let Some(header) = acceptable_head(context, block) else { return };
        self.durable_upto = self.durable_upto.max(header.durable_upto);
        let mut scan = context.scan_to(file, header.pos, header.end());
        let found = scan.next().await;
        scan.settle().await;
        let frame = match found {
            Found::Frame(frame) => frame,
            Found::Rejected(Rejection { unreadable: Some((_, errno)), .. }) => {
                self.unreadable.insert(slot, errno);
                return;
            }
            Found::Rejected(_) | Found::End => return,
        };
        let Ok(head) = HeadPayload::decode(&frame.payload()) else { return };
        let segment = header.pos.segment(context.superblock.slot_bytes);
        if head.segment != segment {
            return;
        }
        let found = Surveyed { segment, slot, file, frame, head };
        if counts_more(context, &found, self.segments.get(&segment)).await {
            self.segments.insert(segment, found);
        }
    }
}

/// Whether a slot holds the segment that another one claims as well.
///
/// After a recovery that gave an unacknowledged head up, the later epoch is the one that counts. In
/// one epoch a head is written once: one of the two strayed, and what follows it shows which.
async fn counts_more(context: &Context, found: &Surveyed, known: Option<&Surveyed>) -> bool {
    let Some(known) = known else { return true };
    let (found_epoch, known_epoch) = (found.frame.header.epoch, known.frame.header.epoch);
    if found_epoch != known_epoch {
        return found_epoch > known_epoch;
    }
    !is_followed(context, known).await && is_followed(context, found).await
}

/// The header of a head frame that this epoch, or one before it as far as it was in force, wrote at
/// the start of a segment.
fn acceptable_head(context: &Context, block: &[u8]) -> Option<FrameHeader> {
    let header = FrameHeader::decode(block, &context.salts).ok()?;
    let is_at_start = header.pos.in_slot(context.superblock.slot_bytes) == 0;
    let is_head = header.kind == FrameKind::Head && is_at_start;
    (is_head && context.is_in_force(&header)).then_some(header)
}

/// Opens the slot files; returns with them the numbers left out below the highest.
async fn open_slots(
    shard: &Shard,
    directory: &Path,
    mode: OpenMode,
) -> Result<(BTreeMap<SlotNo, FileId>, Vec<SlotNo>), OpenError> {
    let listed = shard.list(directory).map_err(|errno| Context::io("list", directory, errno))?;
    let slots: BTreeSet<SlotNo> =
        listed.iter().filter_map(|entry| parse_slot_name(&entry.name)).collect();
    let mut files = BTreeMap::new();
    for slot in &slots {
        let path = slot_path(directory, *slot);
        let file =
            shard.open(&path, mode).await.map_err(|errno| Context::io("open", &path, errno))?;
        files.insert(*slot, file);
    }
    let highest = slots.last().map_or(0, |slot| slot.0);
    let missing = (0..highest).map(SlotNo).filter(|slot| !slots.contains(slot)).collect();
    Ok((files, missing))
}

/// Reads several places, some at a time, and returns them in order. Lengths are whole blocks.
pub(crate) async fn read_many(
    shard: &Shard,
    places: Vec<(FileId, u64, usize)>,
) -> Vec<Result<Bytes, Errno>> {
    let mut results = Vec::with_capacity(places.len());
    let mut flying: VecDeque<ReadOperation> = VecDeque::new();
    for (file, at, bytes) in places {
        if flying.len() >= READS_IN_FLIGHT_MAX
            && let Some(oldest) = flying.pop_front()
        {
            results.push(finish(oldest.await));
        }
        let mut buffer = aligned_buffer(bytes);
        buffer.resize(bytes, 0);
        flying.push_back(shard.read(file, buffer, at));
    }
    for read in flying {
        results.push(finish(read.await));
    }
    results
}

fn finish((result, buffer): (Result<u32, Errno>, BytesMut)) -> Result<Bytes, Errno> {
    result.map(|_| buffer.freeze())
}

/// Small reads of a survey in flight at once.
const READS_IN_FLIGHT_MAX: usize = 16;
