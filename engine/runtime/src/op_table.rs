//! The table of operations in flight, shared by all drivers.

use roundhouse_base::planted::{Bug, planted};

use crate::op::{Op, OpId};

/// Owns every operation between submission and last completion and hands out ids whose generation
/// tells a late completion from a current one.
#[derive(Debug, Default)]
pub(crate) struct OpTable {
    entries: Vec<Entry>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    op: Option<Op>,
}

impl OpTable {
    /// Takes ownership of `op`.
    pub(crate) fn insert(&mut self, op: Op) -> OpId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.entries.push(Entry { generation: 0, op: None });
            (self.entries.len() - 1) as u32
        });
        let entry = &mut self.entries[index as usize];
        debug_assert!(entry.op.is_none(), "a free entry holds no operation");
        entry.op = Some(op);
        OpId { index, generation: entry.generation }
    }

    /// The operation `id`, unless it completed already.
    pub(crate) fn get(&self, id: OpId) -> Option<&Op> {
        let entry = self.entries.get(id.index as usize)?;
        if entry.generation == id.generation { entry.op.as_ref() } else { None }
    }

    /// The operation `id` for changing, unless it completed already.
    pub(crate) fn get_mut(&mut self, id: OpId) -> Option<&mut Op> {
        let entry = self.entries.get_mut(id.index as usize)?;
        if entry.generation == id.generation { entry.op.as_mut() } else { None }
    }

    /// Gives the operation up at its last completion. `None` for a stale id, which must then be ignored.
    pub(crate) fn remove(&mut self, id: OpId) -> Option<Op> {
        let entry = self.entries.get_mut(id.index as usize)?;
        if entry.generation != id.generation {
            return None;
        }
        let op = entry.op.take()?;
        if !planted(Bug::StaleCompletionAccepted) {
            entry.generation = entry.generation.wrapping_add(1);
        }
        self.free.push(id.index);
        Some(op)
    }

    /// How many operations are in flight.
    pub(crate) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::FileId;

    #[test]
    fn a_stale_completion_finds_nothing() {
        let mut table = OpTable::default();
        let first = table.insert(Op::SyncData { file: FileId(1) });
        assert!(table.remove(first).is_some());
        let second = table.insert(Op::SyncData { file: FileId(2) });
        assert_eq!(second.index, first.index, "the entry is used again");

        assert!(table.get(first).is_none() && table.remove(first).is_none());
        assert_eq!(table.len(), 1);
        assert!(matches!(table.get(second), Some(Op::SyncData { file: FileId(2) })));
    }
}
