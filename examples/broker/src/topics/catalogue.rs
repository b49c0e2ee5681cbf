//! Where the topics are written down. One shard has it and makes all changes, one after the other.

use std::rc::Rc;

use roundhouse::{Engine, Error, LogError, ShardId};

use super::{Topic, log_name, shard_of};
use crate::line::Line;
use crate::table::Table;

/// The topics, durably.
#[derive(Debug)]
pub struct Catalogue {
    table: Rc<Table>,
    /// Whose turn it is to change something.
    pub line: Rc<Line>,
}

impl Catalogue {
    /// The shard that has it.
    pub const SHARD: ShardId = ShardId(0);

    /// Reads the catalogue, and finishes what a crash left half done: logs of partitions that no
    /// topic has are deleted, ones that are missing are created.
    ///
    /// # Errors
    /// The engine's.
    pub async fn open(engine: &Engine, table: Rc<Table>) -> Result<Catalogue, Error> {
        let catalogue = Catalogue { table, line: Rc::default() };
        let topics = catalogue.topics();
        for name in engine.log_names() {
            let Some((topic, partition)) = name.rsplit_once('/') else { continue };
            let of_topic = topics.iter().find(|known| known.name == topic);
            let is_known = match (of_topic, partition.parse::<i32>()) {
                (Some(topic), Ok(partition)) => partition < topic.partitions,
                _ => false,
            };
            if !is_known && !topic.starts_with('#') {
                engine.log(&name).open().await?.delete().await?;
            }
        }
        Ok(catalogue)
    }

    /// All topics.
    pub fn topics(&self) -> Vec<Topic> {
        self.table.with_prefix(PREFIX).into_iter().map(|(_, topic)| topic).collect()
    }

    /// Writes a topic down, in place of the one of its name; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn put(&self, topic: &Topic) -> Result<(), Error> {
        let change = [(key(&topic.name), Some(topic))];
        Ok(self.table.change(change).await?)
    }

    /// Forgets a topic; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        Ok(self.table.change([(key(name), None::<&Topic>)]).await?)
    }
}

/// Creates the logs of a topic's partitions from `first` on. Ones that are there already were left
/// by a crash before the topic was written down.
///
/// # Errors
/// The engine's; the logs created so far are left, and deleted when the broker starts again.
pub async fn create_logs(
    engine: &Engine,
    topic: &Topic,
    first: i32,
    default: roundhouse::Durability,
) -> Result<(), Error> {
    let config = topic.config.log_config(default);
    for partition in first..topic.partitions {
        let shard = shard_of(&topic.name, partition, engine.shards());
        let log = engine.log(log_name(&topic.name, partition)).on_shard(shard);
        let log = log.durability(config.durability).retention(config.retention);
        log.open_or_create().await?;
    }
    Ok(())
}

/// Gives the logs of a topic's partitions its settings.
///
/// # Errors
/// The engine's; some logs may have the new settings then, and get them all when this is repeated.
pub async fn configure_logs(
    engine: &Engine,
    topic: &Topic,
    default: roundhouse::Durability,
) -> Result<(), Error> {
    for partition in 0..topic.partitions {
        let log = engine.log(log_name(&topic.name, partition)).open().await?;
        log.configure(topic.config.log_config(default)).await?;
    }
    Ok(())
}

/// Deletes the logs of a topic's partitions.
///
/// # Errors
/// The engine's; the logs that are left are deleted when the broker starts again.
pub async fn delete_logs(engine: &Engine, topic: &Topic) -> Result<(), Error> {
    for partition in 0..topic.partitions {
        match engine.log(log_name(&topic.name, partition)).open().await {
            Ok(log) => log.delete().await?,
            Err(Error::Log(LogError::NotFound { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Keys of topics begin so.
const PREFIX: &str = "topic/";

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}
