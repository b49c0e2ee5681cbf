//! What a way between two nodes is like.

use std::time::Duration;

/// What happens to packets on the way from one node to another. The way back has its own.
///
/// Rates are fractions of the packets, from 0 to 1. Datagrams suffer what is said here as it is;
/// a stream sends again what was lost, so that its bytes come late, but come.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkOptions {
    /// Shortest time from node to node.
    pub latency: Duration,
    /// What may be added to it, drawn evenly. It does not change the order of packets.
    pub jitter: Duration,
    /// Bytes a second, headers included; `None` for any number at once.
    pub bandwidth: Option<u64>,
    /// Bytes that wait where the bandwidth is the bound. Packets beyond that are lost; from half of
    /// it on, those that say they can be marked (ECN) are.
    pub queue_bytes: u64,
    /// Packets that disappear.
    pub loss: f64,
    /// Packets that come twice.
    pub duplication: f64,
    /// Packets that take longer and are overtaken by later ones.
    pub reordering: f64,
    /// What such a packet takes longer at most.
    pub reordering_delay: Duration,
    /// Datagrams of which one bit comes wrong, as where nobody checks a checksum. A segment of a
    /// stream is lost: TCP's checksum is always checked.
    pub corruption: f64,
    /// The longest packet, headers included, that the sender's own device takes. A longer datagram
    /// fails with `EMSGSIZE`, a stream's segments fit. At least 1280.
    pub device_mtu_bytes: usize,
    /// The longest packet that gets through. If it is less than the device takes, the way is an MTU
    /// black hole: longer packets disappear, and nobody is told.
    pub path_mtu_bytes: usize,
    /// Nothing gets through. What is on its way already arrives.
    pub is_cut: bool,
}

impl Default for LinkOptions {
    /// A good network within a city: 1 ms, a tenth of that as jitter, 1500 bytes, no fault.
    fn default() -> LinkOptions {
        LinkOptions {
            latency: Duration::from_millis(1),
            jitter: Duration::from_micros(100),
            bandwidth: None,
            queue_bytes: 256 << 10,
            loss: 0.0,
            duplication: 0.0,
            reordering: 0.0,
            reordering_delay: Duration::from_millis(5),
            corruption: 0.0,
            device_mtu_bytes: 1500,
            path_mtu_bytes: 1500,
            is_cut: false,
        }
    }
}

impl LinkOptions {
    /// The way from a node to itself: some microseconds, packets of 65,535 bytes, no fault.
    pub fn loopback() -> LinkOptions {
        LinkOptions {
            latency: Duration::from_micros(5),
            jitter: Duration::from_micros(5),
            device_mtu_bytes: 65_535,
            path_mtu_bytes: 65_535,
            ..LinkOptions::default()
        }
    }
}
