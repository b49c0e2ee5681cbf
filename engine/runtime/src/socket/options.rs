//! How a socket is opened, and what can be changed while it is open.

use std::net::SocketAddr;
use std::time::Duration;

/// What kind of socket to open, and where.
///
/// A socket on an IPv6 address does not take IPv4 traffic: open one of each for both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// What it is for.
    pub kind: SocketKind,
    /// Its own address. An unspecified IP address means all of the machine's, port 0 one that is
    /// free; [`Driver::local_address`](crate::Driver::local_address) tells which.
    pub local: SocketAddr,
    /// Lets several sockets of the same user share address and port (`SO_REUSEPORT`): the kernel
    /// spreads datagrams, by their source, and connections over them. All must ask for it.
    pub reuse_port: bool,
    /// Bytes the kernel may hold of what arrived (`SO_RCVBUF`); `None` for the system's default,
    /// for streams a size that adapts. The system's limit may make it less, without an error.
    pub receive_buffer_bytes: Option<u32>,
    /// Bytes the kernel may hold of what is to be sent (`SO_SNDBUF`); otherwise as above.
    pub send_buffer_bytes: Option<u32>,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// UDP, receiving from anybody and sending to anybody.
    ///
    /// Arriving datagrams are coalesced where the kernel can (GRO), tell their destination and
    /// their ECN mark; sent ones are never fragmented (`IP_PMTUDISC_PROBE`).
    Datagram,
    /// TCP, to be connected.
    Stream,
    /// TCP, accepting connections.
    Listener {
        /// Connections the kernel completes ahead of [`SocketOp::Accept`](super::SocketOp::Accept);
        /// at this bound, or the system's own if that is lower, it ignores attempts, which their
        /// senders repeat.
        backlog: u32,
    },
}

/// What can be changed about a TCP socket that is open. Set on a listener it holds for the
/// connections accepted later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketOption {
    /// Send at once instead of waiting for more (`TCP_NODELAY`).
    NoDelay(bool),
    /// Ask a silent peer whether it is still there; `None` never does.
    KeepAlive(Option<KeepAlive>),
    /// Closing resets the connection and forgets unsent data, instead of ending it in order.
    ResetOnClose(bool),
    /// How long sent data may stay unacknowledged before the connection fails with `ETIMEDOUT`
    /// (`TCP_USER_TIMEOUT`, RFC 5482), in whole milliseconds; `None` for the system's default.
    UserTimeout(Option<Duration>),
}

/// When a silent connection counts as dead. In whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Unanswered probes after which the connection fails with `ETIMEDOUT`.
    pub probes: u32,
}
