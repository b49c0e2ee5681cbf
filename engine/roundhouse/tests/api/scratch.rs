//! A store of a test's own, which goes away with it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use roundhouse::{Engine, EngineBuilder, Log};
use tempfile::TempDir;

/// A directory for one store.
pub(crate) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn builder(&self, shards: u16) -> EngineBuilder {
        builder(&self.path()).option("shards", &shards.to_string()).unwrap()
    }

    pub(crate) async fn open(&self, shards: u16) -> Engine {
        self.builder(shards).open().await.unwrap()
    }
}

/// An engine that opens fast and leaves the CPUs to the other tests.
pub(crate) fn builder(directory: &Path) -> EngineBuilder {
    let options = [
        ("slot_size", "1MiB"),
        ("memory", "64MiB"),
        ("sync_method", "dsync"),
        ("zero_slots", "false"),
        ("spin", "never"),
        ("pin", "false"),
    ];
    let set = |builder: EngineBuilder, (key, value)| builder.option(key, value).unwrap();
    options.into_iter().fold(Engine::builder(directory), set)
}

/// Every record of a log, as text.
pub(crate) async fn texts(log: &Log) -> Vec<String> {
    let mut next = log.info().await.unwrap().start;
    let mut texts = Vec::new();
    loop {
        let records = log.read(next, 64 * 1024).await.unwrap();
        if records.is_empty() {
            return texts;
        }
        texts.extend(records.iter().map(|record| String::from_utf8(record.body.into()).unwrap()));
        next = records.next_offset();
    }
}

/// The numbers below `count`, as text.
pub(crate) fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

/// Tries until it holds; what never does fails the test after ten seconds.
pub(crate) fn until(mut is_reached: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_reached() {
        assert!(start.elapsed() < Duration::from_secs(10), "it takes too long");
        std::thread::sleep(Duration::from_millis(1));
    }
}
