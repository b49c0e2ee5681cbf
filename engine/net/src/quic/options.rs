//! What an endpoint may use and how it behaves; defaults are for a server on the open internet.

use std::time::Duration;

use roundhouse_base::{ShardId, WallTime};

use super::clock::WallClock;
use super::congestion::Congestion;
#[cfg(feature = "qlog")]
use super::qlog::QlogSink;
use super::secrets::Secrets;

/// What the endpoints of an engine's shards share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The keys.
    pub secrets: Secrets,
    /// The time for certificates, tickets and tokens.
    pub wall: WallClock,
    /// How many shards there are: 1 to 256.
    pub shards: u16,
}

impl Shared {
    /// For `shards` shards that derive their keys from `master`, which must be random and secret.
    pub fn new(master: &[u8; 32], now: WallTime, shards: u16) -> Shared {
        Shared { secrets: Secrets::new(master), wall: WallClock::new(now), shards }
    }
}

/// Everything about one shard's endpoint.
#[derive(Clone, Debug)]
pub struct EndpointOptions {
    /// The shard it runs on, below `shared.shards`.
    pub shard: ShardId,
    /// What it shares with those of the other shards.
    pub shared: Shared,
    /// What it may use.
    pub limits: Limits,
    /// How its connections behave.
    pub transport: TransportOptions,
    /// When clients must prove their address before the server does any work for them.
    pub retry: Retry,
    /// Whether the kernel is asked to give each datagram to the socket of the shard that its
    /// connection ID names, where the shards share an address. Otherwise it chooses by the addresses,
    /// which costs it less, and what belongs elsewhere is handed on.
    pub steering: bool,
}

impl EndpointOptions {
    /// Defaults for shard `shard`.
    pub fn new(shard: ShardId, shared: Shared) -> EndpointOptions {
        EndpointOptions {
            shard,
            shared,
            limits: Limits::default(),
            transport: TransportOptions::default(),
            retry: Retry::default(),
            steering: true,
        }
    }
}

/// Bounds on what peers can make one shard's endpoint hold. At a bound of connections new ones are
/// refused while old ones go on; at a bound of bytes the sender is held back by flow control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections, closing ones included. Beyond it servers refuse and [`connect`] fails.
    ///
    /// [`connect`]: super::machine::Machine::connect
    pub connections: usize,
    /// Connections from clients whose handshake is not done. Beyond it new ones are refused.
    pub handshakes: usize,
    /// Connections waiting to be accepted by the application. Beyond it new ones are refused.
    pub accept_backlog: usize,
    /// A handshake that takes longer ends the connection.
    pub handshake_timeout: Duration,
    /// Bidirectional streams the peer of a connection may have open at once; it waits for one to
    /// end.
    pub bidirectional_streams: u32,
    /// Those of them that it may open from the start, at least 1; it is allowed four times as many
    /// when more than half are open. What is allowed takes memory before it is used: 100 instead of
    /// the 11 of the default make an idle connection 4.6 KiB larger (ADR 11). A server of HTTP/3 should
    /// set 100 all the same (RFC 9114 section 6.1), as its clients begin with bursts of requests.
    pub bidirectional_streams_initial: u32,
    /// The same as [`bidirectional_streams`](Limits::bidirectional_streams) for unidirectional
    /// streams.
    pub unidirectional_streams: u32,
    /// Those of them that it may open from the start, at least 1; the default of 3 is what HTTP/3
    /// needs (RFC 9114 section 6.2).
    pub unidirectional_streams_initial: u32,
    /// Unread bytes of one stream; the peer waits.
    pub stream_bytes: u32,
    /// Bytes of a connection at its start: unread, and also written but not acknowledged; the
    /// peer, or the writer here, waits. Grows while the connection is fast enough to need it.
    pub connection_bytes_initial: u32,
    /// What a connection's bytes may grow to.
    pub connection_bytes_max: u32,
    /// Unread datagrams of a connection in bytes, and as many unsent ones; the oldest are dropped.
    /// 0 switches datagrams off.
    pub datagram_bytes: u32,
    /// Sum of what all connections are promised. New ones are refused beyond it, and none grows
    /// beyond half of it.
    pub shard_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 16_384,
            handshakes: 1024,
            accept_backlog: 1024,
            handshake_timeout: Duration::from_secs(10),
            bidirectional_streams: 400,
            bidirectional_streams_initial: 11,
            unidirectional_streams: 400,
            unidirectional_streams_initial: 3,
            stream_bytes: 1024 * 1024,
            connection_bytes_initial: 64 * 1024,
            connection_bytes_max: 8 * 1024 * 1024,
            datagram_bytes: 64 * 1024,
            shard_bytes: 1024 * 1024 * 1024,
        }
    }
}

/// How connections behave.
#[derive(Clone, Debug)]
pub struct TransportOptions {
    /// How fast to send.
    pub congestion: Congestion,
    /// A connection on which nothing was heard for this long ends; the peer's own timeout counts if
    /// it is shorter. `None`: only the peer's counts.
    pub idle_timeout: Option<Duration>,
    /// How long one read of a stream may wait; then it fails, and the stream is stopped with code 0.
    pub read_timeout: Option<Duration>,
    /// How long one write to a stream may wait for the peer, or this side's limits, to allow more; then
    /// it fails, and the stream is reset with code 0.
    pub write_timeout: Option<Duration>,
    /// Send something whenever nothing was sent for this long, so that neither side nor a
    /// middlebox times the connection out. `None`: idle connections send nothing.
    pub keep_alive: Option<Duration>,
    /// Bytes of a datagram before discovery: 1200 works everywhere.
    pub mtu_initial: u16,
    /// What path MTU discovery (RFC 8899) tries at most; not above `mtu_initial`: no discovery.
    pub mtu_max: u16,
    /// Round-trip time assumed before the first measurement.
    pub rtt_initial: Duration,
    /// Whether the server follows clients to new addresses (RFC 9000 section 9).
    pub migration: bool,
    /// Where traces of all connections of this endpoint go.
    #[cfg(feature = "qlog")]
    pub qlog: Option<QlogSink>,
}

impl Default for TransportOptions {
    fn default() -> TransportOptions {
        TransportOptions {
            congestion: Congestion::default(),
            idle_timeout: Some(Duration::from_secs(30)),
            read_timeout: None,
            write_timeout: None,
            keep_alive: None,
            mtu_initial: 1200,
            mtu_max: 1452,
            rtt_initial: Duration::from_millis(333),
            migration: true,
            #[cfg(feature = "qlog")]
            qlog: None,
        }
    }
}

/// When a server answers a client's first packet with a Retry (RFC 9000 section 8.1.2): a client
/// then spends a round trip more, and one with a forged address gets no further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Retry {
    /// Never.
    Never,
    /// While half of the handshakes that [`Limits::handshakes`] allows are in progress.
    #[default]
    UnderLoad,
    /// Always, but for clients with a token from an earlier connection.
    Always,
}
