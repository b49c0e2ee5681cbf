//! A connection as the application holds it.

use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use rustls::pki_types::CertificateDer;

use super::error::{ConnectionError, DatagramError};
use super::link::{EarlyData, Link, Wait};
use super::machine::Machine;
use super::recv_stream::RecvStream;
use super::send_stream::SendStream;
use super::stats::ConnectionStats;
use super::values::{Code, Direction, StreamId};

/// A connection. Clones are the same one; when all of them and all its streams are dropped, it is
/// closed with code 0.
#[derive(Clone)]
pub struct Connection(Rc<Link>);

impl Connection {
    pub(super) fn new(link: Rc<Link>) -> Connection {
        Connection(link)
    }

    /// Opens a stream on which both sides send. Waits while the peer allows no more streams. The
    /// peer learns of it with the first data sent on it.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn open_bidirectional(&self) -> Result<(SendStream, RecvStream), ConnectionError> {
        poll_fn(|context| self.poll_open_bidirectional(context)).await
    }

    /// The same as a poll.
    ///
    /// # Errors
    /// Why the connection ended.
    pub fn poll_open_bidirectional(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<(SendStream, RecvStream), ConnectionError>> {
        self.poll_open(Direction::Bidirectional, context)
            .map_ok(|stream| (self.sending(stream), self.receiving(stream)))
    }

    /// Opens a stream on which only this side sends; otherwise as
    /// [`Connection::open_bidirectional`].
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn open_unidirectional(&self) -> Result<SendStream, ConnectionError> {
        poll_fn(|context| self.poll_open_unidirectional(context)).await
    }

    /// The same as a poll.
    ///
    /// # Errors
    /// Why the connection ended.
    pub fn poll_open_unidirectional(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<SendStream, ConnectionError>> {
        self.poll_open(Direction::Unidirectional, context).map_ok(|stream| self.sending(stream))
    }

    /// The next stream that the peer opened for both sides to send on.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn accept_bidirectional(&self) -> Result<(SendStream, RecvStream), ConnectionError> {
        poll_fn(|context| self.poll_accept_bidirectional(context)).await
    }

    /// The same as a poll.
    ///
    /// # Errors
    /// Why the connection ended.
    pub fn poll_accept_bidirectional(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<(SendStream, RecvStream), ConnectionError>> {
        self.poll_accept(Direction::Bidirectional, context)
            .map_ok(|stream| (self.sending(stream), self.receiving(stream)))
    }

    /// The next stream that the peer opened for itself to send on.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn accept_unidirectional(&self) -> Result<RecvStream, ConnectionError> {
        poll_fn(|context| self.poll_accept_unidirectional(context)).await
    }

    /// The same as a poll.
    ///
    /// # Errors
    /// Why the connection ended.
    pub fn poll_accept_unidirectional(
        &self,
        context: &Context<'_>,
    ) -> Poll<Result<RecvStream, ConnectionError>> {
        self.poll_accept(Direction::Unidirectional, context).map_ok(|stream| self.receiving(stream))
    }

    /// Queues an unreliable datagram (RFC 9221), for which the oldest queued ones make room if need
    /// be ([`Limits::datagram_bytes`](super::Limits::datagram_bytes)).
    ///
    /// # Errors
    /// [`DatagramError`]: it was not queued.
    pub fn send_datagram(&self, data: Bytes) -> Result<(), DatagramError> {
        self.0.check()?;
        let key = self.0.key;
        self.0.hub.change(|machine| machine.send_datagram(key, data, true)).map(drop)
    }

    /// Queues an unreliable datagram as soon as there is room.
    ///
    /// # Errors
    /// [`DatagramError`]: it was not queued.
    pub async fn send_datagram_in_turn(&self, data: Bytes) -> Result<(), DatagramError> {
        poll_fn(|context| {
            self.0.check()?;
            let (key, data) = (self.0.key, data.clone());
            if self.0.hub.change(|machine| machine.send_datagram(key, data, false))? {
                return Poll::Ready(Ok(()));
            }
            self.0.wait(Wait::DatagramsUnblocked, context);
            Poll::Pending
        })
        .await
    }

    /// The next datagram that arrived. When more arrive than are taken, the oldest are dropped.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn receive_datagram(&self) -> Result<Bytes, ConnectionError> {
        let link = &self.0;
        let take = || link.hub.look(|machine| machine.receive_datagram_of(link.key));
        poll_fn(|context| link.poll_with(Wait::DatagramReceived, context, take)).await
    }

    /// The largest datagram that can be sent at the moment; `None` if none can.
    pub fn datagram_bytes_max(&self) -> Option<usize> {
        self.look(|machine, link| machine.datagram_bytes_max(link.key))
    }

    /// Waits for the handshake, if [`Connecting::into_early`](super::Connecting::into_early) did
    /// not. False: the server did not take early data, so all streams opened so far are dead and
    /// what was sent on them must be sent again.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn handshaken(&self) -> Result<bool, ConnectionError> {
        let link = &self.0;
        let done = || link.is_connected().then(|| link.early_data.get() == EarlyData::Fine);
        poll_fn(|context| link.poll_with(Wait::Connected, context, done)).await
    }

    /// Ends the connection at once: the peer is told `code` and `reason`, and data that was not
    /// acknowledged may be lost. Wait for [`SendStream::finished`] first for what must arrive.
    pub fn close(&self, code: Code, reason: impl Into<Bytes>) {
        self.0.close(code, reason.into());
    }

    /// Waits for the end of the connection and says why it came.
    pub async fn closed(&self) -> ConnectionError {
        let link = &self.0;
        poll_fn(|context| {
            let Some(error) = link.error() else {
                link.wait(Wait::Ended, context);
                return Poll::Pending;
            };
            Poll::Ready(error)
        })
        .await
    }

    /// Why the connection ended; `None` while it did not.
    pub fn error(&self) -> Option<ConnectionError> {
        self.0.error()
    }

    /// The application protocol both sides agreed on.
    pub fn protocol(&self) -> Option<Vec<u8>> {
        self.look(|machine, link| machine.protocol(link.key))
    }

    /// The name a client asked this server for.
    pub fn server_name(&self) -> Option<String> {
        self.look(|machine, link| machine.server_name(link.key))
    }

    /// The certificates the peer showed, its own first.
    pub fn peer_certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        self.look(|machine, link| machine.peer_certificates(link.key))
    }

    /// Where the peer is at the moment; `None` once the connection is gone.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.look(|machine, link| machine.remote_address(link.key))
    }

    /// Which of this machine's addresses the peer came to.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.look(|machine, link| machine.local_address(link.key))
    }

    /// What is known about the path and what was sent over it; `None` once the connection is gone.
    pub fn stats(&self) -> Option<ConnectionStats> {
        self.look(|machine, link| machine.stats(link.key))
    }

    /// Changes the keys ahead of time; see [`Machine::update_keys`].
    pub fn update_keys(&self) {
        self.0.hub.change(|machine| machine.update_keys(self.0.key));
    }

    /// Sends something that the peer must acknowledge, so that a dead path is found out.
    pub fn ping(&self) {
        self.0.hub.change(|machine| machine.ping(self.0.key));
    }

    fn look<R>(&self, f: impl FnOnce(&mut Machine, &Link) -> R) -> R {
        self.0.hub.look(|machine| f(machine, &self.0))
    }

    fn poll_open(
        &self,
        direction: Direction,
        context: &Context<'_>,
    ) -> Poll<Result<StreamId, ConnectionError>> {
        let open = || self.look(|machine, link| machine.open_stream(link.key, direction));
        self.0.poll_with(Wait::available(direction), context, open)
    }

    fn poll_accept(
        &self,
        direction: Direction,
        context: &Context<'_>,
    ) -> Poll<Result<StreamId, ConnectionError>> {
        let accept = || self.look(|machine, link| machine.accept_stream(link.key, direction));
        self.0.poll_with(Wait::opened(direction), context, accept)
    }

    fn sending(&self, stream: StreamId) -> SendStream {
        SendStream::new(self.0.clone(), stream)
    }

    fn receiving(&self, stream: StreamId) -> RecvStream {
        RecvStream::new(self.0.clone(), stream)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({:?}, {:?})", self.0.key, self.remote_address())
    }
}
