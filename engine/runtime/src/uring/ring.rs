//! The two queues shared with the kernel, and the one system call that works them.

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, squeue};

use super::blocking::errno;
use super::counters::DriverCounters;
use crate::op::Errno;

/// A ring of one thread: it must be entered by the thread that set it up (`SINGLE_ISSUER`), which
/// the marker makes the compiler check.
pub(super) struct Ring {
    io: IoUring,
    counters: Arc<DriverCounters>,
    /// Entries taken by [`Ring::push`] that will complete, less those whose last completion was
    /// taken by [`Ring::pop`].
    in_flight: usize,
    one_thread: PhantomData<*mut ()>,
}

impl Ring {
    pub(super) fn new(io: IoUring, counters: Arc<DriverCounters>) -> Ring {
        Ring { io, counters, in_flight: 0, one_thread: PhantomData }
    }

    /// Makes the kernel write to `event` when there is something to enter for.
    pub(super) fn register_event(&mut self, event: BorrowedFd<'_>) -> Result<(), Errno> {
        let registered = self.io.submitter().register_eventfd(event.as_raw_fd());
        registered.map_err(|error| errno(&error))
    }

    /// Whether [`Ring::push`] has no room until the kernel took what is there.
    pub(super) fn is_full(&mut self) -> bool {
        self.io.submission().is_full()
    }

    /// Queues an entry for the next [`Ring::enter`].
    ///
    /// # Panics
    /// If the queue is full.
    ///
    /// # Safety
    /// All memory the entry points to must stay where it is until the entry's last completion was
    /// taken by [`Ring::pop`]: readable, and for a read writable and untouched by anyone else.
    pub(super) unsafe fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the caller keeps what the entry points to, as this function's contract says.
        let pushed = unsafe { self.io.submission().push(entry) };
        assert!(pushed.is_ok(), "an entry was pushed into a full submission queue");
        self.in_flight += 1;
    }

    /// Submits what is queued, lets the kernel post completions, and sleeps until there are at
    /// least `want` of them, `timeout` passed, or a signal came. Returns how many entries the
    /// kernel took.
    ///
    /// It takes fewer, and does not sleep, when it is short of memory or wants completions taken
    /// first.
    pub(super) fn enter(&mut self, want: u32, timeout: Option<Duration>) -> Result<u32, Errno> {
        let queued = self.queued();
        self.counters.enters.add(1);
        let entered = match timeout {
            None => self.enter_with::<()>(queued, want, EnterFlags::GETEVENTS, None),
            Some(timeout) => {
                let timeout = Timespec::from(timeout);
                let arguments = SubmitArgs::new().timespec(&timeout);
                let flags = EnterFlags::GETEVENTS | EnterFlags::EXT_ARG;
                self.enter_with(queued, want, flags, Some(&arguments))
            }
        };
        let taken = queued - self.queued();
        self.counters.submissions.add(taken.into());
        match entered {
            Ok(()) | Err(Errno::INTR | Errno::TIME | Errno::AGAIN | Errno::BUSY) => Ok(taken),
            Err(errno) => Err(errno),
        }
    }

    /// Takes the next completion the kernel has posted.
    pub(super) fn pop(&mut self) -> Option<cqueue::Entry> {
        let completion = self.io.completion().next()?;
        self.counters.completions.add(1);
        if !cqueue::more(completion.flags()) {
            self.in_flight -= 1;
        }
        Some(completion)
    }

    /// Whether entries wait for [`Ring::enter`].
    pub(super) fn has_queued(&mut self) -> bool {
        self.queued() > 0
    }

    /// How many pushed entries have not had their last completion taken.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether [`Ring::pop`] would find something.
    pub(super) fn has_completions(&self) -> bool {
        // SAFETY: the status is used up before this function returns, so the ring outlives it.
        let status = unsafe { self.io.completion_shared().status() };
        !status.is_empty()
    }

    /// Whether the kernel has completions that an enter would post: deferred work to run, or more
    /// than fitted into the queue.
    pub(super) fn wants_enter(&self) -> bool {
        // SAFETY: no other view of the submission queue is alive: each is dropped within the
        // function that made it, and the ring can't be shared with another thread.
        let queue = unsafe { self.io.submission_shared() };
        queue.taskrun() || queue.cq_overflow()
    }

    /// Whether the completion queue was too small.
    pub(super) fn has_overflowed(&mut self) -> bool {
        let overflowed = self.io.submission().cq_overflow();
        self.counters.overflows.add(overflowed.into());
        overflowed
    }

    fn queued(&mut self) -> u32 {
        self.io.submission().len() as u32
    }

    fn enter_with<T>(
        &mut self,
        queued: u32,
        want: u32,
        flags: EnterFlags,
        argument: Option<&T>,
    ) -> Result<(), Errno> {
        // SAFETY: the queued entries point to live memory by the contract of `push`. The argument
        // is none, or with EXT_ARG the structure that flag announces; both outlive the call.
        let entered = unsafe { self.io.submitter().enter(queued, want, flags.bits(), argument) };
        entered.map(drop).map_err(|error| errno(&error))
    }
}
