//! TLS 1.3 over streams.
//!
//! Who each side is and whom it trusts is the same as for QUIC: [`ServerTls`] and [`ClientTls`].
//! Sessions are resumed, protocols negotiated (ALPN), client certificates asked for as they say;
//! 0-RTT is for QUIC only.
//!
//! | file | what it holds |
//! |---|---|
//! | `acceptor`, `connector` | from a [`TcpStream`](crate::TcpStream) to a [`TlsStream`] |
//! | `stream` | [`TlsStream`], and the traits of `futures-io` for it |
//! | `session` | records in and out of the TLS library |
//! | `trust` | trust anchors from PEM |
//! | `error` | [`TlsError`] |

mod acceptor;
mod connector;
mod error;
mod session;
mod stream;
mod trust;

pub use acceptor::TlsAcceptor;
pub use connector::TlsConnector;
pub use error::TlsError;
pub use rustls::RootCertStore;
pub use stream::TlsStream;
pub use trust::trust_anchors;

pub use crate::quic::tls::{
    Certificates, ClientCertificates, ClientTls, Identity, KeyLog, Protocol, Resumption, ServerTls,
};
