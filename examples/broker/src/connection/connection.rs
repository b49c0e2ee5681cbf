//! Moves bytes and requests of one connection.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use roundhouse::Monotonic;
use roundhouse::net::TcpStream;

use super::Response;
use super::dispatch::{Order, dispatch};
use crate::limits::UNSENT_BYTES;
use crate::node::{Node, Stopping};
use crate::protocol::frame::FrameReader;

/// A connection, on the shard that accepted it.
///
/// Produce requests are answered side by side: each has its place in its partitions when it is taken.
/// Every other request waits until those before it are answered, and those after it wait for it.
/// Responses keep the order of the requests.
pub struct Connection {
    node: Rc<Node>,
    stream: TcpStream,
    /// The client's address.
    client_host: String,
    stopping: Stopping,
    frames: FrameReader,
    /// A whole request that has to wait for those before it.
    next: Option<BytesMut>,
    in_flight: FuturesOrdered<LocalBoxFuture<'static, Response>>,
    /// What is known of each request in flight.
    taken: VecDeque<Taken>,
    /// Bytes of them together.
    in_flight_bytes: usize,
    /// Whether the latest request in flight is one that others wait for.
    is_exclusive: bool,
    unsent: Vec<Bytes>,
    unsent_bytes: usize,
    /// Whether it is at one of its bounds.
    is_held_back: bool,
    is_at_end: bool,
}

/// A request in flight.
struct Taken {
    /// Its kind.
    key: i16,
    bytes: usize,
    at: Monotonic,
}

impl Connection {
    /// Takes charge of a stream.
    pub fn new(node: Rc<Node>, stream: TcpStream) -> Connection {
        let peer = stream.peer_address();
        Connection {
            client_host: peer.map_or_else(|_| String::new(), |peer| peer.ip().to_string()),
            stopping: node.stopping(),
            frames: FrameReader::new(node.config.request_bytes_max),
            node,
            stream,
            next: None,
            in_flight: FuturesOrdered::new(),
            taken: VecDeque::new(),
            in_flight_bytes: 0,
            is_exclusive: false,
            unsent: Vec::new(),
            unsent_bytes: 0,
            is_held_back: false,
            is_at_end: false,
        }
    }

    /// Serves the client until it goes away, sends what can't be understood, or the broker stops.
    pub async fn run(mut self) {
        let ended = poll_fn(|context| self.poll(context)).await;
        if let Err(error) = ended {
            let peer = self.stream.peer_address().ok();
            tracing::debug!(?peer, %error, "a connection ended");
        }
        // What was accepted goes on: others may wait for it.
        while self.in_flight.next().await.is_some() {}
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut has_moved = self.send(context)?;
            has_moved |= self.collect(context)?;
            has_moved |= self.take_request()?;
            has_moved |= self.receive(context)?;
            // Once it has completed it may not be asked again.
            self.is_at_end =
                self.is_at_end || Pin::new(&mut self.stopping).poll(context).is_ready();
            let is_idle = self.in_flight.is_empty() && self.unsent.is_empty();
            if self.is_at_end && is_idle && self.stream.poll_flush(context)?.is_ready() {
                return Poll::Ready(Ok(()));
            }
            if !has_moved {
                return Poll::Pending;
            }
        }
    }

    /// Sends what is there.
    fn send(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.unsent.is_empty() {
            return Ok(false);
        }
        let is_sent = self.stream.poll_write_front(&mut self.unsent, context)?.is_ready();
        if is_sent {
            self.unsent_bytes = self.unsent.iter().map(Bytes::len).sum();
        }
        Ok(is_sent)
    }

    /// Takes responses that are ready, in order.
    fn collect(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        let mut has_moved = false;
        while self.unsent_bytes < UNSENT_BYTES && !self.in_flight.is_empty() {
            let Poll::Ready(Some(response)) = self.in_flight.poll_next_unpin(context) else {
                break;
            };
            has_moved = true;
            if let Some(taken) = self.taken.pop_front() {
                self.in_flight_bytes -= taken.bytes;
                let time = self.node.shard().now().since(taken.at);
                self.node.metrics.latency(taken.key).record(time);
            }
            self.is_exclusive &= !self.in_flight.is_empty();
            self.node.metrics.requests.add(1);
            self.unsent_bytes += response.bytes();
            match response {
                Response::Send(pieces) => self.unsent.extend(pieces),
                Response::Nothing => {}
                Response::Close(reason) => return Err(self.malformed(reason)),
            }
        }
        Ok(has_moved)
    }

    /// Takes the next whole request, unless it has to wait.
    fn take_request(&mut self) -> io::Result<bool> {
        let is_held_back = !self.has_room();
        let was_held_back = std::mem::replace(&mut self.is_held_back, is_held_back);
        if is_held_back && !was_held_back {
            self.node.metrics.held_back.add(1);
        }
        if self.is_exclusive || self.is_at_end || is_held_back {
            return Ok(false);
        }
        let frame = match self.next.take() {
            Some(frame) => Some(frame),
            None => self.frames.next_frame().map_err(|error| self.malformed(error.to_string()))?,
        };
        let Some(frame) = frame else { return Ok(false) };
        if Order::of(&frame) == Order::Alone && !self.in_flight.is_empty() {
            self.next = Some(frame);
            return Ok(false);
        }
        self.is_exclusive = Order::of(&frame) == Order::Alone;
        let key = frame.first_chunk().map_or(-1, |key| i16::from_be_bytes(*key));
        self.taken.push_back(Taken { key, bytes: frame.len(), at: self.node.shard().now() });
        self.in_flight_bytes += frame.len();
        self.in_flight.push_back(dispatch(&self.node, &self.client_host, frame));
        Ok(true)
    }

    /// Receives more, if there is no whole request to be taken. Always looks whether the client is
    /// still there.
    fn receive(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.is_at_end {
            return Ok(false);
        }
        let is_wanted = self.next.is_none() && !self.is_exclusive && self.has_room();
        let Poll::Ready(data) = self.stream.poll_fill(context)? else { return Ok(false) };
        if data.is_empty() {
            self.is_at_end = true;
            return Ok(true);
        }
        if is_wanted {
            let data = std::mem::take(data);
            self.frames.push(data);
        }
        Ok(is_wanted)
    }

    fn has_room(&self) -> bool {
        let config = &self.node.config;
        self.in_flight.len() < config.in_flight_requests
            && self.in_flight_bytes < config.in_flight_bytes
            && self.unsent_bytes < UNSENT_BYTES
    }

    fn malformed(&self, reason: String) -> io::Error {
        self.node.metrics.malformed.add(1);
        io::Error::new(io::ErrorKind::InvalidData, reason)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("stream", &self.stream).finish_non_exhaustive()
    }
}
