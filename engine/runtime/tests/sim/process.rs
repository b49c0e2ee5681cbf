//! A process that does one thing after the other.

use std::path::Path;

use bytes::Bytes;
use roundhouse_base::{ShardId, aligned_buffer};
use roundhouse_runtime::sim::{Node, SimDriver, World, WorldOptions};
use roundhouse_runtime::{Completion, Driver, Errno, FileId, Op, OpId, OpenMode, Wait};

pub(crate) const BLOCK: usize = 4096;

/// A driver with calls that wait, in virtual time, for their operation to end.
pub(crate) struct Process {
    pub(crate) driver: SimDriver,
    arrived: Vec<Completion>,
}

/// A new world with one node.
pub(crate) fn world(seed: u64) -> (World, Node) {
    let world = World::new(seed, WorldOptions::default());
    let node = world.node("a");
    (world, node)
}

/// Block-aligned memory full of `byte`.
pub(crate) fn blocks(byte: u8, count: usize) -> Bytes {
    let mut buf = aligned_buffer(count * BLOCK);
    buf.resize(count * BLOCK, byte);
    buf.freeze()
}

pub(crate) fn write(file: FileId, at_block: usize, buf: Bytes, durable: bool) -> Op {
    Op::Write { file, buf, at: (at_block * BLOCK) as u64, durable }
}

impl Process {
    pub(crate) fn on(node: &Node) -> Process {
        Process { driver: node.driver(ShardId(0)), arrived: Vec::new() }
    }

    /// Lets time pass until `id` ends.
    pub(crate) fn finish(&mut self, id: OpId) -> Completion {
        loop {
            self.driver.reap(&mut self.arrived, Wait::No).unwrap();
            if let Some(index) = self.arrived.iter().position(|arrived| arrived.id == id) {
                return self.arrived.swap_remove(index);
            }
            assert!(self.driver.world().advance(), "{id:?} will never end");
        }
    }

    pub(crate) fn call(&mut self, op: Op) -> Result<u32, Errno> {
        let id = self.driver.submit(op);
        self.finish(id).result
    }

    pub(crate) fn open(&mut self, path: impl AsRef<Path>, mode: OpenMode) -> Result<FileId, Errno> {
        self.call(Op::Open { path: path.as_ref().to_owned(), mode }).map(FileId)
    }

    /// A new file in the root directory whose name is durable.
    pub(crate) fn create(&mut self, path: &str) -> FileId {
        let file = self.open(path, OpenMode::Create).unwrap();
        self.sync_names("");
        file
    }

    pub(crate) fn write(
        &mut self,
        file: FileId,
        at_block: usize,
        buf: Bytes,
    ) -> Result<u32, Errno> {
        self.call(write(file, at_block, buf, false))
    }

    pub(crate) fn write_durably(
        &mut self,
        file: FileId,
        at_block: usize,
        buf: Bytes,
    ) -> Result<u32, Errno> {
        self.call(write(file, at_block, buf, true))
    }

    pub(crate) fn sync(&mut self, file: FileId) -> Result<u32, Errno> {
        self.call(Op::SyncData { file })
    }

    pub(crate) fn sync_names(&mut self, directory: &str) {
        let file = self.open(directory, OpenMode::Directory).unwrap();
        self.call(Op::Sync { file }).unwrap();
        self.call(Op::Close { file }).unwrap();
    }

    pub(crate) fn read(
        &mut self,
        file: FileId,
        at_block: usize,
        count: usize,
    ) -> Result<Vec<u8>, Errno> {
        let mut buf = aligned_buffer(count * BLOCK);
        buf.resize(count * BLOCK, 0xee);
        let id = self.driver.submit(Op::Read { file, buf, at: (at_block * BLOCK) as u64 });
        let completion = self.finish(id);
        let Some(Op::Read { buf, .. }) = completion.op else { panic!("the read comes back") };
        completion.result.map(|bytes| buf[..bytes as usize].to_vec())
    }
}
