//! Why a call or an operation failed: the engine's errors as status, number and message.

use std::borrow::Cow;

use roundhouse::options::OptionsError;
use roundhouse::{AppendError, Errno, Error, LogError, OpenError, ReadError, SetupError};

use crate::status::{
    RH_E_BUSY, RH_E_CLOSED, RH_E_CORRUPT, RH_E_DELETED, RH_E_EXISTS, RH_E_FAILED, RH_E_FULL,
    RH_E_INVALID, RH_E_IO, RH_E_NO_SPACE, RH_E_NOMEM, RH_E_NOT_FOUND, RH_E_OPTION, RH_E_PANIC,
    RH_E_RANGE, RH_E_SIZE, RH_E_TRIMMED, RH_E_UNSUPPORTED, RH_E_VERSION, rh_status,
};

/// Everything a program is told about a failure.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) status: rh_status,
    /// What a system call answered; 0 if none did.
    pub(crate) errno: i32,
    /// A number that belongs to the status.
    pub(crate) detail: u64,
    pub(crate) message: Cow<'static, str>,
}

impl Failure {
    pub(crate) fn new(status: rh_status, message: impl Into<Cow<'static, str>>) -> Failure {
        Failure { status, errno: 0, detail: 0, message: message.into() }
    }

    /// The caller broke the contract.
    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Failure {
        Failure::new(RH_E_INVALID, message)
    }

    pub(crate) fn null(name: &str) -> Failure {
        Failure::invalid(format!("{name} is NULL"))
    }

    /// The library has a defect, which the caller came upon.
    pub(crate) fn panicked() -> Failure {
        Failure::new(RH_E_PANIC, "the library panicked; what was used is unusable now")
    }

    pub(crate) fn detail(mut self, detail: u64) -> Failure {
        self.detail = detail;
        self
    }

    pub(crate) fn errno(mut self, errno: Errno) -> Failure {
        self.errno = errno.raw_os_error();
        self
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Failure {
        Failure::new(RH_E_OPTION, error.to_string())
    }
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Failure {
        let status = match &error {
            SetupError::LockedMemory { .. } | SetupError::FileDescriptors { .. } => RH_E_NOMEM,
            _ => RH_E_UNSUPPORTED,
        };
        Failure::new(status, error.to_string())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Failure {
        let message = error.to_string();
        match error {
            OpenError::Missing { .. } => Failure::new(RH_E_NOT_FOUND, message),
            OpenError::NewerFormat { found, .. } => {
                Failure::new(RH_E_VERSION, message).detail(found.into())
            }
            OpenError::ShardCount { found, .. } => {
                Failure::new(RH_E_OPTION, message).detail(found.into())
            }
            OpenError::Options(_) => Failure::new(RH_E_OPTION, message),
            OpenError::Io { errno, .. } => Failure::new(RH_E_IO, message).errno(errno),
            OpenError::Failed(_) => Failure::new(RH_E_FAILED, message),
            // The rest says that files are damaged, missing or not where they belong.
            _ => Failure::new(RH_E_CORRUPT, message),
        }
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Failure {
        let message = error.to_string();
        match error {
            AppendError::NoSpace { .. } => Failure::new(RH_E_NO_SPACE, message),
            AppendError::TooLarge { bytes_max, .. } => {
                Failure::new(RH_E_SIZE, message).detail(bytes_max)
            }
            AppendError::Overloaded { bytes_max } => {
                Failure::new(RH_E_FULL, message).detail(bytes_max)
            }
            AppendError::Count { .. } => Failure::new(RH_E_INVALID, message),
            AppendError::Deleted => Failure::new(RH_E_DELETED, message),
            AppendError::Closed => Failure::new(RH_E_CLOSED, message),
            _ => Failure::new(RH_E_FAILED, message),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        let message = error.to_string();
        match error {
            ReadError::Trimmed { start, .. } => Failure::new(RH_E_TRIMMED, message).detail(start.0),
            ReadError::BeyondEnd { end, .. } => Failure::new(RH_E_RANGE, message).detail(end.0),
            ReadError::Deleted => Failure::new(RH_E_DELETED, message),
            ReadError::Io { errno, .. } => Failure::new(RH_E_IO, message).errno(errno),
            ReadError::Closed => Failure::new(RH_E_CLOSED, message),
            _ => Failure::new(RH_E_CORRUPT, message),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Failure {
        let message = error.to_string();
        match error {
            LogError::NotFound { .. } => Failure::new(RH_E_NOT_FOUND, message),
            LogError::Exists { .. } => Failure::new(RH_E_EXISTS, message),
            LogError::Name { .. } => Failure::new(RH_E_INVALID, message),
            LogError::OutOfRange { end, .. } => Failure::new(RH_E_RANGE, message).detail(end.0),
            LogError::Append(error) => error.into(),
            // Bounds of a catalogue and of a list of truncations.
            _ => Failure::new(RH_E_NO_SPACE, message),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let message = error.to_string();
        match error {
            Error::Options(error) => error.into(),
            Error::Setup { error, .. } => Failure { message: message.into(), ..error.into() },
            Error::InUse { .. } => Failure::new(RH_E_BUSY, message),
            Error::Open(error) => error.into(),
            Error::Thread { error, .. } => Failure {
                errno: error.raw_os_error().unwrap_or_default(),
                ..Failure::new(RH_E_NOMEM, message)
            },
            Error::Ring { errno, .. } => Failure::new(RH_E_IO, message).errno(errno),
            Error::Append(error) => error.into(),
            Error::Read(error) => error.into(),
            Error::Log(error) => error.into(),
            Error::Closed => Failure::new(RH_E_CLOSED, message),
            Error::Panicked => Failure::panicked(),
            Error::Io(error) => error.into(),
            _ => Failure::new(RH_E_IO, message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        let errno = error.raw_os_error().unwrap_or_default();
        Failure { errno, ..Failure::new(RH_E_IO, error.to_string()) }
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::new(RH_E_IO, errno.to_string()).errno(errno)
    }
}
