//! A deterministic simulator: the second [`Driver`](crate::Driver), for testing programs that
//! embed the engine.
//!
//! A [`World`] holds nodes; each [`Node`] has a disk that outlives its processes and gives out
//! [`SimDriver`]s; a [`Cluster`] turns the processes and moves the clock. One seed decides
//! everything: latencies and with them the order of completions, scheduling, injected faults, and
//! what a crash leaves. The same seed gives the same run, and [`World::trace_hash`] proves it.
//!
//! # What the disk promises
//!
//! No more than a real one, and it breaks everything that a real one may break:
//! - A read returns what completed writes stored. Operations in flight take effect in any order.
//! - A write is durable when it was a durable write that completed, or when a sync of its file
//!   that was *submitted after the write completed* has completed. Of every other write a crash
//!   leaves, sector by sector of 512 bytes or erase block by erase block, the old, the new, zeros,
//!   garbage, or a mix with another such write. Sectors that no such write touched are as they were.
//! - A name, or its removal, is durable after a sync of its directory; the content of the file is
//!   a matter of its own, and so is the entry of the directory in the one above it.
//! - A file's length is durable with a sync or a durable write.
//! - What is durable survives every crash, except through a [`Fault`] that was switched on.
//!
//! # What the network promises
//!
//! As little as a real one. Each node has addresses ([`Node::address`]), and between any two there
//! are two links, one each way, that tests change at any time ([`World::change_link`]): latency,
//! jitter, bandwidth, loss, duplication, reordering, corruption, black holes for long packets, cuts
//! ([`LinkOptions`]). A node can be behind a NAT that forgets who is who ([`Node::rebind_nat`]).
//! - A datagram arrives whole at its socket once, twice or never, and later than it was sent. A bit
//!   of it may be wrong where corruption was switched on.
//! - A train is cut on the way; what arrives of it close together comes together.
//! - Several sockets of a node can share an address; who sends to it reaches always the same of them, or,
//!   where they had datagrams steered, the one that the connection ID names ([`Node::set_steering`]).
//! - A socket holds as much as it was opened for; what arrives beyond that is lost.
//! - A stream is a small TCP over the same links: its bytes come once and in order, lost ones late.
//!   Windows are bounded, so that who does not read holds the writer back. It breaks when the other
//!   end resets it, lost its power, moved behind its NAT, or was silent for too long.
//! - A process that is killed has its sockets closed by its kernel; a node that loses its power says
//!   nothing.
//!
//! ```
//! use roundhouse_base::ShardId;
//! use roundhouse_runtime::sim::{World, WorldOptions};
//! use roundhouse_runtime::{Driver, Op, OpenMode, Wait};
//!
//! let world = World::new(42, WorldOptions::default());
//! let node = world.node("a");
//! let mut driver = node.driver(ShardId(0));
//! driver.submit(Op::Open { path: "log".into(), mode: OpenMode::Create });
//! assert!(world.advance(), "the clock moves to the completion");
//! let mut completions = Vec::new();
//! driver.reap(&mut completions, Wait::No).unwrap();
//! assert_eq!(completions[0].result, Ok(0), "the first file has number 0");
//!
//! // Its name was never synced: after a crash it may be there or not, but with this seed always
//! // the same.
//! node.crash();
//! assert!(node.files().len() <= 1);
//! ```

mod cluster;
mod contract;
mod crash;
mod disk;
mod driver;
mod events;
mod faults;
mod file;
mod io_counts;
mod latency;
mod links;
mod machine;
mod namespace;
mod net;
mod node;
mod open_files;
mod pages;
mod port;
mod state;
mod trace;
mod world;

pub use cluster::{Cluster, Outcome, Process, ProcessId, RunLimits};
pub use crash::CrashOptions;
pub use driver::SimDriver;
pub use faults::{Fault, FaultCounts, FaultOptions};
pub use io_counts::IoCounts;
pub use latency::{Latency, LatencyOptions};
pub use net::{LinkOptions, NetworkCounts, NetworkLoad};
pub use node::Node;
pub use world::{World, WorldOptions};
