//! What can be told about a connection.

use std::time::Duration;

/// A connection's path and what was sent over it. Counters start at zero with the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// The smoothed round-trip time.
    pub round_trip: Duration,
    /// The smallest one.
    pub round_trip_min: Duration,
    /// Bytes that may be on their way at once.
    pub congestion_window_bytes: u64,
    /// Times the window was made smaller.
    pub congestion_events: u64,
    /// Bytes that a datagram may have on the path at the moment.
    pub mtu: u16,
    /// Times the path stopped carrying datagrams of the size found before.
    pub black_holes: u64,
    /// Packets sent.
    pub packets_sent: u64,
    /// Packets that had to be given up as lost.
    pub packets_lost: u64,
    /// Bytes in them.
    pub bytes_lost: u64,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes in them.
    pub bytes_sent: u64,
    /// Datagrams received.
    pub datagrams_received: u64,
    /// Bytes in them.
    pub bytes_received: u64,
    /// Bytes this side may hold unread, and again unacknowledged, at the moment.
    pub window_bytes: u64,
}

impl ConnectionStats {
    pub(crate) fn from_proto(stats: &quinn_proto::ConnectionStats, window_bytes: u64) -> Self {
        ConnectionStats {
            round_trip: stats.path.rtt,
            round_trip_min: stats.path.min_rtt,
            congestion_window_bytes: stats.path.cwnd,
            congestion_events: stats.path.congestion_events,
            mtu: stats.path.current_mtu,
            black_holes: stats.path.black_holes_detected,
            packets_sent: stats.path.sent_packets,
            packets_lost: stats.path.lost_packets,
            bytes_lost: stats.path.lost_bytes,
            datagrams_sent: stats.udp_tx.datagrams,
            bytes_sent: stats.udp_tx.bytes,
            datagrams_received: stats.udp_rx.datagrams,
            bytes_received: stats.udp_rx.bytes,
            window_bytes,
        }
    }
}
