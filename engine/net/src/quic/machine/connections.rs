//! What the application does with connections.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use quinn_proto::crypto::rustls::HandshakeData;
use quinn_proto::{ConnectError as ProtoConnectError, ConnectionId};
use roundhouse_base::Monotonic;
use rustls::pki_types::CertificateDer;

use super::Machine;
use super::event::ConnectionKey;
use crate::quic::config::ClientConfig;
use crate::quic::error::ConnectError;
use crate::quic::stats::ConnectionStats;
use crate::quic::values::Code;

/// Bytes of the connection ID that a client makes up for the server (RFC 9000 section 7.2 wants 8 at
/// least).
const FIRST_ID_BYTES: usize = 20;

impl Machine {
    /// Begins a connection to a server that has a certificate for `server_name`. With 0-RTT
    /// ([`Machine::has_early_data`]) streams can be opened at once.
    ///
    /// # Errors
    /// [`ConnectError`]; nothing was sent then.
    pub fn connect(
        &mut self,
        now: Monotonic,
        config: &ClientConfig,
        remote: SocketAddr,
        server_name: &str,
    ) -> Result<ConnectionKey, ConnectError> {
        let limits = &self.options.limits;
        if self.counts.connections >= limits.connections {
            return Err(ConnectError::TooManyConnections { limit: limits.connections });
        }
        if !self.budget.has(limits.promise()) {
            return Err(ConnectError::NoBuffers { limit: self.budget.limit() });
        }
        let mut first_id = [0; FIRST_ID_BYTES];
        self.random.fill(&mut first_id);
        let config = config.to_proto(self.transport.clone(), ConnectionId::new(&first_id));
        let at = self.clock.instant(now);
        let (handle, connection) =
            self.proto.connect(at, config, remote, server_name).map_err(|error| match error {
                ProtoConnectError::InvalidServerName(name) => ConnectError::InvalidServerName(name),
                ProtoConnectError::InvalidRemoteAddress(at) => ConnectError::InvalidAddress(at),
                ProtoConnectError::EndpointStopping => ConnectError::Closed,
                // Only with short connection IDs, without a configuration, or with a version that
                // is not the library's own.
                ProtoConnectError::CidsExhausted
                | ProtoConnectError::NoDefaultClientConfig
                | ProtoConnectError::UnsupportedVersion => {
                    unreachable!("configurations are made here alone: {error}")
                }
            })?;
        let index = self.add(now, handle, connection);
        Ok(self.key(index))
    }

    /// Tells the machine that the application took a connection a client opened, so that it no
    /// longer counts towards the backlog.
    pub fn accepted(&mut self, key: ConnectionKey) {
        self.end_waiting(key);
    }

    /// Ends a connection: the peer is told `code` and `reason` in the next pass, and again whenever
    /// it sends something before the connection is gone. Data that was not acknowledged may be lost.
    /// No effect on a connection that ended.
    pub fn close(&mut self, now: Monotonic, key: ConnectionKey, code: Code, reason: Bytes) {
        let at = self.clock.instant(now);
        let Some(entry) = self.entry(key) else { return };
        entry.life.is_closed_here = true;
        entry.proto.close(at, code.to_wire(), reason);
        self.end_handshake(key);
        self.touch(key.index);
        self.send_soon(key.index);
    }

    pub(super) fn close_quietly(&mut self, now: Monotonic, key: ConnectionKey) {
        self.close(now, key, Code::default(), Bytes::new());
    }

    /// Whether the handshake is done and the connection neither ended nor ending.
    pub fn is_established(&mut self, key: ConnectionKey) -> bool {
        self.entry(key)
            .is_some_and(|entry| !entry.proto.is_handshaking() && !entry.proto.is_closed())
    }

    /// Whether this client can send before the handshake is done (0-RTT, RFC 9001 section 4.6).
    pub fn has_early_data(&mut self, key: ConnectionKey) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.proto.side().is_client() && entry.proto.has_0rtt())
    }

    /// Whether something can be sent before the handshake is done: by a client with 0-RTT, and by
    /// any server, once it saw the client's first packet.
    pub fn can_send_early(&mut self, key: ConnectionKey) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.proto.side().is_server() || entry.proto.has_0rtt())
    }

    /// After the handshake: whether what was sent before it was taken.
    pub fn early_data_was_accepted(&mut self, key: ConnectionKey) -> bool {
        self.entry(key).is_some_and(|entry| entry.proto.accepted_0rtt())
    }

    /// The application protocol both sides agreed on; `None` before they did, or if neither has any.
    pub fn protocol(&mut self, key: ConnectionKey) -> Option<Vec<u8>> {
        self.handshake_data(key)?.protocol
    }

    /// The name a client asked a server for.
    pub fn server_name(&mut self, key: ConnectionKey) -> Option<String> {
        self.handshake_data(key)?.server_name
    }

    /// The certificates the peer showed, its own first.
    pub fn peer_certificates(
        &mut self,
        key: ConnectionKey,
    ) -> Option<Vec<CertificateDer<'static>>> {
        let identity = self.entry(key)?.proto.crypto_session().peer_identity()?;
        identity.downcast().ok().map(|chain| *chain)
    }

    /// Where the peer is at the moment.
    pub fn remote_address(&mut self, key: ConnectionKey) -> Option<SocketAddr> {
        Some(self.entry(key)?.proto.remote_address())
    }

    /// Which of this machine's addresses the peer came to.
    pub fn local_address(&mut self, key: ConnectionKey) -> Option<IpAddr> {
        self.entry(key)?.proto.local_ip()
    }

    /// What the protocol counts about a connection.
    pub fn stats(&mut self, key: ConnectionKey) -> Option<ConnectionStats> {
        let entry = self.entry(key)?;
        Some(ConnectionStats::from_proto(&entry.proto.stats(), entry.growth.window))
    }

    /// Changes the keys that packets are encrypted with, ahead of the time when it must be done
    /// (RFC 9001 section 6). No effect while the change before is under way.
    pub fn update_keys(&mut self, key: ConnectionKey) {
        let Some(entry) = self.entry(key) else { return };
        entry.proto.force_key_update();
        entry.proto.ping();
        self.send_soon(key.index);
    }

    /// Sends something that the peer must acknowledge.
    pub fn ping(&mut self, key: ConnectionKey) {
        let Some(entry) = self.entry(key) else { return };
        entry.proto.ping();
        self.send_soon(key.index);
    }

    /// Tells all connections this side opened that it has a new address, so that the peers learn
    /// it (RFC 9000 section 9.2). Servers cannot move.
    pub fn address_changed(&mut self) {
        for index in 0..self.entries.len() as u32 {
            let slot = &mut self.entries[index as usize];
            let Some(entry) = slot.entry.as_deref_mut() else { continue };
            if entry.proto.side().is_client() {
                entry.proto.local_address_changed();
                self.send_soon(index);
            }
        }
    }

    pub(super) fn end_waiting(&mut self, key: ConnectionKey) {
        let Some(entry) = self.entry(key) else { return };
        if std::mem::take(&mut entry.life.is_waiting) {
            self.counts.waiting -= 1;
        }
    }

    fn handshake_data(&mut self, key: ConnectionKey) -> Option<HandshakeData> {
        let data = self.entry(key)?.proto.crypto_session().handshake_data()?;
        data.downcast().ok().map(|data| *data)
    }
}
