//! Our streams as the `h3` crate wants them: what an embedder writes who serves HTTP/3.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use h3::error::Code as HttpCode;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use roundhouse_net::quic::{Code, Connection, ConnectionError, ReadError, WriteError};
use roundhouse_net::quic::{RecvStream, SendStream};

/// A connection; clones open streams on the same one.
#[derive(Clone)]
pub(crate) struct Http(pub(crate) Connection);

/// A sending half with what the application gave it last.
pub(crate) struct Sending<B> {
    stream: SendStream,
    waiting: Option<WriteBuf<B>>,
}

/// A receiving half.
pub(crate) struct Receiving(RecvStream);

/// Both halves.
pub(crate) struct Both<B>(Sending<B>, Receiving);

impl<B: Buf> quic::Connection<B> for Http {
    type RecvStream = Receiving;
    type OpenStreams = Http;

    fn poll_accept_recv(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Receiving, ConnectionErrorIncoming>> {
        self.0.poll_accept_unidirectional(context).map_ok(Receiving).map_err(of_connection)
    }

    fn poll_accept_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Both<B>, ConnectionErrorIncoming>> {
        self.0.poll_accept_bidirectional(context).map_ok(both).map_err(of_connection)
    }

    fn opener(&self) -> Http {
        self.clone()
    }
}

impl<B: Buf> quic::OpenStreams<B> for Http {
    type BidiStream = Both<B>;
    type SendStream = Sending<B>;

    fn poll_open_bidi(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Both<B>, StreamErrorIncoming>> {
        self.0.poll_open_bidirectional(context).map_ok(both).map_err(by_connection)
    }

    fn poll_open_send(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Sending<B>, StreamErrorIncoming>> {
        self.0.poll_open_unidirectional(context).map_ok(sending).map_err(by_connection)
    }

    fn close(&mut self, code: HttpCode, reason: &[u8]) {
        self.0.close(to_wire(code.value()), Bytes::copy_from_slice(reason));
    }
}

impl<B: Buf> quic::SendStream<B> for Sending<B> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        while let Some(data) = self.waiting.as_mut().filter(|data| Buf::has_remaining(*data)) {
            match self.stream.poll_write(context, data.chunk()) {
                Poll::Ready(Ok(sent)) => data.advance(sent),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(of_write(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        assert!(self.waiting.is_none(), "the crate waits until the stream is ready");
        self.waiting = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        Poll::Ready(self.stream.finish().map_err(of_write))
    }

    fn reset(&mut self, code: u64) {
        self.stream.reset(to_wire(code));
    }

    fn send_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

impl quic::RecvStream for Receiving {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.0.poll_chunk(context, usize::MAX).map_err(of_read)
    }

    fn stop_sending(&mut self, code: u64) {
        self.0.stop(to_wire(code));
    }

    fn recv_id(&self) -> StreamId {
        id(self.0.id())
    }
}

impl<B: Buf> quic::SendStream<B> for Both<B> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.0.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.0.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.0.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.0.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.0.send_id()
    }
}

impl<B: Buf> quic::RecvStream for Both<B> {
    type Buf = Bytes;

    fn poll_data(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.1.poll_data(context)
    }

    fn stop_sending(&mut self, code: u64) {
        self.1.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.1.recv_id()
    }
}

impl<B: Buf> quic::BidiStream<B> for Both<B> {
    type SendStream = Sending<B>;
    type RecvStream = Receiving;

    fn split(self) -> (Sending<B>, Receiving) {
        (self.0, self.1)
    }
}

fn both<B>((stream, receiving): (SendStream, RecvStream)) -> Both<B> {
    Both(sending(stream), Receiving(receiving))
}

fn sending<B>(stream: SendStream) -> Sending<B> {
    Sending { stream, waiting: None }
}

fn id(id: roundhouse_net::quic::StreamId) -> StreamId {
    StreamId::try_from(id.value()).expect("both have the protocol's range")
}

fn to_wire(code: u64) -> Code {
    Code::new(code).expect("codes of HTTP/3 are in the protocol's range")
}

fn of_connection(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ClosedByPeer { code, .. } => {
            ConnectionErrorIncoming::ApplicationClose { error_code: code.value() }
        }
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(Arc::new(error)),
    }
}

fn by_connection(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming { connection_error: of_connection(error) }
}

fn of_write(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => {
            StreamErrorIncoming::StreamTerminated { error_code: code.value() }
        }
        WriteError::Lost(error) => by_connection(error),
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}

fn of_read(error: ReadError) -> StreamErrorIncoming {
    match error {
        ReadError::Reset(code) => {
            StreamErrorIncoming::StreamTerminated { error_code: code.value() }
        }
        ReadError::Lost(error) => by_connection(error),
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}
