//! Why a message was not sent. Every error carries the message back.

use std::fmt;

use thiserror::Error;

/// A message was not sent, and sending it would have meant waiting or is pointless.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub enum TrySendError<T> {
    /// The receiver is behind; try again later, or wait with `send`.
    #[error("the mailbox is full; wait for room or send less")]
    Full(T),
    /// The receiver is gone for good.
    #[error("the mailbox is closed: its shard has shut down")]
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The message.
    pub fn into_message(self) -> T {
        match self {
            TrySendError::Full(message) | TrySendError::Closed(message) => message,
        }
    }
}

// By hand, so that the errors of messages that are not `Debug` (requests hold closures) still are.
impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrySendError::Full(_) => "Full(..)",
            TrySendError::Closed(_) => "Closed(..)",
        })
    }
}

/// A message was not sent because the receiver is gone for good.
#[derive(Clone, Copy, PartialEq, Eq, Error)]
#[error("the mailbox is closed: its shard has shut down")]
pub struct Closed<T>(pub T);

impl<T> fmt::Debug for Closed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Closed(..)")
    }
}
