//! The runtime that hyper wants ([`hyper::rt`]), on a shard: streams, an executor, a timer.
//!
//! Everything tower-shaped that hyper serves, or that speaks through it, runs on a shard this way,
//! with HTTP/1 and HTTP/2. Bodies and services need not be `Send`.

use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_io::{AsyncBufRead, AsyncWrite};
use hyper::rt::{Executor, Read, ReadBufCursor, Sleep, Timer, Write};
use roundhouse_base::Monotonic;
use roundhouse_runtime::{Shard, Task};

use crate::quic::clock::MonotonicClock;

/// A [`TcpStream`](crate::TcpStream) or [`TlsStream`](crate::TlsStream) as hyper reads and writes
/// it.
///
/// hyper may come back with another buffer after it was told to wait. That is sound here, because
/// the streams lend nothing of the caller's to an operation.
#[derive(Debug)]
pub struct HyperStream<S>(pub S);

impl<S: AsyncBufRead + Unpin> Read for HyperStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.0);
        let data = ready!(stream.as_mut().poll_fill_buf(context))?;
        let bytes = data.len().min(into.remaining());
        into.put_slice(&data[..bytes]);
        stream.consume(bytes);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for HyperStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, data)
    }
}

/// Runs hyper's own tasks, such as the streams of HTTP/2, on a shard.
#[derive(Clone, Debug)]
pub struct ShardExecutor(pub Shard);

impl<F: Future + 'static> Executor<F> for ShardExecutor {
    fn execute(&self, future: F) {
        self.0.spawn(async move { drop(future.await) }).detach();
    }
}

/// The shard's timers for hyper's time limits: virtual time in the simulator.
///
/// hyper wants a timer that could be sent to other threads. This one may be, but works only in
/// tasks of a shard.
///
/// # Panics
/// Its methods panic anywhere else.
#[derive(Clone, Copy, Debug)]
pub struct ShardTimer(MonotonicClock);

impl ShardTimer {
    /// A timer for whatever shard it is used on.
    pub fn new() -> ShardTimer {
        ShardTimer(MonotonicClock::new())
    }
}

impl Default for ShardTimer {
    fn default() -> ShardTimer {
        ShardTimer::new()
    }
}

impl Timer for ShardTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let shard = current_shard();
        Box::pin(ShardSleep::new(&shard, shard.now() + duration))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(ShardSleep::new(&current_shard(), self.0.monotonic(deadline)))
    }

    fn now(&self) -> Instant {
        self.0.instant(current_shard().now())
    }
}

/// A timer of the shard in the keeping of a task, which can be awaited and dropped anywhere.
struct ShardSleep(Task<()>);

impl ShardSleep {
    fn new(shard: &Shard, deadline: Monotonic) -> ShardSleep {
        ShardSleep(shard.spawn(shard.sleep_until(deadline)))
    }
}

impl Sleep for ShardSleep {}

impl Future for ShardSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl fmt::Debug for ShardSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShardSleep")
    }
}

fn current_shard() -> Shard {
    Shard::current().expect("hyper's timer is used in a task of a shard")
}
