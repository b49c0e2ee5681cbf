//! The mailbox from one shard to another: a bounded ring with one sender and one receiver.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};

use super::error::{Closed, TrySendError};
use super::parking::Parking;
use super::ring::{Consumer, Producer, ring};
use super::room::RoomWaker;
use super::sync::{Arc, AtomicBool, Mutex, Ordering, fence, lock};

/// Makes a mailbox for at least `capacity` messages (the next power of two) from one thread to the
/// shard whose `parking` is given.
///
/// # Panics
/// If `capacity` is zero, or no power of two that large exists.
pub fn spsc<T: Send>(
    capacity: usize,
    parking: std::sync::Arc<Parking>,
) -> (SpscSender<T>, SpscReceiver<T>) {
    let (producer, consumer) = ring(capacity);
    let shared = Arc::new(Shared {
        parking,
        room: RoomWaker::new(),
        sender_gone: AtomicBool::new(false),
        receiver_gone: AtomicBool::new(false),
        retired: Mutex::new(None),
    });
    let sender = SpscSender { producer, shared: shared.clone() };
    (sender, SpscReceiver { consumer: Some(consumer), owes_wake: false, shared })
}

/// The sending end. It can move to another thread but not be shared.
///
/// Messages arrive in order. Dropping it publishes what was sent and closes the mailbox; the
/// receiver still takes what is in it.
pub struct SpscSender<T> {
    producer: Producer<T>,
    shared: Arc<Shared<T>>,
}

impl<T> SpscSender<T> {
    /// Puts a message into the mailbox, unpublished: the receiver may not see it before
    /// [`SpscSender::publish`], so that a batch costs one notification.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if the ring is full (everything in it has then been published, lest
    /// both ends wait for each other), [`TrySendError::Closed`] if the receiver was dropped.
    pub fn try_send(&mut self, message: T) -> Result<(), TrySendError<T>> {
        if self.shared.receiver_gone.load(Ordering::Acquire) {
            return Err(TrySendError::Closed(message));
        }
        self.producer.push(message).map_err(|message| {
            self.publish();
            TrySendError::Full(message)
        })
    }

    /// Shows the receiver everything sent so far, and wakes its shard if that sleeps. Does nothing
    /// if nothing is new, so calling it once at the end of every turn is fine.
    pub fn publish(&mut self) {
        if !self.producer.publish() {
            return;
        }
        // Also the fence between the publication and the look at the flag.
        self.shared.parking.notify();
        if self.shared.receiver_gone.load(Ordering::Acquire) {
            self.shared.drop_leftovers();
        }
    }

    /// Sends a message and publishes it, waiting for room if the ring is full. Dropping the future
    /// before it completes drops the message unsent.
    ///
    /// # Errors
    /// [`Closed`] if the receiver was dropped.
    pub async fn send(&mut self, message: T) -> Result<(), Closed<T>> {
        let mut message = message;
        loop {
            if poll_fn(|context| self.poll_ready(context)).await.is_err() {
                return Err(Closed(message));
            }
            match self.try_send(message) {
                Ok(()) => {
                    self.publish();
                    return Ok(());
                }
                Err(refused) => message = refused.into_message(),
            }
        }
    }

    /// Ready when the ring has room for a message: the next [`SpscSender::try_send`] does not fail
    /// with [`TrySendError::Full`]. Otherwise publishes what was sent and arranges a wake-up, of the
    /// task that polled last.
    ///
    /// # Errors
    /// [`Closed`] if the receiver was dropped.
    pub fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Closed<()>>> {
        if let Some(outcome) = self.readiness() {
            return Poll::Ready(outcome);
        }
        // The receiver frees no slot that it does not see filled.
        self.publish();
        self.shared.room.register(context.waker());
        self.readiness().map_or(Poll::Pending, Poll::Ready)
    }

    fn readiness(&mut self) -> Option<Result<(), Closed<()>>> {
        if self.shared.receiver_gone.load(Ordering::Acquire) {
            return Some(Err(Closed(())));
        }
        self.producer.has_room().then_some(Ok(()))
    }
}

impl<T> Drop for SpscSender<T> {
    fn drop(&mut self) {
        self.publish();
        // After the last message, so that a receiver that sees the flag sees all of them.
        self.shared.sender_gone.store(true, Ordering::Release);
        self.shared.parking.notify();
    }
}

impl<T> fmt::Debug for SpscSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpscSender").field("producer", &self.producer).finish_non_exhaustive()
    }
}

/// The receiving end, of the shard whose parking the mailbox was made with. It can move to another
/// thread but not be shared.
///
/// Dropping it closes the mailbox, gives the message of a waiting sender back and drops every
/// message that was sent, also one sent at the same time, so that whoever waits for an answer
/// learns that there will be none.
pub struct SpscReceiver<T> {
    /// Some until dropped.
    consumer: Option<Consumer<T>>,
    /// Slots were freed since the sender was last looked for with certainty.
    owes_wake: bool,
    shared: Arc<Shared<T>>,
}

impl<T> SpscReceiver<T> {
    /// Takes the oldest published message.
    ///
    /// A sender waiting for room is woken soon, and at the latest by the call that returns `None`:
    /// a receiver that stops before that must come back, without waiting for a notification.
    pub fn try_recv(&mut self) -> Option<T> {
        let message = self.consumer.as_mut()?.pop();
        if message.is_some() {
            self.owes_wake = true;
            self.shared.room.wake_if_seen();
        } else {
            self.settle_wake();
        }
        message
    }

    /// Takes up to `max` published messages, oldest first, then wakes a sender waiting for room.
    /// Returns how many there were; if `max`, there may be more, and no notification will come for
    /// those.
    pub fn drain(&mut self, max: usize, mut take: impl FnMut(T)) -> usize {
        let Some(consumer) = self.consumer.as_mut() else { return 0 };
        let mut taken = 0;
        while taken < max
            && let Some(message) = consumer.pop()
        {
            self.owes_wake = true;
            taken += 1;
            take(message);
        }
        self.settle_wake();
        taken
    }

    /// Whether the sender is gone and every message was taken: nothing will ever come. Ask after
    /// taking messages; the end itself notifies only once.
    pub fn is_closed(&mut self) -> bool {
        // In this order: once the flag is set, no message can follow those already there.
        self.shared.sender_gone.load(Ordering::Acquire)
            && self.consumer.as_mut().is_none_or(Consumer::is_empty)
    }

    fn settle_wake(&mut self) {
        if std::mem::take(&mut self.owes_wake) {
            self.shared.room.wake();
        }
    }
}

impl<T> Drop for SpscReceiver<T> {
    fn drop(&mut self) {
        *lock(&self.shared.retired) = self.consumer.take();
        self.shared.receiver_gone.store(true, Ordering::Release);
        // Orders the flag before the last look; its pair is in `Parking::notify`. Of a message
        // published meanwhile, either this sees the message or its sender sees the flag.
        fence(Ordering::SeqCst);
        self.shared.drop_leftovers();
        self.shared.room.wake();
    }
}

// By hand, like the sender's, for messages that are not `Debug`.
impl<T> fmt::Debug for SpscReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpscReceiver").field("consumer", &self.consumer).finish_non_exhaustive()
    }
}

/// What both ends share besides the ring.
struct Shared<T> {
    /// The receiver's.
    parking: std::sync::Arc<Parking>,
    room: RoomWaker,
    sender_gone: AtomicBool,
    /// Set after `retired`.
    receiver_gone: AtomicBool,
    /// The consumer of a dropped receiver, with which either end drops what is left.
    retired: Mutex<Option<Consumer<T>>>,
}

impl<T> Shared<T> {
    /// Drops every published message of a mailbox whose receiver is gone.
    fn drop_leftovers(&self) {
        loop {
            let message = lock(&self.retired).as_mut().and_then(Consumer::pop);
            // Outside the lock: dropping a message may run any code.
            let Some(message) = message else { return };
            drop(message);
        }
    }
}
