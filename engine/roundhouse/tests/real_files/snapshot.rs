//! A file system as it is at some moment: its image is copied while a store on it is in use, checked,
//! mounted elsewhere, and the store in it opened. What the file system had not written yet is not in
//! the copy, as after a power failure.

use std::path::Path;
use std::process::Command;

use roundhouse::offline::{OfflineStore, Verdict};
use roundhouse::{Append, Durability, Engine, Log, ShardId, block_on};

use crate::content::{body, builder, read_all};
use crate::mount::{Mount, run, skip};

#[test]
fn a_copy_of_the_file_system_between_syncs_has_what_was_acknowledged() {
    let scratch = tempfile::tempdir().unwrap();
    let image = scratch.path().join("image");
    let Some(mount) = Mount::make(&image, IMAGE_BYTES, &scratch.path().join("mnt")) else {
        return skip("a copied file system");
    };
    block_on(write_and_copy(scratch.path(), &mount.path.join("store")));
}

async fn write_and_copy(scratch: &Path, directory: &Path) {
    let mut writing = Writing::begin(directory).await;
    for round in 0..ROUNDS {
        let acknowledged = writing.append().await;
        // Nobody waits for these, and some are under way while the image is copied.
        let pending = writing.append_lazily();
        let copy = scratch.join("copy");
        let is_copied =
            run(Command::new("cp").args(["--sparse=always"]).arg(scratch.join("image")).arg(&copy));
        assert!(is_copied, "the image can be copied");
        for append in pending {
            append.await.unwrap();
        }
        judge(&copy, &scratch.join(format!("copy-{round}")), &acknowledged).await;
    }
    writing.engine.close().await.unwrap();
}

/// The copy is a file system in order, and has a store in order.
async fn judge(image: &Path, mounted: &Path, acknowledged: &[u64]) {
    // It replays the journal, which is no error (1).
    let checked = Command::new("e2fsck").arg("-fy").arg(image).output().unwrap();
    assert!(checked.status.code().is_some_and(|code| code <= 1), "{checked:?}");
    let mount = Mount::of(image, mounted).expect("the first one could be mounted");
    let directory = mount.path.join("store");
    let mut offline = OfflineStore::open(&directory).unwrap();
    for shard in (0..SHARDS).map(ShardId) {
        let verdict = offline.verify(shard, &mut |_| {}).unwrap().verdict;
        assert!(!matches!(verdict, Verdict::Corruption { .. }), "{verdict:?}");
    }
    drop(offline);
    let engine = builder(&directory, SHARDS).open().await.unwrap();
    for (no, at_least) in acknowledged.iter().enumerate() {
        let log = engine.log(name(no)).open().await.unwrap();
        let (end, error) = read_all(&log, "a copied file system").await;
        assert!(error.is_none(), "{error:?}");
        assert!(end.0 >= *at_least, "{at_least} were acknowledged, {end} are left");
    }
    engine.close().await.unwrap();
}

/// A store in use.
struct Writing {
    engine: Engine,
    logs: Vec<Log>,
    /// Where each log ends when all appends are done.
    ends: Vec<u64>,
}

impl Writing {
    async fn begin(directory: &Path) -> Writing {
        let engine = builder(directory, SHARDS).open().await.unwrap();
        let mut logs = Vec::new();
        for no in 0..LOGS {
            // The last two do not sync on every append.
            let durability = if no < LOGS - 2 { Durability::Always } else { Durability::Never };
            let log = engine.log(name(no)).on_shard(ShardId(no as u16 % SHARDS));
            logs.push(log.durability(durability).create().await.unwrap());
        }
        Writing { engine, logs, ends: vec![0; LOGS] }
    }

    /// Appends some to every log, durably; returns where the logs end.
    async fn append(&mut self) -> Vec<u64> {
        for append in self.append_lazily() {
            append.await.unwrap();
        }
        for log in &self.logs {
            log.sync().await.unwrap();
        }
        self.ends.clone()
    }

    fn append_lazily(&mut self) -> Vec<Append> {
        let mut appends = Vec::new();
        for (log, end) in self.logs.iter().zip(&mut self.ends) {
            for offset in *end..*end + APPENDS {
                appends.push(log.append(body(log.name(), offset, (offset * 97 % 9000) as usize)));
            }
            *end += APPENDS;
        }
        appends
    }
}

fn name(no: usize) -> String {
    format!("log-{no}")
}

const IMAGE_BYTES: u64 = 64 << 20;
const SHARDS: u16 = 2;
const LOGS: usize = 6;
/// In each log, twice a round.
const APPENDS: u64 = 8;
const ROUNDS: usize = 6;
