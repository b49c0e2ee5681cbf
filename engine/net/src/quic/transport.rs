//! Options in the protocol library's words.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use quinn_proto::{EndpointConfig, IdleTimeout, MtuDiscoveryConfig, TransportConfig, VarInt};

use super::clock::MonotonicClock;
use super::connection_id::{IdScheme, ShardIdGenerator};
use super::error::OptionsError;
use super::options::{EndpointOptions, Limits, TransportOptions};
use crate::limits::UDP_TRAIN_BYTES;
use roundhouse_base::Random;

/// A payload that every path carries (RFC 9000 section 14).
const MTU_MIN: u16 = 1200;
const MTU_MAX: u16 = UDP_TRAIN_BYTES as u16;
/// The payload that an Ethernet frame holds, and the least we say that we accept.
const PAYLOAD_MIN: u16 = 1472;

/// Refuses options that could not be honoured.
pub(crate) fn check(options: &EndpointOptions) -> Result<(), OptionsError> {
    let limits = &options.limits;
    let transport = &options.transport;
    let mtu = u64::from(MTU_MIN)..=u64::from(MTU_MAX);
    within("shared.shards", options.shared.shards, 1..=256)?;
    within("shard", options.shard.0, 0..=u64::from(options.shared.shards - 1))?;
    within("limits.connections", limits.connections as u64, 1..=1 << 24)?;
    within("limits.handshakes", limits.handshakes as u64, 1..=1 << 24)?;
    within("limits.accept_backlog", limits.accept_backlog as u64, 1..=1 << 24)?;
    within("limits.bidirectional_streams", limits.bidirectional_streams, 0..=1 << 20)?;
    within("limits.unidirectional_streams", limits.unidirectional_streams, 0..=1 << 20)?;
    // None at first would be none for ever: what is allowed grows by being used.
    let (first, second) =
        (limits.bidirectional_streams_initial, limits.unidirectional_streams_initial);
    within("limits.bidirectional_streams_initial", first, 1..=1 << 20)?;
    within("limits.unidirectional_streams_initial", second, 1..=1 << 20)?;
    within("limits.stream_bytes", limits.stream_bytes, 1024..=1 << 30)?;
    within("limits.connection_bytes_max", limits.connection_bytes_max, 1024..=1 << 30)?;
    let largest = u64::from(limits.connection_bytes_max);
    within("limits.connection_bytes_initial", limits.connection_bytes_initial, 1024..=largest)?;
    within("limits.shard_bytes", limits.shard_bytes, limits.promise()..=u64::MAX)?;
    within("transport.mtu_initial", transport.mtu_initial, mtu.clone())?;
    within("transport.mtu_max", transport.mtu_max, mtu)
}

fn within(
    name: &'static str,
    value: impl Into<u64>,
    range: RangeInclusive<u64>,
) -> Result<(), OptionsError> {
    let value = value.into();
    let (min, max) = (*range.start(), *range.end());
    if range.contains(&value) {
        return Ok(());
    }
    Err(OptionsError::OutOfRange { name, value, min, max })
}

impl Limits {
    /// Bytes that a new connection is promised: unread and unacknowledged stream data, and datagrams
    /// either way.
    pub(crate) fn promise(&self) -> u64 {
        2 * (u64::from(self.connection_bytes_initial) + u64::from(self.datagram_bytes))
    }
}

/// How every connection of an endpoint behaves.
pub(crate) fn transport_config(
    limits: &Limits,
    transport: &TransportOptions,
    clock: MonotonicClock,
) -> Result<TransportConfig, OptionsError> {
    let mut config = TransportConfig::default();
    let bidirectional = limits.bidirectional_streams.min(limits.bidirectional_streams_initial);
    let unidirectional = limits.unidirectional_streams.min(limits.unidirectional_streams_initial);
    config
        .max_concurrent_bidi_streams(bidirectional.into())
        .max_concurrent_uni_streams(unidirectional.into())
        .stream_receive_window(limits.stream_bytes.into())
        .receive_window(limits.connection_bytes_initial.into())
        .send_window(limits.connection_bytes_initial.into())
        .max_idle_timeout(transport.idle_timeout.map(idle_timeout).transpose()?)
        .keep_alive_interval(transport.keep_alive)
        .initial_rtt(transport.rtt_initial)
        .initial_mtu(transport.mtu_initial)
        .mtu_discovery_config(discovery(transport))
        .congestion_controller_factory(transport.congestion.factory(initial_window(transport)))
        .datagram_receive_buffer_size(
            (limits.datagram_bytes > 0).then_some(limits.datagram_bytes as usize),
        )
        .datagram_send_buffer_size(limits.datagram_bytes as usize);
    trace(&mut config, transport, clock);
    Ok(config)
}

#[cfg(feature = "qlog")]
fn trace(config: &mut TransportConfig, transport: &TransportOptions, clock: MonotonicClock) {
    config.qlog_stream(transport.qlog.as_ref().and_then(|sink| sink.start(clock)));
}

#[cfg(not(feature = "qlog"))]
fn trace(_config: &mut TransportConfig, _transport: &TransportOptions, _clock: MonotonicClock) {}

fn idle_timeout(value: Duration) -> Result<IdleTimeout, OptionsError> {
    let too_long = |_| OptionsError::TooLong { name: "transport.idle_timeout", value };
    IdleTimeout::try_from(value).map_err(too_long)
}

fn discovery(transport: &TransportOptions) -> Option<MtuDiscoveryConfig> {
    let mut config = MtuDiscoveryConfig::default();
    config.upper_bound(transport.mtu_max);
    (transport.mtu_max > transport.mtu_initial).then_some(config)
}

/// The initial congestion window of RFC 9002 section 7.2. With a fixed one, a connection over a path
/// with huge datagrams would not be allowed to send its first.
fn initial_window(transport: &TransportOptions) -> u64 {
    let datagram = u64::from(transport.mtu_initial);
    (10 * datagram).min((2 * datagram).max(14_720))
}

/// What does not depend on the single connection.
pub(crate) fn endpoint_config(
    options: &EndpointOptions,
    scheme: &IdScheme,
    mut random: Random,
) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(options.shared.secrets.reset.clone()));
    let mut seed = [0; 32];
    random.fill(&mut seed);
    let largest = options.transport.mtu_max.max(options.transport.mtu_initial).max(PAYLOAD_MIN);
    let (scheme, shard, ids) = (scheme.clone(), options.shard, random.split());
    config
        .rng_seed(Some(seed))
        .max_udp_payload_size(largest)
        .expect("the largest datagram was checked")
        .cid_generator(move || Box::new(ShardIdGenerator::new(scheme.clone(), shard, ids.clone())));
    config
}

/// A number of bytes as a window on the wire.
pub(crate) fn window(bytes: u64) -> VarInt {
    VarInt::from_u64(bytes).unwrap_or(VarInt::MAX)
}
