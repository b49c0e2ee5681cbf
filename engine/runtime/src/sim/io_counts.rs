//! How much was asked of a simulated disk.

use crate::op::Op;

/// Sums over the operations that were carried out, whatever became of them. Blocking ones, such as
/// listing a directory, are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoCounts {
    /// Reads.
    pub reads: u64,
    /// Bytes asked for by them.
    pub bytes_read: u64,
    /// Writes.
    pub writes: u64,
    /// Bytes given to them.
    pub bytes_written: u64,
    /// Syncs of files and directories, without durable writes.
    pub syncs: u64,
}

impl IoCounts {
    pub(super) fn note(&mut self, op: &Op) {
        match op {
            Op::Read { buf, .. } => {
                self.reads += 1;
                self.bytes_read += buf.len() as u64;
            }
            Op::Write { buf, .. } => {
                self.writes += 1;
                self.bytes_written += buf.len() as u64;
            }
            Op::SyncData { .. } | Op::Sync { .. } => self.syncs += 1,
            _ => {}
        }
    }
}
