//! Produce.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, join_all};
use kafka_protocol::ResponseError;
use roundhouse::ShardId;

use crate::connection::Response;
use crate::node::Node;
use crate::partition::{Batch, Placed};
use crate::protocol::batch::{BatchInfo, BatchRejection};
use crate::protocol::header::RequestHeader;
use crate::protocol::produce::{
    BATCH_VERSION, ProduceOutcome, ProducePartition, ProduceRequest, respond,
};
use crate::protocol::topic_ref::TopicRef;
use crate::topics::Topic;

/// Starts to answer a request: its batches have their places, or are on the way to the shards that
/// give them theirs, when this returns.
pub fn start(
    node: &Rc<Node>,
    header: &RequestHeader,
    request: ProduceRequest,
) -> LocalBoxFuture<'static, Response> {
    let (correlation, version, acks) = (header.correlation, header.version, request.acks);
    let mut produce = Produce::default();
    produce.sort(node, version, request);
    let Produce { topics, wanted } = produce;
    let sent: Vec<_> =
        wanted.into_iter().map(|(shard, wanted)| send(node, shard, wanted)).collect();
    let answer = async move {
        let mut topics = topics;
        for outcome in join_all(sent).await.into_iter().flatten() {
            topics[outcome.topic].1[outcome.partition] = outcome.outcome;
        }
        match acks {
            0 => Response::Nothing,
            _ => Response::Send(respond(correlation, version, &topics)),
        }
    };
    answer.boxed_local()
}

/// A request, sorted by the shards that have a part in it.
#[derive(Default)]
struct Produce {
    /// What will be answered; refusals are there already.
    topics: Vec<(TopicRef, Vec<ProduceOutcome>)>,
    wanted: BTreeMap<ShardId, Vec<Wanted>>,
}

/// A batch on its way to its partition.
struct Wanted {
    /// Where its outcome goes.
    place: (usize, usize),
    topic: String,
    index: i32,
    batch: Batch,
}

/// An outcome on its way back.
struct Outcome {
    topic: usize,
    partition: usize,
    outcome: ProduceOutcome,
}

impl Produce {
    fn sort(&mut self, node: &Node, version: i16, request: ProduceRequest) {
        let refusal = match (request.acks, request.is_transactional) {
            _ if version < BATCH_VERSION => Some(ResponseError::UnsupportedVersion),
            (..-1 | 2.., _) => Some(ResponseError::InvalidRequiredAcks),
            (_, true) => Some(ResponseError::TransactionalIdAuthorizationFailed),
            (_, false) => None,
        };
        let known = node.topics.borrow();
        for topic in request.topics {
            let found = known.find(&topic.topic);
            let unknown = match topic.topic {
                TopicRef::Name(_) => ResponseError::UnknownTopicOrPartition,
                TopicRef::Id(_) => ResponseError::UnknownTopicId,
            };
            let outcomes = topic.partitions.into_iter().enumerate().map(|(number, partition)| {
                let index = partition.index;
                let checked = match (refusal, found) {
                    (Some(error), _) => Err(error),
                    (None, None) => Err(unknown),
                    (None, Some(found)) => check(found, partition),
                };
                match checked.map(|batch| (batch, found)) {
                    Ok((batch, Some(found))) => {
                        let shard = node.shard_of(&found.name, index);
                        let place = (self.topics.len(), number);
                        let wanted = Wanted { place, topic: found.name.clone(), index, batch };
                        self.wanted.entry(shard).or_default().push(wanted);
                        ProduceOutcome::refused(index, ResponseError::NotLeaderOrFollower.code())
                    }
                    Ok((_, None)) => ProduceOutcome::refused(index, unknown.code()),
                    Err(error) => ProduceOutcome::refused(index, error.code()),
                }
            });
            let outcomes = outcomes.collect();
            self.topics.push((topic.topic, outcomes));
        }
    }
}

/// Checks a batch on the shard it came to, so that the one it goes to need not.
fn check(topic: &Topic, partition: ProducePartition) -> Result<Batch, ResponseError> {
    if !(0..topic.partitions).contains(&partition.index) {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    let bytes = partition.batch.ok_or(ResponseError::InvalidRecord)?;
    if bytes.len() > topic.config.message_bytes_max() {
        return Err(ResponseError::MessageTooLarge);
    }
    let info = BatchInfo::check(&bytes).map_err(|rejection| match rejection {
        BatchRejection::Truncated | BatchRejection::Checksum => ResponseError::CorruptMessage,
        BatchRejection::Magic(_) => ResponseError::UnsupportedForMessageFormat,
        BatchRejection::Codec => ResponseError::UnsupportedCompressionType,
        BatchRejection::Transactional => ResponseError::InvalidTxnState,
        BatchRejection::Several | BatchRejection::Inconsistent(_) => ResponseError::InvalidRecord,
    })?;
    Ok(Batch { bytes, info })
}

/// Sends batches to a shard. Those of one connection arrive there in order.
fn send(
    node: &Rc<Node>,
    shard: ShardId,
    wanted: Vec<Wanted>,
) -> impl Future<Output = Vec<Outcome>> + use<> {
    let lost: Vec<_> = wanted.iter().map(|wanted| (wanted.place, wanted.index)).collect();
    let sent = node.call(shard, move |node| {
        let appends: Vec<_> = wanted.into_iter().map(|wanted| append(&node, wanted)).collect();
        join_all(appends)
    });
    sent.map(move |outcomes| match outcomes {
        Ok(outcomes) => outcomes,
        Err(error) => {
            let refuse = |(place, index): ((usize, usize), i32)| {
                outcome(place, ProduceOutcome::refused(index, error.code()))
            };
            lost.into_iter().map(refuse).collect()
        }
    })
}

/// Appends a batch on the shard it belongs to.
fn append(node: &Rc<Node>, wanted: Wanted) -> LocalBoxFuture<'static, Outcome> {
    let Wanted { place, topic, index, batch } = wanted;
    let partition = match node.partition(&topic, index) {
        Ok(partition) => partition,
        Err(error) => {
            let refused = ProduceOutcome::refused(index, error.code());
            return ready(outcome(place, refused)).boxed_local();
        }
    };
    let (records, bytes) = (u64::from(batch.info.count), batch.bytes.len() as u64);
    let metrics = node.metrics.clone();
    let appended = partition.append(batch);
    let finished = async move {
        let outcome_of = match appended.await {
            Ok(Placed { base_offset, append_time_ms }) => {
                metrics.batches_produced.add(1);
                metrics.records_produced.add(records);
                metrics.bytes_produced.add(bytes);
                let base_offset = base_offset as i64;
                let log_start = partition.log_start().map_or(-1, |start| start as i64);
                ProduceOutcome { index, error: 0, base_offset, append_time_ms, log_start }
            }
            Err(error) => ProduceOutcome::refused(index, error.code()),
        };
        outcome(place, outcome_of)
    };
    finished.boxed_local()
}

fn outcome(place: (usize, usize), outcome: ProduceOutcome) -> Outcome {
    Outcome { topic: place.0, partition: place.1, outcome }
}
