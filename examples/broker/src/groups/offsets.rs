//! Committed offsets, durably.

use std::collections::BTreeSet;
use std::rc::Rc;

use roundhouse::AppendError;
use serde::{Deserialize, Serialize};

use crate::table::Table;

/// How far a group is in a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedOffset {
    /// The next offset to be consumed.
    pub offset: i64,
    /// The leader's epoch as the consumer knew it, or -1.
    pub leader_epoch: i32,
    /// Of no meaning to the broker.
    pub metadata: String,
    /// When it was committed, ms since 1970.
    #[serde(default)]
    pub committed_at_ms: i64,
}

/// The committed offsets of the groups of a shard.
#[derive(Debug, Clone)]
pub struct Offsets {
    table: Rc<Table>,
}

/// A partition of a topic.
pub type TopicPartition = (String, i32);

impl Offsets {
    /// The offsets that a table holds.
    pub fn new(table: Rc<Table>) -> Offsets {
        Offsets { table }
    }

    /// Commits offsets together; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn commit(
        &self,
        group: &str,
        offsets: Vec<(TopicPartition, CommittedOffset)>,
    ) -> Result<(), AppendError> {
        let changes = offsets.into_iter().map(|(at, offset)| (key(group, &at), Some(offset)));
        self.table.change(changes).await
    }

    /// How far a group is in a partition.
    pub fn get(&self, group: &str, at: &TopicPartition) -> Option<CommittedOffset> {
        self.table.get(&key(group, at))
    }

    /// How far a group is everywhere.
    pub fn of_group(&self, group: &str) -> Vec<(TopicPartition, CommittedOffset)> {
        let found = self.table.with_prefix(&prefix(group));
        let parsed = found.into_iter().filter_map(|(rest, offset)| {
            let (topic, partition) = rest.rsplit_once('/')?;
            Some(((topic.to_owned(), partition.parse().ok()?), offset))
        });
        parsed.collect()
    }

    /// The groups that have committed something.
    pub fn groups(&self) -> BTreeSet<String> {
        let found = self.table.with_prefix::<CommittedOffset>(PREFIX);
        let names = found.into_iter().filter_map(|(rest, _)| {
            let (length, rest) = rest.split_once(':')?;
            rest.get(..length.parse().ok()?).map(str::to_owned)
        });
        names.collect()
    }

    /// Forgets how far every group is in a topic; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn forget_topic(&self, topic: &str) -> Result<(), AppendError> {
        for group in self.groups() {
            let committed = self.of_group(&group).into_iter().map(|(at, _)| at);
            let gone: Vec<_> = committed.filter(|(name, _)| name == topic).collect();
            self.forget(&group, &gone).await?;
        }
        Ok(())
    }

    /// Forgets offsets; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn forget(&self, group: &str, at: &[TopicPartition]) -> Result<(), AppendError> {
        self.table.change(at.iter().map(|at| (key(group, at), None::<CommittedOffset>))).await
    }
}

/// Keys of offsets begin so.
const PREFIX: &str = "offset/";

/// A group's name may hold anything, so its length is in front of it. A topic's has no slash.
fn prefix(group: &str) -> String {
    format!("{PREFIX}{}:{group}/", group.len())
}

fn key(group: &str, (topic, partition): &TopicPartition) -> String {
    format!("{}{topic}/{partition}", prefix(group))
}
