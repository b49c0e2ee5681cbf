//! One connection that carries bytes in order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::io::{AsyncRead, AsyncWrite};
use roundhouse::{Monotonic, Shard};

use super::Failure;
use super::call::Load;
use super::report::Report;

/// Keeps so many messages on their way, and compares every byte of the answers.
pub(super) struct StreamCaller<R, W> {
    shard: Shard,
    reader: R,
    writer: W,
    load: Load,
    /// When the messages were written whose answers are not complete, oldest first.
    asked: VecDeque<Monotonic>,
    /// What is to be sent, of which the first `sent` bytes are.
    outgoing: Vec<u8>,
    sent: usize,
    /// Bytes generated and received since the beginning, from which their values follow.
    generated: u64,
    received: u64,
    buffer: Vec<u8>,
    report: Report,
}

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> StreamCaller<R, W> {
    pub(super) fn new(shard: &Shard, reader: R, writer: W, load: Load) -> StreamCaller<R, W> {
        StreamCaller {
            shard: shard.clone(),
            reader,
            writer,
            load,
            asked: VecDeque::with_capacity(load.outstanding),
            outgoing: Vec::new(),
            sent: 0,
            generated: 0,
            received: 0,
            buffer: vec![0; READ_BYTES],
            report: Report::new(),
        }
    }

    /// Sends until the time has come, then waits for the answers that are missing.
    pub(super) async fn run(mut self, until: Monotonic) -> Result<Report, Failure> {
        let start = self.shard.now();
        poll_fn(|context| self.poll(until, context)).await?;
        self.report.time = self.shard.now().since(start);
        poll_fn(|context| Pin::new(&mut self.writer).poll_close(context)).await?;
        Ok(self.report)
    }

    fn poll(&mut self, until: Monotonic, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            self.ask(until);
            let has_sent = self.poll_send(context)?;
            let has_received = self.poll_receive(context)?;
            if self.asked.is_empty() && self.shard.now() >= until {
                return Poll::Ready(Ok(()));
            }
            if !has_sent && !has_received {
                return Poll::Pending;
            }
        }
    }

    /// Fills up what is on its way.
    fn ask(&mut self, until: Monotonic) {
        if self.sent < self.outgoing.len() || self.asked.len() == self.load.outstanding {
            return;
        }
        let now = self.shard.now();
        if now >= until {
            return;
        }
        self.outgoing.clear();
        self.sent = 0;
        while self.asked.len() < self.load.outstanding {
            let end = self.generated + self.load.size as u64;
            self.outgoing.extend((self.generated..end).map(byte_at));
            self.generated = end;
            self.asked.push_back(now);
        }
    }

    /// Whether something was sent.
    fn poll_send(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.sent == self.outgoing.len() {
            return Ok(false);
        }
        let rest = &self.outgoing[self.sent..];
        match Pin::new(&mut self.writer).poll_write(context, rest) {
            Poll::Ready(sent) => {
                self.sent += sent?;
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }

    /// Whether something was received.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Result<bool, Failure> {
        let bytes = match Pin::new(&mut self.reader).poll_read(context, &mut self.buffer) {
            Poll::Ready(bytes) => bytes?,
            Poll::Pending => return Ok(false),
        };
        if bytes == 0 {
            return Err("the server ended the connection".into());
        }
        let expected = (self.received..).map(byte_at);
        if !self.buffer[..bytes].iter().copied().eq(expected.take(bytes)) {
            return Err("an answer is not what was sent".into());
        }
        let (size, now) = (self.load.size as u64, self.shard.now());
        let complete = self.received / size;
        self.received += bytes as u64;
        for _ in complete..self.received / size {
            let asked = self.asked.pop_front().ok_or("more came back than was sent")?;
            self.report.answered(now.since(asked), self.load.size);
        }
        Ok(true)
    }
}

/// Bytes that differ from message to message, so that none can be taken for another.
fn byte_at(position: u64) -> u8 {
    (position % 251) as u8
}
