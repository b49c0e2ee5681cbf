//! One connection.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse_runtime::socket::{Pieces, Side, SocketOption};
use roundhouse_runtime::{Shard, SocketId, SocketOp};

use super::held::Held;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::{TcpCounters, TcpOptions};
use crate::deadline::Deadline;

/// A connected stream.
///
/// What is read comes in the memory it arrived in. What is written is handed over, or copied into
/// the stream's own buffer: nothing of the caller's is borrowed while an operation is in flight.
///
/// One write is on its way at a time, and leaves at the end of the turn; the next waits until the
/// kernel has taken it. So write together what belongs together ([`TcpStream::write`] takes
/// pieces): what was accepted needs no flush to get going.
///
/// Dropping a stream ends it in order: what was written is still sent, for at most
/// [`TcpOptions::linger`].
#[derive(Debug)]
pub struct TcpStream {
    connection: Rc<Connection>,
    incoming: Incoming,
    outgoing: Outgoing,
    is_shut: bool,
}

/// What both directions share: the socket, which is closed with it.
#[derive(Debug)]
struct Connection {
    shard: Shard,
    socket: SocketId,
    options: Rc<TcpOptions>,
    counters: Arc<TcpCounters>,
}

impl TcpStream {
    /// Takes charge of a connected socket.
    pub(super) fn new(
        shard: &Shard,
        socket: SocketId,
        options: Rc<TcpOptions>,
        counters: Arc<TcpCounters>,
    ) -> TcpStream {
        counters.open.add(1);
        counters.opened.add(1);
        let incoming = Incoming::new(socket, Held::new(&counters));
        let outgoing = Outgoing::new(socket, shard.turn_now(), Held::new(&counters));
        let connection = Rc::new(Connection { shard: shard.clone(), socket, options, counters });
        TcpStream { connection, incoming, outgoing, is_shut: false }
    }

    /// The shard it lives on.
    pub fn shard(&self) -> &Shard {
        &self.connection.shard
    }

    /// What it counts in.
    pub(crate) fn counters(&self) -> &Arc<TcpCounters> {
        &self.connection.counters
    }

    /// How long it goes on sending after its drop.
    pub(crate) fn linger(&self) -> Duration {
        self.connection.options.linger
    }

    /// The address of its own end.
    ///
    /// # Errors
    /// The system's.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        let Connection { shard, socket, .. } = &*self.connection;
        shard.local_address(*socket).map_err(io::Error::from)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` if the connection broke.
    pub fn peer_address(&self) -> io::Result<SocketAddr> {
        let Connection { shard, socket, .. } = &*self.connection;
        shard.peer_address(*socket).map_err(io::Error::from)
    }

    /// The next bytes, in the memory they arrived in; `None` at the end of the stream.
    ///
    /// # Errors
    /// As [`TcpStream::poll_fill`].
    pub async fn read(&mut self) -> io::Result<Option<BytesMut>> {
        poll_fn(|context| {
            ready!(self.poll_fill(context))?;
            let data = self.incoming.take();
            Poll::Ready(Ok((!data.is_empty()).then_some(data)))
        })
        .await
    }

    /// Bytes to read, at least one but at the end of the stream. They stay until they are taken off
    /// the front.
    ///
    /// # Errors
    /// `TimedOut` when the time for reading or idling is over, `ConnectionReset` and the like when
    /// the connection broke. The same again from then on.
    pub fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<&mut BytesMut>> {
        let Connection { shard, options, counters, .. } = &*self.connection;
        self.outgoing.release(shard, options, counters, context);
        let active = self.outgoing.active();
        self.incoming.poll_fill(shard, options, counters, active, context)
    }

    /// Takes bytes that [`TcpStream::poll_fill`] gave off the front.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn consume(&mut self, bytes: usize) {
        self.incoming.consume(bytes);
    }

    /// Writes all of `data`, which is one piece or several: returns when the last of it is on its
    /// way. Dropping the future before may leave any part of it written.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`]; `InvalidInput` for more than [`Pieces::PIECES_MAX`] pieces.
    pub async fn write(&mut self, data: impl Into<Pieces>) -> io::Result<()> {
        let mut data = data.into();
        if data.as_slice().len() > Pieces::PIECES_MAX {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        while data.bytes() > 0 {
            poll_fn(|context| self.poll_writable(context)).await?;
            let part = data.split_to(data.bytes().min(self.connection.write_bytes()));
            let connection = &*self.connection;
            self.outgoing.start(&connection.shard, part);
        }
        Ok(())
    }

    /// Writes as much of `data` as there is room for, by copying it. Returns how much that was, at
    /// least one byte, or waits.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub fn poll_write(
        &mut self,
        data: &[u8],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(&[io::IoSlice::new(data)], context)
    }

    /// As [`TcpStream::poll_write`], for several pieces that go out together.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub fn poll_write_vectored(
        &mut self,
        data: &[io::IoSlice<'_>],
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_writable(context))?;
        let connection = &*self.connection;
        let bytes_max = connection.write_bytes();
        Poll::Ready(Ok(self.outgoing.start_copy(&connection.shard, data, bytes_max)))
    }

    /// Starts to write the front of `data` and takes that off: as much as one write holds. Waits for
    /// the write before. For programs that read and write in one task; [`TcpStream::write`] is the
    /// same for those that do not.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub fn poll_write_front(
        &mut self,
        data: &mut Vec<Bytes>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_writable(context))?;
        let front = take_front(data, self.connection.write_bytes());
        if front.bytes() > 0 {
            self.outgoing.start(&self.connection.shard, front);
        }
        Poll::Ready(Ok(()))
    }

    /// Starts to write all of `data`, after [`TcpStream::poll_writable`] was ready.
    pub(crate) fn start_write(&mut self, data: Bytes) {
        self.outgoing.start(&self.connection.shard, data.into());
    }

    /// Waits until the kernel has all that was written.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Ready when the kernel has all that was written.
    ///
    /// # Errors
    /// `TimedOut` when the peer takes nothing for too long, `BrokenPipe` after
    /// [`TcpStream::shut_down`] or when the peer is gone, `ConnectionReset` and the like. The same
    /// again from then on.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Connection { shard, options, counters, .. } = &*self.connection;
        self.outgoing.poll_idle(shard, options, counters, context)
    }

    /// Sends what was written, then the end of the stream; reading goes on.
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub async fn shut_down(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_shut_down(context)).await
    }

    /// As [`TcpStream::shut_down`].
    ///
    /// # Errors
    /// As [`TcpStream::poll_flush`].
    pub fn poll_shut_down(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(context))?;
        if !std::mem::replace(&mut self.is_shut, true) {
            let Connection { shard, socket, .. } = &*self.connection;
            let (socket, side) = (*socket, Side::Sending);
            // It takes effect at once, and fails only where the connection is gone already.
            shard.socket_operation(SocketOp::Shutdown { socket, side }).detach();
        }
        Poll::Ready(Ok(()))
    }

    /// Resets the connection and forgets what was not sent, instead of ending it in order.
    pub fn reset(mut self) {
        self.connection.reset_on_close();
        self.outgoing.abandon();
    }

    /// Ready when a write may start.
    pub(crate) fn poll_writable(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_shut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.poll_flush(context)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        if self.outgoing.is_idle() {
            return;
        }
        // The rest is sent by a task that owns the connection from now on.
        let connection = self.connection.clone();
        let (held, now) = (Held::new(&connection.counters), connection.shard.turn_now());
        let empty = Outgoing::new(connection.socket, now, held);
        let outgoing = std::mem::replace(&mut self.outgoing, empty);
        let shard = connection.shard.clone();
        shard.spawn(async move { connection.linger(outgoing).await }).detach();
    }
}

/// Takes what one write may hold off the front.
fn take_front(data: &mut Vec<Bytes>, bytes_max: usize) -> Pieces {
    let mut left = bytes_max;
    let whole = data.iter().take(Pieces::PIECES_MAX).take_while(|piece| {
        let fits = piece.len() <= left;
        left -= if fits { piece.len() } else { 0 };
        fits
    });
    let whole = whole.count();
    let mut front: Vec<Bytes> = data.drain(..whole).collect();
    if front.is_empty()
        && let Some(long) = data.first_mut()
    {
        front.push(long.split_to(left));
    }
    front.into()
}

impl Connection {
    /// Bytes of one write.
    fn write_bytes(&self) -> usize {
        self.options.write_bytes.max(1)
    }

    /// Waits until the kernel has the rest, or resets the connection when that takes too long.
    async fn linger(&self, mut outgoing: Outgoing) {
        let Connection { shard, options, counters, .. } = self;
        let mut deadline = Deadline::default();
        let limit = Some(shard.turn_now() + options.linger);
        let is_late = poll_fn(|context| {
            if outgoing.poll_idle(shard, options, counters, context).is_ready() {
                return Poll::Ready(false);
            }
            deadline.poll(shard, limit, context).map(|()| true)
        });
        if is_late.await {
            counters.linger_expired.add(1);
            self.reset_on_close();
        }
    }

    fn reset_on_close(&self) {
        // It fails only where the connection is gone already.
        let _ = self.shard.set_socket_option(self.socket, SocketOption::ResetOnClose(true));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.counters.closed();
        self.shard.close_socket(self.socket);
    }
}
