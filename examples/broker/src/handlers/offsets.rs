//! ListOffsets.

use std::rc::Rc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse};

use super::Call;
use crate::node::Node;
use crate::protocol::batch::LEADER_EPOCH;

/// Asks for the end.
const LATEST: i64 = -1;
/// Asks for the start.
const EARLIEST: i64 = -2;
/// Asks for the record with the latest time (KIP-734).
const LATEST_TIME: i64 = -3;
/// Asks for the start of what lies on this machine (KIP-405): all of it does.
const EARLIEST_LOCAL: i64 = -4;

/// ListOffsets.
pub async fn list(node: Rc<Node>, call: Call, request: ListOffsetsRequest) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|topic| of_topic(&node, call.version, topic));
    ListOffsetsResponse::default().with_topics(join_all(topics).await)
}

async fn of_topic(
    node: &Rc<Node>,
    version: i16,
    topic: ListOffsetsTopic,
) -> ListOffsetsTopicResponse {
    let partitions = topic.partitions.into_iter().map(|wanted| {
        let name = topic.name.to_string();
        let shard = node.shard_of(&name, wanted.partition_index);
        let index = wanted.partition_index;
        let found = node.call(shard, move |node| find(node, name, wanted));
        async move {
            let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
            match found.await.flatten() {
                Ok((offset, time)) => {
                    let response = response.with_offset(offset).with_timestamp(time);
                    if version >= 4 { response.with_leader_epoch(LEADER_EPOCH) } else { response }
                }
                Err(error) => response.with_error_code(error.code()),
            }
        }
    });
    let partitions = join_all(partitions).await;
    ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
}

/// The offset wanted, and the time of its record where a time was asked for; -1 for none.
async fn find(
    node: Rc<Node>,
    topic: String,
    wanted: ListOffsetsPartition,
) -> Result<(i64, i64), ResponseError> {
    let partition = node.partition(&topic, wanted.partition_index)?;
    match wanted.timestamp {
        LATEST => Ok((partition.high_watermark() as i64, -1)),
        EARLIEST | EARLIEST_LOCAL => {
            let start = partition.log_start().ok_or(ResponseError::UnknownTopicOrPartition)?;
            Ok((start as i64, -1))
        }
        LATEST_TIME => {
            let found = partition.latest_time().await?;
            Ok(found.map_or((-1, -1), |(offset, time)| (offset as i64, time)))
        }
        time if time < 0 => Err(ResponseError::UnsupportedVersion),
        time => {
            let found = partition.offset_at(time).await?;
            Ok(found.map_or((-1, -1), |(offset, time)| (offset as i64, time)))
        }
    }
}
