//! The receiving half of a stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_io::AsyncRead;

use super::error::ReadError;
use super::link::{EarlyData, Link, StreamWait};
use super::machine::ReadOutcome;
use super::patience::Patience;
use super::values::{Code, StreamId};

/// Receives from a stream: bytes in order, to the end or to a reset.
///
/// Dropped before its end was read, it is stopped with code 0: the peer need not send the rest.
pub struct RecvStream {
    link: Rc<Link>,
    stream: StreamId,
    /// It was opened before the handshake was done, so it may turn out never to have been.
    is_early: bool,
    end: End,
    patience: Patience,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There may be more.
    NotYet,
    /// The peer's, and it was read.
    Read,
    /// This side stopped it, or the peer reset it.
    Stopped,
}

impl RecvStream {
    pub(super) fn new(link: Rc<Link>, stream: StreamId) -> RecvStream {
        let is_early = !link.is_connected();
        RecvStream { link, stream, is_early, end: End::NotYet, patience: Patience::default() }
    }

    /// Its number.
    pub fn id(&self) -> StreamId {
        self.stream
    }

    /// The next bytes, one at least and `max` at most, in the memory they arrived in. `None`: the
    /// peer finished the stream.
    ///
    /// # Errors
    /// [`ReadError`]: nothing can be read any more.
    pub async fn read_chunk(&mut self, max: usize) -> Result<Option<Bytes>, ReadError> {
        poll_fn(|context| self.poll_chunk(context, max)).await
    }

    /// Fills a first part of `into` and says how long it is. 0: the peer finished the stream, or
    /// `into` is empty.
    ///
    /// # Errors
    /// [`ReadError`]: nothing can be read any more.
    pub async fn read(&mut self, into: &mut [u8]) -> Result<usize, ReadError> {
        poll_fn(|context| self.poll_read_into(context, into)).await
    }

    /// Reads to the end. `None`: there are more than `max` bytes; what was read is gone, and the
    /// stream is stopped with code 0.
    ///
    /// # Errors
    /// [`ReadError`]: it has no end; what was read is gone.
    pub async fn read_to_end(&mut self, max: usize) -> Result<Option<Bytes>, ReadError> {
        let mut all = BytesMut::new();
        while let Some(chunk) = self.read_chunk(usize::MAX).await? {
            if all.len() + chunk.len() > max {
                self.stop(Code::default());
                return Ok(None);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(Some(all.freeze()))
    }

    /// [`RecvStream::read_chunk`] as a poll.
    ///
    /// # Errors
    /// [`ReadError`]: nothing can be read any more.
    pub fn poll_chunk(
        &mut self,
        context: &Context<'_>,
        max: usize,
    ) -> Poll<Result<Option<Bytes>, ReadError>> {
        match self.end {
            End::Read => return Poll::Ready(Ok(None)),
            End::Stopped => return Poll::Ready(Err(ReadError::Finished)),
            End::NotYet => {}
        }
        if self.is_rejected() {
            return Poll::Ready(Err(ReadError::EarlyDataRejected));
        }
        let (key, stream) = (self.link.key, self.stream);
        match self.link.hub.look(|machine| machine.read(key, stream, max)) {
            Ok(ReadOutcome::Data(data)) => {
                self.patience.rest();
                // What the read allowed the peer to send is told it at the end of the turn.
                self.link.hub.wake_pump_if_sending();
                Poll::Ready(Ok(Some(data)))
            }
            Ok(ReadOutcome::End) => {
                self.end = End::Read;
                self.link.hub.wake_pump_if_sending();
                Poll::Ready(Ok(None))
            }
            // What had arrived before the end of the connection was read first.
            Ok(ReadOutcome::Nothing) => {
                self.link.check()?;
                let timeout = self.link.hub.timeouts.read;
                if self.patience.poll(&self.link.hub, timeout, context).is_ready() {
                    self.stop(Code::default());
                    return Poll::Ready(Err(ReadError::TimedOut));
                }
                self.link.wait_stream(StreamWait::Readable, stream, context);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(self.ended_by(error))),
        }
    }

    /// Stops reading: what arrived is forgotten, and the peer is told `code`.
    pub fn stop(&mut self, code: Code) {
        if self.end == End::NotYet && !self.is_rejected() {
            let (key, stream) = (self.link.key, self.stream);
            self.link.hub.change(|machine| machine.stop(key, stream, code));
        }
        self.end = End::Stopped;
    }

    fn poll_read_into(
        &mut self,
        context: &Context<'_>,
        into: &mut [u8],
    ) -> Poll<Result<usize, ReadError>> {
        let mut filled = 0;
        while filled < into.len() {
            match self.poll_chunk(context, into.len() - filled) {
                Poll::Ready(Ok(Some(chunk))) => {
                    into[filled..filled + chunk.len()].copy_from_slice(&chunk);
                    filled += chunk.len();
                }
                Poll::Ready(Err(error)) if filled == 0 => return Poll::Ready(Err(error)),
                Poll::Pending if filled == 0 => return Poll::Pending,
                // The end, or an error: the next call finds it again.
                Poll::Ready(Ok(None) | Err(_)) | Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(filled))
    }

    fn ended_by(&mut self, error: ReadError) -> ReadError {
        match (error, self.link.error()) {
            (ReadError::Lost(_), Some(reason)) => ReadError::Lost(reason),
            (error @ ReadError::Lost(_), None) => error,
            (error, _) => {
                self.end = End::Stopped;
                error
            }
        }
    }

    fn is_rejected(&self) -> bool {
        self.is_early && self.link.early_data.get() == EarlyData::Rejected
    }
}

impl AsyncRead for RecvStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_into(context, into).map_err(io::Error::from)
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        if self.link.error().is_none() && self.end == End::NotYet {
            self.stop(Code::default());
        }
        self.link.forget(StreamWait::Readable, self.stream);
    }
}

impl std::fmt::Debug for RecvStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecvStream({})", self.stream)
    }
}
