//! An encrypted stream.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;

use super::session::Session;

/// A TLS 1.3 connection over a [`TcpStream`](crate::TcpStream), whose bounds and time limits hold.
///
/// Reading ends with `Ok` only if the peer said that it is done; a stream that just ends, which
/// anybody on the way can bring about, is `UnexpectedEof`. A broken record is `InvalidData`, with
/// the TLS library's error inside.
///
/// Dropping it sends what was written and says goodbye, for at most
/// [`TcpOptions::linger`](crate::TcpOptions::linger).
#[derive(Debug)]
pub struct TlsStream {
    /// `Some` until the stream is dropped.
    session: Option<Session>,
    is_closed: bool,
}

impl TlsStream {
    /// After the handshake.
    pub(super) fn new(session: Session) -> TlsStream {
        TlsStream { session: Some(session), is_closed: false }
    }

    /// The protocol both sides agreed on (ALPN), if they negotiated one.
    pub fn protocol(&self) -> Option<&[u8]> {
        self.session().tls().alpn_protocol()
    }

    /// The certificates that the peer showed, its own first, verified.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.session().tls().peer_certificates()
    }

    /// Whether an earlier session was resumed, which spares both sides the certificates.
    pub fn is_resumed(&self) -> bool {
        self.session().tls().handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` if the connection broke.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        self.session().tcp().peer_address()
    }

    /// Reads into `into`; 0 at the end of the stream, or for no room.
    ///
    /// # Errors
    /// As [`TlsStream`] says, and those of the stream below.
    pub async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|context| Pin::new(&mut *self).poll_read(context, into)).await
    }

    /// Writes all of `data`: returns when the last of it is on its way.
    ///
    /// # Errors
    /// Those of the stream below.
    pub async fn write(&mut self, mut data: Bytes) -> io::Result<()> {
        while !data.is_empty() {
            let write = |context: &mut Context<'_>| Pin::new(&mut *self).poll_write(context, &data);
            let written = poll_fn(write).await?;
            drop(data.split_to(written));
        }
        Ok(())
    }

    /// Says that nothing more follows; reading goes on.
    ///
    /// # Errors
    /// Those of the stream below.
    pub async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| Pin::new(&mut *self).poll_close(context)).await
    }

    fn session(&self) -> &Session {
        self.session.as_ref().expect("only the drop takes it")
    }

    fn session_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("only the drop takes it")
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let data = ready!(self.session_mut().poll_fill(context))?;
        let bytes = data.len().min(into.len());
        into[..bytes].copy_from_slice(&data[..bytes]);
        self.session_mut().consume(bytes);
        Poll::Ready(Ok(bytes))
    }
}

impl AsyncBufRead for TlsStream {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().session_mut().poll_fill(context)
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        self.session_mut().consume(bytes);
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(data)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.session_mut().poll_write(data, context)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session_mut().poll_flush(context)
    }

    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_closed, true) {
            self.session_mut().close_notify();
        }
        self.session_mut().poll_shut_down(context)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if !self.is_closed {
            session.close_notify();
        }
        let linger = session.tcp().linger();
        let shard = session.tcp().shard().clone();
        // The last records may have to wait for those before them; then a task sees to it.
        if session.poll_send(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        let timer = shard.sleep(linger);
        let task = async move {
            let mut timer = pin!(timer);
            poll_fn(|context| match session.poll_send(context) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => timer.as_mut().poll(context),
            })
            .await;
        };
        shard.spawn(task).detach();
    }
}
