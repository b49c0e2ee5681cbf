//! What can go wrong, and who caused it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use quinn_proto as proto;

use super::values::Code;

/// Why a connection ended. Nothing on it can be sent or received any more; what was not
/// acknowledged may or may not have arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The application on the other side closed it.
    #[error("closed by the peer's application with code {code}: {}", reason.escape_ascii())]
    ClosedByPeer {
        /// What the application said.
        code: Code,
        /// Its words; bytes as they arrived.
        reason: Bytes,
    },
    /// This side closed it, by a call or by dropping the last handle.
    #[error("closed by this side")]
    ClosedHere,
    /// The server has no room at the moment; try later or elsewhere (`CONNECTION_REFUSED`).
    #[error("refused by the peer, which takes no more connections at the moment")]
    Refused,
    /// One side could not agree to the other's certificate, protocols (ALPN) or ciphers. The number
    /// is the TLS alert (RFC 8446 section 6).
    #[error("TLS alert {alert} {}: {reason}", if *by_peer { "from the peer" } else { "raised here" })]
    Tls {
        /// 42 to 49: the certificate; 116: a client certificate is required; 120: no common
        /// application protocol; 112: unknown server name.
        alert: u8,
        /// What the side that raised it says about it.
        reason: String,
        /// Whether the peer raised it.
        by_peer: bool,
    },
    /// One side broke the protocol, or could not go on for reasons of its own. The number is the
    /// transport error code (RFC 9000 section 20.1).
    #[error("transport error {code:#x} {}: {reason}", if *by_peer { "from the peer" } else { "raised here" })]
    Transport {
        /// The code.
        code: u64,
        /// What the side that raised it says about it.
        reason: String,
        /// Whether the peer raised it.
        by_peer: bool,
    },
    /// The peer lost its state, most likely by a restart, and said so with a stateless reset.
    #[error("reset by the peer, which no longer knows this connection")]
    Reset,
    /// Nothing was heard from the peer for the idle timeout.
    #[error("nothing heard from the peer for the idle timeout")]
    TimedOut,
    /// The handshake was not done in time.
    #[error("the handshake was not done in time")]
    HandshakeTimedOut,
    /// The two sides have no version of QUIC in common.
    #[error("the peer speaks no version of QUIC that this side does")]
    VersionMismatch,
}

/// CRYPTO_ERROR codes: 0x100 plus the TLS alert (RFC 9001 section 4.8).
const CRYPTO_ERRORS: std::ops::RangeInclusive<u64> = 0x100..=0x1ff;
const CONNECTION_REFUSED: u64 = 0x02;

impl ConnectionError {
    pub(crate) fn from_proto(error: proto::ConnectionError) -> ConnectionError {
        use proto::ConnectionError as Proto;
        match error {
            Proto::VersionMismatch => ConnectionError::VersionMismatch,
            Proto::TransportError(error) => {
                ConnectionError::transport(error.code.into(), error.reason, false)
            }
            Proto::ConnectionClosed(close) => {
                let reason = String::from_utf8_lossy(&close.reason).into_owned();
                ConnectionError::transport(close.error_code.into(), reason, true)
            }
            Proto::ApplicationClosed(close) => ConnectionError::ClosedByPeer {
                code: Code::from_wire(close.error_code),
                reason: close.reason,
            },
            Proto::Reset => ConnectionError::Reset,
            Proto::TimedOut => ConnectionError::TimedOut,
            Proto::LocallyClosed => ConnectionError::ClosedHere,
            // Only for connection IDs of four bytes or fewer; ours have eight.
            Proto::CidsExhausted => ConnectionError::Refused,
        }
    }

    fn transport(code: u64, reason: String, by_peer: bool) -> ConnectionError {
        match code {
            CONNECTION_REFUSED if by_peer => ConnectionError::Refused,
            code if CRYPTO_ERRORS.contains(&code) => {
                ConnectionError::Tls { alert: code as u8, reason, by_peer }
            }
            code => ConnectionError::Transport { code, reason, by_peer },
        }
    }
}

impl From<ConnectionError> for io::Error {
    fn from(error: ConnectionError) -> io::Error {
        let kind = match error {
            ConnectionError::TimedOut | ConnectionError::HandshakeTimedOut => {
                io::ErrorKind::TimedOut
            }
            ConnectionError::Reset => io::ErrorKind::ConnectionReset,
            ConnectionError::Refused => io::ErrorKind::ConnectionRefused,
            ConnectionError::ClosedHere => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::ConnectionAborted,
        };
        io::Error::new(kind, error)
    }
}

/// Why a connection could not even be tried. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The shard has as many connections as its limit allows.
    #[error("the shard has its {limit} connections; close some or raise the limit")]
    TooManyConnections {
        /// The limit in force.
        limit: usize,
    },
    /// The shard's buffers are promised to other connections.
    #[error(
        "the shard's {limit} bytes of buffers are promised; close connections or raise the limit"
    )]
    NoBuffers {
        /// The limit in force, in bytes.
        limit: u64,
    },
    /// The name cannot stand in a certificate.
    #[error("{0:?} is neither a DNS name nor an IP address")]
    InvalidServerName(String),
    /// Nothing can be sent to this address.
    #[error("{0} has port 0 or an unspecified address")]
    InvalidAddress(SocketAddr),
    /// The endpoint was closed.
    #[error("the endpoint is closed")]
    Closed,
}

/// Why nothing could be written to a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The peer asked to stop, and will not read what was not acknowledged yet.
    #[error("the peer stopped reading with code {0}")]
    Stopped(Code),
    /// This side finished or reset the stream.
    #[error("the stream was finished or reset by this side")]
    Finished,
    /// The server did not accept early data: whatever was written before the handshake is lost and
    /// the stream with it. Send it again on a new stream.
    #[error("early data was rejected; send it again on a new stream")]
    EarlyDataRejected,
    /// The write waited for [`TransportOptions::write_timeout`]; the stream was reset.
    ///
    /// [`TransportOptions::write_timeout`]: super::TransportOptions::write_timeout
    #[error("the peer allowed nothing more to be sent for the write timeout")]
    TimedOut,
    /// The connection ended.
    #[error("connection lost: {0}")]
    Lost(#[from] ConnectionError),
}

/// Why nothing could be read from a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The peer gave the stream up; data that was not read is gone.
    #[error("the peer reset the stream with code {0}")]
    Reset(Code),
    /// This side stopped the stream, or already read it to its end.
    #[error("the stream was stopped or read to its end by this side")]
    Finished,
    /// The server did not accept early data and never saw this stream.
    #[error("early data was rejected; ask again on a new stream")]
    EarlyDataRejected,
    /// The read waited for [`TransportOptions::read_timeout`]; the stream was stopped.
    ///
    /// [`TransportOptions::read_timeout`]: super::TransportOptions::read_timeout
    #[error("nothing arrived on the stream for the read timeout")]
    TimedOut,
    /// The connection ended.
    #[error("connection lost: {0}")]
    Lost(#[from] ConnectionError),
}

/// Why a datagram was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DatagramError {
    /// The peer takes no datagrams, or this side's limits switch them off.
    #[error("datagrams are not in use on this connection")]
    Unsupported,
    /// It does not fit a packet of this path or the peer's limit at the moment.
    #[error("a datagram may have at most {max} bytes at the moment")]
    TooLarge {
        /// Bytes that would fit.
        max: usize,
    },
    /// The connection ended.
    #[error("connection lost: {0}")]
    Lost(#[from] ConnectionError),
}

/// Why options cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A size does not lie in its range.
    #[error("{name} is {value}; it must lie in {min}..={max}")]
    OutOfRange {
        /// The field's name.
        name: &'static str,
        /// What it was set to.
        value: u64,
        /// Smallest value allowed.
        min: u64,
        /// Largest value allowed.
        max: u64,
    },
    /// A duration cannot be expressed on the wire.
    #[error("{name} of {value:?} is too long to be sent to a peer")]
    TooLong {
        /// The field's name.
        name: &'static str,
        /// What it was set to.
        value: Duration,
    },
    /// A certificate or key cannot be used.
    #[error("a certificate or key cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// No peer's certificate could ever be verified.
    #[error("the trust anchors cannot be used: {0}")]
    TrustAnchors(#[from] rustls::server::VerifierBuilderError),
    /// A text that should hold certificates or a key in PEM does not.
    #[error("no certificate or key found: {0}")]
    Pem(String),
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> io::Error {
        match error {
            WriteError::Lost(error) => error.into(),
            WriteError::Stopped(_) => io::Error::new(io::ErrorKind::BrokenPipe, error),
            WriteError::Finished => io::Error::new(io::ErrorKind::NotConnected, error),
            WriteError::EarlyDataRejected => io::Error::new(io::ErrorKind::ConnectionReset, error),
            WriteError::TimedOut => io::Error::new(io::ErrorKind::TimedOut, error),
        }
    }
}

impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> io::Error {
        match error {
            ReadError::Lost(error) => error.into(),
            ReadError::Reset(_) | ReadError::EarlyDataRejected => {
                io::Error::new(io::ErrorKind::ConnectionReset, error)
            }
            ReadError::Finished => io::Error::new(io::ErrorKind::NotConnected, error),
            ReadError::TimedOut => io::Error::new(io::ErrorKind::TimedOut, error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed_by_peer(code: u64) -> ConnectionError {
        ConnectionError::transport(code, "why".to_owned(), true)
    }

    #[test]
    fn alerts_and_refusals_are_told_apart_from_broken_protocol() {
        assert_eq!(closed_by_peer(0x02), ConnectionError::Refused);
        let no_protocol = closed_by_peer(0x100 + 120);
        assert!(matches!(no_protocol, ConnectionError::Tls { alert: 120, by_peer: true, .. }));
        assert!(matches!(closed_by_peer(0x0a), ConnectionError::Transport { code: 0x0a, .. }));
    }
}
