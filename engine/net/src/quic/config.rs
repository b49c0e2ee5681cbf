//! What a server and a client need beside their endpoint's options; made once, shared by all
//! shards.

use std::sync::Arc;

use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_proto::{BloomTokenLog, TokenLog, TokenMemoryCache, TokenStore};
use quinn_proto::{ConnectionId, TransportConfig, ValidationTokenConfig};

use super::error::OptionsError;
use super::options::{EndpointOptions, Shared};
use super::tls::{ClientTls, ServerTls};

/// A server's identity with the memory that its shards share: sessions to resume and tokens that
/// were used. Cheap to clone.
#[derive(Clone)]
pub struct ServerConfig {
    tls: Arc<QuicServerConfig>,
    used_tokens: Arc<dyn TokenLog>,
}

impl ServerConfig {
    /// Checks and prepares `tls`.
    ///
    /// # Errors
    /// [`OptionsError`] if it names no trust anchors for client certificates that it asks for.
    pub fn new(tls: &ServerTls, shared: &Shared) -> Result<ServerConfig, OptionsError> {
        let tls = tls.build(&shared.secrets, &shared.wall)?;
        Ok(ServerConfig { tls, used_tokens: Arc::new(BloomTokenLog::default()) })
    }

    pub(crate) fn to_proto(
        &self,
        options: &EndpointOptions,
        transport: Arc<TransportConfig>,
    ) -> Arc<quinn_proto::ServerConfig> {
        let shared = &options.shared;
        let token_key = Arc::new(shared.secrets.token.clone());
        let mut config = quinn_proto::ServerConfig::new(self.tls.clone(), token_key);
        let mut tokens = ValidationTokenConfig::default();
        tokens.log(self.used_tokens.clone());
        config
            .transport_config(transport)
            .migration(options.transport.migration)
            .time_source(Arc::new(shared.wall.clone()))
            .validation_token_config(tokens);
        Arc::new(config)
    }
}

impl std::fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerConfig")
    }
}

/// A client's identity and trust with the memory that its shards share: sessions to resume and
/// tokens that servers gave. Cheap to clone.
#[derive(Clone)]
pub struct ClientConfig {
    tls: Arc<QuicClientConfig>,
    tokens: Arc<dyn TokenStore>,
}

impl ClientConfig {
    /// Checks and prepares `tls`.
    ///
    /// # Errors
    /// [`OptionsError`] if it has no trust anchors.
    pub fn new(tls: &ClientTls, shared: &Shared) -> Result<ClientConfig, OptionsError> {
        let tls = tls.build(&shared.wall)?;
        Ok(ClientConfig { tls, tokens: Arc::new(TokenMemoryCache::default()) })
    }

    /// For one connection, whose first packets carry `first_id` as the server's connection ID.
    pub(crate) fn to_proto(
        &self,
        transport: Arc<TransportConfig>,
        first_id: ConnectionId,
    ) -> quinn_proto::ClientConfig {
        let mut config = quinn_proto::ClientConfig::new(self.tls.clone());
        config
            .transport_config(transport)
            .token_store(self.tokens.clone())
            .initial_dst_cid_provider(Arc::new(move || first_id));
        config
    }
}

impl std::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientConfig")
    }
}
