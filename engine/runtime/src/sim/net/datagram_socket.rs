//! A socket for datagrams: what arrived, and who wants it.

use std::collections::VecDeque;

use crate::op::OpId;
use crate::socket::Arrival;

/// A queue, bounded in bytes.
#[derive(Debug)]
pub(super) struct DatagramSocket {
    queue: VecDeque<Arrival>,
    queued_bytes: usize,
    bytes_max: usize,
    /// The multishot receive in flight.
    pub(super) receiving: Option<OpId>,
}

/// What an arrival costs beside its content: something, so that empty datagrams are bounded, too.
const OVERHEAD_BYTES: usize = 256;

impl DatagramSocket {
    pub(super) fn new(bytes_max: usize) -> DatagramSocket {
        DatagramSocket { queue: VecDeque::new(), queued_bytes: 0, bytes_max, receiving: None }
    }

    /// Takes an arrival in. False: there is no room, and it is lost.
    pub(super) fn push(&mut self, arrival: Arrival) -> bool {
        let bytes = charge(&arrival);
        // As in the kernel, a socket that holds nothing takes anything.
        let fits = self.queue.is_empty() || self.queued_bytes + bytes <= self.bytes_max;
        if fits {
            self.queued_bytes += bytes;
            self.queue.push_back(arrival);
        }
        fits
    }

    /// The oldest arrival, for the receive in flight. `None` if either is missing.
    pub(super) fn take(&mut self) -> Option<(OpId, Arrival)> {
        let receiving = self.receiving?;
        let arrival = self.queue.pop_front()?;
        self.queued_bytes -= charge(&arrival);
        Some((receiving, arrival))
    }

    /// Whether [`DatagramSocket::take`] would give something.
    pub(super) fn is_ready(&self) -> bool {
        self.receiving.is_some() && !self.queue.is_empty()
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }
}

fn charge(arrival: &Arrival) -> usize {
    arrival.data.len() + OVERHEAD_BYTES
}
