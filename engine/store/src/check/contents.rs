//! What frames say, held against each other: records against the logs so far, seals and heads
//! against the records.

use std::collections::BTreeMap;

use roundhouse_base::{LogId, Offset, Pos};

use crate::format::{
    CATALOGUE_LOG, FrameHeader, FrameKind, HeadLog, HeadPayload, RecordRef, Records, SealLink,
    SealLog, SealPayload,
};
use crate::logs::{Catalogue, Share};
use crate::recovery::Replay;
use crate::scan::ScannedFrame;

/// The logs, as the frames from some head on made them.
#[derive(Debug)]
pub(super) struct Contents {
    replay: Replay,
    /// Which offsets of which log each frame of the segment holds, for checking index entries.
    spans: BTreeMap<(Pos, LogId), Span>,
}

/// Offsets of one log in one frame; more than one range if the log was truncated in between.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: Offset,
    end: Offset,
}

impl Contents {
    /// The logs as a head frame describes them.
    pub(super) fn new(head: HeadPayload) -> Contents {
        Contents { replay: Replay::new(head), spans: BTreeMap::new() }
    }

    /// The logs now.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.replay.catalogue
    }

    /// Takes in the records of a data frame.
    ///
    /// # Errors
    /// What is impossible about them, as a sentence.
    pub(super) fn take_data(&mut self, frame: &ScannedFrame) -> Result<(), String> {
        self.replay.take_frame(frame)?;
        let payload = frame.payload();
        let mut at = 0;
        while let Ok(record) = RecordRef::decode_verified(&payload, at) {
            at = record.end();
            let header = record.header;
            if header.log == CATALOGUE_LOG {
                continue;
            }
            let (first, end) =
                (header.first_offset, header.first_offset.advance(u64::from(header.count)));
            let span =
                self.spans.entry((frame.header.pos, header.log)).or_insert(Span { first, end });
            *span = Span { first: span.first.min(first), end: span.end.max(end) };
        }
        Ok(())
    }

    /// Checks a seal against the records of the segment it ends, and forgets them.
    ///
    /// # Errors
    /// Where they differ, as a sentence.
    pub(super) fn take_seal(&mut self, seal: &SealPayload) -> Result<(), String> {
        let logs = self.replay.catalogue.logs_mut();
        let shares: BTreeMap<LogId, Share> =
            logs.filter_map(|log| Some((log.id, log.share.take()?))).collect();
        let spans = std::mem::take(&mut self.spans);
        let alive = || shares.iter().filter(|(_, share)| share.first < share.end);
        if seal.logs.len() != alive().count() {
            let (found, expected) = (seal.logs.len(), alive().count());
            return Err(format!("the seal lists {found} logs, the segment has {expected}"));
        }
        for (sealed, (log, share)) in seal.logs.iter().zip(alive()) {
            let listed = Share {
                first: sealed.first,
                end: sealed.end,
                bytes: sealed.bytes,
                time_max: sealed.time_max,
            };
            if (sealed.log, listed) != (*log, *share) {
                let found = sealed.log;
                return Err(format!(
                    "the seal says {listed:?} of log {found}, log {log} has {share:?}"
                ));
            }
            check_entries(sealed, &spans)?;
        }
        Ok(())
    }

    /// Checks the head of the next segment against the logs and the seal before it, and goes on
    /// from what it says.
    ///
    /// # Errors
    /// Where they differ, as a sentence.
    pub(super) fn take_head(
        &mut self,
        header: &FrameHeader,
        head: &HeadPayload,
        sealed: Option<SealLink>,
    ) -> Result<(), String> {
        if head.prev_seal != sealed {
            let found = head.prev_seal;
            return Err(format!(
                "the head names {found:?} as the seal before it, which is {sealed:?}"
            ));
        }
        let catalogue = &mut self.replay.catalogue;
        let counted = (head.next_log, head.catalogue_end);
        let expected = (catalogue.next_log(), catalogue.end());
        if counted != expected || head.logs.len() != catalogue.logs().count() {
            return Err(format!(
                "the head has {} logs, next {} and {} catalogue records; there are {}, {} and {}",
                head.logs.len(),
                counted.0,
                counted.1,
                catalogue.logs().count(),
                expected.0,
                expected.1
            ));
        }
        for (listed, log) in head.logs.iter().zip(catalogue.logs_mut()) {
            log.forget_truncations(header.low_water);
            let expected = log.to_head();
            if !is_same_log(listed, &expected) {
                return Err(format!("the head says {listed:?}, the records say {expected:?}"));
            }
            // Opening a repaired store can move a start without a record.
            log.trim(listed.start);
        }
        Ok(())
    }
}

/// Whether a frame can be taken in by itself, whatever came before.
///
/// # Errors
/// What is impossible about it, as a sentence.
pub(super) fn check_alone(frame: &ScannedFrame) -> Result<(), String> {
    let payload = frame.payload();
    match frame.header.kind {
        FrameKind::Data => {
            let mut count = 0;
            for record in Records::new(&payload) {
                record.map_err(|reject| reject.to_string())?;
                count += 1;
            }
            let expected = frame.header.record_count;
            let is_right = count == expected;
            is_right
                .then_some(())
                .ok_or_else(|| format!("the frame says {expected} records and has {count}"))
        }
        FrameKind::Head => {
            HeadPayload::decode(&payload).map(drop).map_err(|reject| reject.to_string())
        }
        FrameKind::Seal => {
            SealPayload::decode(&payload).map(drop).map_err(|reject| reject.to_string())
        }
        FrameKind::Anchor | FrameKind::Epoch => Ok(()),
    }
}

/// Checks that every entry leads to a frame of the segment that holds its offset.
fn check_entries(sealed: &SealLog, spans: &BTreeMap<(Pos, LogId), Span>) -> Result<(), String> {
    let is_right = |pos: Pos, offset: Offset| {
        let span = spans.get(&(pos, sealed.log));
        span.is_some_and(|span| (span.first..span.end).contains(&offset))
    };
    match sealed.entries.iter().find(|entry| !is_right(entry.pos, entry.offset)) {
        Some(entry) => Err(format!(
            "the seal places offset {} of log {} at position {}, where it is not",
            entry.offset, sealed.log, entry.pos
        )),
        None => Ok(()),
    }
}

/// Whether a log is listed as the records make it, except that it may start later.
fn is_same_log(listed: &HeadLog, expected: &HeadLog) -> bool {
    let starts_well = (expected.start..=expected.end).contains(&listed.start);
    starts_well && *listed == HeadLog { start: listed.start, ..expected.clone() }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use roundhouse_base::{Epoch, SegmentNo, ShardId, StoreId, WallTime};

    use super::*;
    use crate::format::{
        FRAME_HEADER_BYTES, IndexEntry, LogConfig, RecordHeader, RecordKind, Salts, complete_frame,
        write_record,
    };

    const LOG: LogId = LogId(1);
    const FRAME: Pos = Pos(8192);
    const LINK: SealLink = SealLink { pos: Pos(12288), bytes: 4096 };

    fn head() -> HeadPayload {
        let log = HeadLog {
            id: LOG,
            name: "orders".into(),
            start: Offset(2),
            end: Offset(10),
            config: LogConfig::default(),
            truncations: Vec::new(),
        };
        HeadPayload {
            segment: SegmentNo(0),
            prev_seal: None,
            next_log: LogId(2),
            catalogue_end: Offset(1),
            logs: vec![log],
        }
    }

    /// A data frame with a record of offsets `first` to `first + 5`.
    fn frame(first: u64) -> ScannedFrame {
        let salt = Salts::new(StoreId::default(), ShardId(0), 1).epoch(Epoch(1));
        let mut bytes = BytesMut::zeroed(FRAME_HEADER_BYTES);
        let record = RecordHeader {
            log: LOG,
            kind: RecordKind::Data,
            first_offset: Offset(first),
            count: 5,
            time: WallTime(7),
        };
        write_record(&mut bytes, &record, b"body");
        let mut header = FrameHeader {
            kind: FrameKind::Data,
            pos: FRAME,
            frame_bytes: 0,
            payload_bytes: 0,
            epoch: Epoch(1),
            next_slot: None,
            durable_upto: Pos(0),
            low_water: Pos(0),
            prev_hash: 0,
            payload_hash: 0,
            wall: WallTime(7),
            record_count: 1,
        };
        complete_frame(&mut bytes, &mut header, salt);
        ScannedFrame { header, bytes: bytes.freeze() }
    }

    fn seal() -> SealPayload {
        let entry = IndexEntry { offset: Offset(10), pos: FRAME, time: WallTime(7) };
        let log = SealLog {
            log: LOG,
            first: Offset(10),
            end: Offset(15),
            bytes: 48,
            time_max: WallTime(7),
            entries: vec![entry],
        };
        SealPayload { segment: SegmentNo(0), logs: vec![log] }
    }

    /// The logs after one frame.
    fn contents() -> Contents {
        let mut contents = Contents::new(head());
        contents.take_data(&frame(10)).unwrap();
        contents
    }

    #[test]
    fn records_go_on_where_their_log_ended() {
        assert!(Contents::new(head()).take_data(&frame(11)).unwrap_err().contains("offset 11"));
    }

    #[test]
    fn a_seal_says_what_the_records_say() {
        contents().take_seal(&seal()).unwrap();
        let lies: [fn(&mut SealLog); 6] = [
            |log| log.log = LogId(2),
            |log| log.end = Offset(16),
            |log| log.bytes += 8,
            |log| log.time_max = WallTime(8),
            |log| log.entries[0].offset = Offset(15),
            |log| log.entries[0].pos = Pos(4096),
        ];
        for lie in lies {
            let mut seal = seal();
            lie(&mut seal.logs[0]);
            assert!(contents().take_seal(&seal).is_err(), "{seal:?}");
        }
        assert!(contents().take_seal(&SealPayload { logs: Vec::new(), ..seal() }).is_err());
    }

    #[test]
    fn a_head_says_what_the_records_say_but_may_start_a_log_later() {
        let mut next = head();
        next.prev_seal = Some(LINK);
        next.logs[0].end = Offset(15);
        let header = frame(10).header;
        let take = |head: &HeadPayload| contents().take_head(&header, head, Some(LINK));
        take(&next).unwrap();
        let lies: [fn(&mut HeadPayload); 7] = [
            |head| head.prev_seal = None,
            |head| head.next_log = LogId(3),
            |head| head.catalogue_end = Offset(2),
            |head| head.logs.clear(),
            |head| head.logs[0].end = Offset(14),
            |head| head.logs[0].start = Offset(1),
            |head| head.logs[0].name = "order".into(),
        ];
        for lie in lies {
            let mut head = next.clone();
            lie(&mut head);
            assert!(take(&head).is_err(), "{head:?}");
        }
        next.logs[0].start = Offset(9);
        take(&next).unwrap();
    }
}
