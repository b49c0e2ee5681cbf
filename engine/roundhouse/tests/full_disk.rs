//! A file system that runs full under a store, and the store that goes on after a trim without being
//! opened again. The file system is a small ext4 in a file, which only root may mount: for everybody
//! else the test says that it did nothing.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use roundhouse::{Engine, Log, block_on};

#[test]
fn a_store_on_a_full_file_system_goes_on_after_a_trim() {
    let scratch = tempfile::tempdir().unwrap();
    let image = scratch.path().join("image");
    std::fs::File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
    let Some(mount) = Mount::new(&image, &scratch.path().join("mnt")) else {
        return skip("this user, or this system, cannot mount an ext4 from a file");
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

/// A mounted file system, gone with this.
struct Mount {
    path: std::path::PathBuf,
}

impl Mount {
    fn new(image: &Path, path: &Path) -> Option<Mount> {
        std::fs::create_dir(path).ok()?;
        let is_made = run(Command::new("mkfs.ext4").arg("-q").arg("-F").arg(image));
        let is_mounted =
            is_made && run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(path));
        is_mounted.then(|| Mount { path: path.to_owned() })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Detached at once, and let go when the last file in it is closed.
        run(Command::new("umount").arg("--lazy").arg(&self.path));
    }
}

fn run(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Says that nothing was tested; for the superuser in CI that is a failure.
fn skip(reason: &str) {
    let message = format!("NOT TESTED HERE: a full file system: {reason}");
    let is_ours = std::env::var_os("CI").is_some() && rustix::process::geteuid().is_root();
    assert!(!is_ours, "{message}");
    // Not by a macro, whose output a test that passes does not show.
    writeln!(std::io::stderr().lock(), "{message}").expect("standard error takes a line");
}

const BODY: &[u8] = &[7; 64 << 10];
const IMAGE_BYTES: u64 = 32 << 20;
const ATTEMPTS_MAX: u32 = 500;
