//! Tests of the mailboxes as their users see them, and what all tests of this module share.

mod host;
mod model;
mod spsc;
mod stress;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::Parking;
use crate::driver::Unpark;

/// Counts the system calls that would have been made.
#[derive(Debug, Default)]
pub(super) struct CountingUnpark(AtomicUsize);

impl CountingUnpark {
    pub(super) fn new() -> Arc<CountingUnpark> {
        Arc::default()
    }

    pub(super) fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Unpark for CountingUnpark {
    fn unpark(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The parking of a shard that never sleeps.
fn parking() -> Arc<Parking> {
    Arc::new(Parking::new(CountingUnpark::new()))
}

/// Counts how often a task was woken.
#[derive(Debug, Default)]
pub(super) struct CountingWaker(AtomicUsize);

impl CountingWaker {
    pub(super) fn new() -> Arc<CountingWaker> {
        Arc::default()
    }

    pub(super) fn wakes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for CountingWaker {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll<F: Future>(future: Pin<&mut F>, waker: &Arc<CountingWaker>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&waker.waker()))
}
