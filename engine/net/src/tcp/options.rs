//! What can be chosen about streams.

use std::net::SocketAddr;
use std::time::Duration;

use roundhouse_runtime::socket::{KeepAlive, SocketOption};

use crate::limits;

/// How a stream behaves, accepted or connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Send small writes at once instead of gathering them while an acknowledgement is awaited.
    pub no_delay: bool,
    /// Ask a silent peer whether it is still there; `None` never does.
    pub keep_alive: Option<KeepAlive>,
    /// Bytes of one write, the only one a stream holds until the kernel has taken it. Longer ones
    /// are written in parts. At least 1.
    pub write_bytes: usize,
    /// How long a connection may take to be established; then connecting fails.
    pub connect_timeout: Duration,
    /// How long one read may wait; then it fails, and the stream with it.
    pub read_timeout: Option<Duration>,
    /// How long the peer may take for what was given to the kernel at once, at most `write_bytes`;
    /// then writing fails, and the stream with it.
    pub write_timeout: Option<Duration>,
    /// How long a stream may go without reading or writing anything, while it is read from; then
    /// the read fails, and the stream with it.
    pub idle_timeout: Option<Duration>,
    /// How long a dropped stream goes on trying to send what was written; then it is reset.
    pub linger: Duration,
}

impl Default for TcpOptions {
    /// No delay, a probe after a minute of silence, 10 s to connect and 5 s to linger; no other
    /// time limit.
    fn default() -> TcpOptions {
        TcpOptions {
            no_delay: true,
            keep_alive: Some(KeepAlive {
                idle: Duration::from_mins(1),
                interval: Duration::from_secs(10),
                probes: 6,
            }),
            write_bytes: limits::TCP_WRITE_BYTES,
            connect_timeout: Duration::from_secs(10),
            read_timeout: None,
            write_timeout: None,
            idle_timeout: None,
            linger: Duration::from_secs(5),
        }
    }
}

impl TcpOptions {
    /// What is to be set at the socket.
    pub(super) fn of_socket(&self) -> [SocketOption; 2] {
        [SocketOption::NoDelay(self.no_delay), SocketOption::KeepAlive(self.keep_alive)]
    }
}

/// How a [`TcpListener`](super::TcpListener) is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerOptions {
    /// Its address; port 0 for one that is free.
    pub local: SocketAddr,
    /// Whether other listeners, such as those of the other shards, may have the same address
    /// (`SO_REUSEPORT`). The kernel spreads connections over them.
    pub reuse_port: bool,
    /// Connections the kernel completes ahead; beyond them it ignores attempts.
    pub backlog: u32,
    /// Streams of this listener open at once; beyond them new connections are reset.
    pub connections: usize,
    /// Bytes that its streams may hold together ([`TcpCounters::held_bytes`]); while they hold as
    /// much, new connections are reset.
    ///
    /// [`TcpCounters::held_bytes`]: super::TcpCounters::held_bytes
    pub held_bytes: u64,
    /// How its streams behave.
    pub stream: TcpOptions,
}

impl ListenerOptions {
    /// A listener of its own at `local`, with the bounds of [`limits`].
    pub fn new(local: SocketAddr) -> ListenerOptions {
        ListenerOptions {
            local,
            reuse_port: false,
            backlog: limits::TCP_BACKLOG,
            connections: limits::TCP_CONNECTIONS,
            held_bytes: limits::TCP_HELD_BYTES,
            stream: TcpOptions::default(),
        }
    }
}
