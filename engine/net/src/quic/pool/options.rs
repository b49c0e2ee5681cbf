//! What a pool may hold, what it counts, and what can go wrong.

use std::time::Duration;

use roundhouse_base::metrics::Cell;

use crate::quic::error::{ConnectError, ConnectionError};

/// What a pool may hold, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// Connections to one server, those under way included; at least 1. At this bound requests
    /// share them. One carries as many streams as the server allows; more than one helps where a
    /// single core of the server is the limit.
    pub connections_per_host: usize,
    /// Servers with connections at once. At this bound requests for others fail.
    pub hosts: usize,
    /// A connection that nobody used for this long is closed.
    pub idle_time: Duration,
    /// Whether the server of a connection that nobody used for this long still answers is found
    /// out before it is handed out. That costs a round trip.
    pub probe_after: Duration,
    /// How long it may take to answer.
    pub probe_time: Duration,
}

impl Default for PoolOptions {
    fn default() -> PoolOptions {
        PoolOptions {
            connections_per_host: 2,
            hosts: 1024,
            idle_time: Duration::from_mins(1),
            probe_after: Duration::from_secs(5),
            probe_time: Duration::from_secs(1),
        }
    }
}

/// Totals of a pool, written on its shard and readable from any thread.
#[derive(Debug, Default)]
pub struct PoolCounters {
    /// Connections opened.
    pub opened: Cell,
    /// Attempts to open one that failed.
    pub failed: Cell,
    /// Times a connection that stood was handed out.
    pub reused: Cell,
    /// Connections closed since nobody used them for long.
    pub idled_out: Cell,
    /// Connections found ended when one was wanted.
    pub ended: Cell,
    /// Connections given up since their server did not answer a probe.
    pub unresponsive: Cell,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The pool has connections to as many servers as it may.
    #[error("the pool has connections to its {limit} servers; let some go or raise the limit")]
    TooManyHosts {
        /// The limit in force.
        limit: usize,
    },
    /// It could not be tried.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The handshake failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}
