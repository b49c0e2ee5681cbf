//! Random sequences of operations against the obvious queue.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{CountingWaker, parking, poll};
use crate::mailbox::{
    HostReceiver, HostSend, HostSender, SpscReceiver, SpscSender, TrySendError, host_mailbox, spsc,
};

#[derive(Clone, Debug)]
enum HostOp {
    TrySend,
    /// Makes a send and polls it once; it may then wait.
    Send,
    /// Polls the waiting send of this index, modulo their number.
    Poll(usize),
    /// Drops it.
    Cancel(usize),
    Drain(usize),
}

fn host_op() -> impl Strategy<Value = HostOp> {
    prop_oneof![
        Just(HostOp::TrySend),
        Just(HostOp::Send),
        any::<usize>().prop_map(HostOp::Poll),
        any::<usize>().prop_map(HostOp::Cancel),
        (0..4_usize).prop_map(HostOp::Drain),
    ]
}

/// A send that waits, as the model knows it.
struct Waiting<'a> {
    message: u32,
    send: Pin<Box<HostSend<'a, u32>>>,
    waker: Arc<CountingWaker>,
    /// Wake-ups before its last poll.
    wakes_spent: usize,
}

struct HostModel<'a> {
    sender: &'a HostSender<u32>,
    receiver: &'a HostReceiver<u32>,
    capacity: usize,
    next: u32,
    queue: VecDeque<u32>,
    line: Vec<Waiting<'a>>,
}

impl HostModel<'_> {
    fn apply(&mut self, op: &HostOp) {
        match *op {
            HostOp::TrySend => self.try_send(),
            HostOp::Send => self.send(),
            HostOp::Poll(index) if !self.line.is_empty() => self.poll(index % self.line.len()),
            HostOp::Cancel(index) if !self.line.is_empty() => {
                self.line.remove(index % self.line.len());
            }
            HostOp::Poll(_) | HostOp::Cancel(_) => {}
            HostOp::Drain(max) => self.drain(max),
        }
        self.check_that_who_may_send_knows();
    }

    fn room(&self) -> usize {
        self.capacity - self.queue.len()
    }

    fn try_send(&mut self) {
        let expected = if self.room() > 0 { Ok(()) } else { Err(TrySendError::Full(self.next)) };
        assert_eq!(self.sender.try_send(self.next), expected);
        if expected.is_ok() {
            self.queue.push_back(self.next);
        }
        self.next += 1;
    }

    fn send(&mut self) {
        let (message, waker) = (self.next, CountingWaker::new());
        let send = Box::pin(self.sender.send(message));
        self.line.push(Waiting { message, send, waker, wakes_spent: 0 });
        self.next += 1;
        self.poll(self.line.len() - 1);
    }

    /// The rule of the line: with room for `n`, the first `n` may send.
    fn poll(&mut self, index: usize) {
        let may_send = index < self.room();
        let waiting = &mut self.line[index];
        waiting.wakes_spent = waiting.waker.wakes();
        let polled = poll(waiting.send.as_mut(), &waiting.waker);
        assert_eq!(polled, if may_send { Poll::Ready(Ok(())) } else { Poll::Pending });
        if may_send {
            self.queue.push_back(self.line.remove(index).message);
        }
    }

    fn drain(&mut self, max: usize) {
        let mut received = Vec::new();
        self.receiver.drain(max, |message| received.push(message));
        let expected: Vec<u32> = self.queue.drain(..max.min(self.queue.len())).collect();
        assert_eq!(received, expected);
    }

    /// No lost wake-up: a send that could complete now was woken since it last looked.
    fn check_that_who_may_send_knows(&self) {
        for waiting in self.line.iter().take(self.room()) {
            assert!(waiting.waker.wakes() > waiting.wakes_spent);
        }
    }
}

#[derive(Clone, Debug)]
enum RingOp {
    TrySend,
    Publish,
    PollReady,
    TryRecv,
    Drain(usize),
}

fn ring_op() -> impl Strategy<Value = RingOp> {
    prop_oneof![
        3 => Just(RingOp::TrySend),
        1 => Just(RingOp::Publish),
        1 => Just(RingOp::PollReady),
        1 => Just(RingOp::TryRecv),
        1 => (0..4_usize).prop_map(RingOp::Drain),
    ]
}

struct RingModel {
    sender: SpscSender<Arc<u32>>,
    receiver: SpscReceiver<Arc<u32>>,
    capacity: usize,
    next: u32,
    published: VecDeque<u32>,
    unpublished: VecDeque<u32>,
    waker: Arc<CountingWaker>,
    /// Wake-ups before the last poll that found no room, while that sender waits.
    waits_since: Option<usize>,
}

impl RingModel {
    fn apply(&mut self, op: &RingOp) {
        match *op {
            RingOp::TrySend => self.try_send(),
            RingOp::Publish => {
                self.sender.publish();
                self.publish();
            }
            RingOp::PollReady => self.poll_ready(),
            RingOp::TryRecv => {
                let received = self.receiver.try_recv().map(|message| *message);
                assert_eq!(received, self.published.pop_front());
            }
            RingOp::Drain(max) => {
                let mut received = Vec::new();
                self.receiver.drain(max, |message| received.push(*message));
                let expected = self.published.drain(..max.min(self.published.len()));
                assert_eq!(received, expected.collect::<Vec<_>>());
            }
        }
        if self.has_room()
            && let Some(wakes) = self.waits_since.take()
        {
            assert!(self.waker.wakes() > wakes, "no lost wake-up");
        }
    }

    fn has_room(&self) -> bool {
        self.published.len() + self.unpublished.len() < self.capacity
    }

    fn publish(&mut self) {
        self.published.append(&mut self.unpublished);
    }

    fn try_send(&mut self) {
        let sent = self.sender.try_send(Arc::new(self.next));
        assert_eq!(sent.is_ok(), self.has_room());
        if sent.is_ok() {
            self.unpublished.push_back(self.next);
        } else {
            self.publish();
        }
        self.next += 1;
    }

    fn poll_ready(&mut self) {
        let wakes = self.waker.wakes();
        let polled = self.sender.poll_ready(&mut Context::from_waker(&self.waker.waker()));
        assert_eq!(polled.is_ready(), self.has_room());
        if polled.is_pending() {
            self.publish();
            self.waits_since = Some(wakes);
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        // A failure is printed with its smallest sequence, which is enough to write a test.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_host_mailbox_is_a_bounded_queue_with_a_fair_line(
        capacity in 1..5_usize,
        ops in vec(host_op(), 0..100),
    ) {
        let (sender, receiver) = host_mailbox(capacity, parking());
        let mut model = HostModel {
            sender: &sender,
            receiver: &receiver,
            capacity,
            next: 0,
            queue: VecDeque::new(),
            line: Vec::new(),
        };
        for op in &ops {
            model.apply(op);
        }
    }

    #[test]
    fn the_ring_is_a_bounded_queue(
        capacity in 1..9_usize,
        ops in vec(ring_op(), 0..100),
    ) {
        let (sender, receiver) = spsc(capacity, parking());
        let mut model = RingModel {
            sender,
            receiver,
            capacity: capacity.next_power_of_two(),
            next: 0,
            published: VecDeque::new(),
            unpublished: VecDeque::new(),
            waker: CountingWaker::new(),
            waits_since: None,
        };
        for op in &ops {
            model.apply(op);
        }
    }
}
