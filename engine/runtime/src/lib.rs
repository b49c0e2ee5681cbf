//! Layer 1 of Roundhouse: one shard = one thread = one ring.

pub mod driver;
pub mod op;
mod op_table;

pub use driver::{DirectoryEntry, Driver, Unpark, Wait};
pub use op::{Completion, Errno, FileId, Op, OpId, OpenMode};
