//! Why there is no TLS connection.

use std::io;

/// What ended a handshake. The stream below is gone; nothing of the application's was exchanged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// This side did not accept what the peer showed or asked for, and told it so: an expired or
    /// unknown certificate, no common protocol, garbage.
    #[error("refused the peer: {0}")]
    Refused(rustls::Error),
    /// The peer did not accept this side. Its alert says why.
    #[error("refused by the peer: {0:?}")]
    RefusedByPeer(rustls::AlertDescription),
    /// The handshake took too long.
    #[error("the handshake took too long")]
    TimedOut,
    /// There are too many handshakes in progress; the peer may try again.
    #[error("too many handshakes in progress")]
    Busy,
    /// The name is neither a DNS name nor an address.
    #[error("not a server's name: {0}")]
    Name(String),
    /// The connection below broke, or ended in the middle of the handshake.
    #[error("the connection broke during the handshake: {0}")]
    Broken(#[from] io::Error),
}

impl TlsError {
    pub(super) fn from_tls(error: rustls::Error) -> TlsError {
        match error {
            rustls::Error::AlertReceived(alert) => TlsError::RefusedByPeer(alert),
            error => TlsError::Refused(error),
        }
    }
}
