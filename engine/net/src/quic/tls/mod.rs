//! TLS 1.3 for QUIC (RFC 9001): who each side is, whom it trusts, and how sessions are resumed.

mod certificates;
mod client;
mod key_log;
mod server;
mod tickets;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

pub use certificates::{Certificates, Identity};
pub use client::ClientTls;
pub use key_log::{KeyLog, KeyLogSink};
pub use server::{ClientCertificates, Resumption, ServerTls};

/// An application protocol's name in ALPN (RFC 7301), such as `h3`. 1 to 255 bytes.
pub type Protocol = Vec<u8>;

/// *ring* with AES-128-GCM first: on processors with AES instructions it is the fastest suite, and
/// QUIC needs it for Initial packets in any case.
fn provider() -> Arc<CryptoProvider> {
    use ring::cipher_suite as suite;
    let cipher_suites = vec![
        suite::TLS13_AES_128_GCM_SHA256,
        suite::TLS13_AES_256_GCM_SHA384,
        suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    Arc::new(CryptoProvider { cipher_suites, ..ring::default_provider() })
}
