//! How a command ends.

use std::io;
use std::process::ExitCode;

use roundhouse::{AppendError, Error, LogError, OpenError, ReadError};

/// The exit statuses, as `--help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All went well.
    Success = 0,
    /// Something failed; standard error says what and what to do.
    Failure = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A crash left an unfinished write, which opening the store settles. Nothing acknowledged is
    /// lost.
    TornTail = 3,
    /// Acknowledged data is damaged.
    Corruption = 4,
}

impl Exit {
    /// The one of two that needs more attention.
    pub(crate) fn worse(self, other: Exit) -> Exit {
        let severity = |exit| match exit {
            Exit::Success => 0,
            Exit::TornTail => 1,
            Exit::Usage | Exit::Failure => 2,
            Exit::Corruption => 3,
        };
        if severity(other) > severity(self) { other } else { self }
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Nobody reads standard output any more: no fault of anyone's.
    ClosedPipe,
    /// Anything else, to be said in one line.
    Failed {
        /// The status to exit with.
        exit: Exit,
        /// What happened, and the remedy if there is one.
        message: String,
    },
}

impl Stop {
    /// A failure in words.
    pub(crate) fn failure(message: impl Into<String>) -> Stop {
        Stop::Failed { exit: Exit::Failure, message: message.into() }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed { exit: exit_for(&error), message: error.to_string() }
    }
}

impl From<AppendError> for Stop {
    fn from(error: AppendError) -> Stop {
        Error::from(error).into()
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Stop {
        Error::from(error).into()
    }
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Stop {
        Error::from(error).into()
    }
}

/// From standard output; whoever reads or writes anything else says what it was.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Stop::ClosedPipe;
        }
        Stop::failure(format!("cannot write to standard output: {error}"))
    }
}

/// The status that tells a script what kind of error it was.
pub(crate) fn exit_for(error: &Error) -> Exit {
    match error {
        Error::Options(_) => Exit::Usage,
        Error::Open(
            OpenError::Corruption(_)
            | OpenError::Superblock { .. }
            | OpenError::MissingSegment { .. },
        )
        | Error::Read(ReadError::Corruption(_)) => Exit::Corruption,
        _ => Exit::Failure,
    }
}
