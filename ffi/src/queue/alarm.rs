//! Telling a queue, and whoever waits for it, that an operation may have got on.

use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Wake;
use std::time::Duration;

use roundhouse::Errno;
use rustix::event::{EventfdFlags, eventfd};

/// Where the shards note which operations of a queue to look at, and wake its consumer if need be: nothing
/// is written to the descriptor, and nobody woken, while the consumer is busy.
pub(super) struct Alarm {
    /// Whether looking under the lock is worth it: something is noted, or the descriptor is to be armed. Written
    /// under it.
    has_news: AtomicBool,
    noted: Mutex<Noted>,
    arrived: Condvar,
    event: OwnedFd,
}

struct Noted {
    /// Operations to look at, each at most once, so as many as the queue is deep.
    places: VecDeque<u32>,
    /// Threads that sleep until there are any.
    sleepers: u32,
    fd: FdState,
}

/// What the descriptor says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FdState {
    /// The program never asked for it.
    Unused,
    /// Not readable, but to become so when something arrives.
    Armed,
    /// Readable, until the consumer finds nothing.
    Signalled,
}

impl Alarm {
    pub(super) fn new() -> Result<Alarm, Errno> {
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let noted = Noted { places: VecDeque::new(), sleepers: 0, fd: FdState::Unused };
        let (has_news, noted) = (AtomicBool::new(false), Mutex::new(noted));
        Ok(Alarm { has_news, noted, arrived: Condvar::new(), event })
    }

    /// The descriptor, which is readable from now on while there may be completions.
    pub(super) fn watch(&self) -> RawFd {
        let mut noted = self.lock();
        if noted.fd == FdState::Unused {
            self.signal(&mut noted);
        }
        self.event.as_raw_fd()
    }

    /// Notes that an operation is to be looked at.
    pub(super) fn note(&self, place: u32) {
        let mut noted = self.lock();
        noted.places.push_back(place);
        self.has_news.store(true, Ordering::Release);
        if noted.fd == FdState::Armed {
            self.signal(&mut noted);
        }
        let is_awaited = noted.sleepers > 0;
        drop(noted);
        if is_awaited {
            self.arrived.notify_one();
        }
    }

    /// Moves what was noted to the end of `places`. If nothing was, arms the descriptor and returns false.
    pub(super) fn take_or_arm(&self, places: &mut VecDeque<u32>) -> bool {
        // What comes after this look signals the descriptor, or keeps `sleep` from sleeping.
        if !self.has_news.load(Ordering::Acquire) {
            return false;
        }
        let mut noted = self.lock();
        self.has_news.store(noted.fd == FdState::Signalled, Ordering::Release);
        if !noted.places.is_empty() {
            if places.is_empty() {
                std::mem::swap(places, &mut noted.places);
            } else {
                places.append(&mut noted.places);
            }
            return true;
        }
        if noted.fd == FdState::Signalled {
            // Under the lock, so that the descriptor is what the state says. Reading fails only if it is
            // empty, which it is not.
            let _ = rustix::io::read(&self.event, &mut [0; 8]);
            noted.fd = FdState::Armed;
            self.has_news.store(false, Ordering::Release);
        }
        false
    }

    /// The consumer had no room for everything: the descriptor stays readable.
    pub(super) fn keep_signalled(&self) {
        let mut noted = self.lock();
        if noted.fd == FdState::Armed {
            self.signal(&mut noted);
        }
    }

    /// Sleeps until something is noted, at most as long as `timeout` says; `None` is for ever.
    pub(super) fn sleep(&self, timeout: Option<Duration>) {
        let mut noted = self.lock();
        noted.sleepers += 1;
        let nothing = |noted: &mut Noted| noted.places.is_empty();
        let mut noted = match timeout {
            None => self.arrived.wait_while(noted, nothing).unwrap_or_else(PoisonError::into_inner),
            Some(timeout) => {
                let waited = self.arrived.wait_timeout_while(noted, timeout, nothing);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        noted.sleepers -= 1;
    }

    fn signal(&self, noted: &mut Noted) {
        // An eventfd takes 2^64 - 2 of these before it refuses one.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        noted.fd = FdState::Signalled;
        self.has_news.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The waker of one place in a queue. Made once and used for every operation that comes to be there.
pub(super) struct Bell {
    alarm: Arc<Alarm>,
    place: u32,
    is_rung: AtomicBool,
}

impl Bell {
    pub(super) fn new(alarm: Arc<Alarm>, place: u32) -> Bell {
        Bell { alarm, place, is_rung: AtomicBool::new(false) }
    }

    /// Called before the operation is looked at: what happens from now on rings again.
    pub(super) fn reset(&self) {
        self.is_rung.store(false, Ordering::SeqCst);
    }

    /// Has the operation looked at.
    pub(super) fn ring(&self) {
        if !self.is_rung.swap(true, Ordering::SeqCst) {
            self.alarm.note(self.place);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
