//! The two queues shared with the kernel, and the one system call that works them.

use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{BufRingEntry, SubmitArgs, Timespec};
use io_uring::{CompletionQueue, EnterFlags, IoUring, SubmissionQueue, Submitter, cqueue, squeue};

use super::blocking::errno;
use super::counters::DriverCounters;
use crate::op::Errno;

/// A ring of one thread: it must be entered by the thread that set it up (`SINGLE_ISSUER`), which
/// the marker makes the compiler check.
///
/// Its descriptor is registered with the thread, which spares every enter the look-up and the
/// reference of a file: 30 to 100 of its 600 ns. The binding ties the registration to a [`Submitter`] that
/// borrows the ring, so the ring lives on the heap, and nothing here ever borrows it exclusively.
pub(super) struct Ring {
    // Dropped before what it borrows.
    submitter: Submitter<'static>,
    io: HeapRing,
    counters: Arc<DriverCounters>,
    /// Entries taken by [`Ring::push`] that will complete, less those whose last completion was
    /// taken by [`Ring::pop`].
    in_flight: usize,
    one_thread: PhantomData<*mut ()>,
}

/// A ring that does not move, for others to point to.
struct HeapRing(NonNull<IoUring>);

impl Ring {
    pub(super) fn new(io: IoUring, counters: Arc<DriverCounters>) -> Ring {
        let io = HeapRing(NonNull::from(Box::leak(Box::new(io))));
        // SAFETY: the ring is freed by `HeapRing::drop` only, which runs after the last use of the
        // submitter. Until then it is only ever borrowed shared.
        let borrowed: &'static IoUring = unsafe { io.0.as_ref() };
        let mut submitter = borrowed.submitter();
        if let Err(error) = submitter.register_ring_fd() {
            // A thread has room for 16; the others are entered by their descriptors.
            tracing::debug!(%error, "ring descriptor not registered");
        }
        Ring { submitter, io, counters, in_flight: 0, one_thread: PhantomData }
    }

    /// Makes the kernel write to `event` when there is something to enter for.
    pub(super) fn register_event(&self, event: BorrowedFd<'_>) -> Result<(), Errno> {
        let registered = self.submitter.register_eventfd(event.as_raw_fd());
        registered.map_err(|error| errno(&error))
    }

    /// Makes the kernel take buffers for `group` from a ring of `count` entries, a power of two.
    ///
    /// # Safety
    /// The entries must be page-aligned, zeroed, and stay where they are until this ring is gone.
    pub(super) unsafe fn register_buffers(
        &self,
        entries: *const BufRingEntry,
        count: u16,
        group: u16,
    ) -> Result<(), Errno> {
        let address = entries as u64;
        // SAFETY: the caller keeps the entries, as this function's contract says.
        let registered =
            unsafe { self.submitter.register_buf_ring_with_flags(address, count, group, 0) };
        registered.map_err(|error| errno(&error))
    }

    /// Whether [`Ring::push`] has no room until the kernel took what is there.
    pub(super) fn is_full(&self) -> bool {
        self.submission().is_full()
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
        let pushed = unsafe { self.submission().push(entry) };
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

    /// Submits what is queued and nothing else. What the kernel does not take, for want of memory or
    /// because it is broken, is left for the next [`Ring::enter`], which tells.
    pub(super) fn submit(&mut self) {
        let queued = self.queued();
        self.counters.enters.add(1);
        let submitted = self.enter_with::<()>(queued, 0, EnterFlags::empty(), None);
        if let Err(errno) = submitted {
            tracing::debug!(%errno, "entries left for the next turn");
        }
        self.counters.submissions.add((queued - self.queued()).into());
    }

    /// Takes the next completion the kernel has posted.
    pub(super) fn pop(&mut self) -> Option<cqueue::Entry> {
        let completion = self.completion().next()?;
        self.counters.completions.add(1);
        if !cqueue::more(completion.flags()) {
            self.in_flight -= 1;
        }
        Some(completion)
    }

    /// Whether entries wait for [`Ring::enter`].
    pub(super) fn has_queued(&self) -> bool {
        self.queued() > 0
    }

    /// How many pushed entries have not had their last completion taken.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether [`Ring::pop`] would find something.
    pub(super) fn has_completions(&self) -> bool {
        !self.completion().is_empty()
    }

    /// Whether the kernel has completions that an enter would post: deferred work to run, or more
    /// than fitted into the queue.
    pub(super) fn wants_enter(&self) -> bool {
        let queue = self.submission();
        queue.taskrun() || queue.cq_overflow()
    }

    /// Whether the completion queue was too small.
    pub(super) fn has_overflowed(&self) -> bool {
        let overflowed = self.submission().cq_overflow();
        self.counters.overflows.add(overflowed.into());
        overflowed
    }

    fn queued(&self) -> u32 {
        self.submission().len() as u32
    }

    /// A view of the submission queue. Two must not be alive at once.
    fn submission(&self) -> SubmissionQueue<'_> {
        // SAFETY: every caller drops its view before it returns or makes another, and a ring can't
        // be shared with another thread.
        unsafe { self.io.get().submission_shared() }
    }

    /// A view of the completion queue. Two must not be alive at once.
    fn completion(&self) -> CompletionQueue<'_> {
        // SAFETY: as above.
        unsafe { self.io.get().completion_shared() }
    }

    fn enter_with<T>(
        &self,
        queued: u32,
        want: u32,
        flags: EnterFlags,
        argument: Option<&T>,
    ) -> Result<(), Errno> {
        // SAFETY: the queued entries point to live memory by the contract of `push`. The argument
        // is none, or with EXT_ARG the structure that flag announces; both outlive the call.
        let entered = unsafe { self.submitter.enter(queued, want, flags.bits(), argument) };
        entered.map(drop).map_err(|error| errno(&error))
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // The registration holds the ring, its memory included, until the thread ends. Without one
        // this fails, which is as good.
        let _ = self.submitter.unregister_ring_fd();
    }
}

impl HeapRing {
    fn get(&self) -> &IoUring {
        // SAFETY: the pointer came from a leaked box that only `drop` takes back.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for HeapRing {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a leaked box, and `Ring` drops what borrows it before.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
