//! The driver of one shard over one ring.

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use io_uring::cqueue;
use roundhouse_base::{Monotonic, WallTime};
use rustix::rand::GetRandomFlags;
use rustix::time::{ClockId, Timespec};

use super::buffers::Buffers;
use super::counters::DriverCounters;
use super::error::SetupError;
use super::files::FileTable;
use super::options::{DriveMode, UringOptions};
use super::parker::Parker;
use super::ring::Ring;
use super::side_memory::SideMemories;
use super::sockets::SocketTable;
use super::sqe::{self, Tag};
use super::{arrivals, blocking, setup, socket_setup, socket_sqe, steering};
use crate::driver::{DirectoryEntry, Driver, Unpark, Wait};
use crate::op::{Completion, Errno, FileId, Op, OpId};
use crate::op_table::OpTable;
use crate::socket::{SocketId, SocketOp, SocketOption, SocketOptions};

/// A [`Driver`] over io_uring. It works on the thread that made it, and only there.
///
/// A submitted operation first waits in the driver. The next [`Driver::reap`] moves it into the
/// ring, as many as there is room for at a time, and tells the kernel; so an operation cancelled
/// before that never started. Only [`Op::SyncData`] and [`Op::Close`] are done at once, without the
/// ring.
///
/// Dropping the driver forgets what was not started, cancels what was, and waits until the kernel
/// has let go of every buffer.
pub struct UringDriver {
    // Fields are dropped in this order: the ring before what its entries may point to.
    ring: Ring,
    operations: OpTable,
    memories: SideMemories,
    buffers: Buffers,
    files: FileTable,
    sockets: SocketTable,
    /// What the next turn moves into the ring, in order.
    waiting: VecDeque<Entry>,
    /// Operations that ended without the ring. They stay in the table until the next turn hands
    /// them out, so that none submitted meanwhile gets the same index.
    finished: Vec<(OpId, Result<u32, Errno>)>,
    parker: Arc<Parker>,
    mode: DriveMode,
    counters: Arc<DriverCounters>,
}

/// Something to put into the submission queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    Start(OpId),
    Cancel(OpId),
    Watch,
}

impl UringDriver {
    /// Sets up a ring for the calling thread.
    ///
    /// # Errors
    /// Why this process can have no ring, with the remedy.
    pub fn new(options: &UringOptions) -> Result<UringDriver, SetupError> {
        let (io, shape) = setup::set_up(options)?;
        let counters = Arc::new(DriverCounters::default());
        let ring = Ring::new(io, Arc::clone(&counters));
        let parker = Arc::new(Parker::new().map_err(SetupError::without_eventfd)?);
        let mut waiting = VecDeque::new();
        match options.mode {
            DriveMode::Thread => waiting.push_back(Entry::Watch),
            DriveMode::Host => {
                ring.register_event(parker.event_fd()).map_err(SetupError::without_eventfd)?;
                parker.clear();
            }
        }
        tracing::debug!(?shape, mode = ?options.mode, "ring set up");
        Ok(UringDriver {
            ring,
            operations: OpTable::default(),
            memories: SideMemories::default(),
            buffers: Buffers::new(options),
            files: FileTable::default(),
            sockets: SocketTable::default(),
            waiting,
            finished: Vec::new(),
            parker,
            mode: options.mode,
            counters,
        })
    }

    /// What this driver counts; stays readable after the driver is gone.
    pub fn counters(&self) -> Arc<DriverCounters> {
        Arc::clone(&self.counters)
    }

    /// Moves everything that waits into the ring, entering the kernel each time it is full. What
    /// fits is left for the caller's enter to submit, so that a turn usually makes just that one.
    ///
    /// What is to start again meanwhile, as receives that met no buffer, is left for a later turn:
    /// only between turns are buffers given back.
    fn start_waiting(&mut self, completions: &mut Vec<Completion>) -> Result<(), Errno> {
        let mut left = self.waiting.len();
        loop {
            left = left.saturating_sub(self.fill_ring());
            if left == 0 {
                return Ok(());
            }
            let taken = self.ring.enter(0, None)?;
            self.take_completions(completions)?;
            if taken == 0 {
                // The kernel is short of memory: what is left goes with a later turn.
                return Ok(());
            }
        }
    }

    /// Moves what waits into the ring as far as there is room; says how many those were.
    fn fill_ring(&mut self) -> usize {
        let mut moved = 0;
        while !self.ring.is_full() {
            let Some(next) = self.waiting.pop_front() else { break };
            moved += 1;
            let entry = match next {
                Entry::Start(id) => match self.prepare(id) {
                    Ok(entry) => entry,
                    Err(errno) => {
                        self.finished.push((id, Err(errno)));
                        continue;
                    }
                },
                Entry::Cancel(id) => sqe::cancel(id),
                Entry::Watch => sqe::watch(self.parker.event_fd()),
            };
            // SAFETY: a start points into the heap memory of its operation's buffers or of its side
            // memory, which `operations` and `memories` own, untouched, until the last completion
            // was taken (or for good, if the kernel can't be asked: see `drop`). Buffers that the
            // kernel chooses belong to `buffers`, under the same rule. The others point to nothing.
            unsafe { self.ring.push(&entry) };
        }
        moved
    }

    /// The entry that starts operation `id`, with what it points to put where it stays.
    fn prepare(&mut self, id: OpId) -> Result<io_uring::squeue::Entry, Errno> {
        let op = self.operations.get_mut(id).expect("an operation waits only while in the table");
        let memory = self.memories.get(id.index);
        let entry = match op {
            Op::Socket(op) => {
                socket_sqe::start(op, memory, &mut self.sockets, &mut self.buffers, &self.ring)
            }
            _ => sqe::start(op, memory, &self.files),
        };
        Ok(entry?.user_data(Tag::Op(id).to_user_data()))
    }

    /// Hands out what ended without the ring.
    fn take_finished(&mut self, completions: &mut Vec<Completion>) {
        for (id, result) in self.finished.drain(..) {
            let op = self.operations.remove(id);
            debug_assert!(op.is_some(), "an operation ends once");
            self.memories.release(id.index);
            completions.push(Completion { id, result, received: None, op });
        }
    }

    /// Takes all completions there are, also those the kernel kept because the queue was full.
    fn take_completions(&mut self, completions: &mut Vec<Completion>) -> Result<(), Errno> {
        loop {
            while let Some(entry) = self.ring.pop() {
                self.take_completion(&entry, completions);
            }
            if !self.ring.has_overflowed() {
                return Ok(());
            }
            self.ring.enter(0, None)?;
        }
    }

    fn take_completion(&mut self, entry: &cqueue::Entry, completions: &mut Vec<Completion>) {
        match Tag::from_user_data(entry.user_data()) {
            Tag::Op(id) => self.take_operation(id, entry, completions),
            Tag::Cancel => (),
            // The kernel ends a watch when the completion queue is full.
            Tag::Watch if !cqueue::more(entry.flags()) => self.waiting.push_back(Entry::Watch),
            Tag::Watch => (),
        }
    }

    fn take_operation(
        &mut self,
        id: OpId,
        entry: &cqueue::Entry,
        completions: &mut Vec<Completion>,
    ) {
        let Some(op) = self.operations.get(id) else { return };
        let counters = &self.counters;
        let received = arrivals::take(op, entry, &mut self.sockets, &mut self.buffers, counters);
        let has_more = cqueue::more(entry.flags());
        let is_interrupted = !has_more && arrivals::is_interrupted(op, entry.result(), counters);
        if !has_more && !is_interrupted {
            let op = self.operations.remove(id).expect("it was there just now");
            self.memories.release(id.index);
            let result = self.result_of(&op, entry);
            completions.push(Completion { id, result, received, op: Some(op) });
            return;
        }
        if received.is_some() {
            let result = sqe::result(entry.result());
            completions.push(Completion { id, result, received, op: None });
        }
        if is_interrupted {
            self.start_again(id);
        }
    }

    /// Starts an operation again that the kernel ended for reasons of its own, unless it was to
    /// end anyway.
    fn start_again(&mut self, id: OpId) {
        let is_open = match self.operations.get(id) {
            Some(Op::Socket(op)) => self.sockets.get(op.socket()).is_ok(),
            _ => false,
        };
        if is_open && !self.memories.is_cancelled(id.index) {
            self.waiting.push_back(Entry::Start(id));
        } else {
            self.finished.push((id, Err(Errno::CANCELED)));
        }
    }

    /// What the operation's documentation says its result is: a file's number instead of the
    /// kernel's.
    fn result_of(&mut self, op: &Op, entry: &cqueue::Entry) -> Result<u32, Errno> {
        if let Op::Socket(SocketOp::Close { socket }) = op {
            // The result counts what was cancelled on the way, or says that there was nothing.
            self.sockets.finish_close(*socket);
            return Ok(0);
        }
        let number = sqe::result(entry.result())?;
        if !matches!(op, Op::Open { .. }) {
            return Ok(number);
        }
        // SAFETY: the kernel made this descriptor for this operation, and its only completion
        // is where anyone learns of it.
        let fd = unsafe { OwnedFd::from_raw_fd(number as i32) };
        Ok(self.files.insert(fd).0)
    }

    /// One enter that submits and waits as long as it may; none if there is nothing to enter for.
    fn turn_thread(&mut self, wait: Wait) -> Result<(), Errno> {
        let entered = match wait {
            Wait::Until(deadline) if self.parker.begin_sleep() => {
                self.ring.enter(1, self.time_until(deadline)).map(drop)
            }
            _ if self.ring.has_queued() || self.ring.wants_enter() => {
                self.ring.enter(0, None).map(drop)
            }
            _ => Ok(()),
        };
        self.parker.end_sleep();
        entered
    }

    /// The same where the kernel and the wakers write to an eventfd: it fires once, and only an
    /// enter after it was read makes it fire again, so that every turn does both, in this order.
    fn turn_host(&mut self, wait: Wait) -> Result<(), Errno> {
        let notified = self.parker.clear();
        self.ring.enter(0, None)?;
        match wait {
            Wait::Until(deadline) if !notified && !self.ring.has_completions() => {
                // A sleep in enter would miss the unparker, whose write is no completion.
                self.parker.sleep(self.time_until(deadline))?;
                self.parker.clear();
                self.ring.enter(0, None)?;
            }
            _ => (),
        }
        if self.ring.has_queued() || !self.waiting.is_empty() {
            // The kernel is short of memory. The host must come again, and knows only the eventfd.
            self.parker.unpark();
        }
        Ok(())
    }

    fn time_until(&self, deadline: Option<Monotonic>) -> Option<Duration> {
        deadline.map(|deadline| deadline.since(self.now()))
    }

    /// Cancels all that was started and waits for the last completion of each.
    fn wind_up(&mut self) -> Result<(), Errno> {
        while self.ring.is_full() {
            self.ring.enter(0, None)?;
        }
        // SAFETY: a cancellation points to nothing.
        unsafe { self.ring.push(&sqe::cancel_all()) };
        let mut completions = Vec::new();
        while self.ring.in_flight() > 0 {
            self.ring.enter(1, None)?;
            self.take_completions(&mut completions)?;
            completions.clear();
        }
        Ok(())
    }
}

impl Driver for UringDriver {
    fn submit(&mut self, op: Op) -> OpId {
        let done = match &op {
            Op::SyncData { file } => Some(self.files.sync_data(*file)),
            Op::Close { file } => Some(self.files.close(*file)),
            Op::Socket(SocketOp::Shutdown { socket, side }) => {
                let socket = self.sockets.get(*socket);
                Some(socket.and_then(|fd| socket_setup::shut_down(fd, *side)))
            }
            _ => None,
        };
        let id = self.operations.insert(op);
        match done {
            Some(result) => self.finished.push((id, result)),
            None => self.waiting.push_back(Entry::Start(id)),
        }
        id
    }

    fn start(&mut self) {
        self.fill_ring();
        if self.ring.has_queued() {
            self.ring.submit();
        }
    }

    fn cancel(&mut self, id: OpId) {
        match self.operations.get(id) {
            None | Some(Op::Socket(SocketOp::Close { .. })) => return,
            Some(_) => (),
        }
        if let Some(at) = self.waiting.iter().position(|entry| *entry == Entry::Start(id)) {
            self.waiting.remove(at);
            self.finished.push((id, Err(Errno::CANCELED)));
        } else {
            self.memories.cancel(id.index);
            self.waiting.push_back(Entry::Cancel(id));
        }
    }

    fn reap(&mut self, completions: &mut Vec<Completion>, wait: Wait) -> Result<(), Errno> {
        let before = completions.len();
        self.buffers.replenish();
        self.counters.buffer_bytes.set(self.buffers.bytes());
        self.counters.operations.set(self.operations.len() as u64);
        self.start_waiting(completions)?;
        self.take_finished(completions);
        let found = completions.len() > before || self.ring.has_completions();
        let wait = if found || !self.waiting.is_empty() { Wait::No } else { wait };
        match self.mode {
            DriveMode::Thread => self.turn_thread(wait)?,
            DriveMode::Host => self.turn_host(wait)?,
        }
        self.take_completions(completions)
    }

    fn is_ready(&self) -> bool {
        !self.finished.is_empty()
            || self.parker.is_notified()
            || self.ring.has_completions()
            || self.ring.wants_enter()
    }

    fn unparker(&self) -> Arc<dyn Unpark> {
        Arc::<Parker>::clone(&self.parker)
    }

    fn event_fd(&self) -> Option<BorrowedFd<'_>> {
        (self.mode == DriveMode::Host).then(|| self.parker.event_fd())
    }

    fn now(&self) -> Monotonic {
        Monotonic(nanos(rustix::time::clock_gettime(ClockId::Monotonic)))
    }

    fn wall(&self) -> WallTime {
        WallTime(nanos(rustix::time::clock_gettime(ClockId::Realtime)))
    }

    fn random(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // A signal can interrupt this only while the machine, just started, has no randomness yet.
        rustix::io::retry_on_intr(|| rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty()))
            .expect("the kernel always has eight random bytes");
        u64::from_ne_bytes(bytes)
    }

    fn list(&mut self, directory: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
        blocking::list(directory)
    }

    fn create_directory(&mut self, directory: &Path) -> Result<(), Errno> {
        blocking::create_directory(directory)
    }

    fn lock(&mut self, path: &Path) -> Result<FileId, Errno> {
        blocking::lock(path).map(|fd| self.files.insert(fd))
    }

    fn open_socket(&mut self, options: &SocketOptions) -> Result<SocketId, Errno> {
        socket_setup::open(options).map(|fd| self.sockets.insert(fd))
    }

    fn set_socket_option(&mut self, socket: SocketId, option: SocketOption) -> Result<(), Errno> {
        socket_setup::set_option(self.sockets.get(socket)?, option)
    }

    fn steer_datagrams(&mut self, socket: SocketId, places: &[Option<u16>]) -> Result<(), Errno> {
        steering::attach(self.sockets.get(socket)?, places)
    }

    fn local_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        socket_setup::local_address(self.sockets.get(socket)?)
    }

    fn peer_address(&self, socket: SocketId) -> Result<SocketAddr, Errno> {
        socket_setup::peer_address(self.sockets.get(socket)?)
    }
}

#[cfg(test)]
impl UringDriver {
    /// Makes a file of what tests can hold back, such as a pipe.
    pub(super) fn adopt(&mut self, fd: OwnedFd) -> FileId {
        self.files.insert(fd)
    }

    /// How many buffers for streams there are.
    pub(super) fn stream_buffers(&mut self) -> usize {
        self.buffers.streams().ring().len()
    }

    /// How many sockets are open.
    pub(super) fn open_sockets(&self) -> usize {
        self.sockets.len()
    }
}

impl Drop for UringDriver {
    fn drop(&mut self) {
        if self.ring.in_flight() == 0 {
            return;
        }
        if let Err(errno) = self.wind_up() {
            // The kernel may still read and write these buffers: leaking them is the safe way out.
            let operations = self.operations.len();
            tracing::error!(%errno, operations, "the ring is broken: leaking its buffers");
            mem::forget(mem::take(&mut self.operations));
            mem::forget(mem::take(&mut self.memories));
            self.buffers.leak();
        }
    }
}

fn nanos(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
