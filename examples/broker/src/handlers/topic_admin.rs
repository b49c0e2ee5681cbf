//! What administrators do with topics: CreateTopics, DeleteTopics, CreatePartitions, DeleteRecords.

use std::rc::Rc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteRecordsRequest, DeleteRecordsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::topics::{self, ConfigChange, NewTopic};
use super::{BROKER_ID, Call};
use crate::node::Node;
use crate::protocol::topic_ref::TopicRef;
use crate::topics::{Topic, TopicConfig};

/// Why not, and in words where the code says too little.
type Refusal = (ResponseError, Option<String>);

/// CreateTopics.
pub async fn create(
    node: Rc<Node>,
    call: Call,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let mut results = Vec::with_capacity(request.topics.len());
    // Those that could be, and where their results go.
    let (mut wanted, mut places) = (Vec::new(), Vec::new());
    for topic in request.topics {
        let result = CreatableTopicResult::default().with_name(topic.name.clone());
        results.push(match check_new(topic) {
            Ok(new) => {
                wanted.push(new);
                places.push(results.len());
                result
            }
            Err(refusal) => refused(result, refusal),
        });
    }
    let created = topics::create(&node, wanted, request.validate_only).await;
    for (place, created) in places.into_iter().zip(created) {
        let result = std::mem::take(&mut results[place]);
        results[place] = match created {
            Ok(topic) => described(result, call.version, &topic),
            Err(error) => refused(result, (error, None)),
        };
    }
    CreateTopicsResponse::default().with_topics(results)
}

fn described(result: CreatableTopicResult, version: i16, topic: &Topic) -> CreatableTopicResult {
    let mut result = result.with_configs(Some(Vec::new()));
    if version >= 5 {
        result = result.with_num_partitions(topic.partitions).with_replication_factor(1);
    }
    if version >= 7 {
        result = result.with_topic_id(Uuid::from_bytes(topic.id));
    }
    result
}

fn refused(result: CreatableTopicResult, (error, message): Refusal) -> CreatableTopicResult {
    result
        .with_error_code(error.code())
        .with_error_message(message.map(StrBytes::from_string))
        .with_configs(Some(Vec::new()))
}

/// What the protocol leaves open has the broker's default; every replica is on the only broker.
fn check_new(topic: CreatableTopic) -> Result<NewTopic, Refusal> {
    let assigned = topic.assignments.len() as i32;
    let is_here = |brokers: &[BrokerId]| *brokers == [BrokerId(BROKER_ID)];
    if !topic.assignments.iter().all(|assignment| is_here(&assignment.broker_ids)) {
        return Err((ResponseError::InvalidReplicaAssignment, None));
    }
    if !matches!(topic.replication_factor, -1 | 1) {
        let message = "there is one broker, so the replication factor is 1".to_owned();
        return Err((ResponseError::InvalidReplicationFactor, Some(message)));
    }
    let partitions = match (topic.num_partitions, assigned) {
        (-1, 0) => None,
        (-1, assigned) => Some(assigned),
        (partitions, _) => Some(partitions),
    };
    let changes: Vec<ConfigChange> = topic
        .configs
        .into_iter()
        .map(|config| (config.name.to_string(), config.value.map(|value| value.to_string())))
        .collect();
    let mut config = TopicConfig::default();
    topics::apply(&mut config, &changes)
        .map_err(|error| (ResponseError::InvalidConfig, Some(error.to_string())))?;
    Ok(NewTopic { name: topic.name.to_string(), partitions, config })
}

/// DeleteTopics: by name, from version 6 on also by identity.
pub async fn delete(
    node: Rc<Node>,
    call: Call,
    request: DeleteTopicsRequest,
) -> DeleteTopicsResponse {
    let by_name = |name| DeleteTopicState::default().with_name(Some(name));
    let mut wanted = request.topics;
    wanted.extend(request.topic_names.into_iter().map(by_name));
    let mut results = Vec::with_capacity(wanted.len());
    for topic in wanted {
        results.push(delete_one(&node, call.version, topic).await);
    }
    DeleteTopicsResponse::default().with_responses(results)
}

async fn delete_one(
    node: &Rc<Node>,
    version: i16,
    wanted: DeleteTopicState,
) -> DeletableTopicResult {
    let (topic, unknown) = match &wanted.name {
        Some(name) => (TopicRef::Name(name.to_string()), ResponseError::UnknownTopicOrPartition),
        None => (TopicRef::Id(*wanted.topic_id.as_bytes()), ResponseError::UnknownTopicId),
    };
    let found = node.topics.borrow().find(&topic).cloned();
    let name = found.as_ref().map(|topic| TopicName(StrBytes::from_string(topic.name.clone())));
    let deleted = match &found {
        Some(topic) => topics::delete(node, topic.name.clone()).await,
        None => Err(unknown),
    };
    let result = DeletableTopicResult::default()
        .with_name(name.or(wanted.name))
        .with_error_code(deleted.err().map_or(0, |error| error.code()));
    let id = found.map_or(wanted.topic_id, |topic| Uuid::from_bytes(topic.id));
    if version >= 6 { result.with_topic_id(id) } else { result }
}

/// CreatePartitions.
pub async fn grow(
    node: Rc<Node>,
    _: Call,
    request: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut results = Vec::with_capacity(request.topics.len());
    for CreatePartitionsTopic { name, count, .. } in request.topics {
        let grown = topics::grow(&node, name.to_string(), count, request.validate_only).await;
        let error = grown.err().map_or(0, |error| error.code());
        let result = CreatePartitionsTopicResult::default();
        results.push(result.with_name(name).with_error_code(error));
    }
    CreatePartitionsResponse::default().with_results(results)
}

/// Asks for everything up to the end to be deleted.
const UPTO_HIGH_WATERMARK: i64 = -1;

/// DeleteRecords: partitions begin later from now on.
pub async fn delete_records(
    node: Rc<Node>,
    _: Call,
    request: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|wanted| {
            let (name, index) = (topic.name.to_string(), wanted.partition_index);
            let trimmed = node.call(node.shard_of(&name, index), move |node| {
                trim(node, name, index, wanted.offset)
            });
            async move {
                let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
                match trimmed.await.flatten() {
                    Ok(start) => result.with_low_watermark(start),
                    Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
                }
            }
        });
        let (name, partitions) = (topic.name.clone(), join_all(partitions));
        async move {
            let partitions = partitions.await;
            DeleteRecordsTopicResult::default().with_name(name).with_partitions(partitions)
        }
    });
    let topics: Vec<_> = topics.collect();
    DeleteRecordsResponse::default().with_topics(join_all(topics).await)
}

async fn trim(
    node: Rc<Node>,
    topic: String,
    index: i32,
    offset: i64,
) -> Result<i64, ResponseError> {
    let partition = node.partition(&topic, index)?;
    let end = partition.high_watermark();
    let start = match offset {
        UPTO_HIGH_WATERMARK => end,
        offset => u64::try_from(offset).map_err(|_| ResponseError::OffsetOutOfRange)?,
    };
    if start > end {
        return Err(ResponseError::OffsetOutOfRange);
    }
    partition.trim(start).await?;
    partition.log_start().map(|start| start as i64).ok_or(ResponseError::UnknownTopicOrPartition)
}
