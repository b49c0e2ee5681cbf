//! Datagrams.
//!
//! | file | what it holds |
//! |---|---|
//! | `socket` | [`UdpSocket`]: queues each way over one socket |
//! | `options`, `counters` | what can be chosen, what is counted |
//! | `shared_addresses` | which shard's socket is which at an address that several share |
//! | `trains` | cutting a long transmission into what the kernel takes |

mod counters;
mod options;
mod shared_addresses;
mod socket;
mod trains;

pub use counters::UdpCounters;
pub use options::UdpOptions;
pub use roundhouse_runtime::socket::{Arrival, Ecn, Pieces, Transmit};
pub use shared_addresses::SharedAddresses;
pub use socket::UdpSocket;
