//! How a shard's thread sleeps and how others end its sleep.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags};

use super::blocking::timespec;
use crate::driver::Unpark;
use crate::op::Errno;

/// An eventfd and a word that says whether writing to it is worth a system call.
///
/// Only the first wake of a sleeping shard writes. With a thread of its own the shard tells when it
/// goes to sleep, so waking a busy one is one atomic instruction. A host puts the shard to sleep
/// without telling, so there the shard counts as asleep from the end of one turn's clearing to the
/// next.
///
/// Giving and taking a notice are read-modify-write with acquire and release: whatever a waker did
/// before [`Unpark::unpark`] is visible to the shard once it has taken the notice.
#[derive(Debug)]
pub(super) struct Parker {
    event: OwnedFd,
    state: AtomicU8,
}

const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;
const NOTIFIED: u8 = 2;

impl Parker {
    pub(super) fn new() -> Result<Parker, Errno> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let event = rustix::event::eventfd(0, flags)?;
        Ok(Parker { event, state: AtomicU8::new(AWAKE) })
    }

    /// The descriptor that an unpark of a sleeping shard makes readable.
    pub(super) fn event_fd(&self) -> BorrowedFd<'_> {
        self.event.as_fd()
    }

    /// Whether an unpark waits to be taken.
    pub(super) fn is_notified(&self) -> bool {
        self.state.load(Ordering::Relaxed) == NOTIFIED
    }

    /// Declares the shard asleep, so that an unpark writes to the eventfd. False if one came
    /// already: then the shard must not sleep.
    pub(super) fn begin_sleep(&self) -> bool {
        self.state.compare_exchange(AWAKE, ASLEEP, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Declares the shard awake and takes the notice, if there is one.
    pub(super) fn end_sleep(&self) {
        // Looking first spares a busy shard the locked instruction. A notice that comes right
        // after the look is taken by the next turn.
        if self.state.load(Ordering::Relaxed) != AWAKE {
            self.state.swap(AWAKE, Ordering::AcqRel);
        }
    }

    /// Empties the eventfd and takes the notice, leaving the shard asleep for its wakers; true if
    /// there was a notice. The order of the two steps matters: the other way round, a waker between
    /// them would have its write swallowed and leave a notice behind that silences all later ones.
    pub(super) fn clear(&self) -> bool {
        // An empty eventfd answers EAGAIN, and there is no other failure.
        let _ = rustix::io::read(&self.event, &mut [0; 8]);
        self.state.swap(ASLEEP, Ordering::AcqRel) == NOTIFIED
    }

    /// Sleeps until the eventfd is readable, at most for `timeout`; a signal may end it early.
    pub(super) fn sleep(&self, timeout: Option<Duration>) -> Result<(), Errno> {
        let mut polled = [PollFd::new(&self.event, PollFlags::IN)];
        match rustix::event::poll(&mut polled, timeout.map(timespec).as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }
}

impl Unpark for Parker {
    fn unpark(&self) {
        if self.state.swap(NOTIFIED, Ordering::AcqRel) == ASLEEP {
            // This fails only when the counter is full, and then it is readable anyway.
            let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(parker: &Parker) -> u64 {
        let mut count = [0; 8];
        match rustix::io::read(&parker.event, &mut count) {
            Ok(_) => u64::from_ne_bytes(count),
            Err(_) => 0,
        }
    }

    #[test]
    fn only_the_first_unpark_of_a_sleeper_writes() {
        let parker = Parker::new().unwrap();
        parker.unpark();
        assert_eq!(written(&parker), 0, "nobody sleeps");
        assert!(!parker.begin_sleep(), "the notice came before the sleep");

        parker.end_sleep();
        assert!(parker.begin_sleep());
        for _ in 0..3 {
            parker.unpark();
        }
        assert_eq!(written(&parker), 1);
    }

    #[test]
    fn clearing_leaves_the_host_wakeable() {
        let parker = Parker::new().unwrap();
        parker.clear();
        for _ in 0..2 {
            parker.unpark();
            parker.unpark();
            assert_eq!(written(&parker), 1);
            parker.clear();
        }
        parker.sleep(Some(Duration::ZERO)).unwrap();
    }
}
