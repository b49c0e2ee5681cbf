//! The handle through which code on a shard reaches its surroundings.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse_base::{Monotonic, ShardId, WallTime};

use crate::dormitory::Dormitory;
use crate::driver::{DirectoryEntry, Driver};
use crate::executor::{Executor, Task};
use crate::mailbox::Parking;
use crate::op::{Errno, FileId, Op, OpenMode};
use crate::operation::{Operation, ReadOperation};
use crate::reactor::Reactor;
use crate::timers::{TimerKey, Timers};

/// One shard, seen from code that runs on it: tasks, time, files. Cheap to clone, never sent.
#[derive(Clone)]
pub struct Shard {
    pub(crate) inner: Rc<ShardInner>,
}

/// The state that the loop and all handles of a shard share.
pub(crate) struct ShardInner {
    pub(crate) id: ShardId,
    pub(crate) executor: Executor,
    pub(crate) reactor: RefCell<Reactor>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) driver: RefCell<Box<dyn Driver>>,
    pub(crate) parking: Arc<Parking>,
    pub(crate) dormitory: Arc<Dormitory>,
    /// The clocks as of this turn.
    pub(crate) turn_wall: Cell<WallTime>,
    pub(crate) turn_now: Cell<Monotonic>,
    /// Who looks into the queues that other threads fill.
    pub(crate) notified: RefCell<Vec<Waker>>,
    /// What the layer above keeps with the shard.
    pub(crate) extension: RefCell<Option<Rc<dyn Any>>>,
}

impl ShardInner {
    /// Wakes those who wait for a notification. Must be called inside the executor's turn, or from
    /// its loop.
    pub(crate) fn wake_notified(&self) {
        let wakers = self.notified.take();
        self.executor.enter(|| wakers.into_iter().for_each(Waker::wake));
    }
}

impl Shard {
    /// This shard's number.
    pub fn id(&self) -> ShardId {
        self.inner.id
    }

    /// Starts a task on this shard. Dropping what is returned cancels it.
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        self.inner.executor.spawn(future)
    }

    /// The monotonic clock.
    pub fn now(&self) -> Monotonic {
        self.inner.driver.borrow().now()
    }

    /// The wall clock as it was when this turn of the loop began: one reading for all records that
    /// arrive together.
    pub fn wall(&self) -> WallTime {
        self.inner.turn_wall.get()
    }

    /// The monotonic clock as it was when this turn of the loop began.
    pub fn turn_now(&self) -> Monotonic {
        self.inner.turn_now.get()
    }

    /// The shard whose turn it is on this thread, if any.
    pub fn current() -> Option<Shard> {
        crate::executor::current()
    }

    /// Where threads of the program sleep that wait for answers of this shard.
    pub fn dormitory(&self) -> &Arc<Dormitory> {
        &self.inner.dormitory
    }

    /// Completes when another thread has called [`Parking::notify`] since this turn began: look into
    /// the queues that other threads fill, then wait for this, again and again.
    pub fn notified(&self) -> impl Future<Output = ()> + use<> {
        let shard = self.clone();
        let mut is_waiting = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut is_waiting, true) {
                return Poll::Ready(());
            }
            shard.inner.notified.borrow_mut().push(context.waker().clone());
            Poll::Pending
        })
    }

    /// Keeps a value with the shard, for the layer above; replaces the one before.
    pub fn set_extension(&self, extension: Option<Rc<dyn Any>>) {
        let before = self.inner.extension.replace(extension);
        drop(before);
    }

    /// Has `flag` set when a task of this shard panics, which ends that task only; replaces the flag
    /// before.
    pub fn set_panic_flag(&self, flag: Arc<AtomicBool>) {
        self.inner.executor.set_panic_flag(flag);
    }

    /// The value that [`Shard::set_extension`] kept, if it has this type.
    pub fn extension<T: 'static>(&self) -> Option<Rc<T>> {
        self.inner.extension.borrow().clone()?.downcast().ok()
    }

    /// 64 random bits from the driver.
    pub fn random(&self) -> u64 {
        self.inner.driver.borrow_mut().random()
    }

    /// What other threads use to end this shard's sleep.
    pub fn parking(&self) -> Arc<Parking> {
        self.inner.parking.clone()
    }

    /// Completes at `deadline` or soon after. Dropping it forgets the timer.
    pub fn sleep_until(&self, deadline: Monotonic) -> Sleep {
        Sleep { shard: self.clone(), deadline, key: None }
    }

    /// Completes after `duration`, counted from now. Dropping it forgets the timer.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.now() + duration)
    }

    /// Fills `buf` (its length) from byte `at` of a file. Gives the buffer back, and how many bytes
    /// were read: fewer than asked for at the end of the file only.
    ///
    /// Dropping the future cancels the read; the buffer stays alive until the kernel let go of it.
    pub fn read(&self, file: FileId, buf: BytesMut, at: u64) -> ReadOperation {
        ReadOperation::new(self.submit(Op::Read { file, buf, at }))
    }

    /// Writes `buf` at byte `at` of a file; with `durable`, completes when it is on stable storage.
    /// Gives back how many bytes were written.
    ///
    /// Dropping the future cancels the write or leaves it to complete unseen.
    pub fn write(&self, file: FileId, buf: Bytes, at: u64, durable: bool) -> Operation {
        self.submit(Op::Write { file, buf, at, durable })
    }

    /// Starts the operations submitted so far if other tasks would run before the turn does: a device
    /// should not idle while this shard computes.
    pub fn start_before_others(&self) {
        if self.inner.executor.has_work() {
            self.inner.driver.borrow_mut().start();
        }
    }

    /// Starts the operations submitted so far, for a task that goes on to compute for a while.
    pub fn start_now(&self) {
        self.inner.driver.borrow_mut().start();
    }

    /// Whether other tasks would have their turn before the task that asks has its next one.
    pub fn has_runnable_tasks(&self) -> bool {
        self.inner.executor.has_work()
    }

    /// Makes every completed write to a file durable; the shard stands still meanwhile.
    pub fn sync_data(&self, file: FileId) -> Operation {
        self.submit(Op::SyncData { file })
    }

    /// Makes a file, or the entries of a directory, durable while the shard goes on.
    pub fn sync(&self, file: FileId) -> Operation {
        self.submit(Op::Sync { file })
    }

    /// Opens a file or directory.
    ///
    /// # Errors
    /// The kernel's, such as `ENOENT`, `EEXIST`, `EINVAL` where the file system knows no direct I/O.
    pub async fn open(&self, path: &Path, mode: OpenMode) -> Result<FileId, Errno> {
        self.submit(Op::Open { path: path.to_owned(), mode }).await.map(FileId)
    }

    /// Reserves the first `bytes` of a file and makes it that long.
    pub fn allocate(&self, file: FileId, bytes: u64) -> Operation {
        self.submit(Op::Allocate { file, bytes })
    }

    /// Removes a file's name.
    pub fn remove(&self, path: &Path) -> Operation {
        self.submit(Op::Remove { path: path.to_owned() })
    }

    /// Closes a file that has no operation in flight.
    pub fn close(&self, file: FileId) -> Operation {
        self.submit(Op::Close { file })
    }

    /// Makes the entries of a directory durable.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn sync_directory(&self, directory: &Path) -> Result<(), Errno> {
        let file = self.open(directory, OpenMode::Directory).await?;
        let synced = self.sync(file).await;
        self.close(file).await?;
        synced.map(drop)
    }

    /// Lists a directory. Blocks the shard; for opening a store only.
    ///
    /// # Errors
    /// The kernel's, such as `ENOENT`.
    pub fn list(&self, directory: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
        self.inner.driver.borrow_mut().list(directory)
    }

    /// Creates a directory and missing parents, all durable when this returns; one that is there is
    /// made durable, too, since a process that died may have just created it. Blocks the shard; for
    /// opening a store only.
    ///
    /// # Errors
    /// The kernel's.
    pub async fn create_directory(&self, directory: &Path) -> Result<(), Errno> {
        self.inner.driver.borrow_mut().create_directory(directory)?;
        for parent in directory.ancestors().skip(1) {
            let is_current = parent.as_os_str().is_empty();
            match self.sync_directory(if is_current { Path::new(".") } else { parent }).await {
                // Nobody creates anything in a directory that he may not even open.
                Ok(()) | Err(Errno::ACCESS) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    /// Takes the exclusive lock on a file. Blocks the shard; for opening a store only.
    ///
    /// # Errors
    /// `EWOULDBLOCK` if it is held elsewhere; otherwise the kernel's.
    pub fn lock(&self, path: &Path) -> Result<FileId, Errno> {
        self.inner.driver.borrow_mut().lock(path)
    }

    pub(crate) fn submit(&self, op: Op) -> Operation {
        Operation::new(self, op)
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shard({})", self.inner.id)
    }
}

/// A timer; see [`Shard::sleep_until`].
#[must_use = "a timer does nothing unless awaited"]
#[derive(Debug)]
pub struct Sleep {
    shard: Shard,
    deadline: Monotonic,
    key: Option<TimerKey>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.shard.now() >= self.deadline {
            return Poll::Ready(());
        }
        let shard = self.shard.clone();
        let mut timers = shard.inner.timers.borrow_mut();
        match self.key {
            Some(key) => timers.update(key, context.waker()),
            None => self.key = Some(timers.set(self.deadline, context.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.shard.inner.timers.borrow_mut().cancel(key);
        }
    }
}
