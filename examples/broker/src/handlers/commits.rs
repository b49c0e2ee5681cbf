//! How far groups are: OffsetCommit, OffsetFetch, OffsetDelete.

use std::rc::Rc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::Call;
use crate::errors;
use crate::groups::{CommittedOffset, TopicPartition};
use crate::limits::COMMIT_METADATA_BYTES_MAX;
use crate::node::Node;

/// OffsetCommit: durable when answered.
pub async fn commit(node: Rc<Node>, _: Call, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let group = request.group_id.to_string();
    let mut accepted = Vec::new();
    let topics = request.topics.iter().map(|topic| judge(&node, topic, &mut accepted)).collect();
    let response = OffsetCommitResponse::default().with_topics(topics);
    let shard = node.shard_of_group(&group);
    let committed = node.call(shard, move |node| async move {
        let generation = request.generation_id_or_member_epoch;
        let who = (&*request.member_id, request.group_instance_id.as_deref(), generation);
        node.coordinator.check_commit(&group, who)?;
        let committed = node.coordinator.offsets.commit(&group, accepted).await;
        committed.map_err(|error| errors::of_append(&error))
    });
    match committed.await.flatten() {
        Ok(()) => response,
        Err(error) => refuse_all(response, error),
    }
}

/// Sorts out what can be committed of a topic.
fn judge(
    node: &Node,
    topic: &OffsetCommitRequestTopic,
    accepted: &mut Vec<(TopicPartition, CommittedOffset)>,
) -> OffsetCommitResponseTopic {
    let known = node.topics.borrow().get(&topic.name).map(|known| known.partitions);
    let partitions = topic.partitions.iter().map(|partition| {
        let index = partition.partition_index;
        let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
        let error = if !known.is_some_and(|count| (0..count).contains(&index)) {
            ResponseError::UnknownTopicOrPartition.code()
        } else if metadata.len() > COMMIT_METADATA_BYTES_MAX {
            ResponseError::OffsetMetadataTooLarge.code()
        } else {
            let offset = CommittedOffset {
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: metadata.to_owned(),
                committed_at_ms: node.shard().wall().as_millis() as i64,
            };
            accepted.push(((topic.name.to_string(), index), offset));
            0
        };
        OffsetCommitResponsePartition::default().with_partition_index(index).with_error_code(error)
    });
    let partitions = partitions.collect();
    OffsetCommitResponseTopic::default().with_name(topic.name.clone()).with_partitions(partitions)
}

fn refuse_all(mut response: OffsetCommitResponse, error: ResponseError) -> OffsetCommitResponse {
    for partition in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        if partition.error_code == 0 {
            partition.error_code = error.code();
        }
    }
    response
}

/// What is asked of one group: everything, or some partitions of some topics.
type Wanted = Option<Vec<(String, Vec<i32>)>>;
/// What is answered: topics, their partitions, and how far the group is; `None` for not at all.
type Found = Vec<(String, Vec<(i32, Option<CommittedOffset>)>)>;

/// OffsetFetch: of one group before version 8, of several from then on.
pub async fn fetch(node: Rc<Node>, call: Call, request: OffsetFetchRequest) -> OffsetFetchResponse {
    if call.version < 8 {
        let wanted = request.topics.map(|topics| {
            topics
                .into_iter()
                .map(|topic| (topic.name.to_string(), topic.partition_indexes))
                .collect()
        });
        return match find(&node, request.group_id.to_string(), wanted).await {
            Ok(found) => {
                let topics = found.into_iter().map(tell_one).collect();
                OffsetFetchResponse::default().with_topics(topics)
            }
            Err(error) => OffsetFetchResponse::default().with_error_code(error.code()),
        };
    }
    let groups = request.groups.into_iter().map(|group| {
        let wanted = group.topics.map(|topics| {
            topics
                .into_iter()
                .map(|topic| (topic.name.to_string(), topic.partition_indexes))
                .collect()
        });
        let found = find(&node, group.group_id.to_string(), wanted);
        async move {
            let response = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
            match found.await {
                Ok(found) => response.with_topics(found.into_iter().map(tell_several).collect()),
                Err(error) => response.with_error_code(error.code()),
            }
        }
    });
    let groups = join_all(groups).await;
    OffsetFetchResponse::default().with_groups(groups)
}

/// Asks the shard of a group how far it is.
fn find(
    node: &Rc<Node>,
    group: String,
    wanted: Wanted,
) -> impl Future<Output = Result<Found, ResponseError>> + use<> {
    let shard = node.shard_of_group(&group);
    node.call(shard, move |node| async move {
        let offsets = &node.coordinator.offsets;
        let Some(wanted) = wanted else { return by_topic(offsets.of_group(&group)) };
        let find = |(topic, partitions): (String, Vec<i32>)| {
            let found = partitions.into_iter().map(|index| {
                let at = (topic.clone(), index);
                (index, offsets.get(&group, &at))
            });
            let found = found.collect();
            (topic, found)
        };
        wanted.into_iter().map(find).collect()
    })
}

fn by_topic(offsets: Vec<(TopicPartition, CommittedOffset)>) -> Found {
    let mut found: Found = Vec::new();
    for ((topic, index), offset) in offsets {
        match found.last_mut() {
            Some((last, partitions)) if *last == topic => partitions.push((index, Some(offset))),
            _ => found.push((topic, vec![(index, Some(offset))])),
        }
    }
    found
}

/// Where nothing was committed.
fn nothing() -> CommittedOffset {
    CommittedOffset { offset: -1, leader_epoch: -1, metadata: String::new(), committed_at_ms: -1 }
}

fn tell_one(
    (topic, partitions): (String, Vec<(i32, Option<CommittedOffset>)>),
) -> OffsetFetchResponseTopic {
    let partitions = partitions.into_iter().map(|(index, found)| {
        let found = found.unwrap_or_else(nothing);
        OffsetFetchResponsePartition::default()
            .with_partition_index(index)
            .with_committed_offset(found.offset)
            .with_committed_leader_epoch(found.leader_epoch)
            .with_metadata(Some(StrBytes::from_string(found.metadata)))
    });
    let name = TopicName(StrBytes::from_string(topic));
    OffsetFetchResponseTopic::default().with_name(name).with_partitions(partitions.collect())
}

fn tell_several(
    (topic, partitions): (String, Vec<(i32, Option<CommittedOffset>)>),
) -> OffsetFetchResponseTopics {
    let partitions = partitions.into_iter().map(|(index, found)| {
        let found = found.unwrap_or_else(nothing);
        OffsetFetchResponsePartitions::default()
            .with_partition_index(index)
            .with_committed_offset(found.offset)
            .with_committed_leader_epoch(found.leader_epoch)
            .with_metadata(Some(StrBytes::from_string(found.metadata)))
    });
    let name = TopicName(StrBytes::from_string(topic));
    OffsetFetchResponseTopics::default().with_name(name).with_partitions(partitions.collect())
}

/// OffsetDelete: of a group that nobody is in.
pub async fn delete(node: Rc<Node>, _: Call, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let group = request.group_id.to_string();
    let mut forgotten = Vec::new();
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|partition| {
            forgotten.push((topic.name.to_string(), partition.partition_index));
            OffsetDeleteResponsePartition::default().with_partition_index(partition.partition_index)
        });
        let partitions = partitions.collect();
        OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    let response = OffsetDeleteResponse::default().with_topics(topics.collect());
    let shard = node.shard_of_group(&group);
    let deleted = node.call(shard, move |node| async move {
        let is_used = node.coordinator.group(&group).is_some_and(|group| !group.is_idle());
        if is_used {
            return Err(ResponseError::NonEmptyGroup);
        }
        let deleted = node.coordinator.offsets.forget(&group, &forgotten).await;
        deleted.map_err(|error| errors::of_append(&error))
    });
    match deleted.await.flatten() {
        Ok(()) => response,
        Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
    }
}
