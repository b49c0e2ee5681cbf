//! What each copy of the superblock is worth.

use std::path::Path;

use roundhouse_base::aligned_buffer;
use roundhouse_runtime::{OpenMode, Shard};

use crate::error::OpenError;
use crate::format::Superblock;
use crate::format::reject::CopyReject;
use crate::format::superblock::{SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, SUPERBLOCK_COPY_BYTES};
use crate::recovery::Context;
use crate::superblock_file::superblock_path;

/// One copy of a superblock beside the one that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyState {
    /// It agrees.
    Current,
    /// It is intact and differs, as an update leaves it that a crash interrupted. Opening the store
    /// rewrites it.
    Stale {
        /// Its sequence number.
        sequence: u64,
    },
    /// It can't be used. Opening the store rewrites it.
    Damaged(CopyReject),
}

/// The state of every copy in the superblock file of `directory`, where `chosen` counts.
///
/// # Errors
/// [`OpenError::Io`].
pub(super) async fn copy_states(
    shard: &Shard,
    directory: &Path,
    chosen: &Superblock,
) -> Result<[CopyState; SUPERBLOCK_COPIES], OpenError> {
    let path = superblock_path(directory);
    let io = |action, errno| Context::io(action, &path, errno);
    let file = shard.open(&path, OpenMode::Read).await.map_err(|errno| io("open", errno))?;
    let mut buffer = aligned_buffer(SUPERBLOCK_BYTES);
    buffer.resize(SUPERBLOCK_BYTES, 0);
    let (result, buffer) = shard.read(file, buffer, 0).await;
    shard.close(file).await.map_err(|errno| io("close", errno))?;
    let found = result.map_err(|errno| io("read", errno))? as usize;
    Ok(std::array::from_fn(|index| {
        let start = (index * SUPERBLOCK_COPY_BYTES).min(found);
        match Superblock::decode_copy(&buffer[start..found], index) {
            Ok(copy) if copy == *chosen => CopyState::Current,
            Ok(copy) => CopyState::Stale { sequence: copy.sequence },
            Err(reject) => CopyState::Damaged(reject),
        }
    }))
}
