//! What a store consists of.

use std::path::{Path, PathBuf};

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{Epoch, LogId, Offset, Pos, SegmentNo, SlotNo, WallTime};
use roundhouse_runtime::{Errno, OpenMode, Shard};

use crate::check::copies::CopyState;
use crate::check::examined::Examined;
use crate::error::OpenError;
use crate::format::superblock::SUPERBLOCK_COPIES;
use crate::format::{FrameHeader, FrameReject, HeadLog, Superblock};
use crate::logs::{Segment, Share};
use crate::pool::slot_path;
use crate::recovery::{Context, Recovered, read_many, recover};
use crate::store::LogInfo;

/// What a store consists of.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The superblock that counts.
    pub superblock: Superblock,
    /// What each of its copies is worth.
    pub copies: [CopyState; SUPERBLOCK_COPIES],
    /// The first live position.
    pub low_water: Pos,
    /// Everything below is proven to have been durable.
    pub durable_upto: Pos,
    /// Where the log ends; `None` if opening the store would be refused.
    pub end: Option<Pos>,
    /// The slot files, by ascending number.
    pub slots: Vec<SlotInspection>,
    /// The live segments that were found, oldest first.
    pub segments: Vec<SegmentInspection>,
    /// The logs, by ascending number. If opening would be refused, as the newest intact head says.
    pub logs: Vec<LogInfo>,
    /// Why opening the store would be refused, if so.
    pub refused: Option<OpenError>,
}

/// A slot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotInspection {
    /// Its number.
    pub slot: SlotNo,
    /// Its path.
    pub file: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What is in it.
    pub holds: SlotHolds,
}

/// What a slot file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotHolds {
    /// A live segment.
    Live(SegmentNo),
    /// Nothing live: it was never used, or what it held was trimmed, or given up.
    Free,
    /// Neither an intact frame in force nor the traces of a free slot.
    Unknown,
}

/// A live segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentInspection {
    /// Its number.
    pub segment: SegmentNo,
    /// The slot that holds it.
    pub slot: SlotNo,
    /// Its first position; the next segment's first is where it ends.
    pub start: Pos,
    /// The epoch of its head frame; `None` if that is damaged.
    pub epoch: Option<Epoch>,
    /// What logs have in it, by ascending number. Empty if opening the store would be refused.
    pub logs: Vec<LogShare>,
}

/// A log's share of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogShare {
    /// The log.
    pub log: LogId,
    /// Its first offset in the segment.
    pub first: Offset,
    /// The offset after its last.
    pub end: Offset,
    /// Bytes of its records, with headers and padding.
    pub bytes: u64,
    /// The latest time of its records.
    pub time_max: WallTime,
}

/// Says what the store in `directory` consists of. Changes nothing. Reads what opening reads, and
/// free slots in full.
///
/// The caller holds the lock that keeps other processes out.
///
/// # Errors
/// As [`verify`](crate::verify).
pub async fn inspect(shard: &Shard, directory: &Path) -> Result<Inspection, OpenError> {
    let examined = Examined::open(shard, directory, OpenMode::Read).await?;
    let slots = inspect_slots(&examined).await?;
    let mut inspection = Inspection {
        superblock: examined.context.superblock,
        copies: examined.copies,
        low_water: examined.proof.low_water,
        durable_upto: examined.proof.durable_upto,
        end: None,
        slots,
        segments: inspect_segments(&examined),
        logs: Vec::new(),
        refused: None,
    };
    match recover(&examined.context, &examined.survey).await {
        Ok(recovered) => inspection.take_recovered(&recovered),
        Err(refused) => {
            inspection.refused = Some(refused);
            let newest = examined.survey.newest();
            let logs = newest.map(|segment| segment.head.logs.as_slice()).unwrap_or_default();
            inspection.logs = logs.iter().map(|log| log_info(log.clone(), 0)).collect();
        }
    }
    examined.close().await?;
    Ok(inspection)
}

impl Inspection {
    fn take_recovered(&mut self, recovered: &Recovered) {
        self.end = Some(recovered.end);
        let catalogue = &recovered.catalogue;
        // The newest segment is not sealed, so its shares are still with the logs.
        let active = recovered.sealed.is_none().then(|| recovered.segments.back()).flatten();
        for inspected in &mut self.segments {
            let is_inspected = |other: &&Segment| other.no == inspected.segment;
            let segment = recovered.segments.iter().find(is_inspected);
            let sealed = segment.into_iter().flat_map(|segment| &segment.shares);
            inspected.logs = sealed.map(|(log, share)| log_share(*log, *share)).collect();
            if active.is_some_and(|active| active.no == inspected.segment) {
                let shares = catalogue.logs().filter_map(|log| Some((log.id, log.share?)));
                inspected.logs.extend(shares.map(|(log, share)| log_share(log, share)));
            }
        }
        self.logs = catalogue
            .logs()
            .map(|log| {
                let shares = self.segments.iter().flat_map(|segment| &segment.logs);
                let bytes = shares.filter(|share| share.log == log.id).map(|share| share.bytes);
                log_info(log.to_head(), bytes.sum())
            })
            .collect();
    }
}

async fn inspect_slots(examined: &Examined) -> Result<Vec<SlotInspection>, OpenError> {
    let Context { shard, directory, .. } = &examined.context;
    let files = &examined.survey.files;
    let firsts = files.values().map(|file| (*file, 0, BLOCK_BYTES)).collect();
    let blocks = read_many(shard, firsts).await;
    let entries = shard.list(directory).map_err(|errno| Context::io("list", directory, errno))?;
    let inspected = files.keys().zip(blocks).map(|(slot, block)| {
        let file = slot_path(directory, *slot);
        let has_name = |name: &str| file.file_name().is_some_and(|own| own == name);
        let entry = entries.iter().find(|entry| has_name(&entry.name));
        let bytes = entry.map_or(0, |entry| entry.bytes);
        let holds = holds(examined, *slot, block.as_deref());
        SlotInspection { slot: *slot, file, bytes, holds }
    });
    Ok(inspected.collect())
}

/// What a slot holds, by the slot map and by its first block.
fn holds(examined: &Examined, slot: SlotNo, block: Result<&[u8], &Errno>) -> SlotHolds {
    match examined.slots.segment_in(slot) {
        Some(segment) if examined.live_segments().contains(&segment) => SlotHolds::Live(segment),
        Some(_) => SlotHolds::Free,
        None => {
            let header = block.map(|bytes| FrameHeader::decode(bytes, &examined.context.salts));
            match header {
                Ok(Ok(_) | Err(FrameReject::Blank)) => SlotHolds::Free,
                Ok(Err(_)) | Err(_) => SlotHolds::Unknown,
            }
        }
    }
}

fn inspect_segments(examined: &Examined) -> Vec<SegmentInspection> {
    let live = examined.live_segments();
    let numbers = (live.start().0..=live.end().0).map(SegmentNo);
    let found = numbers.filter_map(|segment| Some((segment, examined.slots.place(segment)?)));
    found
        .map(|(segment, place)| SegmentInspection {
            segment,
            slot: place.slot,
            start: segment.base(examined.slot_bytes()),
            epoch: examined.survey.segment(segment).map(|found| found.frame.header.epoch),
            logs: Vec::new(),
        })
        .collect()
}

fn log_share(log: LogId, share: Share) -> LogShare {
    let Share { first, end, bytes, time_max } = share;
    LogShare { log, first, end, bytes, time_max }
}

fn log_info(log: HeadLog, bytes: u64) -> LogInfo {
    let HeadLog { id, name, start, end, config, .. } = log;
    LogInfo { id, name, config, start, end, bytes }
}
