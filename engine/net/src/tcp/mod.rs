//! Streams.
//!
//! | file | what it holds |
//! |---|---|
//! | `stream` | [`TcpStream`]: one connection |
//! | `incoming`, `outgoing` | its two directions, each a small state machine around one operation |
//! | `held` | how much memory they hold |
//! | `futures_io` | the traits of that name for it |
//! | `listener`, `connector` | where streams come from, and how many there may be |
//! | `options`, `counters` | what can be chosen, what is counted |

mod connector;
mod counters;
mod futures_io;
mod held;
mod incoming;
mod listener;
mod options;
mod outgoing;
mod stream;

pub use connector::TcpConnector;
pub use counters::TcpCounters;
pub use listener::TcpListener;
pub use options::{ListenerOptions, TcpOptions};
pub use roundhouse_runtime::socket::{KeepAlive, Pieces};
pub use stream::TcpStream;
