//! What can be chosen about a QUIC endpoint.

use std::net::SocketAddr;

use roundhouse::net::UdpOptions;
use roundhouse::net::quic::{
    Congestion, EndpointOptions, Limits, MASTER_SECRET_BYTES, Retry, Shared, TransportOptions,
};
use roundhouse::{ShardId, WallTime};

use crate::entry::Growable;
use crate::failure::Failure;
use crate::log::rh_slice;
use crate::net::RH_SHARE_ADDRESS;
use crate::net::tcp::{bytes_or, limit, or};
use crate::queue::RH_FOREVER;

/// How a QUIC endpoint is opened and behaves. Start from `RH_QUIC_SETTINGS_INIT`; 0 is the default of every field.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct rh_quic_settings {
    /// The size of this structure.
    pub struct_size: usize,
    /// 0, or some of `RH_SHARE_ADDRESS` (which needs a secret) and the `RH_QUIC_` flags.
    pub flags: u32,
    /// How fast to send: one of the `RH_CONGESTION_` numbers.
    pub congestion: u32,
    /// When clients must prove their address first: one of the `RH_RETRY_` numbers.
    pub retry: u32,
    /// Bidirectional streams that a peer may have open at once.
    pub bidirectional_streams: u32,
    /// The same for unidirectional streams.
    pub unidirectional_streams: u32,
    /// Bidirectional ones of them that it may open from the start; it is allowed more as it uses them.
    pub bidirectional_streams_initial: u32,
    /// The same for unidirectional ones.
    pub unidirectional_streams_initial: u32,
    /// Unread bytes of one stream; the peer waits.
    pub stream_bytes: u32,
    /// Bytes of a connection at its start, unread, and again unacknowledged.
    pub connection_bytes_initial: u32,
    /// What these may grow to.
    pub connection_bytes_max: u32,
    /// Unread datagrams of a connection in bytes, and as many unsent ones; the oldest are dropped.
    pub datagram_bytes: u32,
    /// Bytes of a UDP datagram before discovery.
    pub mtu_initial: u16,
    /// What discovery tries at most.
    pub mtu_max: u16,
    /// Connections, closing ones included; beyond them new ones are refused.
    pub connections: u64,
    /// Connections from clients whose handshake is not done; beyond them new ones are refused.
    pub handshakes: u64,
    /// Connections that nobody took; beyond them new ones are refused.
    pub accept_backlog: u64,
    /// What all connections are promised together, in bytes; beyond it new ones are refused.
    pub shard_bytes: u64,
    /// A handshake that takes longer ends the connection.
    pub handshake_timeout_ns: u64,
    /// A connection on which nothing was heard for this long ends; with `RH_FOREVER` only the peer's limit counts.
    pub idle_timeout_ns: u64,
    /// How long one receive from a stream may wait; then it fails, and the stream is stopped with code 0. By default
    /// for ever.
    pub read_timeout_ns: u64,
    /// How long one send to a stream may wait for the peer, or for this side's limits, to allow more; then it fails,
    /// and the stream is reset with code 0. By default for ever.
    pub write_timeout_ns: u64,
    /// Something is sent when nothing was for this long; by default never.
    pub keep_alive_ns: u64,
    /// The round-trip time that is assumed before it was measured.
    pub rtt_initial_ns: u64,
    /// 32 random bytes that are kept secret, the same for all shards that share an address; none are drawn by the
    /// library. Kept over a restart, they make peers notice it at once.
    pub secret: rh_slice,
}

/// A flag of QUIC: the kernel is not asked to give each datagram to its shard; the shards hand them on.
pub const RH_QUIC_NO_STEERING: u32 = 2;
/// A flag of QUIC: the server does not follow clients to new addresses.
pub const RH_QUIC_NO_MIGRATION: u32 = 4;
/// A flag of QUIC: no datagrams.
pub const RH_QUIC_NO_DATAGRAMS: u32 = 8;

/// CUBIC (RFC 9438).
pub const RH_CONGESTION_CUBIC: u32 = 0;
/// NewReno (RFC 9002).
pub const RH_CONGESTION_NEW_RENO: u32 = 1;
/// BBR version 1, experimental.
pub const RH_CONGESTION_BBR: u32 = 2;

/// Clients prove their address while half of the handshakes that may be are in progress.
pub const RH_RETRY_UNDER_LOAD: u32 = 0;
/// They never do.
pub const RH_RETRY_NEVER: u32 = 1;
/// They always do, but for those that were here before.
pub const RH_RETRY_ALWAYS: u32 = 2;

// SAFETY: `repr(C)`, begins with its size, and integers and raw pointers have no invalid values.
unsafe impl Growable for rh_quic_settings {
    const NAME: &'static str = "rh_quic_settings";
    const SIZE_MIN: usize = 152;
}

impl Default for rh_quic_settings {
    fn default() -> rh_quic_settings {
        // SAFETY: integers and raw pointers may be zero.
        unsafe { std::mem::zeroed() }
    }
}

impl rh_quic_settings {
    /// Refuses what cannot be.
    pub(super) fn check(&self, has_secret: bool) -> Result<(), Failure> {
        let known =
            RH_SHARE_ADDRESS | RH_QUIC_NO_STEERING | RH_QUIC_NO_MIGRATION | RH_QUIC_NO_DATAGRAMS;
        if self.flags & !known != 0 {
            return Err(Failure::invalid(format!("there are no such flags: {:#x}", self.flags)));
        }
        if self.flags & RH_SHARE_ADDRESS != 0 && !has_secret {
            return Err(Failure::invalid("shards that share an address need the same secret"));
        }
        self.congestion()?;
        self.retry().map(drop)
    }

    pub(super) fn socket(&self, local: SocketAddr) -> UdpOptions {
        let reuse_port = self.flags & RH_SHARE_ADDRESS != 0;
        UdpOptions { reuse_port, ..UdpOptions::new(local) }
    }

    /// Everything but what it shares, and with whom.
    pub(super) fn endpoint(&self) -> Result<EndpointOptions, Failure> {
        let nothing = Shared::new(&[0; MASTER_SECRET_BYTES], WallTime(0), 1);
        Ok(EndpointOptions {
            limits: self.limits(),
            transport: self.transport()?,
            retry: self.retry()?,
            steering: self.flags & RH_QUIC_NO_STEERING == 0,
            ..EndpointOptions::new(ShardId(0), nothing)
        })
    }

    fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let of = |set: u32, default: u32| if set > 0 { set } else { default };
        let datagram_bytes = of(self.datagram_bytes, defaults.datagram_bytes);
        let has_datagrams = self.flags & RH_QUIC_NO_DATAGRAMS == 0;
        Limits {
            connections: bytes_or(self.connections, defaults.connections),
            handshakes: bytes_or(self.handshakes, defaults.handshakes),
            accept_backlog: bytes_or(self.accept_backlog, defaults.accept_backlog),
            handshake_timeout: or(self.handshake_timeout_ns, defaults.handshake_timeout),
            bidirectional_streams: of(self.bidirectional_streams, defaults.bidirectional_streams),
            unidirectional_streams: of(
                self.unidirectional_streams,
                defaults.unidirectional_streams,
            ),
            bidirectional_streams_initial: of(
                self.bidirectional_streams_initial,
                defaults.bidirectional_streams_initial,
            ),
            unidirectional_streams_initial: of(
                self.unidirectional_streams_initial,
                defaults.unidirectional_streams_initial,
            ),
            stream_bytes: of(self.stream_bytes, defaults.stream_bytes),
            connection_bytes_initial: of(
                self.connection_bytes_initial,
                defaults.connection_bytes_initial,
            ),
            connection_bytes_max: of(self.connection_bytes_max, defaults.connection_bytes_max),
            datagram_bytes: if has_datagrams { datagram_bytes } else { 0 },
            shard_bytes: if self.shard_bytes > 0 { self.shard_bytes } else { defaults.shard_bytes },
        }
    }

    fn transport(&self) -> Result<TransportOptions, Failure> {
        let mut transport =
            TransportOptions { congestion: self.congestion()?, ..Default::default() };
        transport.idle_timeout = match self.idle_timeout_ns {
            0 => transport.idle_timeout,
            RH_FOREVER => None,
            set => limit(set),
        };
        transport.read_timeout = limit(self.read_timeout_ns);
        transport.write_timeout = limit(self.write_timeout_ns);
        transport.keep_alive = limit(self.keep_alive_ns);
        transport.rtt_initial = or(self.rtt_initial_ns, transport.rtt_initial);
        transport.migration = self.flags & RH_QUIC_NO_MIGRATION == 0;
        if self.mtu_initial > 0 {
            transport.mtu_initial = self.mtu_initial;
        }
        if self.mtu_max > 0 {
            transport.mtu_max = self.mtu_max;
        }
        Ok(transport)
    }

    fn congestion(&self) -> Result<Congestion, Failure> {
        Ok(match self.congestion {
            RH_CONGESTION_CUBIC => Congestion::Cubic,
            RH_CONGESTION_NEW_RENO => Congestion::NewReno,
            RH_CONGESTION_BBR => Congestion::Bbr,
            other => return Err(Failure::invalid(format!("there is no congestion {other}"))),
        })
    }

    fn retry(&self) -> Result<Retry, Failure> {
        Ok(match self.retry {
            RH_RETRY_UNDER_LOAD => Retry::UnderLoad,
            RH_RETRY_NEVER => Retry::Never,
            RH_RETRY_ALWAYS => Retry::Always,
            other => return Err(Failure::invalid(format!("there is no retry {other}"))),
        })
    }
}
