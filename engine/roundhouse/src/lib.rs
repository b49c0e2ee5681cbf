//! Roundhouse: an embeddable io_uring storage-and-transport engine.
//!
//! An [`Engine`] owns a directory and a few shards. Each shard is one thread with one ring and one
//! write-ahead log; a [`Log`] is a named sequence of records on one of them. An append is
//! acknowledged when it is as durable as the log asks for, by default when it would survive a power
//! failure.
//!
//! ```
//! # roundhouse::block_on(async {
//! # let scratch = tempfile::tempdir()?;
//! # let directory = scratch.path().join("data");
//! let engine = roundhouse::Engine::builder(&directory).option("shards", "1")?.open().await?;
//! let orders = engine.log("orders").open_or_create().await?;
//! let offset = orders.append("one large pizza").await?;
//! let records = orders.read(offset, 64 * 1024).await?;
//! assert_eq!(records.iter().next().map(|record| record.body), Some("one large pizza".into()));
//! engine.close().await?;
//! # Ok::<(), roundhouse::Error>(())
//! # })?;
//! # Ok::<(), roundhouse::Error>(())
//! ```
//!
//! Handles are `Clone + Send + Sync` and their futures run under any executor, or none
//! ([`block_on`], [`blocking`]). Code that lives on the shards ([`Engine::spawn_on_each_shard`])
//! uses the same handles, which then take the direct path, or [`LocalLog`] to be sure of it, and opens
//! sockets of its own ([`ShardHandle::tcp_listener`] and the like; [`net`] has their types).

#![forbid(unsafe_code)]

mod append;
pub mod blocking;
mod body;
mod builder;
mod directory;
mod engine;
mod error;
mod host;
mod local;
mod log;
mod log_builder;
pub mod metrics;
pub mod offline;
pub mod options;
mod reader;
mod request;
mod request_line;
mod server;
mod shard_thread;
mod shared;
mod sockets;

pub use append::Append;
pub use body::RecordBody;
pub use builder::{EngineBuilder, Opening};
pub use engine::{Engine, ShardHandle};
pub use error::Error;
pub use host::{HostShard, HostTurn, ShardSeed};
pub use local::LocalLog;
pub use log::Log;
pub use log_builder::LogBuilder;
pub use metrics::Metrics;
pub use options::Options;
pub use reader::Reader;

pub use roundhouse_base::{ByteSize, LogId, Monotonic, Offset, ShardId, StoreId, WallTime};
pub use roundhouse_net as net;
pub use roundhouse_runtime::uring::{Environment, Finding, SetupError, Verdict};
pub use roundhouse_runtime::{Errno, Shard, Sleep, Task, block_on, yield_now};
pub use roundhouse_store::{
    AppendError, Appended, Corruption, Durability, LogConfig, LogError, LogInfo, NewRecord,
    OpenError, ReadError, Reader as LocalReader, Record, RecordIter, Records, Refusal, Retention,
    StoreFailure, StoreInfo, Ticket, TornTail,
};

/// The simulator, for testing programs that embed the engine: engines with their stores and sockets
/// on nodes of one process, in virtual time, with power failures, disks and links that misbehave, and
/// one seed that decides everything. [`EngineBuilder::seeds`] gives shards to start on a node's
/// driver; from there on the program is the one that runs on a ring. `examples/simulated.rs` is such
/// a test, `examples/soak` the same programs on both.
#[cfg(feature = "sim")]
pub use roundhouse_runtime::sim;

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
