//! The client's side of the handshake.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection};

use super::acceptor::HANDSHAKE_TIMEOUT;
use super::session::Session;
use super::{ClientTls, TlsError, TlsStream};
use crate::quic::{OptionsError, WallClock};
use crate::tcp::{TcpCounters, TcpStream};

/// Makes TLS streams of connected ones. Clones are the same connector, on whatever shard, and
/// remember the same sessions.
#[derive(Clone, Debug)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    clock: WallClock,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

impl TlsConnector {
    /// A connector that trusts and shows what `tls` says.
    ///
    /// # Errors
    /// The certificates or trust anchors cannot be used.
    pub fn new(tls: &ClientTls) -> Result<TlsConnector, OptionsError> {
        let clock = WallClock::default();
        let mut config = tls.config(&clock)?;
        config.enable_early_data = false;
        let config = Arc::new(config);
        Ok(TlsConnector { config, clock, handshake_timeout: HANDSHAKE_TIMEOUT })
    }

    /// Performs the handshake with a server that must have a certificate for `name`, a DNS name or
    /// an address. Dropping the future gives it up, and the connection with it.
    ///
    /// # Errors
    /// Why there was none.
    pub async fn connect(&self, stream: TcpStream, name: &str) -> Result<TlsStream, TlsError> {
        let name = ServerName::try_from(name.to_owned());
        let name = name.map_err(|error| TlsError::Name(error.to_string()))?;
        self.clock.set(stream.shard().wall());
        let tls = ClientConnection::new(self.config.clone(), name).map_err(TlsError::Refused)?;
        handshake(stream, tls.into(), self.handshake_timeout).await
    }
}

/// Performs either side's part, within `timeout`, and counts what came of it.
pub(super) async fn handshake(
    stream: TcpStream,
    tls: Connection,
    timeout: Duration,
) -> Result<TlsStream, TlsError> {
    let in_progress = InProgress::begin(stream.counters());
    let session = shake(Session::new(stream, tls), timeout).await;
    let counters = &in_progress.0;
    let counter = match &session {
        Ok(_) => &counters.tls_established,
        Err(TlsError::RefusedByPeer(_)) => &counters.tls_refused_by_peer,
        Err(TlsError::TimedOut) => &counters.tls_timed_out,
        Err(TlsError::Broken(_)) => &counters.tls_broken,
        Err(_) => &counters.tls_refused,
    };
    counter.add(1);
    session.map(TlsStream::new)
}

async fn shake(mut session: Session, timeout: Duration) -> Result<Session, TlsError> {
    let shard = session.tcp().shard().clone();
    let mut timeout = pin!(shard.sleep(timeout));
    poll_fn(|context| {
        if let Poll::Ready(done) = session.poll_handshake(context) {
            return Poll::Ready(done);
        }
        timeout.as_mut().poll(context).map(|()| Err(TlsError::TimedOut))
    })
    .await?;
    Ok(session)
}

/// Counts a handshake while it is in progress, however it ends.
struct InProgress(Arc<TcpCounters>);

impl InProgress {
    fn begin(counters: &Arc<TcpCounters>) -> InProgress {
        counters.tls_handshakes.add(1);
        InProgress(counters.clone())
    }
}

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.tls_handshakes.set(self.0.tls_handshakes.load() - 1);
    }
}
