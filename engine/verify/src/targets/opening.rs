//! Any bytes where a store was: it is opened, verified, repaired and opened again.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_base::{LogId, Offset};
use roundhouse_runtime::Shard;
use roundhouse_store::format::Salts;
use roundhouse_store::{OpenError, RepairOptions, RepairReport, Store, repair, verify};

use super::structures::mend_frame;
use crate::scene::{DIRECTORY, IDENTITY, Scene, append, body, open};

/// What the store held before, and the salts of its frames.
struct Original {
    files: Vec<(PathBuf, Vec<u8>)>,
    salts: Salts,
}

/// Edits of a small store: three bytes each for file, kind and length, three for the place, and the
/// bytes to put there.
///
/// Whatever they are, opening ends without a panic, and so does repairing. As long as no checksum
/// was mended, what is left of the log is a part of what it was.
pub(super) fn opening(data: &[u8]) {
    let original = original();
    let mut files = original.files.clone();
    let mut is_forged = false;
    let mut edits = data;
    for _ in 0..EDITS_MAX {
        let Some((edit, rest)) = Edit::take(edits) else { break };
        edits = rest;
        is_forged |= edit.apply(&mut files, original.salts);
    }
    let mut scene = Scene::new(0);
    for (path, content) in &files {
        scene.node.write_file(path, content);
    }
    let opened = scene.run(async move |shard| look(&shard, is_forged).await);
    drop(scene.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await));
    if opened.is_ok() {
        return;
    }
    let repaired = scene
        .run(async |shard| repair(&shard, Path::new(DIRECTORY), RepairOptions::default()).await);
    let reopened = scene.run(async move |shard| look(&shard, is_forged).await);
    if let Ok(RepairReport::Repaired(_)) = repaired {
        assert!(is_forged || reopened.is_ok(), "repaired, but {reopened:?}");
    }
}

/// Opens the store and reads its log as far as that goes.
async fn look(shard: &Shard, is_forged: bool) -> Result<(), OpenError> {
    let store = open(shard, IDENTITY).await?;
    for info in store.logs() {
        read(&store, info.id, info.start, info.end, is_forged).await;
    }
    Ok(())
}

async fn read(store: &Store, log: LogId, start: Offset, end: Offset, is_forged: bool) {
    let mut reader = store.reader(log, start);
    for _ in 0..READS_MAX {
        if reader.next_offset() >= end {
            return;
        }
        // Damage that opening did not look at is an error here.
        let Ok(records) = reader.read(READ_BYTES).await else { return };
        for record in &records {
            let is_right = record.body == body(record.offset.0 as usize);
            assert!(is_right || is_forged, "offset {} is not what was written", record.offset);
        }
        assert!(!records.is_empty() || is_forged, "the log ends before its end");
    }
}

/// One change of the files.
struct Edit<'a> {
    file: u8,
    kind: u8,
    at: usize,
    bytes: &'a [u8],
}

impl Edit<'_> {
    fn take(data: &[u8]) -> Option<(Edit<'_>, &[u8])> {
        let (&[file, kind, length, a, b, c], rest) = data.split_first_chunk()?;
        let (bytes, rest) = rest.split_at_checked(usize::from(length))?;
        let at = u32::from_le_bytes([a, b, c, 0]) as usize;
        Some((Edit { file, kind, at, bytes }, rest))
    }

    /// Makes the change, and says whether it mended a checksum.
    fn apply(&self, files: &mut Vec<(PathBuf, Vec<u8>)>, salts: Salts) -> bool {
        if files.is_empty() {
            return false;
        }
        let no = usize::from(self.file) % files.len();
        let content = &mut files[no].1;
        let at = self.at.min(content.len());
        let block = at / BLOCK_BYTES * BLOCK_BYTES;
        match self.kind % 6 {
            0 => content[at..].iter_mut().zip(self.bytes).for_each(|(old, new)| *old = *new),
            1 => content[block..].iter_mut().take(BLOCK_BYTES).for_each(|byte| *byte = 0),
            2 => content.truncate(at),
            3 => drop(files.remove(no)),
            4 => copy_block(content, block, self.bytes.first().copied().unwrap_or(0)),
            _ => {
                mend_frame(&mut content[block..], salts);
                return true;
            }
        }
        false
    }
}

/// Puts the block at `from` where block `to` is.
fn copy_block(content: &mut [u8], from: usize, to: u8) {
    let to = usize::from(to) * BLOCK_BYTES;
    if from.max(to) + BLOCK_BYTES <= content.len() {
        content.copy_within(from..from + BLOCK_BYTES, to);
    }
}

/// A store with two segments, killed after its last append.
fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let mut scene = Scene::new(0);
        scene
            .run(async |shard| append(&shard, 0..20).await.close().await)
            .expect("nothing goes wrong");
        let superblock =
            scene.run(async |shard| append(&shard, 20..RECORDS).await.info().superblock);
        let content = |path: PathBuf| (path.clone(), scene.node.read_file(path));
        let files = scene.node.files().into_iter().map(content).collect();
        Original { files, salts: superblock.salts() }
    })
}

/// Enough for a second segment.
const RECORDS: usize = 200;
const EDITS_MAX: usize = 16;
const READ_BYTES: usize = 64 << 10;
/// More reads than a store of this size can answer.
const READS_MAX: usize = 10_000;
