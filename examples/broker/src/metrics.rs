//! What the broker counts, and how it is shown: OpenMetrics text, the engine's own behind it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;

use crate::errors;
use crate::groups::TopicPartition;
use crate::latency::Latency;
use crate::node::Node;

/// A count that other threads may read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What it came to.
    pub fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one shard's part of the broker counts.
#[derive(Debug, Default)]
pub struct NodeMetrics {
    /// Requests answered, or taken where no answer is wanted.
    pub requests: Count,
    /// Connections ended because of what came over them.
    pub malformed: Count,
    /// Requests of a kind or version that is not known.
    pub unsupported: Count,
    /// Times a connection reached a bound of its own and was not read from for a while.
    pub held_back: Count,
    /// Batches appended.
    pub batches_produced: Count,
    /// Records in them.
    pub records_produced: Count,
    /// Bytes of them.
    pub bytes_produced: Count,
    /// Batches sent to consumers.
    pub batches_fetched: Count,
    /// Bytes of them.
    pub bytes_fetched: Count,
    /// From taking a Produce request to its answer.
    pub produce: Latency,
    /// The same of Fetch requests, with the time they wait for something to send.
    pub fetch: Latency,
    /// The same of all others.
    pub other: Latency,
}

impl NodeMetrics {
    /// Where the times of a kind of request are counted.
    pub fn latency(&self, key: i16) -> &Latency {
        let [(_, produce), (_, fetch), (_, other)] = self.latencies();
        match key {
            _ if key == ApiKey::Produce as i16 => produce,
            _ if key == ApiKey::Fetch as i16 => fetch,
            _ => other,
        }
    }

    /// Times of requests, by the label they are shown with.
    fn latencies(&self) -> [(&'static str, &Latency); 3] {
        [("produce", &self.produce), ("fetch", &self.fetch), ("other", &self.other)]
    }
}

/// A counter in the table of what is shown.
struct Shown {
    name: &'static str,
    help: &'static str,
    value: fn(&NodeMetrics) -> &Count,
}

const SHOWN: [Shown; 9] = [
    Shown { name: "requests", help: "Requests answered.", value: |node| &node.requests },
    Shown {
        name: "malformed_requests",
        help: "Connections ended because of what came over them.",
        value: |node| &node.malformed,
    },
    Shown {
        name: "unsupported_requests",
        help: "Requests of a kind or version that is not known.",
        value: |node| &node.unsupported,
    },
    Shown {
        name: "connections_held_back",
        help: "Times a connection had too much in flight to be read from.",
        value: |node| &node.held_back,
    },
    Shown {
        name: "batches_produced",
        help: "Batches acknowledged.",
        value: |node| &node.batches_produced,
    },
    Shown {
        name: "records_produced",
        help: "Records in them.",
        value: |node| &node.records_produced,
    },
    Shown { name: "bytes_produced", help: "Bytes of them.", value: |node| &node.bytes_produced },
    Shown {
        name: "batches_fetched",
        help: "Batches sent to consumers.",
        value: |node| &node.batches_fetched,
    },
    Shown { name: "bytes_fetched", help: "Bytes of them.", value: |node| &node.bytes_fetched },
];

/// What one shard knows at a moment.
struct View {
    metrics: Arc<NodeMetrics>,
    connections: usize,
    partitions: Vec<(TopicPartition, u64)>,
    stored_bytes: u64,
    committed: Vec<(String, TopicPartition, i64)>,
}

impl View {
    fn take(node: &Node) -> View {
        let (mut partitions, mut stored_bytes) = (Vec::new(), 0);
        let topics = node.topics.borrow();
        for (at, partition) in topics.local_partitions() {
            partitions.push((at, partition.high_watermark()));
            stored_bytes += partition.stored_bytes();
        }
        let offsets = &node.coordinator.offsets;
        let committed = offsets.groups().into_iter().flat_map(|group| {
            let of_group = offsets.of_group(&group).into_iter();
            of_group.map(move |(at, committed)| (group.clone(), at, committed.offset))
        });
        let (metrics, connections) = (node.metrics.clone(), node.connections.get());
        let committed = committed.collect();
        View { metrics, connections, partitions, stored_bytes, committed }
    }
}

/// Renders everything.
///
/// # Errors
/// The broker is being shut down.
pub async fn render(node: &Rc<Node>) -> Result<String, ResponseError> {
    let views = node.call_all(|node| async move { View::take(&node) }).await?;
    let engine = node.engine.metrics().await.map_err(|error| errors::of_engine(&error))?;
    let mut text = String::new();
    write_views(&mut text, &views).map_err(|_| ResponseError::UnknownServerError)?;
    // The engine's text has the mark of the end.
    Ok(text + &engine.to_openmetrics())
}

fn write_views(text: &mut String, views: &[View]) -> std::fmt::Result {
    for Shown { name, help, value } in &SHOWN {
        writeln!(text, "# TYPE broker_{name} counter\n# HELP broker_{name} {help}")?;
        for (shard, view) in views.iter().enumerate() {
            let value = value(&view.metrics).load();
            writeln!(text, "broker_{name}_total{{shard=\"{shard}\"}} {value}")?;
        }
    }
    writeln!(
        text,
        "# TYPE broker_request_seconds histogram\n# UNIT broker_request_seconds seconds"
    )?;
    writeln!(text, "# HELP broker_request_seconds From a request to its answer; Fetch may wait.")?;
    for (shard, view) in views.iter().enumerate() {
        for (request, latency) in view.metrics.latencies() {
            let labels = format!("shard=\"{shard}\",request=\"{request}\"");
            latency.write(text, "broker_request_seconds", &labels)?;
        }
    }
    writeln!(text, "# TYPE broker_connections gauge\n# HELP broker_connections Connections.")?;
    for (shard, view) in views.iter().enumerate() {
        writeln!(text, "broker_connections{{shard=\"{shard}\"}} {}", view.connections)?;
    }
    writeln!(text, "# TYPE broker_partitions gauge\n# HELP broker_partitions Partitions.")?;
    for (shard, view) in views.iter().enumerate() {
        writeln!(text, "broker_partitions{{shard=\"{shard}\"}} {}", view.partitions.len())?;
    }
    writeln!(text, "# TYPE broker_stored_bytes gauge\n# UNIT broker_stored_bytes bytes")?;
    writeln!(text, "# HELP broker_stored_bytes Bytes of partitions, with the engine's headers.")?;
    for (shard, view) in views.iter().enumerate() {
        writeln!(text, "broker_stored_bytes{{shard=\"{shard}\"}} {}", view.stored_bytes)?;
    }
    writeln!(text, "# TYPE broker_group_lag gauge")?;
    writeln!(text, "# HELP broker_group_lag Records that a group has not committed yet.")?;
    for ((group, topic), lag) in lags(views) {
        let (group, topic) = (escape(&group), escape(&topic));
        writeln!(text, "broker_group_lag{{group=\"{group}\",topic=\"{topic}\"}} {lag}")?;
    }
    Ok(())
}

/// How far each group is behind in each topic it has committed offsets for.
fn lags(views: &[View]) -> BTreeMap<(String, String), u64> {
    let ends: BTreeMap<&TopicPartition, u64> =
        views.iter().flat_map(|view| view.partitions.iter().map(|(at, end)| (at, *end))).collect();
    let mut lags = BTreeMap::new();
    for (group, at, offset) in views.iter().flat_map(|view| &view.committed) {
        let end = ends.get(at).copied().unwrap_or(0);
        let lag = end.saturating_sub((*offset).max(0) as u64);
        *lags.entry((group.clone(), at.0.clone())).or_default() += lag;
    }
    lags
}

/// A label's value, by the rules of the text format.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
