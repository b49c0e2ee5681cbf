//! The line of requests from other threads to a shard.
//!
//! A request is in line when the call that makes it returns: appends promise that, and nothing
//! there may block or wait. Requests therefore go into the shard's bounded mailbox while there is
//! room, and behind it into an overflow. It holds what its callers would otherwise hold in futures:
//! whoever awaits outcomes fills it only so far, and an append that nobody awaited the earlier ones
//! of is refused when they hold as much as the option `append_memory` allows.
//!
//! Order across the two: while anything is in the overflow, nobody uses the mailbox, and the shard
//! takes what the mailbox still has before it takes the overflow, both as one batch.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roundhouse_runtime::Dormitory;
use roundhouse_runtime::mailbox::{HostReceiver, HostSender, Parking, TrySendError, host_mailbox};

use crate::request::Request;

/// Makes the line to the shard whose `parking` is given; `capacity` requests take the fast way, and
/// appends behind them may hold `bytes_max` bytes.
pub(crate) fn request_line(
    capacity: usize,
    bytes_max: usize,
    parking: Arc<Parking>,
    dormitory: Arc<Dormitory>,
) -> (RequestSender, RequestReceiver) {
    let (sender, receiver) = host_mailbox(capacity, parking.clone());
    let overflow = Arc::new(Overflow {
        parking,
        bytes_max,
        append_bytes: AtomicUsize::new(0),
        is_used: AtomicBool::new(false),
        queue: Mutex::default(),
    });
    let sender = RequestSender { mailbox: sender, overflow: overflow.clone(), dormitory };
    (sender, RequestReceiver { mailbox: receiver, overflow, taken: VecDeque::new() })
}

/// Where requests get in line. When the last clone is dropped, the line is closed behind them.
#[derive(Clone)]
pub(crate) struct RequestSender {
    mailbox: HostSender<Request>,
    overflow: Arc<Overflow>,
    /// Where threads sleep that wait for this shard.
    pub(crate) dormitory: Arc<Dormitory>,
}

/// Why a request was dropped instead of put in line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PostError {
    /// The shard took its last request.
    Closed,
    /// It is an append, and those that wait hold `bytes_max` bytes.
    Full { bytes_max: u64 },
}

impl RequestSender {
    /// Puts a request in line, behind every earlier one of this thread. Never waits.
    pub(crate) fn post(&self, request: Request) -> Result<(), PostError> {
        if self.overflow.is_used.load(Ordering::Acquire) {
            return self.overflow.push(request);
        }
        match self.mailbox.try_send(request) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(request)) => self.overflow.push(request),
            Err(TrySendError::Closed(_)) => Err(PostError::Closed),
        }
    }
}

/// The shard's end. Dropping it closes the line and drops what is in it.
pub(crate) struct RequestReceiver {
    mailbox: HostReceiver<Request>,
    overflow: Arc<Overflow>,
    /// Taken out of the overflow, and before everything that is in the mailbox now.
    taken: VecDeque<Request>,
}

impl RequestReceiver {
    /// The next request, if there is any.
    pub(crate) fn try_recv(&mut self) -> Option<Request> {
        if self.taken.is_empty() {
            if let Some(request) = self.mailbox.try_recv() {
                return Some(request);
            }
            self.overflow.take_after(&self.mailbox, &mut self.taken);
        }
        let request = self.taken.pop_front()?;
        self.overflow.append_bytes.fetch_sub(request.append_bytes(), Ordering::Relaxed);
        Some(request)
    }

    /// Whether nobody can make any more requests, and all were taken.
    pub(crate) fn is_closed(&self) -> bool {
        // In this order: once every sender is gone, the overflow can only become empty.
        self.mailbox.is_closed()
            && self.taken.is_empty()
            && !self.overflow.is_used.load(Ordering::Acquire)
    }
}

impl Drop for RequestReceiver {
    fn drop(&mut self) {
        let leftovers = {
            let mut queue = self.overflow.lock();
            queue.is_closed = true;
            std::mem::take(&mut queue.requests)
        };
        // Outside the lock: whoever waits for an answer may run any code when it learns of this.
        drop(leftovers);
    }
}

/// What found no room in the mailbox.
struct Overflow {
    parking: Arc<Parking>,
    bytes_max: usize,
    /// What the appends hold that are here or were taken from here and are not begun. Grows under the
    /// lock.
    append_bytes: AtomicUsize,
    /// Whether there is anything, to be read without the lock. Written under it.
    is_used: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    requests: VecDeque<Request>,
    is_closed: bool,
}

impl Overflow {
    fn push(&self, request: Request) -> Result<(), PostError> {
        let bytes = request.append_bytes();
        {
            let mut queue = self.lock();
            if queue.is_closed {
                return Err(PostError::Closed);
            }
            let waiting = self.append_bytes.load(Ordering::Relaxed);
            if bytes > 0 && waiting.saturating_add(bytes) > self.bytes_max {
                return Err(PostError::Full { bytes_max: self.bytes_max as u64 });
            }
            self.append_bytes.fetch_add(bytes, Ordering::Relaxed);
            queue.requests.push_back(request);
            self.is_used.store(true, Ordering::Relaxed);
        }
        self.parking.notify();
        Ok(())
    }

    /// Moves all requests to `taken`, behind those left in the mailbox. They are as many as the
    /// mailbox takes, and those of senders that have not noticed the overflow yet.
    fn take_after(&self, mailbox: &HostReceiver<Request>, taken: &mut VecDeque<Request>) {
        if !self.is_used.load(Ordering::Acquire) {
            return;
        }
        let mut queue = self.lock();
        while let Some(request) = mailbox.try_recv() {
            self.append_bytes.fetch_add(request.append_bytes(), Ordering::Relaxed);
            taken.push_back(request);
        }
        taken.append(&mut queue.requests);
        // Releases the emptying of the mailbox: who sees this uses it again, behind what was taken.
        self.is_used.store(false, Ordering::Release);
    }

    /// Also after a panic of another holder: every change is one step.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
