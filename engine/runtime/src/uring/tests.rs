//! The driver against the real kernel.

mod cancel;
mod datagrams;
mod host;
mod limits;
mod operations;
mod sockets;
mod streams;
mod teardown;
mod wait;

use std::io::PipeWriter;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use roundhouse_base::aligned_buffer;
use roundhouse_base::limits::BLOCK_BYTES;

use super::{DriveMode, UringDriver, UringOptions};
use crate::driver::{Driver, Wait};
use crate::op::{Completion, Errno, FileId, Op, OpId, OpenMode};
use crate::socket::{SocketOption, SocketOptions};

fn driver(mode: DriveMode) -> UringDriver {
    UringDriver::new(&UringOptions { mode, ..UringOptions::default() }).unwrap()
}

fn small_driver() -> UringDriver {
    let options = UringOptions { entries: 64, completions: 64, ..UringOptions::default() };
    UringDriver::new(&options).unwrap()
}

/// Reaps until `count` completions are there.
fn reap(driver: &mut UringDriver, count: usize) -> Vec<Completion> {
    let mut completions = Vec::new();
    while completions.len() < count {
        driver.reap(&mut completions, Wait::Until(None)).unwrap();
    }
    assert_eq!(completions.len(), count);
    completions
}

/// Reaps until there is something.
fn reap_some(driver: &mut UringDriver) -> Vec<Completion> {
    let mut completions = Vec::new();
    while completions.is_empty() {
        driver.reap(&mut completions, Wait::Until(None)).unwrap();
    }
    completions
}

/// Runs one operation to its end.
fn run(driver: &mut UringDriver, op: Op) -> Completion {
    let id = driver.submit(op);
    let completion = reap(driver, 1).remove(0);
    assert_eq!(completion.id, id);
    completion
}

fn open(driver: &mut UringDriver, path: &Path, mode: OpenMode) -> Result<FileId, Errno> {
    run(driver, Op::Open { path: path.to_owned(), mode }).result.map(FileId)
}

/// A new file in a new directory, which lives as long as the first value.
fn scratch(driver: &mut UringDriver) -> (tempfile::TempDir, PathBuf, FileId) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let file = open(driver, &path, OpenMode::Create).unwrap();
    (directory, path, file)
}

/// `blocks` blocks full of `byte`.
fn filled(byte: u8, blocks: usize) -> Bytes {
    let mut buf = aligned_buffer(blocks * BLOCK_BYTES);
    buf.resize(blocks * BLOCK_BYTES, byte);
    buf.freeze()
}

/// An aligned buffer for reading `blocks` blocks.
fn room(blocks: usize) -> BytesMut {
    let mut buf = aligned_buffer(blocks * BLOCK_BYTES);
    buf.resize(blocks * BLOCK_BYTES, 0);
    buf
}

/// A file whose reads wait until something is written into the other end.
fn pipe(driver: &mut UringDriver) -> (FileId, PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (driver.adopt(reader.into()), writer)
}

fn submit_read(driver: &mut UringDriver, file: FileId) -> OpId {
    driver.submit(Op::Read { file, buf: room(1), at: 0 })
}
