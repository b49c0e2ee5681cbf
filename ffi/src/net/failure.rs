//! What went wrong with sockets, as C programs are told.

use std::io;

use roundhouse::net::TlsError;
use roundhouse::net::quic::pool::PoolError;
use roundhouse::net::quic::{
    ConnectError, ConnectionError, DatagramError, OptionsError, ReadError, WriteError,
};

use crate::failure::Failure;
use crate::status::{
    RH_E_BUSY, RH_E_CLOSED, RH_E_INVALID, RH_E_IO, RH_E_NOMEM, RH_E_OPTION, RH_E_PEER, RH_E_SIZE,
    RH_E_TIMEOUT, RH_E_UNSUPPORTED,
};

/// A failure of a stream's connection.
pub(super) fn of_stream(error: &io::Error) -> Failure {
    use io::ErrorKind as Kind;
    let status = match error.kind() {
        Kind::TimedOut => RH_E_TIMEOUT,
        Kind::ConnectionReset
        | Kind::ConnectionRefused
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::NotConnected
        | Kind::UnexpectedEof
        | Kind::InvalidData => RH_E_PEER,
        _ => RH_E_IO,
    };
    let errno = error.raw_os_error().unwrap_or_default();
    Failure { errno, ..Failure::new(status, error.to_string()) }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Failure {
        let message = error.to_string();
        match error {
            TlsError::TimedOut => Failure::new(RH_E_TIMEOUT, message),
            TlsError::Busy => Failure::new(RH_E_BUSY, message),
            TlsError::Name(_) => Failure::new(RH_E_INVALID, message),
            TlsError::Broken(error) => Failure { message: message.into(), ..of_stream(&error) },
            _ => Failure::new(RH_E_PEER, message),
        }
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Failure {
        let message = error.to_string();
        match error {
            ConnectionError::ClosedByPeer { code, .. } => {
                Failure::new(RH_E_PEER, message).detail(code.value())
            }
            ConnectionError::TimedOut | ConnectionError::HandshakeTimedOut => {
                Failure::new(RH_E_TIMEOUT, message)
            }
            ConnectionError::ClosedHere => Failure::new(RH_E_CLOSED, message),
            _ => Failure::new(RH_E_PEER, message),
        }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        let status = match &error {
            ConnectError::InvalidServerName(_) | ConnectError::InvalidAddress(_) => RH_E_INVALID,
            ConnectError::Closed => RH_E_CLOSED,
            _ => RH_E_NOMEM,
        };
        Failure::new(status, error.to_string())
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Failure {
        match error {
            PoolError::Connect(error) => error.into(),
            PoolError::Connection(error) => error.into(),
            error => Failure::new(RH_E_NOMEM, error.to_string()),
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Failure {
        let message = error.to_string();
        match error {
            WriteError::Stopped(code) => Failure::new(RH_E_PEER, message).detail(code.value()),
            WriteError::Finished => Failure::new(RH_E_CLOSED, message),
            WriteError::TimedOut => Failure::new(RH_E_TIMEOUT, message),
            WriteError::Lost(error) => error.into(),
            _ => Failure::new(RH_E_PEER, message),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Failure {
        let message = error.to_string();
        match error {
            ReadError::Reset(code) => Failure::new(RH_E_PEER, message).detail(code.value()),
            ReadError::Finished => Failure::new(RH_E_CLOSED, message),
            ReadError::TimedOut => Failure::new(RH_E_TIMEOUT, message),
            ReadError::Lost(error) => error.into(),
            _ => Failure::new(RH_E_PEER, message),
        }
    }
}

impl From<DatagramError> for Failure {
    fn from(error: DatagramError) -> Failure {
        let message = error.to_string();
        match error {
            DatagramError::TooLarge { max } => Failure::new(RH_E_SIZE, message).detail(max as u64),
            DatagramError::Lost(error) => error.into(),
            _ => Failure::new(RH_E_UNSUPPORTED, message),
        }
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Failure {
        let status = match &error {
            OptionsError::OutOfRange { .. } | OptionsError::TooLong { .. } => RH_E_OPTION,
            _ => RH_E_INVALID,
        };
        Failure::new(status, error.to_string())
    }
}
