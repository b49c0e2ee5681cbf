//! The mailbox from the host's threads to a shard: many senders, one receiver.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::task::{Context, Poll};

use crossbeam_channel as channel;

use super::error::{Closed, TrySendError};
use super::parking::Parking;
use super::waiters::{Ticket, Waiters};
use crate::block_on;

/// Makes a mailbox for `capacity` messages to the shard whose `parking` is given.
///
/// # Panics
/// If `capacity` is zero.
pub fn host_mailbox<T: Send>(
    capacity: usize,
    parking: Arc<Parking>,
) -> (HostSender<T>, HostReceiver<T>) {
    assert!(capacity > 0, "a mailbox holds at least one message");
    let (sender, receiver) = channel::bounded(capacity);
    let shared = Arc::new(Shared {
        parking,
        sender,
        receiver,
        capacity,
        waiters: Waiters::default(),
        senders_gone: AtomicBool::new(false),
        receiver_gone: AtomicBool::new(false),
    });
    (HostSender { end: Arc::new(SenderEnd(shared.clone())) }, HostReceiver { shared })
}

/// The sending end; clone it freely.
///
/// Messages of one sender, each sent after the one before was, arrive in order. When the last clone
/// is dropped, the mailbox is closed; the receiver still takes what is in it.
pub struct HostSender<T> {
    end: Arc<SenderEnd<T>>,
}

impl<T> HostSender<T> {
    /// Sends a message if there is room. May overtake senders that wait.
    ///
    /// Success means that the message is in the mailbox, not that it will be handled: if the
    /// receiver is dropped, the messages in the mailbox are.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if the mailbox is full, [`TrySendError::Closed`] if the receiver was
    /// dropped.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let shared = &self.end.0;
        shared.put(message)?;
        shared.announce();
        Ok(())
    }

    /// Sends a message, waiting for room if the mailbox is full. Needs no particular executor.
    ///
    /// Waiting senders are served in the order in which they were first polled. Dropping the future
    /// before it completes drops the message unsent. A future that is woken must be polled or
    /// dropped: until then it holds its place, and thereby room that others wait for.
    ///
    /// The future gives [`Closed`] if the receiver was dropped, and panics if it is polled after it
    /// completed.
    pub fn send(&self, message: T) -> HostSend<'_, T> {
        HostSend { shared: &self.end.0, message: Some(message), ticket: None }
    }

    /// Like [`HostSender::send`], and blocks the calling thread while it waits. Not for a shard's own
    /// thread, which would wait for itself.
    ///
    /// # Errors
    /// [`Closed`] if the receiver was dropped.
    pub fn send_blocking(&self, message: T) -> Result<(), Closed<T>> {
        block_on(self.send(message))
    }
}

impl<T> Clone for HostSender<T> {
    fn clone(&self) -> HostSender<T> {
        HostSender { end: self.end.clone() }
    }
}

impl<T> fmt::Debug for HostSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostSender").field("shared", &self.end.0).finish()
    }
}

/// A message on its way; see [`HostSender::send`].
#[must_use = "a message is not sent unless the future is awaited"]
pub struct HostSend<'a, T> {
    shared: &'a Shared<T>,
    /// `None` once sent or given back.
    message: Option<T>,
    /// The place among the waiting senders, from the first poll that found no room.
    ticket: Option<Ticket>,
}

// Nothing in it is pinned: the message is moved as a value, never polled.
impl<T> Unpin for HostSend<'_, T> {}

impl<T> HostSend<'_, T> {
    /// Gets in line, and sends if there is room for everyone before and for this one.
    fn try_in_line(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Closed<T>>> {
        let mut line = self.shared.waiters.lock();
        let before = line.stand(&mut self.ticket, context.waker());
        if before >= self.shared.room() && !self.shared.receiver_gone.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        // Still pending if a `try_send` overtook: the receiver will find this one in line.
        let outcome = self.try_now();
        if outcome.is_ready() {
            line.leave(&mut self.ticket);
        }
        outcome
    }

    /// Pending if the channel is full.
    fn try_now(&mut self) -> Poll<Result<(), Closed<T>>> {
        match self.shared.put(self.take_message()) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(TrySendError::Closed(message)) => Poll::Ready(Err(Closed(message))),
            Err(TrySendError::Full(message)) => {
                self.message = Some(message);
                Poll::Pending
            }
        }
    }

    fn take_message(&mut self) -> T {
        self.message.take().expect("`poll` checks for it and `try_now` puts it back")
    }
}

impl<T> Future for HostSend<'_, T> {
    type Output = Result<(), Closed<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(self.message.is_some(), "a send is not polled after it completed");
        let mut outcome = Poll::Pending;
        // Without a lock, unless that would overtake someone.
        if self.ticket.is_none() && !self.shared.waiters.is_any() {
            outcome = self.try_now();
        }
        if outcome.is_pending() {
            outcome = self.try_in_line(context);
        }
        if let Poll::Ready(Ok(())) = outcome {
            self.shared.announce();
        }
        outcome
    }
}

impl<T> Drop for HostSend<'_, T> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.shared.waiters.lock().leave(&mut self.ticket);
            // Those behind move up, and may have room now.
            self.shared.wake_waiters();
        }
    }
}

impl<T> fmt::Debug for HostSend<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waits = self.ticket.is_some();
        f.debug_struct("HostSend").field("waits", &waits).finish_non_exhaustive()
    }
}

/// What the clones of a sender share; dropped with the last of them.
struct SenderEnd<T>(Arc<Shared<T>>);

impl<T> Drop for SenderEnd<T> {
    fn drop(&mut self) {
        self.0.senders_gone.store(true, Ordering::Release);
        self.0.parking.notify();
    }
}

/// The receiving end, of the shard whose parking the mailbox was made with.
///
/// Dropping it closes the mailbox: senders that wait get their messages back, and every message
/// that was sent is dropped, also one sent at the same time, so that whoever waits for an answer
/// learns that there will be none.
pub struct HostReceiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> HostReceiver<T> {
    /// Takes the oldest message, and wakes a sender that waits for room. For more than one at a
    /// time, [`HostReceiver::drain`] is cheaper.
    pub fn try_recv(&self) -> Option<T> {
        let message = self.shared.receiver.try_recv().ok()?;
        self.shared.wake_waiters();
        Some(message)
    }

    /// Takes up to `max` messages, oldest first, then wakes the senders for which there is room, all
    /// in one go. Returns how many there were; if `max`, there may be more, and no notification will
    /// come for those.
    pub fn drain(&self, max: usize, mut take: impl FnMut(T)) -> usize {
        let mut taken = 0;
        for message in self.shared.receiver.try_iter().take(max) {
            taken += 1;
            take(message);
        }
        if taken > 0 {
            self.shared.wake_waiters();
        }
        taken
    }

    /// Whether every sender is gone and every message was taken: nothing will ever come. Ask after
    /// taking messages; the end itself notifies only once.
    pub fn is_closed(&self) -> bool {
        // In this order: once the flag is set, no message can follow those already there.
        self.shared.senders_gone.load(Ordering::Acquire) && self.shared.receiver.is_empty()
    }
}

impl<T> Drop for HostReceiver<T> {
    fn drop(&mut self) {
        self.shared.receiver_gone.store(true, Ordering::Release);
        // Orders the flag before the last look; its pair is in `Parking::notify`. Of a message sent
        // meanwhile, either this sees the message or its sender sees the flag.
        fence(Ordering::SeqCst);
        self.shared.drop_leftovers();
        self.shared.waiters.wake_for(|| usize::MAX);
    }
}

impl<T> fmt::Debug for HostReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostReceiver").field("shared", &self.shared).finish()
    }
}

/// What both ends share.
struct Shared<T> {
    /// The receiver's.
    parking: Arc<Parking>,
    /// Both halves of the queue, because either end may have to drop what is left in it: the channel
    /// itself keeps the messages until its last sender is gone.
    sender: channel::Sender<T>,
    receiver: channel::Receiver<T>,
    /// Messages.
    capacity: usize,
    waiters: Waiters,
    senders_gone: AtomicBool,
    receiver_gone: AtomicBool,
}

impl<T> Shared<T> {
    fn put(&self, message: T) -> Result<(), TrySendError<T>> {
        if self.receiver_gone.load(Ordering::Relaxed) {
            return Err(TrySendError::Closed(message));
        }
        self.sender.try_send(message).map_err(|refused| match refused {
            channel::TrySendError::Full(message) => TrySendError::Full(message),
            channel::TrySendError::Disconnected(message) => TrySendError::Closed(message),
        })
    }

    /// After a message was put into the channel: tells the receiver, or does its last duty if it is
    /// gone.
    fn announce(&self) {
        // Also the fence between the message and the look at the flag.
        self.parking.notify();
        if self.receiver_gone.load(Ordering::Relaxed) {
            self.drop_leftovers();
        }
    }

    fn drop_leftovers(&self) {
        self.receiver.try_iter().for_each(drop);
    }

    fn wake_waiters(&self) {
        self.waiters.wake_for(|| self.room());
    }

    /// How many more messages the channel can take.
    fn room(&self) -> usize {
        self.capacity - self.sender.len()
    }
}

// By hand here and above, for messages that are not `Debug`.
impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("parking", &self.parking)
            .field("messages", &self.sender.len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
