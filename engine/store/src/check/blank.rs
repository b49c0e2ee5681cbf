//! Writing over what cannot be read, which has a drive replace the sectors.

use roundhouse_base::limits::{BLOCK_BYTES, SCAN_READ_BYTES};
use roundhouse_runtime::{Errno, FileId, Shard};

use crate::losses::{read_around_losses, zeros};

/// Writes zeros over those blocks of a file from byte `from` to `to`, multiples of a block, that the
/// medium lost. Durable when this returns.
pub(super) async fn blank_unreadable(
    shard: &Shard,
    file: FileId,
    from: u64,
    to: u64,
) -> Result<(), Errno> {
    let mut is_changed = false;
    let mut at = from;
    while at < to {
        let bytes = (to - at).min(SCAN_READ_BYTES as u64) as usize;
        let (_, lost) = read_around_losses(shard, file, at, bytes).await?;
        for &block in &lost {
            blank(shard, file, block).await?;
        }
        is_changed |= !lost.is_empty();
        at += bytes as u64;
    }
    if is_changed {
        shard.sync_data(file).await?;
    }
    Ok(())
}

async fn blank(shard: &Shard, file: FileId, at: u64) -> Result<(), Errno> {
    let written = shard.write(file, zeros(BLOCK_BYTES).freeze(), at, false).await?;
    if written as usize != BLOCK_BYTES {
        return Err(Errno::IO);
    }
    tracing::warn!(offset = at, "wrote zeros over a block that cannot be read");
    Ok(())
}
