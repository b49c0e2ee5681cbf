//! Sockets as data: what a shard asks of the network, and what comes from there.
//!
//! | file | what it holds |
//! |---|---|
//! | `operation` | the operations on sockets ([`SocketOp`]) and what they receive ([`Received`]) |
//! | `options` | how a socket is opened, and what can be changed later |
//! | `datagrams` | trains of datagrams, to send ([`Transmit`]) and as they arrive ([`Arrival`]) |
//! | `pieces` | data to send that lies in several places |

mod datagrams;
mod operation;
mod options;
mod pieces;

pub use datagrams::{Arrival, Ecn, Transmit};
pub use operation::{Received, Side, SocketOp};
pub use options::{KeepAlive, SocketKind, SocketOption, SocketOptions};
pub use pieces::Pieces;

/// A socket the driver has open. Numbers are the driver's own and may be used again after
/// [`SocketOp::Close`] completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u32);
