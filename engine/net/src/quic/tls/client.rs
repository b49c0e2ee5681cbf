//! The TLS side of a client.

use std::sync::Arc;

use quinn_proto::crypto::rustls::QuicClientConfig;
use rustls::RootCertStore;
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier};
use rustls::sign::CertifiedKey;

use super::certificates::Identity;
use super::key_log::KeyLog;
use super::{Protocol, provider};
use crate::quic::clock::WallClock;
use crate::quic::error::OptionsError;

/// Whom a client trusts and how it presents itself. Made once and shared by all shards, which then
/// share the sessions to resume, too.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// Whose signature under a server's certificate counts.
    pub roots: Arc<RootCertStore>,
    /// The protocols it speaks, best first. A server that speaks none of them refuses it.
    pub protocols: Vec<Protocol>,
    /// What it shows to servers that ask.
    pub identity: Option<Identity>,
    /// Servers whose sessions are remembered, to save a round trip with them; 0 for none.
    pub sessions: usize,
    /// Whether 0-RTT is used with servers that offered it.
    pub early_data: bool,
    /// Where secrets are logged, for debugging.
    pub key_log: Option<KeyLog>,
}

/// Servers remembered by default.
const SESSIONS_DEFAULT: usize = 256;

impl ClientTls {
    /// Trusts `roots`, speaks `protocols`, everything else by default.
    pub fn new(roots: Arc<RootCertStore>, protocols: Vec<Protocol>) -> ClientTls {
        ClientTls {
            roots,
            protocols,
            identity: None,
            sessions: SESSIONS_DEFAULT,
            early_data: true,
            key_log: None,
        }
    }

    /// The configuration that all shards share.
    pub(crate) fn build(&self, clock: &WallClock) -> Result<Arc<QuicClientConfig>, OptionsError> {
        let quic = QuicClientConfig::try_from(self.config(clock)?);
        Ok(Arc::new(quic.expect("the provider has the suite that Initial packets need")))
    }

    /// The same for whatever carries TLS.
    pub(crate) fn config(&self, clock: &WallClock) -> Result<rustls::ClientConfig, OptionsError> {
        let verifier =
            WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider()).build()?;
        let builder =
            rustls::ClientConfig::builder_with_details(provider(), Arc::new(clock.clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_webpki_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => {
                builder.with_client_cert_resolver(Arc::new(Shown(identity.0.clone())))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.protocols);
        config.enable_early_data = self.early_data;
        config.resumption = match self.sessions {
            0 => Resumption::disabled(),
            count => Resumption::in_memory_sessions(count),
        };
        if let Some(key_log) = &self.key_log {
            config.key_log = Arc::new(key_log.clone());
        }
        Ok(config)
    }
}

/// Shows one certificate to every server that asks.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _signature_schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
