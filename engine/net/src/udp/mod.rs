//! Datagrams.
//!
//! | file | what it holds |
//! |---|---|
//! | `socket` | [`UdpSocket`]: queues each way over one socket |
//! | `options`, `counters` | what can be chosen, what is counted |
//! | `trains` | cutting a long transmission into what the kernel takes |

mod counters;
mod options;
mod socket;
mod trains;

pub use counters::UdpCounters;
pub use options::UdpOptions;
pub use roundhouse_runtime::socket::{Arrival, Ecn, Pieces, Transmit};
pub use socket::UdpSocket;
