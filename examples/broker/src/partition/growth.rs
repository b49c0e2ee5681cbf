//! Waiting until there is enough to fetch.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use kafka_protocol::ResponseError;

use super::Partition;

/// Who waits for a partition to grow.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    next: Cell<u64>,
    wakers: RefCell<BTreeMap<u64, Option<Waker>>>,
}

impl Waiters {
    /// Wakes everybody.
    pub(super) fn wake(&self) {
        if self.wakers.borrow().is_empty() {
            return;
        }
        // Outside the borrow: waking may run any code.
        let woken: Vec<Waker> =
            self.wakers.borrow_mut().values_mut().filter_map(Option::take).collect();
        woken.into_iter().for_each(Waker::wake);
    }

    fn enter(&self) -> u64 {
        let key = self.next.get();
        self.next.set(key + 1);
        self.wakers.borrow_mut().insert(key, None);
        key
    }
}

/// Completes when everything before an offset is acknowledged.
#[derive(Debug)]
pub(super) struct Visible {
    partition: Rc<Partition>,
    key: u64,
    end: u64,
}

impl Visible {
    pub(super) fn new(partition: Rc<Partition>, end: u64) -> Visible {
        let key = partition.waiters().enter();
        Visible { partition, key, end }
    }
}

impl Future for Visible {
    type Output = Result<(), ResponseError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.partition.high_watermark() >= self.end {
            return Poll::Ready(Ok(()));
        }
        if self.partition.has_failed() {
            return Poll::Ready(Err(ResponseError::KafkaStorageError));
        }
        if self.partition.is_retired() {
            return Poll::Ready(Err(ResponseError::UnknownTopicOrPartition));
        }
        let mut wakers = self.partition.waiters().wakers.borrow_mut();
        wakers.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Visible {
    fn drop(&mut self) {
        self.partition.waiters().wakers.borrow_mut().remove(&self.key);
    }
}

/// Completes when partitions have grown by enough together, or one of them is gone.
#[must_use = "a future does nothing unless awaited"]
#[derive(Debug)]
pub struct Growth {
    watched: Vec<Watched>,
    wanted_bytes: u64,
}

#[derive(Debug)]
struct Watched {
    partition: Rc<Partition>,
    key: u64,
    bytes_before: u64,
}

impl Growth {
    /// Waits for `wanted_bytes` beyond what each partition had when it was read, which is the
    /// [`Partition::acknowledged_bytes`] of that moment.
    pub fn new(partitions: Vec<(Rc<Partition>, u64)>, wanted_bytes: u64) -> Growth {
        let watch = |(partition, bytes_before): (Rc<Partition>, u64)| {
            let key = partition.waiters().enter();
            Watched { partition, key, bytes_before }
        };
        Growth { watched: partitions.into_iter().map(watch).collect(), wanted_bytes }
    }

    fn is_over(&self) -> bool {
        let grown = |watched: &Watched| {
            watched.partition.acknowledged_bytes().saturating_sub(watched.bytes_before)
        };
        let is_gone = self.watched.iter().any(|watched| watched.partition.is_retired());
        is_gone || self.watched.iter().map(grown).sum::<u64>() >= self.wanted_bytes
    }
}

impl Future for Growth {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.is_over() {
            return Poll::Ready(());
        }
        for watched in &self.watched {
            let mut wakers = watched.partition.waiters().wakers.borrow_mut();
            wakers.insert(watched.key, Some(context.waker().clone()));
        }
        Poll::Pending
    }
}

impl Drop for Growth {
    fn drop(&mut self) {
        for watched in &self.watched {
            watched.partition.waiters().wakers.borrow_mut().remove(&watched.key);
        }
    }
}
