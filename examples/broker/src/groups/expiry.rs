//! When committed offsets are given up: some time after their group was last seen with members.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use super::{CommittedOffset, TopicPartition};

/// Which offsets of a shard's groups have been kept for long enough.
///
/// When a group was last seen with members is not written down: after a restart, every group counts as
/// seen at that moment. So offsets are kept for longer then, never shorter.
#[derive(Debug)]
pub struct Expiry {
    retention_ms: i64,
    began_ms: i64,
    /// Groups that had members since, in ms since 1970; at most as many as have committed offsets.
    seen: RefCell<HashMap<String, i64>>,
}

impl Expiry {
    /// Offsets are kept for `retention` from now on, and from their commit on.
    pub fn new(retention: Duration, now_ms: i64) -> Expiry {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        Expiry { retention_ms, began_ms: now_ms, seen: RefCell::default() }
    }

    /// Those of a group's offsets that are to be given up now.
    pub fn due(
        &self,
        now_ms: i64,
        group: &str,
        has_members: bool,
        committed: &[(TopicPartition, CommittedOffset)],
    ) -> Vec<TopicPartition> {
        let mut seen = self.seen.borrow_mut();
        if has_members {
            seen.insert(group.to_owned(), now_ms);
            return Vec::new();
        }
        let last_seen = seen.get(group).copied().unwrap_or(self.began_ms);
        let is_due = |offset: &CommittedOffset| {
            now_ms.saturating_sub(offset.committed_at_ms.max(last_seen)) >= self.retention_ms
        };
        let due: Vec<_> = committed
            .iter()
            .filter(|(_, offset)| is_due(offset))
            .map(|(at, _)| at.clone())
            .collect();
        if due.len() == committed.len() {
            seen.remove(group);
        }
        due
    }

    /// How often to look: exact to a tenth, within reason.
    pub fn look_every(&self) -> Duration {
        let tenth = Duration::from_millis(self.retention_ms as u64 / 10);
        tenth.clamp(Duration::from_millis(100), Duration::from_mins(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(at: i64, partition: i32) -> (TopicPartition, CommittedOffset) {
        let offset = CommittedOffset {
            offset: 5,
            leader_epoch: -1,
            metadata: String::new(),
            committed_at_ms: at,
        };
        (("t".to_owned(), partition), offset)
    }

    #[test]
    fn offsets_go_when_both_their_commit_and_their_group_are_long_past() {
        let expiry = Expiry::new(Duration::from_secs(1), 10_000);
        let offsets = [committed(3_000, 0), committed(10_500, 1)];
        let due = |now, has_members| -> Vec<i32> {
            let due = expiry.due(now, "g", has_members, &offsets);
            due.into_iter().map(|(_, partition)| partition).collect()
        };
        assert_eq!(due(10_999, false), [0; 0], "a restart does not shorten the time");
        assert_eq!(due(11_000, false), [0]);
        assert_eq!(due(11_400, true), [0; 0], "a group with members keeps everything");
        assert_eq!(due(12_399, false), [0; 0]);
        assert_eq!(due(12_400, false), [0, 1]);
        assert_eq!(
            expiry.seen.borrow().len(),
            0,
            "nothing is remembered of a group without offsets"
        );
    }
}
