//! The engine's errors in the protocol's terms.

use kafka_protocol::ResponseError;
use roundhouse::{AppendError, Error, LogError, ReadError};

/// Of appending. Clients try again after those the protocol calls retriable, so a full disk is one:
/// it is refused before anything is accepted, and goes on when there is room.
pub fn of_append(error: &AppendError) -> ResponseError {
    match error {
        AppendError::TooLarge { .. } => ResponseError::MessageTooLarge,
        AppendError::Deleted => ResponseError::UnknownTopicOrPartition,
        AppendError::Closed => ResponseError::NotLeaderOrFollower,
        // Tried again by clients, after a while.
        AppendError::Overloaded { .. } => ResponseError::ThrottlingQuotaExceeded,
        _ => {
            tracing::error!(%error, "appending failed");
            ResponseError::KafkaStorageError
        }
    }
}

/// Of reading.
pub fn of_read(error: &ReadError) -> ResponseError {
    match error {
        ReadError::Trimmed { .. } | ReadError::BeyondEnd { .. } => ResponseError::OffsetOutOfRange,
        ReadError::Deleted => ResponseError::UnknownTopicOrPartition,
        ReadError::Closed => ResponseError::NotLeaderOrFollower,
        _ => {
            tracing::error!(%error, "reading failed");
            ResponseError::KafkaStorageError
        }
    }
}

/// Of creating, changing and deleting.
pub fn of_engine(error: &Error) -> ResponseError {
    match error {
        Error::Append(error) => of_append(error),
        Error::Read(error) => of_read(error),
        Error::Log(LogError::Append(error)) => of_append(error),
        Error::Closed => ResponseError::NotController,
        _ => {
            tracing::error!(%error, "the engine refused");
            ResponseError::UnknownServerError
        }
    }
}
