//! Streams: a small TCP (RFC 9293) between two ends that know of each other only what packets say.
//!
//! | file | what it holds |
//! |---|---|
//! | `connection` | one end: its state, its operations in flight, its timers |
//! | `outgoing` | bytes to send: window, congestion, what is sent again |
//! | `incoming` | bytes that came: order, window, end |
//! | `options` | what can be set |
//! | `segment` | what travels |
//!
//! Simplified where nothing above can tell: sequence numbers have 64 bits and begin at 0, every
//! segment is acknowledged at once, there are no options in headers.

mod connection;
mod incoming;
mod options;
mod outgoing;
mod segment;

pub(super) use connection::{Actions, Connection};
pub(super) use options::StreamOptions;
pub(super) use segment::{Kind, Segment};
