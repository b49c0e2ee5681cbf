//! What the sockets of a shard count, summed by kind.

use std::sync::Arc;

use roundhouse_base::metrics::Cell;
use roundhouse_net::quic::machine::Metrics as QuicCounters;
use roundhouse_net::{TcpCounters, UdpCounters};
use roundhouse_runtime::uring::DriverCounters;

use super::Counter;

/// What sockets hold at the moment, on one shard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SocketInfo {
    /// Memory made for receiving, of datagrams and streams together; none in the simulator.
    pub receive_buffer_bytes: u64,
    /// TCP streams that are open, accepted and connected ones.
    pub tcp_streams: u64,
    /// Bytes that those hold: received and not read, written and not taken by the kernel.
    pub tcp_held_bytes: u64,
    /// TLS handshakes in progress.
    pub tls_handshakes: u64,
    /// QUIC connections of every state, closing ones included.
    pub quic_connections: u64,
    /// QUIC handshakes of clients in progress.
    pub quic_handshakes: u64,
    /// Bytes of buffers promised to QUIC connections.
    pub quic_promised_bytes: u64,
    /// QUIC endpoints among whose shards the kernel chooses by connection ID.
    pub quic_steered: u64,
}

/// The sockets that one shard opened through its handle.
#[derive(Debug)]
pub(crate) struct SocketRegistry {
    pub(crate) udp: Family<UdpCounters>,
    pub(crate) tcp: Family<TcpCounters>,
    pub(crate) quic: Family<QuicCounters>,
}

impl Default for SocketRegistry {
    fn default() -> SocketRegistry {
        SocketRegistry { udp: Family::new(UDP), tcp: Family::new(TCP), quic: Family::new(QUIC) }
    }
}

impl SocketRegistry {
    pub(super) fn info(&self, driver: Option<&DriverCounters>) -> SocketInfo {
        SocketInfo {
            receive_buffer_bytes: driver.map_or(0, |driver| driver.buffer_bytes.load()),
            tcp_streams: self.tcp.now(|tcp| &tcp.open),
            tcp_held_bytes: self.tcp.now(|tcp| &tcp.held_bytes),
            tls_handshakes: self.tcp.now(|tcp| &tcp.tls_handshakes),
            quic_connections: self.quic.now(|quic| &quic.connections),
            quic_handshakes: self.quic.now(|quic| &quic.handshakes),
            quic_promised_bytes: self.quic.now(|quic| &quic.promised_bytes),
            quic_steered: self.quic.now(|quic| &quic.steered),
        }
    }

    pub(super) fn counters(&self) -> impl Iterator<Item = Counter> {
        self.udp.counters().chain(self.tcp.counters()).chain(self.quic.counters())
    }
}

/// Sockets of one kind: those that may still count, and the sums of those that no longer do.
#[derive(Debug)]
pub(crate) struct Family<T: 'static> {
    counted: &'static [Counted<T>],
    watched: Vec<Arc<T>>,
    /// The sums of what was watched once, in the order of `counted`.
    past: Vec<u64>,
    /// So many watched ones are worth a look at which of them are gone.
    sweep_at: usize,
}

/// Name, help and place of something that only grows.
type Counted<T> = (&'static str, &'static str, fn(&T) -> &Cell);

/// Below this many watched sockets none is worth forgetting.
const SWEEP_MIN: usize = 16;

impl<T> Family<T> {
    fn new(counted: &'static [Counted<T>]) -> Family<T> {
        Family { counted, watched: Vec::new(), past: vec![0; counted.len()], sweep_at: SWEEP_MIN }
    }

    pub(crate) fn watch(&mut self, counters: Arc<T>) {
        if self.watched.len() >= self.sweep_at {
            self.sweep();
            self.sweep_at = SWEEP_MIN.max(2 * self.watched.len());
        }
        self.watched.push(counters);
    }

    /// Keeps only the sums of what nobody else holds: it will not count any more.
    fn sweep(&mut self) {
        let Family { counted, watched, past, .. } = self;
        watched.retain(|counters| {
            let is_used = Arc::strong_count(counters) > 1;
            if !is_used {
                add(past, counted, counters);
            }
            is_used
        });
    }

    fn counters(&self) -> impl Iterator<Item = Counter> {
        let mut sums = self.past.clone();
        for counters in &self.watched {
            add(&mut sums, self.counted, counters);
        }
        let named = self.counted.iter().zip(sums);
        named.map(|(&(name, help, _), value)| Counter { name, help, value })
    }

    /// The sum of something that goes up and down, and is zero for what is gone.
    fn now(&self, cell: fn(&T) -> &Cell) -> u64 {
        self.watched.iter().map(|counters| cell(counters).load()).sum()
    }
}

fn add<T>(sums: &mut [u64], counted: &[Counted<T>], counters: &T) {
    for (sum, (_, _, cell)) in sums.iter_mut().zip(counted) {
        *sum += cell(counters).load();
    }
}

const UDP: &[Counted<UdpCounters>] = &[
    ("udp_arrivals", "Datagrams and trains received.", |udp| &udp.arrivals),
    ("udp_bytes_received", "Bytes of those.", |udp| &udp.bytes_received),
    ("udp_receive_pauses", "Times a slow reader paused receiving.", |udp| &udp.receive_pauses),
    ("udp_transmits", "Datagrams and trains sent.", |udp| &udp.transmits),
    ("udp_bytes_sent", "Bytes of those.", |udp| &udp.bytes_sent),
    ("udp_refused", "Transmissions refused by a full send queue.", |udp| &udp.refused),
    ("udp_lost_no_buffers", "Transmissions the system had no memory for.", |udp| {
        &udp.lost_no_buffers
    }),
    ("udp_lost_too_long", "Datagrams longer than the path allows.", |udp| &udp.lost_too_long),
    ("udp_lost_other", "Transmissions lost to other errors.", |udp| &udp.lost_other),
    ("udp_trains_off", "Sockets on which trains turned out not to work.", |udp| &udp.trains_off),
];

const TCP: &[Counted<TcpCounters>] = &[
    ("tcp_opened", "Streams opened.", |tcp| &tcp.opened),
    ("tcp_refused", "Connections reset by a limit on connections or bytes.", |tcp| &tcp.refused),
    ("tcp_failed", "Connections not accepted or not established.", |tcp| &tcp.failed),
    ("tcp_bytes_received", "Bytes received.", |tcp| &tcp.bytes_received),
    ("tcp_bytes_sent", "Bytes sent.", |tcp| &tcp.bytes_sent),
    ("tcp_broken", "Streams that failed, resets by peers included.", |tcp| &tcp.broken),
    ("tcp_timed_out", "Streams that ran into a time limit.", |tcp| &tcp.timed_out),
    ("tcp_linger_expired", "Streams reset with something left to send.", |tcp| &tcp.linger_expired),
    ("tls_established", "TLS handshakes completed.", |tcp| &tcp.tls_established),
    ("tls_refused", "TLS handshakes refused by this side.", |tcp| &tcp.tls_refused),
    ("tls_refused_by_peer", "TLS handshakes refused by peers.", |tcp| &tcp.tls_refused_by_peer),
    ("tls_timed_out", "TLS handshakes that took too long.", |tcp| &tcp.tls_timed_out),
    ("tls_broken", "TLS handshakes that broke off.", |tcp| &tcp.tls_broken),
    ("tls_busy", "Connections reset by the limit on TLS handshakes.", |tcp| &tcp.tls_busy),
];

const QUIC: &[Counted<QuicCounters>] = &[
    ("quic_connected", "Handshakes completed.", |quic| &quic.connected),
    ("quic_lost", "Connections that ended by an error.", |quic| &quic.lost),
    ("quic_handshakes_timed_out", "Handshakes not done in time.", |quic| {
        &quic.handshakes_timed_out
    }),
    (
        "quic_streams_timed_out",
        "Streams given up by a read or write that waited too long.",
        |quic| &quic.streams_timed_out,
    ),
    ("quic_refused", "Clients refused by a limit.", |quic| &quic.refused),
    ("quic_retries", "Clients asked to prove their address.", |quic| &quic.retries),
    ("quic_initials_dropped", "First packets dropped in a flood.", |quic| &quic.initials_dropped),
    ("quic_datagrams_received", "QUIC datagrams received.", |quic| &quic.datagrams_received),
    ("quic_datagrams_ignored", "Those that no connection was there for.", |quic| {
        &quic.datagrams_ignored
    }),
    ("quic_misfits", "Datagrams of another shard's connections.", |quic| &quic.misfits),
    ("quic_misfits_dropped", "Those dropped in a flood, or for want of a taker.", |quic| {
        &quic.misfits_dropped
    }),
    ("quic_forwarded", "Datagrams that another shard received and handed on.", |quic| {
        &quic.forwarded
    }),
    ("quic_datagrams_sent", "QUIC datagrams sent.", |quic| &quic.datagrams_sent),
    ("quic_trains_sent", "Trains they were sent in.", |quic| &quic.trains_sent),
    ("quic_answers_dropped", "Retries, refusals and resets dropped in a flood.", |quic| {
        &quic.answers_dropped
    }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_stays_in_the_sums_and_costs_no_memory() {
        let mut family = Family::new(UDP);
        let kept = Arc::new(UdpCounters::default());
        family.watch(kept.clone());
        for _ in 0..1000 {
            let passing = Arc::new(UdpCounters::default());
            passing.arrivals.add(1);
            family.watch(passing);
        }
        kept.arrivals.add(5);
        let arrivals = family.counters().find(|counter| counter.name == "udp_arrivals");
        assert_eq!(arrivals.map(|counter| counter.value), Some(1005));
        assert!(family.watched.len() <= SWEEP_MIN + 1, "{} are watched", family.watched.len());
        assert_eq!(
            family.now(|udp| &udp.arrivals),
            kept.arrivals.load() + family.watched.len() as u64 - 1
        );
    }
}
