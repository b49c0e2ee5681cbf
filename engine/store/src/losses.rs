//! Reading what a drive may have lost in part.

use bytes::BytesMut;
use roundhouse_base::aligned_buffer;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_runtime::{Errno, FileId, Shard};

/// Reads so many bytes from a place in a file, both multiples of a block. Gives them, and where the
/// blocks are that the medium lost, which are zeros.
///
/// Each block is read once more, by itself, before it is given up. An error that is not the medium's,
/// such as a lack of memory, says nothing of what a block holds and is returned.
pub(crate) async fn read_around_losses(
    shard: &Shard,
    file: FileId,
    at: u64,
    bytes: usize,
) -> Result<(BytesMut, Vec<u64>), Errno> {
    let (read, mut piece) = shard.read(file, zeros(bytes), at).await;
    let mut lost = Vec::new();
    if read.is_ok() {
        return Ok((piece, lost));
    }
    for (no, target) in piece.chunks_mut(BLOCK_BYTES).enumerate() {
        let block_at = at + (no * BLOCK_BYTES) as u64;
        let (read, block) = shard.read(file, zeros(BLOCK_BYTES), block_at).await;
        match read {
            Ok(_) => target.copy_from_slice(&block),
            Err(errno) if LOST_TO_THE_MEDIUM.contains(&errno) => {
                target.fill(0);
                lost.push(block_at);
            }
            Err(errno) => return Err(errno),
        }
    }
    Ok((piece, lost))
}

/// What Linux says of sectors that a drive gives no more, that it knows to be bad, or whose own sums are
/// wrong: what `blk_status_t` of include/linux/blk_types.h becomes.
const LOST_TO_THE_MEDIUM: [Errno; 3] = [Errno::IO, Errno::NODATA, Errno::ILSEQ];

/// A buffer for direct I/O.
pub(crate) fn zeros(bytes: usize) -> BytesMut {
    let mut buffer = aligned_buffer(bytes);
    buffer.resize(bytes, 0);
    buffer
}
