//! One node of a world: a disk that outlives its processes, and the ways to hurt it.

use std::path::{Path, PathBuf};

use roundhouse_base::ShardId;

use super::driver::SimDriver;
use super::faults::{FaultCounts, FaultOptions};
use super::io_counts::IoCounts;
use super::machine::Machine;
use super::namespace::View;
use super::port::NodeNo;
use super::world::World;
use crate::op::Errno;

/// A handle on a node; clones are the same node.
///
/// The methods on files work on what is durable unless they say otherwise, need no running process and
/// take no time. They are meant for a node that is down.
#[derive(Clone, Debug)]
pub struct Node {
    world: World,
    number: NodeNo,
}

impl Node {
    pub(super) fn new(world: World, number: NodeNo) -> Node {
        Node { world, number }
    }

    /// The name it was made with.
    pub fn name(&self) -> String {
        self.with(|machine| machine.name.clone())
    }

    /// A driver for a process that runs `shard` on this node. Each shard is a process of its own;
    /// dropping the driver is `kill -9`, which leaves the disk's cache as it is.
    pub fn driver(&self, shard: ShardId) -> SimDriver {
        let port = self.world.state.borrow_mut().connect(self.number, shard);
        SimDriver::new(self.world.clone(), port)
    }

    /// Whether a driver of `shard` has a completion or an unpark waiting.
    pub fn is_ready(&self, shard: ShardId) -> bool {
        let state = self.world.state.borrow();
        state
            .ports
            .values()
            .any(|port| port.node == self.number && port.shard == shard && port.is_ready())
    }

    /// Cuts the power. Operations in flight and locks are gone, and of everything that was not
    /// durable each part is kept, lost or mangled, as the dice and
    /// [`CrashOptions`](super::CrashOptions) say; what is left is durable from then on.
    ///
    /// The drivers of the node answer every call with `EIO` from now on; drop them and make new
    /// ones.
    pub fn crash(&self) {
        self.world.state.borrow_mut().crash(self.number);
    }

    /// Changes what goes wrong on this node from now on.
    pub fn set_faults(&self, options: FaultOptions) {
        self.with(|machine| machine.faults.options = options);
    }

    /// What went wrong on this node so far.
    pub fn fault_counts(&self) -> FaultCounts {
        self.with(|machine| machine.faults.counts.clone())
    }

    /// What the node's processes asked of its disk so far.
    pub fn io_counts(&self) -> IoCounts {
        self.with(|machine| machine.io)
    }

    /// Changes how many bytes the disk holds. If its files take more already, they stay, and
    /// nothing can grow.
    pub fn set_capacity(&self, bytes: u64) {
        self.with(|machine| machine.disk.capacity_bytes = bytes);
    }

    /// The durable files, by path.
    pub fn files(&self) -> Vec<PathBuf> {
        self.with(|machine| machine.disk.paths(View::Durable))
    }

    /// The durable content of a file.
    ///
    /// # Panics
    /// If there is no durable file of that name.
    pub fn read_file(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = path.as_ref();
        expect_file(path, self.with(|machine| machine.disk.content(path, View::Durable)))
    }

    /// The files that a program of the node would find, durable or not, by path.
    pub fn visible_files(&self) -> Vec<PathBuf> {
        self.with(|machine| machine.disk.paths(View::Visible))
    }

    /// What a program of the node would read of a file, durable or not, if no sector were unreadable.
    ///
    /// # Panics
    /// If a program would find no file of that name.
    pub fn read_visible_file(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = path.as_ref();
        expect_file(path, self.with(|machine| machine.disk.content(path, View::Visible)))
    }

    /// Creates or replaces a file and the directories above it, durably.
    ///
    /// # Panics
    /// If the path leads through a file or to a directory.
    pub fn write_file(&self, path: impl AsRef<Path>, content: &[u8]) {
        let path = path.as_ref();
        let now = self.world.state.borrow_mut().tick();
        expect_file(path, self.with(|machine| machine.disk.put(path, content, now)));
    }

    /// Removes a file, durably.
    ///
    /// # Panics
    /// If there is no file of that name.
    pub fn remove_file(&self, path: impl AsRef<Path>) {
        let path = path.as_ref();
        let now = self.world.state.borrow_mut().tick();
        expect_file(path, self.with(|machine| machine.disk.take(path, now)));
    }

    /// Changes the byte at `byte` of a file to itself exclusive-or `xor`.
    ///
    /// # Panics
    /// If there is no durable file of that name, it is not that long, or an unsynced write covers
    /// the byte.
    pub fn corrupt(&self, path: impl AsRef<Path>, byte: u64, xor: u8) {
        let path = path.as_ref();
        expect_file(path, self.with(|machine| machine.disk.corrupt(path, byte, xor)));
    }

    /// Makes the sector of the byte at `byte` of a file unreadable: reads of it fail with `EIO` until
    /// it is written.
    ///
    /// # Panics
    /// If there is no durable file of that name.
    pub fn break_sector(&self, path: impl AsRef<Path>, byte: u64) {
        let path = path.as_ref();
        expect_file(path, self.with(|machine| machine.disk.break_sector(path, byte)));
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn number(&self) -> NodeNo {
        self.number
    }

    fn with<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        change(self.world.state.borrow_mut().machine(self.number))
    }
}

fn expect_file<T>(path: &Path, result: Result<T, Errno>) -> T {
    match result {
        Ok(value) => value,
        Err(errno) => panic!("{}: {errno}", path.display()),
    }
}
