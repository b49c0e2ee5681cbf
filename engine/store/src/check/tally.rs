//! Counting what frames hold.

use std::collections::BTreeMap;

use roundhouse_base::{LogId, Offset};

use crate::format::{
    CATALOGUE_LOG, ControlRecord, FrameKind, HeadPayload, RecordKind, RecordRef, record_bytes,
};
use crate::scan::ScannedFrame;

/// What was found of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCount {
    /// The log.
    pub log: LogId,
    /// Its name, if a frame that was read says it.
    pub name: Option<String>,
    /// Records, also such as were trimmed or truncated and are still there.
    pub records: u64,
    /// Bytes they take up, with headers and padding.
    pub bytes: u64,
    /// The lowest offset among them.
    pub first: Offset,
    /// The offset after the highest.
    pub end: Offset,
}

/// Running totals.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) frames: u64,
    /// Bytes of the frames, with padding.
    pub(super) bytes: u64,
    /// Records of all logs, with those of the catalogue.
    pub(super) records: u64,
    logs: BTreeMap<LogId, LogCount>,
    names: BTreeMap<LogId, String>,
}

impl Tally {
    /// Takes in an intact frame. A payload that can't be read counts as one without records.
    pub(super) fn take(&mut self, frame: &ScannedFrame) {
        self.frames += 1;
        self.bytes += u64::from(frame.header.frame_bytes);
        let payload = frame.payload();
        match frame.header.kind {
            FrameKind::Data => {
                let mut at = 0;
                while let Ok(record) = RecordRef::decode_verified(&payload, at) {
                    at = record.end();
                    self.take_record(&record);
                }
            }
            FrameKind::Head => {
                let head = HeadPayload::decode(&payload);
                let logs = head.map(|head| head.logs).unwrap_or_default();
                self.names.extend(logs.into_iter().map(|log| (log.id, log.name)));
            }
            FrameKind::Anchor | FrameKind::Epoch | FrameKind::Seal => {}
        }
    }

    /// The logs of which there were records, by ascending number, without the catalogue.
    pub(super) fn logs(&self) -> Vec<LogCount> {
        let named = |count: &LogCount| LogCount {
            name: self.names.get(&count.log).cloned(),
            ..count.clone()
        };
        self.logs.values().map(named).collect()
    }

    /// Knows the logs by the names that another tally saw.
    pub(super) fn with_names_of(other: &Tally) -> Tally {
        Tally { names: other.names.clone(), ..Tally::default() }
    }

    fn take_record(&mut self, record: &RecordRef<'_>) {
        self.records += 1;
        let header = &record.header;
        if header.log == CATALOGUE_LOG {
            if header.kind == RecordKind::Create
                && let Ok(ControlRecord::Create { log, name, .. }) =
                    ControlRecord::decode(header.kind, record.body)
            {
                self.names.insert(log, name);
            }
            return;
        }
        let (first, end) =
            (header.first_offset, header.first_offset.advance(u64::from(header.count)));
        let count = self.logs.entry(header.log).or_insert(LogCount {
            log: header.log,
            name: None,
            records: 0,
            bytes: 0,
            first,
            end,
        });
        count.records += 1;
        count.bytes += record_bytes(record.body.len()) as u64;
        count.first = count.first.min(first);
        count.end = count.end.max(end);
    }
}
