//! Replays frames into the state of the logs.

use roundhouse_base::Pos;

use crate::format::{
    CATALOGUE_LOG, ControlRecord, FRAME_HEADER_BYTES, HeadPayload, RecordKind, RecordRef, Records,
    record_bytes,
};
use crate::logs::{Catalogue, NotedRecord};
use crate::scan::ScannedFrame;
use crate::state::SEAL_FIXED_BYTES;

/// The logs as of some frame of a segment.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) catalogue: Catalogue,
    /// Bytes that the segment's seal needs so far.
    pub(crate) seal_bytes: usize,
    pub(crate) records: u64,
}

impl Replay {
    /// The logs at the start of a segment.
    pub(crate) fn new(head: HeadPayload) -> Replay {
        Replay { catalogue: Catalogue::new(Some(head)), seal_bytes: SEAL_FIXED_BYTES, records: 0 }
    }

    /// Takes in the records of a data frame.
    ///
    /// # Errors
    /// What is impossible about them, as a sentence.
    pub(crate) fn take_frame(&mut self, frame: &ScannedFrame) -> Result<(), String> {
        let payload = frame.payload();
        let mut count = 0;
        for record in Records::new(&payload) {
            let record = record.map_err(|reject| reject.to_string())?;
            self.take_record(&record, frame.header.pos)?;
            count += 1;
        }
        if count != frame.header.record_count {
            return Err(format!(
                "the frame says {} records and has {count}",
                frame.header.record_count
            ));
        }
        self.records += u64::from(count);
        Ok(())
    }

    fn take_record(&mut self, record: &RecordRef<'_>, frame: Pos) -> Result<(), String> {
        let header = &record.header;
        if header.kind != RecordKind::Data {
            let expected = self.catalogue.end();
            if header.first_offset != expected {
                let found = header.first_offset;
                return Err(format!("catalogue record {found} where {expected} should be"));
            }
            let control = ControlRecord::decode(header.kind, record.body);
            let control = control.map_err(|reject| reject.to_string())?;
            let pos = frame.advance((FRAME_HEADER_BYTES + record.at) as u64);
            self.catalogue.apply(&control, pos)?;
            return Ok(());
        }
        debug_assert_ne!(header.log, CATALOGUE_LOG, "decoding checks it");
        let log = self.catalogue.log_mut(header.log);
        let log =
            log.ok_or_else(|| format!("a record of log {}, which does not exist", header.log))?;
        if header.first_offset != log.end {
            let (found, expected) = (header.first_offset, log.end);
            return Err(format!("log {} has offset {found} where {expected} should be", log.id));
        }
        self.seal_bytes += log.note_record(&NotedRecord {
            first: header.first_offset,
            count: header.count,
            frame,
            time: header.time,
            bytes: record_bytes(record.body.len()) as u64,
        });
        log.visible = log.end;
        Ok(())
    }
}
