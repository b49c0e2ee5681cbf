//! What the stores of these tests hold: numbered records in a few logs, each body told by its log and
//! its offset.

use std::path::Path;

use roundhouse::{Engine, EngineBuilder, Log, Offset, ReadError};

/// An engine with small slots that leaves the CPUs to the other tests.
pub(crate) fn builder(directory: &Path, shards: u16) -> EngineBuilder {
    let shards = shards.to_string();
    let options = [
        ("shards", shards.as_str()),
        ("slot_size", "256KiB"),
        ("memory", "64MiB"),
        ("sync_method", "dsync"),
        ("spin", "never"),
        ("pin", "false"),
    ];
    let set = |builder: EngineBuilder, (key, value)| builder.option(key, value).unwrap();
    options.into_iter().fold(Engine::builder(directory), set)
}

/// What a log holds at an offset.
pub(crate) fn body(log: &str, offset: u64, bytes: usize) -> Vec<u8> {
    let mut body = format!("{log} {offset} ").into_bytes();
    body.resize(body.len().max(bytes), b'.');
    body
}

/// Whether a body is the one of its place.
pub(crate) fn is_body(found: &[u8], log: &str, offset: u64) -> bool {
    found.starts_with(format!("{log} {offset} ").as_bytes())
        && found.iter().rev().find(|byte| **byte != b'.') == Some(&b' ')
}

/// Reads a log to its end; returns where reading ended, and why, if not at the end.
///
/// # Panics
/// If a record is not the one of its place.
pub(crate) async fn read_all(log: &Log, context: &str) -> (Offset, Option<ReadError>) {
    let mut next = log.info().await.expect("the log is open").start;
    loop {
        let records = match log.read(next, READ_BYTES).await {
            Ok(records) if records.is_empty() => return (next, None),
            Ok(records) => records,
            Err(error) => return (next, Some(error)),
        };
        for record in &records {
            assert_eq!(record.offset, next, "{context}: {}", log.name());
            let is_right = is_body(&record.body, log.name(), next.0);
            assert!(is_right, "{context}: {} has another record at {next}", log.name());
            next = next.advance(1);
        }
    }
}

/// Little, so that all before damage is given.
const READ_BYTES: usize = 1;
