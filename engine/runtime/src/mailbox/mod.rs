//! How other threads talk to a shard.
//!
//! Two kinds of queue and one way to sleep:
//! - the host edge ([`host_mailbox`]): any number of senders, on any thread and under any executor;
//! - shard to shard ([`spsc`]): one ring per direction of every pair of shards, so that neither end
//!   ever meets a third;
//! - [`Parking`], one per shard and shared by all mailboxes it reads, decides who has to make the
//!   system call that ends its sleep: at most one sender per sleep does.
//!
//! Both queues are bounded. A full one gives the message back or lets the sender wait; nothing
//! grows and nothing is lost. Both are closed by dropping either end.

mod error;
mod host;
mod parking;
mod ring;
mod room;
mod spsc;
mod sync;
mod waiters;

#[cfg(test)]
mod tests;

pub use error::{Closed, TrySendError};
pub use host::{HostReceiver, HostSend, HostSender, host_mailbox};
pub use parking::Parking;
pub use spsc::{SpscReceiver, SpscSender, spsc};
