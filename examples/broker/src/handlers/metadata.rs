//! Metadata.

use std::collections::HashMap;
use std::rc::Rc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::topics::{self, Created};
use super::{BROKER_ID, Call};
use crate::node::Node;
use crate::protocol::batch::LEADER_EPOCH;
use crate::protocol::topic_ref::TopicRef;
use crate::topics::Topic;

/// Metadata. Topics that are asked for by name and not there are created, if the client and the
/// configuration allow that.
pub async fn answer(node: Rc<Node>, call: Call, request: MetadataRequest) -> MetadataResponse {
    let wanted = match request.topics {
        // Before version 1 an empty list meant all.
        Some(topics) if topics.is_empty() && call.version == 0 => None,
        wanted => wanted,
    };
    let may_create = request.allow_auto_topic_creation && node.config.auto_create_topics;
    let topics = match wanted {
        None => node.topics.borrow().iter().map(|topic| describe(topic, call.version)).collect(),
        Some(wanted) => {
            let missing = if may_create { missing(&node, &wanted) } else { Vec::new() };
            let created = topics::create_on_demand(&node, missing).await;
            let answer = |topic| answer_topic(&node, call.version, topic, &created);
            wanted.into_iter().map(answer).collect()
        }
    };
    let (host, port) = &node.advertised;
    let broker = MetadataResponseBroker::default()
        .with_node_id(BROKER_ID.into())
        .with_host(StrBytes::from_string(host.clone()))
        .with_port(i32::from(*port));
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(StrBytes::from_string(node.engine.store_id().to_string())))
        .with_controller_id(BROKER_ID.into())
        .with_topics(topics)
}

/// Topics that are asked for by name and are not there.
fn missing(node: &Node, wanted: &[MetadataRequestTopic]) -> Vec<String> {
    let known = node.topics.borrow();
    let names = wanted.iter().filter_map(|topic| topic.name.as_ref());
    names.filter(|name| known.get(name).is_none()).map(|name| name.to_string()).collect()
}

/// Describes a topic, or says why not; `created` has what became of those that were not there before.
fn answer_topic(
    node: &Node,
    version: i16,
    wanted: MetadataRequestTopic,
    created: &HashMap<String, Created>,
) -> MetadataResponseTopic {
    let topic = match &wanted.name {
        Some(name) => TopicRef::Name(name.to_string()),
        None => TopicRef::Id(*wanted.topic_id.as_bytes()),
    };
    let found = match (node.topics.borrow().find(&topic), &topic) {
        (Some(topic), _) => Ok(topic.clone()),
        (None, TopicRef::Id(_)) => Err(ResponseError::UnknownTopicId),
        (None, TopicRef::Name(name)) => {
            created.get(name).cloned().unwrap_or(Err(ResponseError::UnknownTopicOrPartition))
        }
    };
    match found {
        Ok(topic) => describe(&topic, version),
        Err(error) => MetadataResponseTopic::default()
            .with_error_code(error.code())
            .with_name(wanted.name)
            .with_topic_id(wanted.topic_id),
    }
}

fn describe(topic: &Topic, version: i16) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions).map(|index| {
        let partition = MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BROKER_ID.into())
            .with_replica_nodes(vec![BROKER_ID.into()])
            .with_isr_nodes(vec![BROKER_ID.into()]);
        if version >= 7 { partition.with_leader_epoch(LEADER_EPOCH) } else { partition }
    });
    let described = MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_string(topic.name.clone()))))
        .with_partitions(partitions.collect());
    if version >= 10 { described.with_topic_id(Uuid::from_bytes(topic.id)) } else { described }
}
