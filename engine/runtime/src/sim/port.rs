//! One process's connection to its world: what it has in flight and what waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roundhouse_base::{Monotonic, Random, ShardId};

use super::open_files::OpenFiles;
use crate::driver::Unpark;
use crate::op::{Completion, Errno, FileId, Op, OpId};
use crate::op_table::OpTable;
use crate::socket::Received;

/// A port; never used again, so that the driver of a crashed process finds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PortNo(pub(super) u64);

/// A node of the world, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeNo(pub(super) usize);

/// What became of an operation, or, if it goes on, what it brought.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) id: OpId,
    pub(super) result: Result<u32, Errno>,
    pub(super) received: Option<Received>,
    pub(super) is_last: bool,
}

/// The state of one [`SimDriver`](super::SimDriver), kept by the world so that a crash can take it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) node: NodeNo,
    pub(super) shard: ShardId,
    pub(super) table: OpTable,
    pub(super) files: OpenFiles,
    /// Operations whose time has come. They stay in the table until they are handed out, so that
    /// none submitted meanwhile gets the same index.
    pub(super) ready: Vec<Ended>,
    /// When the process asked to be woken at the latest.
    pub(super) deadline: Option<Monotonic>,
    pub(super) unpark: Arc<UnparkFlag>,
    /// The process's own random numbers, so that its draws do not shift those of the world.
    pub(super) random: Random,
}

impl Port {
    pub(super) fn new(node: NodeNo, shard: ShardId, random: Random) -> Port {
        Port {
            node,
            shard,
            table: OpTable::default(),
            files: OpenFiles::default(),
            ready: Vec::new(),
            deadline: None,
            unpark: Arc::default(),
            random,
        }
    }

    /// Whether an operation has yet to end.
    pub(super) fn is_in_flight(&self, id: OpId) -> bool {
        let has_ended = |ended: &Ended| ended.is_last && ended.id == id;
        self.table.get(id).is_some() && !self.ready.iter().any(has_ended)
    }

    /// Hands out what has ended.
    pub(super) fn take_ready(&mut self, completions: &mut Vec<Completion>) {
        let table = &mut self.table;
        let ended = self.ready.drain(..);
        completions.extend(ended.map(|Ended { id, result, received, is_last }| Completion {
            id,
            result,
            received,
            op: if is_last { table.remove(id) } else { None },
        }));
    }

    /// Whether a reap would find something.
    pub(super) fn is_ready(&self) -> bool {
        !self.ready.is_empty() || self.unpark.is_set()
    }
}

/// Tells a shard that another thread, or another shard of the same world, wants its attention.
#[derive(Debug, Default)]
pub(super) struct UnparkFlag {
    set: AtomicBool,
}

impl UnparkFlag {
    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    pub(super) fn clear(&self) {
        self.set.store(false, Ordering::Release);
    }
}

impl Unpark for UnparkFlag {
    fn unpark(&self) {
        self.set.store(true, Ordering::Release);
    }
}

/// The handle an operation works on, if it needs an open file.
pub(super) fn handle(op: &Op) -> Option<FileId> {
    match op {
        Op::Read { file, .. }
        | Op::Write { file, .. }
        | Op::SyncData { file }
        | Op::Sync { file }
        | Op::Allocate { file, .. }
        | Op::Close { file } => Some(*file),
        Op::Open { .. } | Op::Remove { .. } | Op::Socket(_) => None,
    }
}
