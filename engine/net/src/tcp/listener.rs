//! Where streams come in.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use roundhouse_runtime::socket::{Received, SocketKind, SocketOption, SocketOptions};
use roundhouse_runtime::{CompletionQueue, Errno, Op, Shard, Sleep, SocketId, SocketOp};

use super::{ListenerOptions, TcpCounters, TcpOptions, TcpStream};
use crate::limits::TCP_ACCEPT_QUEUE;

/// Accepts connections on one address, at most [`ListenerOptions::connections`] at a time, and none
/// while they hold [`ListenerOptions::held_bytes`].
///
/// Dropping it closes the address; connections that nobody accepted are reset, streams go on.
#[derive(Debug)]
pub struct TcpListener {
    shard: Shard,
    socket: SocketId,
    local: SocketAddr,
    connections: usize,
    held_bytes: u64,
    stream: Rc<TcpOptions>,
    accepts: CompletionQueue,
    counters: Arc<TcpCounters>,
    /// When to try again after a failure.
    pause: RefCell<Option<Sleep>>,
}

impl TcpListener {
    /// Opens a listener. From now on the kernel completes connections.
    ///
    /// # Errors
    /// The kernel's: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` for a port below 1024, and the like.
    pub fn bind(shard: &Shard, options: &ListenerOptions) -> Result<TcpListener, Errno> {
        let socket = shard.open_socket(&SocketOptions {
            kind: SocketKind::Listener { backlog: options.backlog },
            local: options.local,
            reuse_port: options.reuse_port,
            receive_buffer_bytes: None,
            send_buffer_bytes: None,
        })?;
        let mut listener = TcpListener {
            shard: shard.clone(),
            socket,
            local: options.local,
            connections: options.connections,
            held_bytes: options.held_bytes,
            stream: Rc::new(options.stream.clone()),
            accepts: shard.completion_queue(TCP_ACCEPT_QUEUE),
            counters: Arc::default(),
            pause: RefCell::default(),
        };
        listener.local = shard.local_address(socket)?;
        for option in options.stream.of_socket() {
            shard.set_socket_option(socket, option)?;
        }
        Ok(listener)
    }

    /// Its address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// What this listener and its streams count; stays readable after they are gone.
    pub fn counters(&self) -> Arc<TcpCounters> {
        self.counters.clone()
    }

    /// The next connection. While it is awaited, connections beyond the bound are reset. Dropping
    /// the future loses none.
    ///
    /// It never fails: when the process is out of descriptors or memory, connections stay in the
    /// backlog and it tries again every 50 ms.
    pub async fn accept(&self) -> TcpStream {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// As [`TcpListener::accept`], waking the last task that asked.
    pub fn poll_accept(&self, context: &mut Context<'_>) -> Poll<TcpStream> {
        loop {
            if self.is_paused(context) {
                return Poll::Pending;
            }
            if self.accepts.in_flight() == 0 && self.accepts.is_empty() {
                let listener = self.socket;
                self.accepts.submit(Op::Socket(SocketOp::Accept { listener }));
            }
            let Poll::Ready(completion) = self.accepts.poll_next(context) else {
                return Poll::Pending;
            };
            match (completion.received, completion.result) {
                (Some(Received::Connection(socket)), _) => {
                    if let Some(stream) = self.admit(socket) {
                        return Poll::Ready(stream);
                    }
                }
                // The queue was full, or the peer was gone before its connection was taken.
                (_, Ok(_) | Err(Errno::CANCELED | Errno::CONNABORTED)) => (),
                (_, Err(errno)) => self.fail(errno),
            }
        }
    }

    fn admit(&self, socket: SocketId) -> Option<TcpStream> {
        let is_room = self.counters.open.load() < self.connections as u64
            && self.counters.held_bytes.load() < self.held_bytes;
        if is_room {
            let (stream, counters) = (self.stream.clone(), self.counters.clone());
            return Some(TcpStream::new(&self.shard, socket, stream, counters));
        }
        self.counters.refused.add(1);
        // If this fails the connection is gone already.
        let _ = self.shard.set_socket_option(socket, SocketOption::ResetOnClose(true));
        self.shard.close_socket(socket);
        None
    }

    fn fail(&self, errno: Errno) {
        self.counters.failed.add(1);
        tracing::warn!(local = %self.local, %errno, "cannot accept connections for the moment");
        self.pause.replace(Some(self.shard.sleep(ACCEPT_PAUSE)));
    }

    /// Whether the time to try again has not come; then the task is woken at it.
    fn is_paused(&self, context: &mut Context<'_>) -> bool {
        let mut pause = self.pause.borrow_mut();
        pause.take_if(|pause| Pin::new(pause).poll(context).is_ready());
        pause.is_some()
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        self.shard.close_socket(self.socket);
    }
}

/// Time between attempts to accept when the process is out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
