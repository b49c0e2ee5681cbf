//! Fetch.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{join_all, select_all};
use kafka_protocol::ResponseError;
use roundhouse::ShardId;

use crate::connection::Response;
use crate::limits::{FETCH_BYTES_MAX, FETCH_WAIT_MS_MAX};
use crate::node::Node;
use crate::partition::Growth;
use crate::protocol::batch::LEADER_EPOCH;
use crate::protocol::fetch::{FetchPartition, FetchRequest, Fetched, respond};
use crate::protocol::header::RequestHeader;
use crate::protocol::topic_ref::TopicRef;

/// Answers a request when there is enough, something is wrong, or it has waited long enough.
pub async fn answer(node: Rc<Node>, header: RequestHeader, request: FetchRequest) -> Response {
    let (correlation, version) = (header.correlation, header.version);
    // Every request stands for itself. A broker may refuse sessions by answering 0 for theirs; who
    // claims to have one has it from another broker, or from this one's life before.
    if request.session_id != 0 || request.session_epoch > 0 {
        let error = ResponseError::FetchSessionIdNotFound.code();
        return Response::Send(respond(correlation, version, error, &[]));
    }
    let wait_ms = request.max_wait_ms.clamp(0, FETCH_WAIT_MS_MAX);
    let deadline = node.shard().now() + Duration::from_millis(wait_ms as u64);
    let fetch = Fetch::new(&node, &request);
    loop {
        let read = fetch.read(&node).await;
        let bytes: usize = read.iter().map(|read| read.fetched.bytes()).sum();
        let is_wrong = read.iter().any(|read| read.fetched.error != 0);
        let is_late = node.shard().now() >= deadline || node.stopping().peek().is_some();
        if bytes >= request.min_bytes.max(0) as usize || is_wrong || is_late {
            let batches: usize = read.iter().map(|read| read.fetched.batches.len()).sum();
            node.metrics.batches_fetched.add(batches as u64);
            node.metrics.bytes_fetched.add(bytes as u64);
            return Response::Send(respond(correlation, version, 0, &fetch.assemble(read)));
        }
        let missing = request.min_bytes as usize - bytes;
        let growth = growth(&node, &read, missing);
        futures_util::select_biased! {
            () = growth.fuse() => {}
            () = node.shard().sleep_until(deadline).fuse() => {}
            _ = node.stopping() => {}
        }
    }
}

/// A request, sorted by the shards that have a part in it.
struct Fetch {
    /// What will be answered, with refusals that are certain.
    topics: Vec<(TopicRef, Vec<Fetched>)>,
    wanted: BTreeMap<ShardId, Vec<Wanted>>,
    bytes_max: usize,
}

/// A partition to be read.
#[derive(Clone)]
struct Wanted {
    /// Where it stands in the response.
    place: (usize, usize),
    topic: String,
    partition: FetchPartition,
}

/// A partition that was read.
struct Read {
    wanted: Wanted,
    fetched: Fetched,
    /// The partition's [`acknowledged_bytes`](crate::partition::Partition) before.
    bytes_before: u64,
}

impl Fetch {
    fn new(node: &Node, request: &FetchRequest) -> Fetch {
        let bytes_max = (request.max_bytes.max(0) as usize).min(FETCH_BYTES_MAX);
        let mut fetch = Fetch { topics: Vec::new(), wanted: BTreeMap::new(), bytes_max };
        let known = node.topics.borrow();
        for (number, topic) in request.topics.iter().enumerate() {
            let found = known.find(&topic.topic);
            let unknown = match topic.topic {
                TopicRef::Name(_) => ResponseError::UnknownTopicOrPartition,
                TopicRef::Id(_) => ResponseError::UnknownTopicId,
            };
            let mut all = Vec::with_capacity(topic.partitions.len());
            for (at, &partition) in topic.partitions.iter().enumerate() {
                all.push(Fetched::refused(partition.index, unknown.code()));
                if let Some(found) = found {
                    let (place, topic) = ((number, at), found.name.clone());
                    let shard = node.shard_of(&topic, partition.index);
                    let wanted = fetch.wanted.entry(shard).or_default();
                    wanted.push(Wanted { place, topic, partition });
                }
            }
            fetch.topics.push((topic.topic.clone(), all));
        }
        fetch
    }

    /// Reads all partitions, each shard its own.
    async fn read(&self, node: &Rc<Node>) -> Vec<Read> {
        let reads = self.wanted.iter().map(|(shard, wanted)| {
            let (wanted, bytes_max) = (wanted.clone(), self.bytes_max);
            node.call_while_wanted(*shard, move |node| read_here(node, wanted, bytes_max))
        });
        let reads: Vec<_> = reads.collect();
        join_all(reads).await.into_iter().flatten().flatten().collect()
    }

    /// Puts what was read in its place. What is too much together is left out: it is read next time.
    fn assemble(mut self, mut read: Vec<Read>) -> Vec<(TopicRef, Vec<Fetched>)> {
        read.sort_by_key(|read| read.wanted.place);
        let mut bytes = 0;
        for Read { wanted, mut fetched, .. } in read {
            if bytes > 0 && bytes + fetched.bytes() > self.bytes_max {
                fetched.batches.clear();
            }
            bytes += fetched.bytes();
            let (topic, partition) = wanted.place;
            self.topics[topic].1[partition] = fetched;
        }
        self.topics
    }
}

/// Completes when one of the shards has `missing` bytes more.
fn growth(node: &Rc<Node>, read: &[Read], missing: usize) -> impl Future<Output = ()> + use<> {
    let mut watched: BTreeMap<ShardId, Vec<(String, i32, u64)>> = BTreeMap::new();
    for Read { wanted, bytes_before, .. } in read {
        let shard = node.shard_of(&wanted.topic, wanted.partition.index);
        let watch = (wanted.topic.clone(), wanted.partition.index, *bytes_before);
        watched.entry(shard).or_default().push(watch);
    }
    let waits: Vec<_> = watched
        .into_iter()
        .map(|(shard, watched)| {
            let wait = move |node| watch_here(node, watched, missing as u64);
            Box::pin(node.call_while_wanted(shard, wait))
        })
        .collect();
    async move {
        if waits.is_empty() {
            // Nothing will ever come: the deadline ends this.
            std::future::pending::<()>().await;
        }
        drop(select_all(waits).await);
    }
}

/// Reads partitions that live here, in order, until there is enough.
async fn read_here(node: Rc<Node>, wanted: Vec<Wanted>, bytes_max: usize) -> Vec<Read> {
    let mut left = bytes_max;
    let mut all = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let read = read_one(&node, wanted, left).await;
        left = left.saturating_sub(read.fetched.bytes());
        all.push(read);
    }
    all
}

async fn read_one(node: &Rc<Node>, wanted: Wanted, left: usize) -> Read {
    let FetchPartition { index, offset, leader_epoch, max_bytes } = wanted.partition;
    let refuse = |wanted, error: ResponseError| Read {
        wanted,
        fetched: Fetched::refused(index, error.code()),
        bytes_before: 0,
    };
    let partition = match node.partition(&wanted.topic, index) {
        Ok(partition) if leader_epoch <= LEADER_EPOCH => partition,
        Ok(_) => return refuse(wanted, ResponseError::UnknownLeaderEpoch),
        Err(error) => return refuse(wanted, error),
    };
    let bytes_before = partition.acknowledged_bytes();
    let bytes_max = left.min(max_bytes.max(0) as usize);
    let read = match left {
        0 => Ok(Vec::new()),
        _ => partition.read(offset, bytes_max).await,
    };
    let fetched = Fetched {
        index,
        error: read.as_ref().err().map_or(0, ResponseError::code),
        high_watermark: partition.high_watermark() as i64,
        log_start: partition.log_start().map_or(-1, |start| start as i64),
        batches: read.unwrap_or_default(),
    };
    Read { wanted, fetched, bytes_before }
}

/// Completes when partitions that live here have grown by `missing` bytes together.
async fn watch_here(node: Rc<Node>, watched: Vec<(String, i32, u64)>, missing: u64) {
    let found = watched.into_iter().filter_map(|(topic, index, bytes_before)| {
        let partition = node.partition(&topic, index).ok()?;
        Some((partition, bytes_before))
    });
    Growth::new(found.collect(), missing).await;
}
