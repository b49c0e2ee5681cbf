//! Real threads: every message arrives once, in its sender's order, and no wake-up is lost (a lost
//! one shows as a test that never ends).

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::{self, Thread};

use crate::block_on;
use crate::driver::Unpark;
use crate::mailbox::{Parking, TrySendError, host_mailbox, spsc};

/// A shard whose sleep is a parked thread.
struct ThreadUnpark(Thread);

impl Unpark for ThreadUnpark {
    fn unpark(&self) {
        self.0.unpark();
    }
}

fn parking_of_this_thread() -> Arc<Parking> {
    Arc::new(Parking::new(Arc::new(ThreadUnpark(thread::current()))))
}

/// The skeleton of a shard's loop: `look` takes a bounded number of messages and says how many; the
/// loop ends when `is_closed`.
fn run_loop(
    parking: &Parking,
    mut look: impl FnMut() -> usize,
    mut is_closed: impl FnMut() -> bool,
) {
    loop {
        parking.unparked();
        while look() > 0 {}
        if is_closed() {
            return;
        }
        if parking.prepare_park() {
            thread::park();
        }
    }
}

const PRODUCERS: usize = 4;
/// Per producer. Miri is about a thousand times slower.
const MESSAGES: usize = if cfg!(miri) { 60 } else { 100_000 };

#[test]
fn four_threads_through_a_small_host_mailbox() {
    let parking = parking_of_this_thread();
    let (sender, receiver) = host_mailbox(16, parking.clone());
    let mut next = [0; PRODUCERS];
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let sender = sender.clone();
            scope.spawn(move || {
                for number in 0..MESSAGES {
                    // Half of them barge in where they can, so that those who wait are overtaken.
                    let mut message = (producer, number);
                    if producer % 2 == 0 {
                        match sender.try_send(message) {
                            Ok(()) => continue,
                            Err(refused) => message = refused.into_message(),
                        }
                    }
                    sender.send_blocking(message).expect("the receiver stays");
                }
            });
        }
        drop(sender);
        let mut take = |(producer, number): (usize, usize)| {
            assert_eq!(number, next[producer]);
            next[producer] += 1;
        };
        run_loop(&parking, || receiver.drain(10, &mut take), || receiver.is_closed());
    });
    assert_eq!(next, [MESSAGES; PRODUCERS]);
}

#[test]
fn batches_through_a_small_ring() {
    let parking = parking_of_this_thread();
    let (mut sender, receiver) = spsc(16, parking.clone());
    let mut next = 0;
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..MESSAGES {
                match sender.try_send(number) {
                    Ok(()) if number % 7 == 0 => sender.publish(),
                    Ok(()) => {}
                    Err(TrySendError::Full(number)) => {
                        block_on(sender.send(number)).expect("the receiver stays");
                    }
                    Err(TrySendError::Closed(_)) => panic!("the receiver stays"),
                }
            }
        });
        let receiver = RefCell::new(receiver);
        let mut take = |number: usize| {
            assert_eq!(number, next);
            next += 1;
        };
        run_loop(
            &parking,
            || receiver.borrow_mut().drain(10, &mut take),
            || receiver.borrow_mut().is_closed(),
        );
    });
    assert_eq!(next, MESSAGES);
}

#[test]
fn both_ends_of_a_ring_dropped_at_once_leak_nothing() {
    let message = Arc::new(());
    for _ in 0..MESSAGES / 50 {
        let (mut sender, receiver) = spsc(4, parking_of_this_thread());
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                while let Ok(()) = block_on(sender.send(message.clone())) {}
                sender
            });
            drop(receiver);
            let sender = sending.join().expect("the sender does not panic");
            assert_eq!(Arc::strong_count(&message), 1, "although the sender is still there");
            drop(sender);
        });
    }
}
