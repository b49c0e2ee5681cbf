//! Which records a log's retention lets go. Whole segments' shares go at once, and the active
//! segment's share stays.

use std::collections::HashMap;
use std::time::Duration;

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{LogId, Offset, WallTime};

use crate::logs::{LogState, Segments};

/// What retention asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expired {
    /// Logs and the offsets they should start at.
    pub(crate) trims: Vec<(LogId, Offset)>,
    /// When something will expire next by age alone.
    pub(crate) next: Option<WallTime>,
}

/// Looks at all logs with a retention limit. A share goes when its last record is too old, or when
/// the log keeps at least its bytes without it.
pub(crate) fn expired<'a>(
    logs: impl Iterator<Item = &'a LogState>,
    segments: &Segments,
    wall: WallTime,
) -> Expired {
    let limited = |log: &&LogState| {
        log.config.retention.age.is_some() || log.config.retention.bytes.is_some()
    };
    let mut lives: HashMap<LogId, Life> =
        logs.filter(limited).map(|log| (log.id, Life::new(log))).collect();
    let mut expired = Expired::default();
    if lives.is_empty() {
        return expired;
    }
    for (id, share) in segments.sealed().flat_map(|segment| &segment.shares) {
        if let Some(life) = lives.get_mut(id) {
            life.bytes += share.bytes;
        }
    }
    for (id, share) in segments.sealed().flat_map(|segment| &segment.shares) {
        let Some(life) = lives.get_mut(id) else { continue };
        if life.is_settled {
            continue;
        }
        let old_at = life.age.map(|age| share.time_max + age);
        let spared = if planted(Bug::RetentionEager) { 0 } else { share.bytes };
        let too_many = life.bytes_max.is_some_and(|bytes| life.bytes - spared >= bytes);
        if too_many || old_at.is_some_and(|old_at| old_at <= wall) {
            life.bytes -= share.bytes;
            life.start = life.start.max(share.end);
        } else {
            // What follows is younger, or at least not to go before this.
            life.is_settled = true;
            expired.next = match (expired.next, old_at) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
    }
    expired.trims = lives
        .iter()
        .filter(|(_, life)| life.start > life.was)
        .map(|(id, life)| (*id, life.start))
        .collect();
    expired.trims.sort_unstable();
    expired
}

/// One log while its shares are counted.
struct Life {
    age: Option<Duration>,
    bytes_max: Option<u64>,
    bytes: u64,
    was: Offset,
    start: Offset,
    is_settled: bool,
}

impl Life {
    fn new(log: &LogState) -> Life {
        Life {
            age: log.config.retention.age,
            bytes_max: log.config.retention.bytes,
            bytes: log.share.map_or(0, |share| share.bytes),
            was: log.start,
            start: log.start,
            is_settled: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use roundhouse_base::{SegmentNo, SlotNo};

    use super::*;
    use crate::format::{HeadLog, LogConfig, Retention};
    use crate::logs::{Segment, Share};

    fn log(retention: Retention) -> LogState {
        LogState::new(HeadLog {
            id: LogId(1),
            name: "events".into(),
            start: Offset(0),
            end: Offset(40),
            config: LogConfig { retention, ..LogConfig::default() },
            truncations: Vec::new(),
        })
    }

    /// Three sealed segments with ten records and 1000 bytes each, the last records at 100, 200 and
    /// 300 seconds.
    fn segments() -> Segments {
        let segment = |no: u64| {
            let (first, end) = (Offset(no * 10), Offset(no * 10 + 10));
            let time_max = WallTime::from_millis((no + 1) * 100_000);
            let share = Share { first, end, bytes: 1000, time_max };
            Segment {
                no: SegmentNo(no),
                slot: SlotNo(no as u32),
                shares: [(LogId(1), share)].into(),
            }
        };
        let active = Segment { no: SegmentNo(3), slot: SlotNo(3), shares: BTreeMap::new() };
        Segments::new(1 << 20, [segment(0), segment(1), segment(2), active].into())
    }

    #[test]
    fn age_lets_go_of_segments_whose_last_record_is_too_old() {
        let log = log(Retention { age: Some(Duration::from_secs(100)), bytes: None });
        let at = |seconds: u64| {
            expired([&log].into_iter(), &segments(), WallTime::from_millis(seconds * 1000))
        };
        assert_eq!(at(199), Expired { trims: vec![], next: Some(WallTime::from_millis(200_000)) });
        assert_eq!(
            at(300),
            Expired {
                trims: vec![(LogId(1), Offset(20))],
                next: Some(WallTime::from_millis(400_000))
            }
        );
        assert_eq!(at(1000), Expired { trims: vec![(LogId(1), Offset(30))], next: None });
    }

    #[test]
    fn bytes_are_never_cut_below_what_is_to_be_kept() {
        let log = log(Retention { age: None, bytes: Some(1500) });
        let expired = expired([&log].into_iter(), &segments(), WallTime(0));
        assert_eq!(expired, Expired { trims: vec![(LogId(1), Offset(10))], next: None });
    }

    #[test]
    fn a_log_without_limits_keeps_everything() {
        let log = log(Retention::default());
        assert_eq!(
            expired([&log].into_iter(), &segments(), WallTime(u64::MAX)),
            Expired::default()
        );
    }
}
