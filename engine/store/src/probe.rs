//! Finds out how this device makes small writes durable faster.

use std::time::Duration;

use bytes::Bytes;
use roundhouse_base::aligned_buffer;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_runtime::{Errno, FileId, Shard};

use crate::format::SyncMethod;

/// Times durable writes of one block by both methods, alternating, for about a tenth of a second,
/// and returns the one with the lower median. The blocks written are zeros, as before.
///
/// # Errors
/// The kernel's.
pub(crate) async fn probe_sync_method(
    shard: &Shard,
    file: FileId,
    slot_bytes: u64,
) -> Result<SyncMethod, Errno> {
    let mut block = aligned_buffer(BLOCK_BYTES);
    block.resize(BLOCK_BYTES, 0);
    let block = block.freeze();
    let (mut dsync, mut fdatasync) = (Vec::new(), Vec::new());
    let deadline = shard.now() + PROBE_TIME;
    let mut at = 0;
    while dsync.len() < ROUNDS_MIN || shard.now() < deadline {
        dsync.push(time_write(shard, file, &block, at, SyncMethod::Dsync).await?);
        at = (at + BLOCK_BYTES as u64) % slot_bytes;
        fdatasync.push(time_write(shard, file, &block, at, SyncMethod::Fdatasync).await?);
        at = (at + BLOCK_BYTES as u64) % slot_bytes;
    }
    // The second method stops the shard while it syncs: equal is not good enough for it.
    let is_clearly_faster = median(&mut fdatasync) * 10 < median(&mut dsync) * 9;
    Ok(if is_clearly_faster { SyncMethod::Fdatasync } else { SyncMethod::Dsync })
}

async fn time_write(
    shard: &Shard,
    file: FileId,
    block: &Bytes,
    at: u64,
    method: SyncMethod,
) -> Result<Duration, Errno> {
    let started = shard.now();
    shard.write(file, block.clone(), at, method == SyncMethod::Dsync).await?;
    if method == SyncMethod::Fdatasync {
        shard.sync_data(file).await?;
    }
    Ok(shard.now().since(started))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

const PROBE_TIME: Duration = Duration::from_millis(100);

/// Rounds at least, on a device so slow that the time is over before.
const ROUNDS_MIN: usize = 5;
