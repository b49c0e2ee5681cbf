//! Certificates and keys, and their replacement while connections come in.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider;
use crate::quic::error::OptionsError;

/// A certificate chain with the private key of its first certificate.
#[derive(Clone, Debug)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

impl Identity {
    /// From DER: the chain starts with the end entity's certificate.
    ///
    /// # Errors
    /// [`OptionsError::Tls`] if the key is of an unknown kind or not the certificate's.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Identity, OptionsError> {
        if chain.is_empty() {
            return Err(OptionsError::Pem("the chain is empty".to_owned()));
        }
        Ok(Identity(Arc::new(CertifiedKey::from_der(chain, key, &provider())?)))
    }

    /// From PEM texts, as certificate authorities hand them out.
    ///
    /// # Errors
    /// [`OptionsError::Pem`] if there is none in a text, otherwise as [`Identity::from_der`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, OptionsError> {
        let pem_error = |error: rustls::pki_types::pem::Error| OptionsError::Pem(error.to_string());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(pem_error)?;
        Identity::from_der(chain.map_err(pem_error)?, key)
    }
}

/// The certificate a server shows, replaceable while it runs.
///
/// Clones are the same certificate, on whatever shard: [`Certificates::replace`] concerns every
/// handshake that begins afterwards; connections that stand are not disturbed.
#[derive(Clone, Debug)]
pub struct Certificates(Arc<RwLock<Identity>>);

impl Certificates {
    /// Starts with `identity`.
    pub fn new(identity: Identity) -> Certificates {
        Certificates(Arc::new(RwLock::new(identity)))
    }

    /// Shows `identity` from now on.
    pub fn replace(&self, identity: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).0.clone())
    }
}
