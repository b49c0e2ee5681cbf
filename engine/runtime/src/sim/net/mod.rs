//! The network between the nodes of a world.
//!
//! | file | what it holds |
//! |---|---|
//! | `network` | sockets, links and packets together |
//! | `operations` | what processes ask of their sockets |
//! | `datagrams`, `datagram_socket` | UDP |
//! | `steering` | which of several sockets at one address gets a datagram |
//! | `streams`, `listener`, `stream/` | TCP: packets and sockets, connections to be accepted, one end |
//! | `link` | what becomes of one packet on the way from node to node |
//! | `addresses`, `nat` | who has which address |
//! | `options`, `counts` | what can be chosen, what is counted |

mod addresses;
mod counts;
mod datagram_socket;
mod datagrams;
mod events;
mod link;
mod listener;
mod nat;
mod network;
mod operations;
mod options;
mod packet;
mod socket;
mod steering;
mod stream;
mod streams;

pub(super) use addresses::{outer, own};
pub use counts::{NetworkCounts, NetworkLoad};
pub(super) use network::Network;
pub(super) use operations::Caller;
pub use options::LinkOptions;
