//! A topic, and the set of topics as one shard knows it.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::TopicConfig;
use crate::partition::Partition;
use crate::protocol::topic_ref::{TopicId, TopicRef};

/// What is written down of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its identity.
    pub id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
    /// Its settings.
    pub config: TopicConfig,
}

/// A topic on one shard.
#[derive(Debug, Clone)]
struct Entry {
    topic: Arc<Topic>,
    /// The partitions that live here; `None` for those that live elsewhere.
    partitions: Vec<Option<Rc<Partition>>>,
}

/// All topics, as one shard knows them, with the partitions that live there.
#[derive(Debug, Default)]
pub struct TopicSet {
    by_name: BTreeMap<String, Entry>,
    names: HashMap<TopicId, String>,
}

impl TopicSet {
    /// Puts a topic in place of the one of its name, with the partitions that live here.
    pub fn insert(&mut self, topic: Arc<Topic>, partitions: Vec<Option<Rc<Partition>>>) {
        self.names.insert(topic.id, topic.name.clone());
        self.by_name.insert(topic.name.clone(), Entry { topic, partitions });
    }

    /// Takes a topic out, and tells those who wait for its partitions.
    pub fn remove(&mut self, name: &str) {
        if let Some(entry) = self.by_name.remove(name) {
            self.names.remove(&entry.topic.id);
            entry.partitions.iter().flatten().for_each(|partition| partition.retire());
        }
    }

    /// A topic by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_name.get(name).map(|entry| &entry.topic)
    }

    /// A topic by whichever way it was named.
    pub fn find(&self, topic: &TopicRef) -> Option<&Arc<Topic>> {
        match topic {
            TopicRef::Name(name) => self.get(name),
            TopicRef::Id(id) => self.names.get(id).and_then(|name| self.get(name)),
        }
    }

    /// A partition that lives here.
    pub fn partition(&self, topic: &str, index: i32) -> Option<&Rc<Partition>> {
        let entry = self.by_name.get(topic)?;
        entry.partitions.get(usize::try_from(index).ok()?)?.as_ref()
    }

    /// All topics, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_name.values().map(|entry| &entry.topic)
    }

    /// All partitions that live here, with their topic and number.
    pub fn local_partitions(&self) -> impl Iterator<Item = ((String, i32), &Rc<Partition>)> {
        self.by_name.iter().flat_map(|(name, entry)| {
            let numbered = entry.partitions.iter().enumerate();
            numbered.filter_map(|(index, partition)| {
                Some(((name.clone(), index as i32), partition.as_ref()?))
            })
        })
    }

    /// How many topics there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
