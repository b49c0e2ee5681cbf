//! The one sender of a ring, waiting for room.

use std::task::Waker;

use super::sync::{AtomicBool, Mutex, Ordering, fence, lock};

/// The waker of a sender that found the ring full.
///
/// The sender registers, then looks at the ring again; the receiver frees a slot, then looks
/// whether someone registered. With a fence between the two steps on both sides, at least one sees
/// the other.
#[derive(Debug)]
pub(super) struct RoomWaker {
    /// Whether `waker` is set, to be read without the lock. Written under it.
    is_waiting: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl RoomWaker {
    pub(super) fn new() -> RoomWaker {
        RoomWaker { is_waiting: AtomicBool::new(false), waker: Mutex::new(None) }
    }

    /// Sender: to be woken when there is room. Look for room again afterwards.
    pub(super) fn register(&self, waker: &Waker) {
        let replaced = {
            let mut registered = lock(&self.waker);
            self.is_waiting.store(true, Ordering::Relaxed);
            registered.replace(waker.clone())
        };
        // Outside the lock: dropping a waker may run any code.
        drop(replaced);
        fence(Ordering::SeqCst);
    }

    /// Receiver: slots were freed or the ring was closed; wakes the sender if it waits.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        self.wake_if_seen();
    }

    /// Like [`RoomWaker::wake`] but without its fence, and therefore free when nobody waits. It may
    /// overlook a sender that registered just now, so that a `wake` must follow some time.
    pub(super) fn wake_if_seen(&self) {
        if !self.is_waiting.load(Ordering::Relaxed) {
            return;
        }
        let waker = {
            let mut registered = lock(&self.waker);
            self.is_waiting.store(false, Ordering::Relaxed);
            registered.take()
        };
        // Outside the lock: a waker may run any code, such as the woken sender's.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
