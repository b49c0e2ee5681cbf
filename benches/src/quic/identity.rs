//! A certificate made on the spot that clients trust.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use roundhouse_measure::MeasureError;
use rustls::RootCertStore;

/// The name in the certificate.
pub(super) const NAME: &str = "localhost";

/// The protocol that both sides speak.
pub(super) const PROTOCOL: &[u8] = b"echo";

/// A server's certificate and key in PEM, and the clients' trust in it.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) roots: Arc<RootCertStore>,
}

impl Identity {
    pub(super) fn new() -> Result<Identity, MeasureError> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec![NAME.into()])?;
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        Ok(Identity {
            certificate: cert.pem(),
            key: signing_key.serialize_pem(),
            roots: Arc::new(roots),
        })
    }
}
