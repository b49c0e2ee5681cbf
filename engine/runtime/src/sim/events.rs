//! What will happen in a world, in the order of virtual time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use roundhouse_base::Monotonic;

use super::port::PortNo;
use crate::op::{Errno, OpId};

/// The order in which things happened in a world, also within one nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp(pub(super) u64);

/// The end of an operation. Void if the operation ended before, by a cancellation or a crash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) at: Monotonic,
    /// When the operation was submitted; unique, so that events have one order.
    pub(super) stamp: Stamp,
    pub(super) port: PortNo,
    pub(super) id: OpId,
    pub(super) plan: Plan,
}

/// What an event does to its operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    /// It takes effect now.
    Perform,
    /// It never takes effect.
    Fail(Errno),
}

/// All events to come.
#[derive(Debug, Default)]
pub(super) struct EventQueue {
    heap: BinaryHeap<Reverse<Event>>,
}

impl EventQueue {
    pub(super) fn push(&mut self, event: Event) {
        self.heap.push(Reverse(event));
    }

    /// The earliest event.
    pub(super) fn peek(&self) -> Option<&Event> {
        self.heap.peek().map(|Reverse(event)| event)
    }

    /// Takes the earliest event out.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.heap.pop().map(|Reverse(event)| event)
    }

    /// The events of one port, in no useful order.
    pub(super) fn of_port(&self, port: PortNo) -> impl Iterator<Item = &Event> {
        self.heap.iter().map(|Reverse(event)| event).filter(move |event| event.port == port)
    }

    /// Takes all events of one port out, in the order of submission.
    pub(super) fn take_port(&mut self, port: PortNo) -> Vec<Event> {
        let mut taken: Vec<Event> = self.of_port(port).copied().collect();
        self.heap.retain(|Reverse(event)| event.port != port);
        taken.sort_by_key(|event| event.stamp);
        taken
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Event) -> Ordering {
        (self.at, self.stamp).cmp(&(other.at, other.stamp))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Event {}
