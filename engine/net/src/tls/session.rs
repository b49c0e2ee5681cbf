//! Records in and out of the TLS library, over a stream.

use std::io::{self, BufRead, Write};
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use rustls::Connection;

use super::TlsError;
use crate::limits::TLS_WRITE_BYTES;
use crate::tcp::TcpStream;

/// A TLS connection and the stream that carries it.
#[derive(Debug)]
pub(super) struct Session {
    tcp: TcpStream,
    tls: Connection,
    /// Memory for records to send, used again and again.
    records: BytesMut,
    /// What ended reading, other than the stream below.
    failure: Option<rustls::Error>,
}

impl Session {
    pub(super) fn new(tcp: TcpStream, mut tls: Connection) -> Session {
        tls.set_buffer_limit(Some(TLS_WRITE_BYTES));
        Session { tcp, tls, records: BytesMut::new(), failure: None }
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    pub(super) fn tls(&self) -> &Connection {
        &self.tls
    }

    /// Ready when both sides know each other and this one has said all it has to say.
    pub(super) fn poll_handshake(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), TlsError>> {
        while self.tls.is_handshaking() {
            ready!(self.poll_send(context))?;
            if !self.tls.is_handshaking() {
                break;
            }
            let has_more = ready!(self.poll_receive(context));
            if let Some(error) = self.failure.clone() {
                // The alert is worth an attempt; the error is what counts.
                let _ = self.poll_send(context);
                return Poll::Ready(Err(TlsError::from_tls(error)));
            }
            if !has_more? {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()));
            }
        }
        self.poll_send(context).map_err(TlsError::from)
    }

    /// Plain text to read, which stays until it is consumed; empty at the end of the stream.
    pub(super) fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        loop {
            match self.tls.reader().fill_buf() {
                // Asked for again below: a slice that is returned here would stay borrowed.
                Ok(_) => break,
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                Err(_) => (),
            }
            if let Some(error) = &self.failure {
                return Poll::Ready(Err(invalid(error)));
            }
            // A key update or an alert may have to be answered; reading goes on meanwhile.
            if let Poll::Ready(Err(error)) = self.poll_send(context) {
                return Poll::Ready(Err(error));
            }
            ready!(self.poll_receive(context))?;
        }
        Poll::Ready(self.tls.reader().into_first_chunk())
    }

    /// Takes plain text off the front.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.tls.reader().consume(bytes);
    }

    /// Encrypts as much of `data` as fits and starts to send it; returns how much that was.
    pub(super) fn poll_write(
        &mut self,
        data: &[io::IoSlice<'_>],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(context))?;
        ready!(self.tcp.poll_writable(context))?;
        let written = self.tls.writer().write_vectored(data)?;
        // The stream is free, so that this starts at once.
        let started = self.poll_send(context);
        debug_assert!(started.is_ready(), "a free stream takes a write");
        Poll::Ready(Ok(written))
    }

    /// Ready when the kernel has everything.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        self.tcp.poll_flush(context)
    }

    /// Queues the word that nothing more follows, without which the peer would take the end of the
    /// stream for an attack.
    pub(super) fn close_notify(&mut self) {
        self.tls.send_close_notify();
    }

    /// Sends what is queued, then the end of the stream.
    pub(super) fn poll_shut_down(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        self.tcp.poll_shut_down(context)
    }

    /// Starts to send the records there are; ready when they are on their way.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            ready!(self.tcp.poll_writable(context))?;
            let mut records = (&mut self.records).writer();
            while self.tls.wants_write() {
                self.tls.write_tls(&mut records)?;
            }
            self.tcp.start_write(self.records.split().freeze());
        }
        Poll::Ready(Ok(()))
    }

    /// Takes in what the stream has; false at its end. A breach of the protocol is kept as the
    /// failure.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let data = ready!(self.tcp.poll_fill(context))?;
        let has_more = !data.is_empty();
        let taken = self.tls.read_tls(&mut &data[..])?;
        self.tcp.consume(taken);
        if let Err(error) = self.tls.process_new_packets() {
            self.failure = Some(error);
        }
        Poll::Ready(Ok(has_more))
    }
}

/// A breach of the protocol after the handshake, as the traits of streams can say it.
fn invalid(error: &rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.clone())
}
