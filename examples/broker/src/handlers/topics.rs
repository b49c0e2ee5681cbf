//! Creating and changing topics.

use std::rc::Rc;
use std::sync::Arc;

use kafka_protocol::ResponseError;

use crate::errors;
use crate::limits::PARTITIONS_PER_TOPIC;
use crate::node::Node;
use crate::topics::{Catalogue, Topic, TopicConfig, check_name, create_logs};

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

/// The topic of a name, created unless somebody else was faster.
///
/// # Errors
/// An impossible name; the engine's.
pub async fn create_on_demand(node: &Rc<Node>, name: String) -> Result<Arc<Topic>, ResponseError> {
    let wanted = NewTopic { name: name.clone(), partitions: None, config: TopicConfig::default() };
    match create(node, wanted).await {
        Err(ResponseError::TopicAlreadyExists) => {
            let topics = node.topics.borrow();
            topics.get(&name).cloned().ok_or(ResponseError::UnknownTopicOrPartition)
        }
        created => created,
    }
}

/// Creates a topic. It is durable, and every shard knows it, when this returns.
///
/// # Errors
/// [`ResponseError::TopicAlreadyExists`], an impossible name or count; the engine's.
pub async fn create(node: &Rc<Node>, wanted: NewTopic) -> Result<Arc<Topic>, ResponseError> {
    check_name(&wanted.name)?;
    let partitions = wanted.partitions.unwrap_or(node.config.default_partitions);
    if !(1..=PARTITIONS_PER_TOPIC).contains(&partitions) {
        return Err(ResponseError::InvalidPartitions);
    }
    node.call(Catalogue::SHARD, move |node| create_here(node, wanted, partitions)).await.flatten()
}

/// The same on the shard that has the catalogue.
async fn create_here(
    node: Rc<Node>,
    wanted: NewTopic,
    partitions: i32,
) -> Result<Arc<Topic>, ResponseError> {
    let catalogue = node.catalogue.as_ref().ok_or(ResponseError::NotController)?;
    let place = catalogue.line.enter();
    place.turn().await;
    if node.topics.borrow().get(&wanted.name).is_some() {
        return Err(ResponseError::TopicAlreadyExists);
    }
    let topic = Topic { name: wanted.name, id: new_id(&node), partitions, config: wanted.config };
    let created = create_logs(&node.engine, &topic, 0, node.config.durability).await;
    created.map_err(|error| errors::of_engine(&error))?;
    catalogue.put(&topic).await.map_err(|error| errors::of_engine(&error))?;
    let topic = Arc::new(topic);
    announce(&node, &topic).await?;
    Ok(topic)
}

/// Tells every shard of a topic that is new or was changed.
async fn announce(node: &Rc<Node>, topic: &Arc<Topic>) -> Result<(), ResponseError> {
    let topic = topic.clone();
    let adopted = node.call_all(move |node| async move { node.adopt(topic).await }).await?;
    adopted.into_iter().collect::<Result<(), _>>().map_err(|error| errors::of_engine(&error))
}

/// An identity that nobody had before: random, marked as such (RFC 9562, version 4).
fn new_id(node: &Node) -> [u8; 16] {
    let (high, low) = (node.shard().random(), node.shard().random());
    let random = [high.to_be_bytes(), low.to_be_bytes()].concat();
    let random = random.try_into().expect("twice eight bytes");
    uuid::Builder::from_random_bytes(random).into_uuid().into_bytes()
}
