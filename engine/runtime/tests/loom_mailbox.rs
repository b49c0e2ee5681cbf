//! The lock-free parts of the mailboxes under loom, which runs every interleaving of a few threads
//! and every value a load may see. Empty without `--cfg loom`; run it with
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p roundhouse-runtime --test loom_mailbox --release
//! ```
//! A lost wake-up shows as a deadlock. The host mailbox is not here: its queue is a channel that
//! knows nothing of loom; it shares the parking.
#![cfg(loom)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use loom::model::Builder;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;
use roundhouse_runtime::Unpark;
use roundhouse_runtime::mailbox::{Closed, Parking, SpscReceiver, TrySendError, spsc};

/// A sleep that ends by a signal sent before or during it: the contract of `Driver::reap`, and of
/// the waker of a blocked thread.
#[derive(Default)]
struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
    count: AtomicUsize,
}

impl Signal {
    fn new() -> Arc<Signal> {
        Arc::default()
    }

    fn wait(&self) {
        let mut is_set = self.is_set.lock().unwrap();
        while !*is_set {
            is_set = self.changed.wait(is_set).unwrap();
        }
        *is_set = false;
    }

    fn set(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        *self.is_set.lock().unwrap() = true;
        self.changed.notify_one();
    }
}

impl Unpark for Signal {
    fn unpark(&self) {
        self.set();
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let signal = Signal::new();
    let waker = Waker::from(signal.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => signal.wait(),
        }
    }
}

/// A shard: its parking and its sleep.
fn shard() -> (Arc<Parking>, Arc<Signal>) {
    let signal = Signal::new();
    (Arc::new(Parking::new(signal.clone())), signal)
}

/// The skeleton of a shard's loop, until `look` is content.
fn run_loop(parking: &Parking, signal: &Signal, mut look: impl FnMut() -> bool) {
    loop {
        parking.unparked();
        if look() {
            return;
        }
        if parking.prepare_park() {
            signal.wait();
        }
    }
}

/// Takes messages until `expected` came.
fn receive(
    receiver: &mut SpscReceiver<usize>,
    parking: &Parking,
    signal: &Signal,
    expected: usize,
) {
    let mut next = 0;
    run_loop(parking, signal, || {
        while let Some(message) = receiver.try_recv() {
            assert_eq!(message, next, "messages arrive in order, none twice");
            next += 1;
        }
        next == expected
    });
}

/// For the longer stories, in which every order would take minutes: all orders with up to this many
/// switches away from a thread that could have gone on. Each fence of the mailboxes was seen to be
/// needed at three.
fn bounded(preemptions: usize) -> Builder {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder
}

#[test]
fn a_notification_after_a_message_is_never_lost() {
    loom::model(|| {
        let (parking, signal) = shard();
        let message = Arc::new(AtomicUsize::new(0));
        let sender = thread::spawn({
            let (parking, message) = (parking.clone(), message.clone());
            move || {
                for number in 1..=2 {
                    message.store(number, Ordering::Relaxed);
                    parking.notify();
                }
            }
        });
        run_loop(&parking, &signal, || message.load(Ordering::Relaxed) == 2);
        sender.join().unwrap();
    });
}

#[test]
fn of_two_notifiers_neither_is_lost_and_at_most_one_wakes_per_sleep() {
    bounded(3).check(|| {
        let (parking, signal) = shard();
        let messages = Arc::new(AtomicUsize::new(0));
        let senders = [1, 2].map(|number| {
            let (parking, messages) = (parking.clone(), messages.clone());
            thread::spawn(move || {
                messages.fetch_add(number, Ordering::Relaxed);
                parking.notify();
            })
        });
        let mut sleeps = 0;
        run_loop(&parking, &signal, || {
            sleeps += 1;
            messages.load(Ordering::Relaxed) == 3
        });
        for sender in senders {
            sender.join().unwrap();
        }
        assert!(signal.count.load(Ordering::Relaxed) <= sleeps);
    });
}

#[test]
fn published_batches_arrive_in_order() {
    bounded(3).check(|| {
        let (parking, signal) = shard();
        let (mut sender, mut receiver) = spsc(4, parking.clone());
        let sending = thread::spawn(move || {
            for batch in [[0, 1], [2, 3]] {
                for message in batch {
                    sender.try_send(message).unwrap();
                }
                sender.publish();
            }
            sender
        });
        receive(&mut receiver, &parking, &signal, 4);
        drop(sending.join().unwrap());
    });
}

#[test]
fn a_sender_waiting_for_room_is_always_woken() {
    bounded(3).check(|| {
        let (parking, signal) = shard();
        let (mut sender, mut receiver) = spsc(1, parking.clone());
        let sending = thread::spawn(move || {
            for message in 0..3 {
                block_on(sender.send(message)).unwrap();
            }
            sender
        });
        receive(&mut receiver, &parking, &signal, 3);
        drop(sending.join().unwrap());
    });
}

#[test]
fn a_receiver_that_drains_in_portions_wakes_the_sender_too() {
    bounded(3).check(|| {
        let (parking, signal) = shard();
        let (mut sender, mut receiver) = spsc(2, parking.clone());
        let sending = thread::spawn(move || {
            for message in 0..4 {
                block_on(sender.send(message)).unwrap();
            }
            sender
        });
        let mut received = Vec::new();
        run_loop(&parking, &signal, || {
            while receiver.drain(2, |message| received.push(message)) == 2 {}
            received.len() == 4
        });
        assert_eq!(received, [0, 1, 2, 3]);
        drop(sending.join().unwrap());
    });
}

#[test]
fn a_message_sent_while_the_receiver_goes_is_dropped_before_the_sender_is() {
    loom::model(|| {
        let (parking, _signal) = shard();
        let (mut sender, receiver) = spsc(2, parking);
        let message = Arc::new(());
        let sending = thread::spawn({
            let message = message.clone();
            move || {
                let sent = sender.try_send(message);
                assert!(!matches!(sent, Err(TrySendError::Full(_))));
                sender.publish();
                sender
            }
        });
        drop(receiver);
        let sender = sending.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
        drop(sender);
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

#[test]
fn a_sender_waiting_while_the_receiver_goes_gets_its_message_back() {
    bounded(3).check(|| {
        let (parking, _signal) = shard();
        let (mut sender, receiver) = spsc(1, parking);
        sender.try_send(0).unwrap();
        let sending = thread::spawn(move || block_on(sender.send(1)));
        drop(receiver);
        assert!(matches!(sending.join().unwrap(), Err(Closed(1))));
    });
}

#[test]
fn the_receiver_learns_of_the_end_after_the_last_message() {
    bounded(3).check(|| {
        let (parking, signal) = shard();
        let (mut sender, mut receiver) = spsc(2, parking.clone());
        let sending = thread::spawn(move || {
            // Dropped unpublished: the drop publishes.
            sender.try_send(7).unwrap();
        });
        let mut received = Vec::new();
        run_loop(&parking, &signal, || {
            received.extend(receiver.try_recv());
            receiver.is_closed()
        });
        assert_eq!(received, [7], "closed only after the last message");
        sending.join().unwrap();
    });
}
