//! The TLS side of a server.

use std::sync::Arc;

use quinn_proto::crypto::rustls::QuicServerConfig;
use rustls::RootCertStore;
use rustls::server::{ServerSessionMemoryCache, WebPkiClientVerifier};

use super::certificates::Certificates;
use super::key_log::KeyLog;
use super::tickets::SharedTickets;
use super::{Protocol, provider};
use crate::quic::clock::WallClock;
use crate::quic::error::OptionsError;
use crate::quic::secrets::Secrets;

/// How a server presents itself and what it asks of clients. Made once and shared by all shards.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// What it shows; replaceable while it runs.
    pub certificates: Certificates,
    /// The protocols it speaks, best first. A client that speaks none of them is refused during
    /// the handshake; if this is empty, protocols are not negotiated.
    pub protocols: Vec<Protocol>,
    /// Whether clients show certificates.
    pub client_certificates: ClientCertificates,
    /// How returning clients save a round trip.
    pub resumption: Resumption,
    /// Where secrets are logged, for debugging.
    pub key_log: Option<KeyLog>,
}

/// Whether a server asks clients for certificates.
#[derive(Clone, Debug, Default)]
pub enum ClientCertificates {
    /// It does not.
    #[default]
    NotAsked,
    /// It does; a client may have none, but one it shows must be valid.
    Optional(Arc<RootCertStore>),
    /// It does, and refuses clients without a valid one.
    Required(Arc<RootCertStore>),
}

/// How a server recognises a returning client.
#[derive(Clone, Debug)]
pub enum Resumption {
    /// Every handshake is a full one.
    Off,
    /// By sessions kept in memory, at most this many; the oldest make room. With `early_data`,
    /// clients may send 0-RTT data: a session is good for that once, so data cannot be replayed to
    /// this engine, but is lost with it; see RFC 8446 section 8 before allowing it.
    Sessions {
        /// Most sessions kept, on all shards together. About 1 KiB each.
        count: usize,
        /// Whether 0-RTT data is accepted.
        early_data: bool,
    },
    /// By tickets that clients keep, under keys derived from [`Secrets`]: no memory, and good after
    /// a restart with the same secret. Without 0-RTT, which would be open to replay.
    Tickets,
}

impl Default for Resumption {
    fn default() -> Resumption {
        Resumption::Sessions { count: SESSIONS_DEFAULT, early_data: false }
    }
}

const SESSIONS_DEFAULT: usize = 4096;
/// The only value besides zero that QUIC allows (RFC 9001 section 4.6.1).
const EARLY_DATA_UNLIMITED: u32 = u32::MAX;

impl ServerTls {
    /// Shows `certificates`, speaks `protocols`, everything else by default.
    pub fn new(certificates: Certificates, protocols: Vec<Protocol>) -> ServerTls {
        ServerTls {
            certificates,
            protocols,
            client_certificates: ClientCertificates::default(),
            resumption: Resumption::default(),
            key_log: None,
        }
    }

    /// The configuration that all shards share.
    pub(crate) fn build(
        &self,
        secrets: &Secrets,
        clock: &WallClock,
    ) -> Result<Arc<QuicServerConfig>, OptionsError> {
        let quic = QuicServerConfig::try_from(self.config(secrets, clock)?);
        Ok(Arc::new(quic.expect("the provider has the suite that Initial packets need")))
    }

    /// The same for whatever carries TLS.
    pub(crate) fn config(
        &self,
        secrets: &Secrets,
        clock: &WallClock,
    ) -> Result<rustls::ServerConfig, OptionsError> {
        let builder =
            rustls::ServerConfig::builder_with_details(provider(), Arc::new(clock.clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])?;
        let verifier = |roots: &Arc<RootCertStore>| {
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
        };
        let builder = match &self.client_certificates {
            ClientCertificates::NotAsked => builder.with_no_client_auth(),
            ClientCertificates::Optional(roots) => {
                builder.with_client_cert_verifier(verifier(roots).allow_unauthenticated().build()?)
            }
            ClientCertificates::Required(roots) => {
                builder.with_client_cert_verifier(verifier(roots).build()?)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(self.certificates.clone()));
        config.alpn_protocols.clone_from(&self.protocols);
        if let Some(key_log) = &self.key_log {
            config.key_log = Arc::new(key_log.clone());
        }
        self.resumption.apply(&mut config, secrets, clock);
        Ok(config)
    }
}

impl Resumption {
    fn apply(&self, config: &mut rustls::ServerConfig, secrets: &Secrets, clock: &WallClock) {
        match self {
            Resumption::Off => config.send_tls13_tickets = 0,
            Resumption::Sessions { count, early_data } => {
                config.session_storage = ServerSessionMemoryCache::new(*count);
                config.max_early_data_size = if *early_data { EARLY_DATA_UNLIMITED } else { 0 };
            }
            Resumption::Tickets => {
                config.ticketer = Arc::new(SharedTickets::new(secrets, clock.clone()));
            }
        }
    }
}
