//! Layer 1 of Roundhouse: one shard = one thread = one ring.
//!
//! Everything a shard does outside its own memory goes through a [`Driver`]: io_uring, or the
//! simulator. Above the driver there is a small executor for `!Send` tasks, timers, and mailboxes;
//! [`Shard`] is the handle to all of it, [`ShardLoop`] what turns it.

mod block_on;
mod completion_queue;
mod dormitory;
pub mod driver;
mod executor;
pub mod mailbox;
pub mod op;
mod op_table;
mod operation;
mod reactor;
mod shard;
mod shard_loop;
mod shard_sockets;
#[cfg(feature = "sim")]
pub mod sim;
pub mod socket;
mod spin;
mod thread;
mod timers;
mod turn_counters;
pub mod uring;

pub use block_on::block_on;
pub use completion_queue::CompletionQueue;
pub use dormitory::Dormitory;
pub use driver::{DirectoryEntry, Driver, Unpark, Wait};
pub use executor::{Task, yield_now};
pub use op::{Completion, Errno, FileId, Op, OpId, OpenMode};
pub use operation::{Operation, ReadOperation, SocketOperation, SocketOutcome};
pub use shard::{Shard, Sleep};
pub use shard_loop::{SPIN_MAX, ShardLoop, TASK_POLLS_PER_TURN, Turn, run_until};
pub use socket::{SocketId, SocketOp};
pub use spin::SpinOptions;
pub use thread::{allowed_cpus, spawn_pinned};
pub use turn_counters::{TurnCounters, TurnTimes};
pub use uring::{BufferOptions, DriveMode, Environment, SetupError, UringDriver, UringOptions};
