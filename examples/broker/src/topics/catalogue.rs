//! Where the topics are written down. One shard has it and makes all changes, one after the other.

use std::rc::Rc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use roundhouse::{Durability, Engine, Error, LogError, ShardId};

use super::{Topic, log_name, shard_of};
use crate::limits::LOG_CHANGES_AT_ONCE;
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

    /// Writes topics down, each in place of the one of its name; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn put(&self, topics: &[Topic]) -> Result<(), Error> {
        let changes = topics.iter().map(|topic| (key(&topic.name), Some(topic)));
        Ok(self.table.change(changes).await?)
    }

    /// Forgets a topic; durable when this returns.
    ///
    /// # Errors
    /// The engine's.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        Ok(self.table.change([(key(name), None::<&Topic>)]).await?)
    }
}

/// Creates the logs of topics' partitions, of each topic from a first one on. Ones that are there
/// already were left by a crash before the topic was written down. Says of each topic what became of it.
///
/// # Errors
/// The engine's; the logs created so far are left, and deleted when the broker starts again.
pub async fn create_logs(
    engine: &Engine,
    wanted: &[(&Topic, i32)],
    default: Durability,
) -> Vec<Result<(), Error>> {
    let logs = wanted.iter().enumerate().flat_map(|(number, (topic, first))| {
        (*first..topic.partitions).map(move |partition| (number, *topic, partition))
    });
    // Those on the way together become durable together.
    let creations = logs.map(|(number, topic, partition)| async move {
        (number, create_log(engine, topic, partition, default).await)
    });
    let mut creations = stream::iter(creations).buffer_unordered(LOG_CHANGES_AT_ONCE);
    let mut outcomes: Vec<_> = wanted.iter().map(|_| Ok(())).collect();
    while let Some((number, created)) = creations.next().await {
        if created.is_err() {
            outcomes[number] = created;
        }
    }
    outcomes
}

async fn create_log(
    engine: &Engine,
    topic: &Topic,
    partition: i32,
    default: Durability,
) -> Result<(), Error> {
    let config = topic.config.log_config(default);
    let shard = shard_of(&topic.name, partition, engine.shards());
    let log = engine.log(log_name(&topic.name, partition)).on_shard(shard);
    log.durability(config.durability).retention(config.retention).open_or_create().await.map(drop)
}

/// Gives the logs of a topic's partitions its settings.
///
/// # Errors
/// The engine's; some logs may have the new settings then, and get them all when this is repeated.
pub async fn configure_logs(
    engine: &Engine,
    topic: &Topic,
    default: Durability,
) -> Result<(), Error> {
    let config = topic.config.log_config(default);
    let partitions = stream::iter((0..topic.partitions).map(Ok::<_, Error>));
    let configured =
        partitions.try_for_each_concurrent(LOG_CHANGES_AT_ONCE, |partition| async move {
            let log = engine.log(log_name(&topic.name, partition)).open().await?;
            Ok(log.configure(config).await?)
        });
    configured.await
}

/// Deletes the logs of a topic's partitions.
///
/// # Errors
/// The engine's; the logs that are left are deleted when the broker starts again.
pub async fn delete_logs(engine: &Engine, topic: &Topic) -> Result<(), Error> {
    let partitions = stream::iter((0..topic.partitions).map(Ok::<_, Error>));
    let deleted = partitions.try_for_each_concurrent(LOG_CHANGES_AT_ONCE, |partition| async move {
        match engine.log(log_name(&topic.name, partition)).open().await {
            Ok(log) => Ok(log.delete().await?),
            Err(Error::Log(LogError::NotFound { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    });
    deleted.await
}

/// Keys of topics begin so.
const PREFIX: &str = "topic/";

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}
