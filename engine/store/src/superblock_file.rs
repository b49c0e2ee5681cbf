//! The superblock's file: read by quorum, written so that a crash always leaves one.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use roundhouse_base::aligned_buffer;
use roundhouse_base::planted::{Bug, planted};
use roundhouse_runtime::{Errno, FileId, OpenMode, Shard};

use crate::error::OpenError;
use crate::format::superblock::{SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, SUPERBLOCK_COPY_BYTES};
use crate::format::{FORMAT_VERSION, Quorum, Superblock, SuperblockError};

/// The open superblock file of a shard.
#[derive(Debug)]
pub(crate) struct SuperblockFile {
    path: PathBuf,
    file: FileId,
    stale: [bool; SUPERBLOCK_COPIES],
    sequence_next: u64,
}

impl SuperblockFile {
    /// Opens and reads the file in `directory`; `None` if there is none, or one that was never
    /// finished.
    pub(crate) async fn open(
        shard: &Shard,
        directory: &Path,
        mode: OpenMode,
    ) -> Result<Option<(SuperblockFile, Superblock)>, OpenError> {
        let path = superblock_path(directory);
        let io = |action, errno| OpenError::Io { action, path: path.clone(), errno };
        let file = match shard.open(&path, mode).await {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(io("open", errno)),
        };
        if mode == OpenMode::Write {
            // An update may have been cut short by the death of its process. Were its copies only in
            // the cache, then while the next update is on its way no copy would be durable.
            shard.sync(file).await.map_err(|errno| io("sync", errno))?;
        }
        let mut buffer = aligned_buffer(SUPERBLOCK_BYTES);
        buffer.resize(SUPERBLOCK_BYTES, 0);
        let (result, buffer) = shard.read(file, buffer, 0).await;
        let found = result.map_err(|errno| io("read", errno))? as usize;
        match Quorum::choose(&buffer[..found]) {
            Ok(quorum) => {
                let Quorum { superblock, stale, sequence_next } = quorum;
                let opened = SuperblockFile { path, file, stale, sequence_next };
                Ok(Some((opened, superblock)))
            }
            Err(error) => {
                shard.close(file).await.map_err(|errno| io("close", errno))?;
                let is_blank = buffer[..found].iter().all(|&byte| byte == 0);
                if is_blank { Ok(None) } else { Err(explain(path, &error)) }
            }
        }
    }

    /// Makes a new file with a first superblock. One that an interrupted creation left behind is
    /// replaced.
    ///
    /// The name becomes durable first, as that of a slot does: a superblock shows that its file will be
    /// found.
    pub(crate) async fn create(
        shard: &Shard,
        directory: &Path,
        superblock: &Superblock,
    ) -> Result<SuperblockFile, OpenError> {
        let path = superblock_path(directory);
        let io = |action, errno| OpenError::Io { action, path: path.clone(), errno };
        match shard.remove(&path).await {
            Ok(_) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(io("replace", errno)),
        }
        let file =
            shard.open(&path, OpenMode::Create).await.map_err(|errno| io("create", errno))?;
        let allocated = shard.allocate(file, SUPERBLOCK_BYTES as u64).await;
        allocated.map_err(|errno| io("reserve space for", errno))?;
        let synced = shard.sync_directory(directory).await;
        synced.map_err(|errno| io("make the directory entry durable of", errno))?;
        let mut created = SuperblockFile {
            path: path.clone(),
            file,
            stale: [true; SUPERBLOCK_COPIES],
            sequence_next: superblock.sequence,
        };
        created.write(shard, superblock).await?;
        Ok(created)
    }

    /// Writes a new version of the superblock, durable when this returns.
    ///
    /// Two copies first, those that did not count among them: until they are durable, the other two
    /// hold the old version. Then the other two. At every moment two equal copies are intact.
    pub(crate) async fn write(
        &mut self,
        shard: &Shard,
        superblock: &Superblock,
    ) -> Result<(), OpenError> {
        let mut superblock = *superblock;
        superblock.sequence = self.sequence_next;
        let mut copies: [usize; SUPERBLOCK_COPIES] = std::array::from_fn(|copy| copy);
        copies.sort_by_key(|copy| !self.stale[*copy]);
        for half in copies.chunks(SUPERBLOCK_COPIES / 2) {
            self.write_copies(shard, &superblock, half).await.map_err(|errno| OpenError::Io {
                action: "write",
                path: self.path.clone(),
                errno,
            })?;
        }
        self.stale = [false; SUPERBLOCK_COPIES];
        self.sequence_next += 1;
        Ok(())
    }

    /// Closes the file.
    pub(crate) async fn close(self, shard: &Shard) -> Result<(), OpenError> {
        let closed = shard.close(self.file).await;
        closed.map(drop).map_err(|errno| OpenError::Io { action: "close", path: self.path, errno })
    }

    async fn write_copies(
        &self,
        shard: &Shard,
        superblock: &Superblock,
        copies: &[usize],
    ) -> Result<(), Errno> {
        for &copy in copies {
            let mut buffer = aligned_buffer(SUPERBLOCK_COPY_BYTES);
            buffer.extend_from_slice(&superblock.encode_copy(copy));
            let bytes: Bytes = buffer.freeze();
            let at = (copy * SUPERBLOCK_COPY_BYTES) as u64;
            let written = shard.write(self.file, bytes, at, false).await?;
            if written as usize != SUPERBLOCK_COPY_BYTES {
                return Err(Errno::IO);
            }
        }
        if planted(Bug::SuperblockNotSynced) {
            return Ok(());
        }
        shard.sync(self.file).await.map(drop)
    }
}

/// The superblock's file in a shard's directory.
pub(crate) fn superblock_path(directory: &Path) -> PathBuf {
    directory.join("superblock")
}

fn explain(file: PathBuf, error: &SuperblockError) -> OpenError {
    match error {
        SuperblockError::NewerVersion { found } => {
            OpenError::NewerFormat { file, found: *found, supported: FORMAT_VERSION }
        }
        other => OpenError::Superblock { file, reason: other.to_string() },
    }
}
