//! Whom to trust, from texts.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::quic::OptionsError;

/// The trust anchors in a PEM text: certificates of authorities, or self-signed ones of servers.
///
/// # Errors
/// [`OptionsError::Pem`] if there is none in it or something else than PEM,
/// [`OptionsError::Tls`] if one of them cannot be an anchor.
pub fn trust_anchors(pem: &[u8]) -> Result<Arc<RootCertStore>, OptionsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|error| OptionsError::Pem(error.to_string()))?)?;
    }
    if roots.is_empty() {
        return Err(OptionsError::Pem("no certificate in it".to_owned()));
    }
    Ok(Arc::new(roots))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    #[test]
    fn every_certificate_of_a_text_is_an_anchor_and_none_is_an_error() {
        let pem = || {
            let CertifiedKey { cert, .. } = generate_simple_self_signed(["a.test".into()]).unwrap();
            cert.pem()
        };
        assert_eq!(trust_anchors((pem() + &pem()).as_bytes()).unwrap().len(), 2);
        assert!(matches!(trust_anchors(b"nothing"), Err(OptionsError::Pem(_))));
        let broken = pem().replacen("MII", "!!!", 1);
        assert!(matches!(trust_anchors(broken.as_bytes()), Err(OptionsError::Pem(_))));
    }
}
