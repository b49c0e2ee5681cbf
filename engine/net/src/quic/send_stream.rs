//! The sending half of a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_io::AsyncWrite;

use super::error::WriteError;
use super::link::{EarlyData, Link, StreamWait};
use super::patience::Patience;
use super::values::{Code, StreamId};

/// Sends on a stream: bytes in order, to the end or to a reset.
///
/// Dropped before [`SendStream::finish`], it is reset with code 0, so that the peer cannot take a
/// part for the whole.
pub struct SendStream {
    link: Rc<Link>,
    stream: StreamId,
    /// It was opened before the handshake was done, so it may turn out never to have been.
    is_early: bool,
    is_ended: bool,
    patience: Patience,
}

impl SendStream {
    pub(super) fn new(link: Rc<Link>, stream: StreamId) -> SendStream {
        let is_early = !link.is_connected();
        SendStream { link, stream, is_early, is_ended: false, patience: Patience::default() }
    }

    /// Its number.
    pub fn id(&self) -> StreamId {
        self.stream
    }

    /// Sends a first part of `data` and says how long it is; 0 only if `data` is empty. Waits while
    /// the peer, or this side's limits, allow no more. Small writes go out together at the end of
    /// the turn.
    ///
    /// # Errors
    /// [`WriteError`]: nothing can be sent any more.
    pub async fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        poll_fn(|context| self.poll_write(context, data)).await
    }

    /// Sends all of `data`. Cancelled, it may have sent a part.
    ///
    /// # Errors
    /// [`WriteError`]: nothing can be sent any more; a part of `data` may have been.
    pub async fn write_all(&mut self, mut data: &[u8]) -> Result<(), WriteError> {
        while !data.is_empty() {
            let sent = self.write(data).await?;
            data = &data[sent..];
        }
        Ok(())
    }

    /// [`SendStream::write`] as a poll.
    ///
    /// # Errors
    /// [`WriteError`]: nothing can be sent any more.
    pub fn poll_write(
        &mut self,
        context: &Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, WriteError>> {
        self.check()?;
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let (key, stream) = (self.link.key, self.stream);
        let sent = self.link.hub.change(|machine| machine.write(key, stream, data))?;
        if sent == 0 {
            let timeout = self.link.hub.timeouts.write;
            if self.patience.poll(&self.link.hub, timeout, context).is_ready() {
                self.reset(Code::default());
                return Poll::Ready(Err(WriteError::TimedOut));
            }
            self.link.wait_stream(StreamWait::Writable, stream, context);
            return Poll::Pending;
        }
        self.patience.rest();
        self.link.hub.send_early(key);
        Poll::Ready(Ok(sent))
    }

    /// Ends the stream after what was written. See [`SendStream::finished`] for whether it arrived.
    ///
    /// # Errors
    /// [`WriteError`]: it ended otherwise before.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        self.check()?;
        self.is_ended = true;
        let (key, stream) = (self.link.key, self.stream);
        self.link.hub.change(|machine| machine.finish(key, stream))
    }

    /// Gives the stream up: what was not acknowledged is forgotten, and the peer is told `code`.
    pub fn reset(&mut self, code: Code) {
        if !std::mem::replace(&mut self.is_ended, true) && !self.is_rejected() {
            let (key, stream) = (self.link.key, self.stream);
            self.link.hub.change(|machine| machine.reset(key, stream, code));
        }
    }

    /// Sets its priority: streams with more go first, equal ones take turns. It begins with 0.
    pub fn set_priority(&self, priority: i32) {
        let (key, stream) = (self.link.key, self.stream);
        if !self.is_rejected() {
            self.link.hub.look(|machine| machine.set_priority(key, stream, priority));
        }
    }

    /// After [`SendStream::finish`]: waits until the peer has acknowledged everything.
    ///
    /// # Errors
    /// [`WriteError::Stopped`] if the peer would not read to the end; otherwise why nobody will
    /// ever know.
    pub async fn finished(&mut self) -> Result<(), WriteError> {
        poll_fn(|context| self.poll_finished(context)).await
    }

    /// Waits until the peer stops reading, and says with what code.
    ///
    /// # Errors
    /// [`WriteError::Finished`] once everything was acknowledged; why the connection ended.
    pub async fn stopped(&mut self) -> Result<Code, WriteError> {
        match self.finished().await {
            Err(WriteError::Stopped(code)) => Ok(code),
            Err(error) => Err(error),
            Ok(()) => Err(WriteError::Finished),
        }
    }

    fn poll_finished(&mut self, context: &Context<'_>) -> Poll<Result<(), WriteError>> {
        if self.is_rejected() {
            return Poll::Ready(Err(WriteError::EarlyDataRejected));
        }
        let (key, stream) = (self.link.key, self.stream);
        match self.link.hub.look(|machine| machine.ending(key, stream)) {
            None => {
                // The protocol forgets a stream when everything is acknowledged, and when it ends
                // with its connection.
                self.link.check()?;
                return Poll::Ready(Ok(()));
            }
            Some(Some(code)) => return Poll::Ready(Err(WriteError::Stopped(code))),
            Some(None) => self.link.check()?,
        }
        self.link.wait_stream(StreamWait::Ended, stream, context);
        Poll::Pending
    }

    fn check(&self) -> Result<(), WriteError> {
        if self.is_rejected() {
            return Err(WriteError::EarlyDataRejected);
        }
        self.link.check()?;
        if self.is_ended { Err(WriteError::Finished) } else { Ok(()) }
    }

    fn is_rejected(&self) -> bool {
        self.is_early && self.link.early_data.get() == EarlyData::Rejected
    }
}

impl AsyncWrite for SendStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        SendStream::poll_write(&mut self, context, data).map_err(io::Error::from)
    }

    /// Does nothing: what was written goes out at the end of the turn.
    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Finishes the stream, without waiting for the peer.
    fn poll_close(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_ended {
            return Poll::Ready(Ok(()));
        }
        Poll::Ready(self.finish().map_err(io::Error::from))
    }
}

impl Drop for SendStream {
    fn drop(&mut self) {
        if self.link.error().is_none() {
            self.reset(Code::default());
        }
        self.link.forget(StreamWait::Writable, self.stream);
        self.link.forget(StreamWait::Ended, self.stream);
    }
}

impl std::fmt::Debug for SendStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SendStream({})", self.stream)
    }
}
