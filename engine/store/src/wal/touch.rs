//! Which logs a frame extends, so that their waiters can be told when it is written and durable.

use roundhouse_base::{LogId, Offset};

/// Counts the appends of one log since the store was opened. Unlike an offset it never goes back,
/// so "acknowledged up to here" has one meaning even across truncations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// The state of one log as of the end of a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) log: LogId,
    /// The last append of the log within the frame.
    pub(crate) ticket: Ticket,
    /// The log's end after the frame.
    pub(crate) end: Offset,
}

/// The logs of one frame, each once.
pub(crate) type Touches = Vec<Touch>;
