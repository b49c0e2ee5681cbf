//! Reading out what can be read, without opening the store.

use std::collections::BTreeMap;
use std::path::Path;

use roundhouse_base::{LogId, Offset, Pos, WallTime};
use roundhouse_runtime::{OpenMode, Shard};

use crate::check::audit::{Audit, Step};
use crate::check::examined::Examined;
use crate::error::{Corruption, OpenError};
use crate::format::{CATALOGUE_LOG, FRAME_HEADER_BYTES, FrameKind, HeadLog, RecordRef};
use crate::logs::live_count;
use crate::scan::ScannedFrame;

/// How much to read out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SalvageOptions {
    /// Go on behind damage. What was trimmed, truncated or deleted there may then be among the
    /// records, since the record that says so may be damaged.
    pub all: bool,
}

/// A record that was read out.
#[derive(Debug, Clone, Copy)]
pub struct SalvagedRecord<'a> {
    /// Its log.
    pub log: LogId,
    /// The log's name; `None` if the record that says it is damaged.
    pub name: Option<&'a str>,
    /// The record's first offset.
    pub offset: Offset,
    /// Offsets it spans; fewer than were appended if the log was truncated within them.
    pub count: u32,
    /// Its time.
    pub time: WallTime,
    /// What was appended.
    pub body: &'a [u8],
}

/// What was read out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// Records that the visitor got.
    pub records: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// The first damage. Unless [`SalvageOptions::all`] was given, the records are those before it.
    pub damage: Option<Corruption>,
}

/// Gives every record of the store in `directory` to `visitor`, in the order in which they were
/// appended to the shard, up to the first damage. Changes nothing.
///
/// The caller holds the lock that keeps other processes out.
///
/// # Errors
/// As [`verify`](crate::verify).
pub async fn salvage(
    shard: &Shard,
    directory: &Path,
    options: SalvageOptions,
    visitor: &mut dyn FnMut(SalvagedRecord<'_>),
) -> Result<Salvage, OpenError> {
    let examined = Examined::open(shard, directory, OpenMode::Read).await?;
    // What is alive is only known at the end, so the log is walked twice.
    let logs = Logs::find(&examined, options).await;
    let mut salvage = Salvage { records: 0, bytes: 0, damage: None };
    let mut audit = Audit::new(&examined);
    while let Some(step) = audit.next().await {
        match step {
            Step::Frame(frame) => logs.visit(&frame, &mut salvage, visitor),
            Step::Damage(corruption) => {
                salvage.damage.get_or_insert(corruption);
                if !options.all {
                    break;
                }
            }
        }
    }
    audit.settle().await;
    examined.close().await?;
    Ok(salvage)
}

/// The logs as they were last known.
#[derive(Debug, Default)]
struct Logs {
    known: BTreeMap<LogId, HeadLog>,
    /// Logs from this number on may exist although they are not known.
    next: LogId,
}

impl Logs {
    async fn find(examined: &Examined, options: SalvageOptions) -> Logs {
        let mut audit = Audit::new(examined);
        while let Some(step) = audit.next().await {
            if matches!(step, Step::Damage(_)) && !options.all {
                break;
            }
        }
        let logs = audit.catalogue().map(|catalogue| {
            let known = catalogue.to_head_logs().into_iter().map(|log| (log.id, log)).collect();
            Logs { known, next: catalogue.next_log() }
        });
        audit.settle().await;
        logs.unwrap_or_default()
    }

    /// Gives the living records of a frame to the visitor.
    fn visit(
        &self,
        frame: &ScannedFrame,
        salvage: &mut Salvage,
        visitor: &mut dyn FnMut(SalvagedRecord<'_>),
    ) {
        if frame.header.kind != FrameKind::Data {
            return;
        }
        let payload = frame.payload();
        let mut at = 0;
        while let Ok(record) = RecordRef::decode_verified(&payload, at) {
            at = record.end();
            let pos = frame.header.pos.advance((FRAME_HEADER_BYTES + record.at) as u64);
            let count = self.wanted_count(&record, pos);
            if count == 0 {
                continue;
            }
            salvage.records += 1;
            salvage.bytes += record.body.len() as u64;
            let header = &record.header;
            visitor(SalvagedRecord {
                log: header.log,
                name: self.known.get(&header.log).map(|log| log.name.as_str()),
                offset: header.first_offset,
                count,
                time: header.time,
                body: record.body,
            });
        }
    }

    /// How many offsets of a record are a user's and were not given up, as far as that is known.
    fn wanted_count(&self, record: &RecordRef<'_>, pos: Pos) -> u32 {
        let header = &record.header;
        let Some(log) = self.known.get(&header.log) else {
            let may_exist = header.log != CATALOGUE_LOG && header.log >= self.next;
            return if may_exist { header.count } else { 0 };
        };
        let count = live_count(&log.truncations, pos, header.first_offset, header.count);
        let end = header.first_offset.advance(u64::from(count));
        if end > log.start { count } else { 0 }
    }
}
