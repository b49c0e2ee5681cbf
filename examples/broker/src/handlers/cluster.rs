//! The cluster of one: DescribeCluster, OffsetForLeaderEpoch.

use std::rc::Rc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    DescribeClusterRequest, DescribeClusterResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{BROKER_ID, Call};
use crate::node::Node;
use crate::protocol::batch::LEADER_EPOCH;

/// DescribeCluster asks about brokers; the other kind are controllers of their own, of which there
/// are none.
const ENDPOINT_BROKER: i8 = 1;

/// DescribeCluster.
pub async fn describe(
    node: Rc<Node>,
    _: Call,
    request: DescribeClusterRequest,
) -> DescribeClusterResponse {
    if request.endpoint_type != ENDPOINT_BROKER {
        let error = ResponseError::UnsupportedEndpointType.code();
        return DescribeClusterResponse::default().with_error_code(error);
    }
    let (host, port) = &node.advertised;
    let broker = DescribeClusterBroker::default()
        .with_broker_id(BROKER_ID.into())
        .with_host(StrBytes::from_string(host.clone()))
        .with_port(i32::from(*port));
    DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(node.engine.store_id().to_string()))
        .with_controller_id(BROKER_ID.into())
        .with_brokers(vec![broker])
}

/// OffsetForLeaderEpoch: there is one epoch, and it ends where the partition does.
pub async fn epoch_ends(
    node: Rc<Node>,
    _: Call,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let name = topic.topic.to_string();
        let partitions = topic.partitions.into_iter().map(|wanted| {
            let (name, index, epoch) = (name.clone(), wanted.partition, wanted.leader_epoch);
            let end = node.call(node.shard_of(&name, index), move |node| async move {
                node.partition(&name, index).map(|partition| partition.high_watermark() as i64)
            });
            async move {
                let result = EpochEndOffset::default().with_partition(index);
                match end.await.flatten() {
                    Ok(end) if epoch == LEADER_EPOCH => {
                        result.with_leader_epoch(epoch).with_end_offset(end)
                    }
                    Ok(_) => result,
                    Err(error) => result.with_error_code(error.code()),
                }
            }
        });
        let (topic, partitions) = (topic.topic, join_all(partitions));
        async move {
            let partitions = partitions.await;
            OffsetForLeaderTopicResult::default().with_topic(topic).with_partitions(partitions)
        }
    });
    let topics: Vec<_> = topics.collect();
    OffsetForLeaderEpochResponse::default().with_topics(join_all(topics).await)
}
