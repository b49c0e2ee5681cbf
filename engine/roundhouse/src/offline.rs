//! A store that no engine has open: looking at all of it, and giving up what is damaged.
//!
//! [`OfflineStore`] takes the same lock as an engine does, and works on the calling thread with a
//! ring of its own until it is dropped.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{ShardId, aligned_buffer};
use roundhouse_runtime::driver::Wait;
use roundhouse_runtime::mailbox::Parking;
use roundhouse_runtime::uring::{UringDriver, UringOptions};
use roundhouse_runtime::{Errno, FileId, OpenMode, Shard, ShardLoop, SpinOptions};
use roundhouse_store::{OpenError, shard_directory};

use crate::directory;
use crate::error::Error;

pub use roundhouse_base::SlotNo;
pub use roundhouse_store::format::{FrameHeader, FrameKind, Superblock};
pub use roundhouse_store::{
    CopyState, Inspection, LogCount, LogShare, Progress, Repair, RepairOptions, RepairReport,
    Salvage, SalvageOptions, SalvagedRecord, SegmentInspection, SlotHolds, SlotInspection,
    SlotPart, Verdict, Verification,
};

/// A store that nobody else has open while this exists.
#[derive(Debug)]
pub struct OfflineStore {
    worker: Worker,
    directory: PathBuf,
    shards: u16,
    /// Released with the ring that opened it.
    _lock: FileId,
}

impl OfflineStore {
    /// Takes the lock of the store in `directory`. Nothing in it is changed.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Setup`], or [`Error::Open`] if there is no store or its first
    /// superblock is unusable.
    pub fn open(directory: &Path) -> Result<OfflineStore, Error> {
        let mut worker = Worker::new()?;
        let shard = worker.shard();
        directory::check_exists(&shard, directory)?;
        let lock = directory::lock(&shard, directory)?;
        let counted = worker.run(directory::count_shards(&shard, directory))?;
        let missing = || OpenError::Missing { directory: directory.to_owned() };
        let shards = counted?.ok_or_else(missing)?;
        Ok(OfflineStore { worker, directory: directory.to_owned(), shards, _lock: lock })
    }

    /// The shards of the store.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.shards).map(ShardId)
    }

    /// Reads everything that is live on a shard and checks it; see [`Verification`]. Changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Open`] when there is no such shard, its superblock is unusable, or the kernel
    /// refuses to open files. Damage to anything else is a [`Verdict`].
    pub fn verify(
        &mut self,
        shard: ShardId,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Verification, Error> {
        let (worker, path) = (self.worker.shard(), self.path(shard));
        Ok(self.worker.run(roundhouse_store::verify(&worker, &path, progress))??)
    }

    /// Says what a shard consists of. Changes nothing.
    ///
    /// # Errors
    /// As [`OfflineStore::verify`].
    pub fn inspect(&mut self, shard: ShardId) -> Result<Inspection, Error> {
        let (worker, path) = (self.worker.shard(), self.path(shard));
        Ok(self.worker.run(roundhouse_store::inspect(&worker, &path))??)
    }

    /// Gives every part of a slot file to `visitor`, in order. Changes nothing.
    ///
    /// # Errors
    /// As [`OfflineStore::verify`]; [`OpenError::Io`] with `ENOENT` if there is no such slot.
    pub fn list_frames(
        &mut self,
        shard: ShardId,
        slot: SlotNo,
        visitor: &mut dyn FnMut(SlotPart),
    ) -> Result<(), Error> {
        let (worker, path) = (self.worker.shard(), self.path(shard));
        Ok(self.worker.run(roundhouse_store::list_frames(&worker, &path, slot, visitor))??)
    }

    /// Gives every intact record of a shard to `visitor`, in the order in which they were appended,
    /// up to the first damage or as far as the options say. Changes nothing.
    ///
    /// # Errors
    /// As [`OfflineStore::verify`].
    pub fn salvage(
        &mut self,
        shard: ShardId,
        options: SalvageOptions,
        visitor: &mut dyn FnMut(SalvagedRecord<'_>),
    ) -> Result<Salvage, Error> {
        let (worker, path) = (self.worker.shard(), self.path(shard));
        Ok(self.worker.run(roundhouse_store::salvage(&worker, &path, options, visitor))??)
    }

    /// Cuts the log of a shard at the first damage, after a copy of everything behind it was put
    /// into quarantine.
    ///
    /// # Errors
    /// As [`OfflineStore::verify`], and [`OpenError::Io`] when copying or writing fails: then the
    /// shard is as it was before, but for files in quarantine.
    pub fn repair(
        &mut self,
        shard: ShardId,
        options: RepairOptions,
    ) -> Result<RepairReport, Error> {
        let (worker, path) = (self.worker.shard(), self.path(shard));
        Ok(self.worker.run(roundhouse_store::repair(&worker, &path, options))??)
    }

    fn path(&self, shard: ShardId) -> PathBuf {
        shard_directory(&self.directory, shard)
    }
}

/// Tries whether a store could live in `directory`: creates a file there for direct I/O, writes a
/// block durably, and removes the file again. The directory must exist.
///
/// # Errors
/// [`Error::Setup`] without a ring; [`Error::Open`] with the kernel's answer, which is `EINVAL` if
/// the file system knows no direct I/O.
pub fn probe_directory(directory: &Path) -> Result<(), Error> {
    let mut worker = Worker::new()?;
    let shard = worker.shard();
    // Whoever probes at the same time takes another name.
    let path = directory.join(format!("roundhouse-probe-{:016x}", shard.random()));
    worker.run(async {
        let io = |action, errno| OpenError::Io { action, path: path.clone(), errno };
        let created = shard.open(&path, OpenMode::Create).await;
        let file = created.map_err(|errno| io("create for direct I/O", errno))?;
        let mut block = aligned_buffer(BLOCK_BYTES);
        block.resize(BLOCK_BYTES, 0);
        let written = shard.write(file, block.freeze(), 0, true).await;
        // Whatever came of the write, the file goes.
        let closed = shard.close(file).await;
        let removed = shard.remove(&path).await;
        written.map_err(|errno| io("write durably to", errno))?;
        closed.map_err(|errno| io("close", errno))?;
        removed.map_err(|errno| io("remove", errno))?;
        Ok::<(), OpenError>(())
    })??;
    Ok(())
}

/// A shard without an engine, turned by the calling thread while it waits.
#[derive(Debug)]
struct Worker {
    shard_loop: ShardLoop,
}

impl Worker {
    fn new() -> Result<Worker, Error> {
        let driver = UringDriver::new(&UringOptions::default());
        let driver = driver.map_err(|error| Error::Setup { shard: 0, error })?;
        let shard_loop = ShardLoop::new(ShardId(0), Box::new(driver), SpinOptions::Never);
        Ok(Worker { shard_loop })
    }

    fn shard(&self) -> Shard {
        self.shard_loop.shard()
    }

    /// Polls a future between turns until it is done. Unlike a task it may borrow.
    fn run<F: Future>(&mut self, future: F) -> Result<F::Output, Error> {
        let waker = Waker::from(Arc::new(LoopWaker(self.shard().parking())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return Ok(output);
            }
            let turned = self.shard_loop.turn(Wait::Until(None));
            turned.map_err(|errno: Errno| Error::Ring { shard: 0, errno })?;
        }
    }
}

/// Wakes the loop from its sleep, after which the future is polled.
struct LoopWaker(Arc<Parking>);

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}
