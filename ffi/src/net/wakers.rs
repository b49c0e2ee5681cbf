//! Several tasks that wait for one object.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};

/// The tasks that wait for a socket. Each wake-up goes to all of them: what is below keeps the waker of whoever
/// looked last where the directions meet, as where TLS has to send in order to receive, and would forget the other
/// task.
#[derive(Default)]
pub(super) struct Wakers(Mutex<[Option<Waker>; 3]>);

/// What a task waits for; one of each at a time.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Sending,
    Receiving,
    /// That what was sent is through.
    Waiting,
}

impl Wakers {
    /// The waker to look with, for the task that `waker` wakes.
    pub(super) fn register(self: &Arc<Self>, side: Side, waker: &Waker) -> Waker {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[side as usize] = Some(waker.clone());
        Waker::from(self.clone())
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}
