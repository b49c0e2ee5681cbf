//! The [`Driver`](crate::Driver) over a real kernel: one io_uring, owned by one thread.
//!
//! | file | what it decides |
//! |---|---|
//! | `driver` | order of operations, what a turn does, when it is safe to let go of memory |
//! | `ring` | the shared queues and `io_uring_enter`; the only place where entries reach the kernel |
//! | `setup` | flags, fallbacks and retries of setting up a ring |
//! | `sqe` | an operation as a submission entry, and what its `user_data` means |
//! | `parker` | sleeping without missing a wake-up, in both modes |
//! | `files`, `blocking` | open files, and the calls that block while a store is opened |
//! | `sockets`, `socket_setup`, `socket_sqe` | open sockets, the calls and the entries for them |
//! | `steering` | which of several sockets gets a datagram |
//! | `buffers`, `buffer_ring` | memory the kernel receives into, and when it may be used again |
//! | `message`, `address`, `control` | datagrams as the kernel lays them out |
//! | `arrivals` | what receives bring, and when they are started again |
//! | `error`, `system`, `environment` | why there is no ring, and what to do about it |

mod address;
mod arrivals;
mod blocking;
mod buffer_ring;
mod buffers;
#[cfg(feature = "ceiling")]
pub mod ceiling;
mod control;
mod counters;
mod driver;
mod environment;
mod error;
mod files;
mod message;
mod options;
mod parker;
#[cfg(feature = "ceiling")]
pub mod pieces;
mod ring;
mod setup;
mod side_memory;
mod socket_setup;
mod socket_sqe;
mod sockets;
mod sqe;
mod steering;
mod system;

#[cfg(test)]
mod tests;

pub use counters::DriverCounters;
pub use driver::UringDriver;
pub use environment::{Environment, Finding, Verdict};
pub use error::SetupError;
pub use options::{BufferOptions, DriveMode, UringOptions};
