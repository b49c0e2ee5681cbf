//! A file system that runs full under a store, and the store that goes on after a trim without being
//! opened again.

use std::path::Path;
use std::time::Duration;

use roundhouse::{Engine, Log, block_on};

use crate::mount::{Mount, skip};

#[test]
fn a_store_on_a_full_file_system_goes_on_after_a_trim() {
    let scratch = tempfile::tempdir().unwrap();
    let image = scratch.path().join("image");
    let Some(mount) = Mount::make(&image, IMAGE_BYTES, &scratch.path().join("mnt")) else {
        return skip("a full file system");
    };
    block_on(fill_and_trim(mount.path.join("store").as_path()));
}

async fn fill_and_trim(directory: &Path) {
    let options = [("shards", "1"), ("slot_size", "1MiB"), ("memory", "64MiB"), ("pin", "false")];
    let options = options.into_iter().chain([("sync_method", "dsync"), ("spin", "never")]);
    let builder = options.fold(Engine::builder(directory), |builder, (key, value)| {
        builder.option(key, value).unwrap()
    });
    let engine = builder.open().await.unwrap();
    let log = engine.log("orders").create().await.unwrap();

    let kept = fill(&log).await;
    let last = log.info().await.unwrap().end;
    assert_eq!(last.0, kept, "what was acknowledged is there, and no more");
    log.trim_to(last).await.unwrap();
    append_when_there_is_room(&log).await;
    engine.close().await.unwrap();

    let engine = Engine::builder(directory).open().await.unwrap();
    let info = engine.log("orders").open().await.unwrap().info().await.unwrap();
    assert_eq!((info.start, info.end.0), (last, last.0 + 1));
    engine.close().await.unwrap();
}

/// Appends until the store has no space, and returns how many records it took.
async fn fill(log: &Log) -> u64 {
    for count in 0..IMAGE_BYTES / BODY.len() as u64 {
        match log.append(BODY).await {
            Ok(offset) => assert_eq!(offset.0, count),
            Err(error) => {
                let is_full = matches!(error, roundhouse::AppendError::NoSpace { .. });
                assert!(is_full, "{error}");
                return count;
            }
        }
    }
    panic!("more was taken than the file system holds");
}

/// The slots that a trim frees are there a moment after it.
async fn append_when_there_is_room(log: &Log) {
    for _ in 0..ATTEMPTS_MAX {
        if log.append(BODY).await.is_ok() {
            return;
        }
        wait();
    }
    panic!("a trim made no room");
}

#[expect(clippy::disallowed_methods, reason = "the test is no shard")]
fn wait() {
    std::thread::sleep(Duration::from_millis(20));
}

const BODY: &[u8] = &[7; 64 << 10];
const IMAGE_BYTES: u64 = 32 << 20;
const ATTEMPTS_MAX: u32 = 500;
