//! Keeps a copy of what is about to be given up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use roundhouse_base::limits::SCAN_READ_BYTES;
use roundhouse_base::{Pos, SlotNo};
use roundhouse_runtime::{Errno, FileId, OpenMode};

use crate::error::OpenError;
use crate::losses::read_around_losses;
use crate::pool::parse_slot_name;
use crate::recovery::Context;

/// Copies the bytes of a slot file from position `from` to `to`, which lie in one segment, into the
/// shard's `quarantine` directory. Durable when this returns; the name tells slot, positions and
/// epoch. Blocks that the medium lost are zeros in the copy.
pub(crate) async fn quarantine(
    context: &Context,
    files: &BTreeMap<SlotNo, FileId>,
    slot_file: &Path,
    from: Pos,
    to: Pos,
) -> Result<PathBuf, OpenError> {
    let copy = quarantine_path(context, slot_file, from, to);
    let slot = parse_slot_name(&file_name(slot_file)).and_then(|slot| files.get(&slot));
    let source = slot.ok_or_else(|| Context::io("find", slot_file, Errno::NOENT))?;
    let copied = copy_range(context, *source, &copy, from, to).await;
    copied.map_err(|errno| Context::io("copy damaged bytes to", &copy, errno))?;
    tracing::warn!(copy = %copy.display(), "copied bytes to quarantine before giving them up");
    Ok(copy)
}

/// Where [`quarantine`] puts the copy.
pub(crate) fn quarantine_path(context: &Context, slot_file: &Path, from: Pos, to: Pos) -> PathBuf {
    let (name, epoch) = (file_name(slot_file), context.superblock.epoch);
    let copy = format!("{name}-pos-{from}-to-{to}-epoch-{epoch}");
    context.directory.join(QUARANTINE_DIRECTORY).join(copy)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

async fn copy_range(
    context: &Context,
    source: FileId,
    copy: &Path,
    from: Pos,
    to: Pos,
) -> Result<(), Errno> {
    let shard = &context.shard;
    let directory = context.directory.join(QUARANTINE_DIRECTORY);
    shard.create_directory(&directory).await?;
    // An attempt that was interrupted may have made the directory and not its entry durable.
    shard.sync_directory(&context.directory).await?;
    // A copy of the same range and epoch is from an interrupted attempt at the very same.
    match shard.remove(copy).await {
        Ok(_) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let file = shard.open(copy, OpenMode::Create).await?;
    shard.allocate(file, to.0 - from.0).await?;
    let base = from.in_slot(context.superblock.slot_bytes);
    let mut done = 0;
    while done < to.0 - from.0 {
        let bytes = (to.0 - from.0 - done).min(SCAN_READ_BYTES as u64) as usize;
        let (piece, _) = read_around_losses(shard, source, base + done, bytes).await?;
        let written = shard.write(file, piece.freeze(), done, false).await?;
        if written as usize != bytes {
            return Err(Errno::NOSPC);
        }
        done += bytes as u64;
    }
    shard.sync(file).await?;
    shard.close(file).await?;
    shard.sync_directory(&directory).await
}

const QUARANTINE_DIRECTORY: &str = "quarantine";
