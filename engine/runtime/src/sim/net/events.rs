//! What will happen in a network, in the order of virtual time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use roundhouse_base::Monotonic;

use super::packet::Packet;
use super::socket::SocketNo;
use crate::op::OpId;
use crate::sim::port::PortNo;
use crate::socket::SocketId;

/// Something to come.
#[derive(Debug)]
pub(super) enum Event {
    /// A packet arrives.
    Arrival(Packet),
    /// A stream wants to be looked at.
    Timer(SocketNo),
    /// A socket has more for its receiver.
    Resume(SocketNo),
    /// A process's wish to cancel an operation on a socket is granted, if it is still in flight.
    Cancel { port: PortNo, id: OpId, socket: SocketId },
    /// A socket's number is free again.
    Closed { port: PortNo, id: OpId, socket: SocketId },
}

/// All events to come. Of those at the same time the one added first comes first.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    heap: BinaryHeap<Reverse<Entry>>,
    added: u64,
}

#[derive(Debug)]
struct Entry {
    at: Monotonic,
    order: u64,
    event: Event,
}

impl EventQueue {
    pub(super) fn add(&mut self, at: Monotonic, event: Event) {
        self.added += 1;
        self.heap.push(Reverse(Entry { at, order: self.added, event }));
    }

    /// When the earliest comes.
    pub(super) fn next_time(&self) -> Option<Monotonic> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes the earliest out.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.heap.pop().map(|Reverse(entry)| entry.event)
    }

    /// Packets on their way.
    pub(super) fn packets(&self) -> usize {
        let events = self.heap.iter().map(|Reverse(entry)| &entry.event);
        events.filter(|event| matches!(event, Event::Arrival(_))).count()
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}
