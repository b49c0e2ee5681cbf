//! Certificates made on the spot, by an authority of the test's own.

use std::sync::Arc;

use rcgen::date_time_ymd;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ED25519, SerialNumber,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use roundhouse_net::quic::tls::{Certificates, ClientTls, Identity, ServerTls};

/// 2030-01-01, a day within the validity of the certificates here.
pub(crate) const VALID_AT_MS: u64 = 1_893_456_000_000;
/// 2040-01-01, when all of them have expired.
pub(crate) const EXPIRED_AT_MS: u64 = 2_208_988_800_000;

const VALID_UNTIL: i32 = 2035;

/// The name servers have certificates for.
pub(crate) const NAME: &str = "server.test";

/// Someone whose signature clients and servers may trust.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) roots: Arc<RootCertStore>,
    /// Its own certificate, for other people's TLS.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        Authority::called("a test's authority")
    }

    pub(crate) fn called(name: &str) -> Authority {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut parameters = parameters(Vec::new());
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let certificate = parameters.self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let pem = certificate.pem();
        Authority { issuer: Issuer::new(parameters, key), roots: Arc::new(roots), pem }
    }

    /// A certificate for `name`. Ed25519 signatures all have the same length, so runs are the same
    /// from the first datagram on.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        self.identity_until(name, VALID_UNTIL)
    }

    /// The same, until the first day of a year.
    pub(crate) fn identity_until(&self, name: &str, year: i32) -> Identity {
        self.identity_of(vec![name.to_owned()], year)
    }

    /// A certificate for [`NAME`] and so many others that it takes a few datagrams.
    pub(crate) fn long_identity(&self) -> Identity {
        let others = (0..80).map(|n| format!("other-server-number-{n}.test"));
        self.identity_of(others.chain([NAME.to_owned()]).collect(), VALID_UNTIL)
    }

    fn identity_of(&self, names: Vec<String>, year: i32) -> Identity {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let mut parameters = parameters(names);
        parameters.not_after = date_time_ymd(year, 1, 1);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    /// A certificate for [`NAME`] and its key, for other people's TLS.
    pub(crate) fn plain(&self) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let certificate = parameters(vec![NAME.to_owned()]).signed_by(&key, &self.issuer).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }

    /// The same as text, in files' format, with a key that every program can read.
    pub(crate) fn plain_pem(&self) -> (String, String) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = parameters(vec![NAME.to_owned()]).signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server with a certificate for [`NAME`] that speaks `test`.
    pub(crate) fn server(&self) -> ServerTls {
        ServerTls::new(Certificates::new(self.identity(NAME)), vec![b"test".to_vec()])
    }

    /// A client that trusts this authority and speaks `test`.
    pub(crate) fn client(&self) -> ClientTls {
        ClientTls::new(self.roots.clone(), vec![b"test".to_vec()])
    }
}

fn parameters(names: Vec<String>) -> CertificateParams {
    let mut parameters = CertificateParams::new(names).unwrap();
    parameters.not_before = date_time_ymd(2020, 1, 1);
    parameters.not_after = date_time_ymd(VALID_UNTIL, 1, 1);
    // A random one is a byte shorter once in 256 times, and so is the handshake: two runs of one seed
    // then differed.
    parameters.serial_number = Some(SerialNumber::from(1));
    parameters
}
