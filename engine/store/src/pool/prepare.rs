//! Making new slot files ready, in the background.
//!
//! A slot that was written once takes a small durable write in half the time of one that was only
//! reserved, so new slots are zeroed. Zeroing takes bandwidth, though, and large frames gain little
//! from it: while the shard writes at a high rate, or somebody waits for the slot, what is not
//! zeroed yet stays reserved only. Such a slot is just as correct; unwritten space reads as zeros.

use std::rc::Rc;

use bytes::Bytes;
use roundhouse_base::SlotNo;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_runtime::{Errno, FileId, OpenMode, Shard};

use crate::pool::slot_path;
use crate::store::Inner;

/// Creates slots whenever the pool asks for one, until the store closes.
pub(crate) async fn prepare_task(inner: Rc<Inner>) {
    loop {
        let demand = std::future::poll_fn(|context| {
            let mut state = inner.state.borrow_mut();
            if state.is_closing() || state.failure().is_some() {
                return std::task::Poll::Ready(None);
            }
            if let Some(slot) = state.pool.start_creating(inner.shard.now()) {
                return std::task::Poll::Ready(Some(slot));
            }
            state.pool.wait_for_demand(context.waker());
            std::task::Poll::Pending
        });
        let Some(slot) = demand.await else { return };
        let created = create(&inner, slot).await;
        let mut state = inner.state.borrow_mut();
        match created {
            Ok(file) => {
                state.pool.created(slot, file);
                state.counters.slots_created.add(1);
            }
            Err(errno) => {
                tracing::warn!(shard = state.shard.0, %errno, "cannot create another slot file");
                state.pool.not_created(errno, inner.shard.now());
            }
        }
        state.wake_room_waiters();
    }
}

/// Makes one slot file: reserved, zeroed as far as that is worthwhile, and durable with its name.
async fn create(inner: &Rc<Inner>, slot: SlotNo) -> Result<FileId, Errno> {
    let (directory, slot_bytes) = {
        let state = inner.state.borrow();
        (state.directory.clone(), state.slot_bytes)
    };
    let zero = inner.zero_slots.then_some(|| is_busy(inner));
    create_slot(&inner.shard, &directory, slot, slot_bytes, zero, |bytes| {
        inner.state.borrow().counters.bytes_zeroed.add(bytes);
    })
    .await
}

/// Creates a slot file. With `zero` it is zeroed until that says to stop; `zeroed` is told of every
/// step. On failure the file is removed again.
///
/// The name becomes durable first. After a sync of the directory that failed, nothing shows that the
/// name is not durable: the next sync succeeds. If the process died then, a file that was whole would
/// be used, and be gone after a crash. A shorter one is made anew.
///
/// # Errors
/// The kernel's, such as `ENOSPC`.
pub(crate) async fn create_slot(
    shard: &Shard,
    directory: &std::path::Path,
    slot: SlotNo,
    slot_bytes: u64,
    zero: Option<impl Fn() -> bool>,
    zeroed: impl Fn(u64),
) -> Result<FileId, Errno> {
    let path = slot_path(directory, slot);
    // What an earlier attempt left behind holds nothing: the pool never knew it.
    match shard.remove(&path).await {
        Ok(_) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let file = shard.open(&path, OpenMode::Create).await?;
    let is_skipped = planted(Bug::DirectoryNotSynced);
    let synced = if is_skipped { Ok(()) } else { shard.sync_directory(directory).await };
    let filled = match synced {
        Ok(()) => fill(shard, file, slot_bytes, zero, zeroed).await,
        Err(errno) => Err(errno),
    };
    if let Err(errno) = filled {
        shard.close(file).await?;
        shard.remove(&path).await?;
        return Err(errno);
    }
    Ok(file)
}

async fn fill(
    shard: &Shard,
    file: FileId,
    slot_bytes: u64,
    zero: Option<impl Fn() -> bool>,
    zeroed: impl Fn(u64),
) -> Result<(), Errno> {
    shard.allocate(file, slot_bytes).await?;
    if let Some(should_stop) = zero {
        let mut zeros = roundhouse_base::aligned_buffer(ZERO_WRITE_BYTES);
        zeros.resize(ZERO_WRITE_BYTES.min(slot_bytes as usize), 0);
        let zeros = zeros.freeze();
        let mut at = 0;
        while at < slot_bytes && !should_stop() {
            at = zero_step(shard, file, &zeros, at, slot_bytes).await?;
            zeroed(zeros.len() as u64);
        }
    }
    shard.sync(file).await.map(drop)
}

/// Zeroes the next piece and returns where it ends.
async fn zero_step(
    shard: &Shard,
    file: FileId,
    zeros: &Bytes,
    at: u64,
    slot_bytes: u64,
) -> Result<u64, Errno> {
    let bytes = (zeros.len() as u64).min(slot_bytes - at);
    let written = shard.write(file, zeros.slice(..bytes as usize), at, false).await?;
    if u64::from(written) < bytes {
        return Err(Errno::NOSPC);
    }
    Ok(at + bytes)
}

/// Whether zeroing should give way: someone waits for the slot, or frames are large anyway.
fn is_busy(inner: &Inner) -> bool {
    let state = inner.state.borrow();
    state.is_waited_for() || state.writer.flying_bytes() >= BUSY_FLYING_BYTES
}

/// One write of zeros: large enough for full speed, small enough not to hold up a commit for long.
const ZERO_WRITE_BYTES: usize = 256 * 1024;

/// With this much in flight the device is busy with data, and written extents gain little.
const BUSY_FLYING_BYTES: u64 = 128 * 1024;
