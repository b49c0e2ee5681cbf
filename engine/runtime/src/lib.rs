//! Layer 1 of Roundhouse: one shard = one thread = one ring.

mod block_on;
pub mod driver;
pub mod mailbox;
pub mod op;
mod op_table;
#[cfg(feature = "sim")]
pub mod sim;

pub use block_on::block_on;
pub use driver::{DirectoryEntry, Driver, Unpark, Wait};
pub use op::{Completion, Errno, FileId, Op, OpId, OpenMode};
