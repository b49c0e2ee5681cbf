//! The server's side of the handshake.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection};

use super::connector::handshake;
use super::{ServerTls, TlsError, TlsStream};
use crate::limits::TLS_HANDSHAKES;
use crate::quic::{OptionsError, Secrets, WallClock};
use crate::tcp::TcpStream;

/// Makes TLS streams of accepted connections. Clones are the same acceptor, on whatever shard, so
/// that a session made on one is resumed on another.
#[derive(Clone, Debug)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    clock: WallClock,
    handshakes: Arc<AtomicUsize>,
    /// Handshakes in progress at once; beyond them new connections are reset.
    pub handshakes_max: usize,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

impl TlsAcceptor {
    /// An acceptor that shows and asks what `tls` says; tickets, if it uses them, are sealed under
    /// `secrets`.
    ///
    /// # Errors
    /// The certificates or trust anchors cannot be used.
    pub fn new(tls: &ServerTls, secrets: &Secrets) -> Result<TlsAcceptor, OptionsError> {
        let clock = WallClock::default();
        let mut config = tls.config(secrets, &clock)?;
        config.max_early_data_size = 0;
        Ok(TlsAcceptor {
            config: Arc::new(config),
            clock,
            handshakes: Arc::default(),
            handshakes_max: TLS_HANDSHAKES,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        })
    }

    /// Performs the handshake. Dropping the future gives it up, and the connection with it.
    ///
    /// # Errors
    /// Why there was none. The peer was told by an alert, or by a reset if there are too many.
    pub async fn accept(&self, stream: TcpStream) -> Result<TlsStream, TlsError> {
        let Some(_in_progress) = InProgress::begin(&self.handshakes, self.handshakes_max) else {
            stream.counters().tls_busy.add(1);
            stream.reset();
            return Err(TlsError::Busy);
        };
        self.clock.set(stream.shard().wall());
        let tls = ServerConnection::new(self.config.clone()).map_err(TlsError::Refused)?;
        handshake(stream, tls.into(), self.handshake_timeout).await
    }
}

/// A place among the handshakes in progress.
struct InProgress(Arc<AtomicUsize>);

impl InProgress {
    fn begin(count: &Arc<AtomicUsize>, max: usize) -> Option<InProgress> {
        let in_progress = InProgress(count.clone());
        (count.fetch_add(1, Ordering::Relaxed) < max).then_some(in_progress)
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Generous for a round trip or two and a signature.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
