//! Creating, changing and deleting topics. The shard with the catalogue does it, one change after the
//! other; every shard knows of it before whoever asked is answered.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use kafka_protocol::ResponseError;

use crate::errors;
use crate::limits::{PARTITIONS_PER_TOPIC, TOPICS_AT_ONCE};
use crate::node::Node;
use crate::topics::{
    Catalogue, ConfigError, Topic, TopicConfig, check_name, configure_logs, create_logs,
    delete_logs,
};

/// A topic somebody wants.
#[derive(Debug, Clone)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// Its partitions; `None` for the broker's default.
    pub partitions: Option<i32>,
    /// Its settings.
    pub config: TopicConfig,
}

/// A setting to be set, or with `None` to be given its default back.
pub type ConfigChange = (String, Option<String>);

/// Creates the topics of these names with the broker's defaults, all together; of each, what became of
/// it. Somebody else may have been faster, which is as good.
pub async fn create_on_demand(node: &Rc<Node>, names: Vec<String>) -> HashMap<String, Created> {
    if names.is_empty() {
        return HashMap::new();
    }
    let new = |name: &String| NewTopic {
        name: name.clone(),
        partitions: None,
        config: TopicConfig::default(),
    };
    let created = create(node, names.iter().map(new).collect(), false).await;
    let known = node.topics.borrow();
    let outcome = |(name, created): (String, Created)| {
        let created = match created {
            Err(ResponseError::TopicAlreadyExists) => {
                known.get(&name).cloned().ok_or(ResponseError::UnknownTopicOrPartition)
            }
            created => created,
        };
        (name, created)
    };
    names.into_iter().zip(created).map(outcome).collect()
}

/// What became of a topic that somebody wanted.
pub type Created = Result<Arc<Topic>, ResponseError>;

/// Creates topics, or with `only_check` says whether they could be; of each, what became of it. They
/// are durable when this returns.
pub async fn create(node: &Rc<Node>, wanted: Vec<NewTopic>, only_check: bool) -> Vec<Created> {
    let count = wanted.len();
    let created = node.call(Catalogue::SHARD, move |node| async move {
        let Some(catalogue) = &node.catalogue else {
            return vec![Err(ResponseError::NotController); wanted.len()];
        };
        let place = catalogue.line.enter();
        place.turn().await;
        let planned = plan(&node, wanted);
        if only_check {
            return planned.into_iter().map(|topic| topic.map(Arc::new)).collect();
        }
        let mut created = Vec::with_capacity(planned.len());
        let mut planned = planned.into_iter().peekable();
        while planned.peek().is_some() {
            let together = planned.by_ref().take(TOPICS_AT_ONCE).collect();
            created.extend(create_together(&node, catalogue, together).await);
        }
        created
    });
    created.await.unwrap_or_else(|error| vec![Err(error); count])
}

/// Gives topics identities, as far as they are possible.
fn plan(node: &Node, wanted: Vec<NewTopic>) -> Vec<Result<Topic, ResponseError>> {
    let (known, mut new) = (node.topics.borrow(), HashSet::new());
    let plan = |NewTopic { name, partitions, config }: NewTopic| {
        check_name(&name)?;
        let partitions = partitions.unwrap_or(node.config.default_partitions);
        if !(1..=PARTITIONS_PER_TOPIC).contains(&partitions) {
            return Err(ResponseError::InvalidPartitions);
        }
        if known.get(&name).is_some() || !new.insert(name.clone()) {
            return Err(ResponseError::TopicAlreadyExists);
        }
        Ok(Topic { name, id: new_id(node), partitions, config })
    };
    wanted.into_iter().map(plan).collect()
}

/// Creates topics in one go.
async fn create_together(
    node: &Rc<Node>,
    catalogue: &Catalogue,
    planned: Vec<Result<Topic, ResponseError>>,
) -> Vec<Created> {
    let possible: Vec<_> =
        planned.iter().filter_map(|topic| Some((topic.as_ref().ok()?, 0))).collect();
    let logs = create_logs(&node.engine, &possible, node.config.durability).await;
    let mut logs = logs.into_iter();
    let (mut outcomes, mut topics) = (Vec::with_capacity(planned.len()), Vec::new());
    for topic in planned {
        let topic = topic.and_then(|topic| match logs.next() {
            Some(Err(error)) => Err(errors::of_engine(&error)),
            _ => Ok(topic),
        });
        outcomes.push(topic.map(|topic| topics.push(topic)));
    }
    let written = write_down(node, catalogue, topics).await;
    let mut written = written.map(Vec::into_iter);
    let mut take = |()| match &mut written {
        Ok(topics) => topics.next().ok_or(ResponseError::UnknownServerError),
        Err(error) => Err(*error),
    };
    outcomes.into_iter().map(|outcome| outcome.and_then(&mut take)).collect()
}

/// Gives a topic more partitions, or with `only_check` says whether that could be.
///
/// # Errors
/// It is not there, has as many or more, or would have too many; the engine's.
pub async fn grow(
    node: &Rc<Node>,
    name: String,
    partitions: i32,
    only_check: bool,
) -> Result<Arc<Topic>, ResponseError> {
    let grown = node.call(Catalogue::SHARD, move |node| async move {
        let catalogue = node.catalogue.as_ref().ok_or(ResponseError::NotController)?;
        let place = catalogue.line.enter();
        place.turn().await;
        let known = known(&node, &name)?;
        if partitions <= known.partitions || partitions > PARTITIONS_PER_TOPIC {
            return Err(ResponseError::InvalidPartitions);
        }
        let topic = Topic { partitions, ..(*known).clone() };
        if only_check {
            return Ok(Arc::new(topic));
        }
        let first = known.partitions;
        let default = node.config.durability;
        for created in create_logs(&node.engine, &[(&topic, first)], default).await {
            created.map_err(|error| errors::of_engine(&error))?;
        }
        write_down_one(&node, catalogue, topic).await
    });
    grown.await.flatten()
}

/// Deletes a topic with its records, and what groups have committed for it.
///
/// # Errors
/// It is not there; the engine's.
pub async fn delete(node: &Rc<Node>, name: String) -> Result<(), ResponseError> {
    let deleted = node.call(Catalogue::SHARD, move |node| async move {
        let catalogue = node.catalogue.as_ref().ok_or(ResponseError::NotController)?;
        let place = catalogue.line.enter();
        place.turn().await;
        let topic = known(&node, &name)?;
        catalogue.remove(&name).await.map_err(|error| errors::of_engine(&error))?;
        let gone = topic.clone();
        let dropped = node.call_all(move |node| async move { node.abandon(&gone).await }).await?;
        let dropped: Result<Vec<()>, _> = dropped.into_iter().collect();
        dropped.map_err(|error| errors::of_append(&error))?;
        delete_logs(&node.engine, &topic).await.map_err(|error| errors::of_engine(&error))
    });
    deleted.await.flatten()
}

/// Changes settings of a topic, all or none; with `replaces`, what is not named gets its default back.
/// With `only_check`, says whether that could be.
///
/// # Errors
/// It is not there, or a setting is refused, which comes in words; the engine's.
pub async fn configure(
    node: &Rc<Node>,
    name: String,
    changes: Vec<ConfigChange>,
    replaces: bool,
    only_check: bool,
) -> Result<(), (ResponseError, Option<String>)> {
    let changed = node.call(Catalogue::SHARD, move |node| async move {
        let plain = |error| (error, None);
        let catalogue = node.catalogue.as_ref().ok_or((ResponseError::NotController, None))?;
        let place = catalogue.line.enter();
        place.turn().await;
        let known = known(&node, &name).map_err(plain)?;
        let mut topic = (*known).clone();
        if replaces {
            topic.config = TopicConfig::default();
        }
        apply(&mut topic.config, &changes)
            .map_err(|error| (ResponseError::InvalidConfig, Some(error.to_string())))?;
        if only_check {
            return Ok(());
        }
        let configured = configure_logs(&node.engine, &topic, node.config.durability).await;
        configured.map_err(|error| plain(errors::of_engine(&error)))?;
        write_down_one(&node, catalogue, topic).await.map(drop).map_err(plain)
    });
    changed.await.unwrap_or_else(|error| Err((error, None)))
}

/// Applies changes to settings.
///
/// # Errors
/// The first that is refused.
pub fn apply(config: &mut TopicConfig, changes: &[ConfigChange]) -> Result<(), ConfigError> {
    changes.iter().try_for_each(|(name, value)| config.set(name, value.as_deref()))
}

fn known(node: &Node, name: &str) -> Result<Arc<Topic>, ResponseError> {
    let topics = node.topics.borrow();
    topics.get(name).cloned().ok_or(ResponseError::UnknownTopicOrPartition)
}

/// Writes topics down that are new or were changed, and tells every shard.
async fn write_down(
    node: &Rc<Node>,
    catalogue: &Catalogue,
    topics: Vec<Topic>,
) -> Result<Vec<Arc<Topic>>, ResponseError> {
    catalogue.put(&topics).await.map_err(|error| errors::of_engine(&error))?;
    let topics: Vec<_> = topics.into_iter().map(Arc::new).collect();
    let told = topics.clone();
    let adopted = node.call_all(move |node| async move { node.adopt(told).await }).await?;
    let adopted: Result<Vec<()>, _> = adopted.into_iter().collect();
    adopted.map_err(|error| errors::of_engine(&error))?;
    Ok(topics)
}

async fn write_down_one(
    node: &Rc<Node>,
    catalogue: &Catalogue,
    topic: Topic,
) -> Result<Arc<Topic>, ResponseError> {
    let written = write_down(node, catalogue, vec![topic]).await?;
    written.into_iter().next().ok_or(ResponseError::UnknownServerError)
}

/// An identity that nobody had before: random, marked as such (RFC 9562, version 4).
fn new_id(node: &Node) -> [u8; 16] {
    let (high, low) = (node.shard().random(), node.shard().random());
    let random = [high.to_be_bytes(), low.to_be_bytes()].concat();
    let random = random.try_into().expect("twice eight bytes");
    uuid::Builder::from_random_bytes(random).into_uuid().into_bytes()
}
