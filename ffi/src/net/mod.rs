//! Sockets. They live on the shards, where what programs ask of them is done, and complete in queues.
//!
//! | file | what it holds |
//! |---|---|
//! | `remote` | the way to what lives on a shard |
//! | `inbox` | what arrived and waits for operations that ask for it |
//! | `incoming` | handshakes that go on while others are waited for |
//! | `turns`, `wakers` | sending in the order in which it was asked for; several tasks at one socket |
//! | `open` | what all that open have in common |
//! | `lent` | memory of the program's on its way to the kernel |
//! | `carrier` | the connection or QUIC stream below a stream |
//! | `address`, `buffer`, `failure` | values that cross the edge |
//! | `udp`, `tcp`, `tls`, `stream`, `quic` | the functions |

mod address;
mod buffer;
mod carrier;
mod failure;
mod inbox;
mod incoming;
mod lent;
mod open;
mod quic;
mod remote;
mod stream;
mod tcp;
mod tls;
mod turns;
mod udp;
mod wakers;

pub use address::*;
pub use buffer::*;
pub use lent::RH_SLICES_MAX;
pub use quic::*;
pub use stream::*;
pub use tcp::*;
pub use tls::*;
pub use udp::*;

/// Where an operation takes a number of credits: complete once, and be done.
pub const RH_ONCE: u32 = 0;

/// A flag of sockets: others, such as those of the other shards, may have the same address. The kernel spreads
/// peers over them.
pub const RH_SHARE_ADDRESS: u32 = 1;
