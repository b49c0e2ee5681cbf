//! Where streams go out.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use roundhouse_runtime::socket::{SocketKind, SocketOptions};
use roundhouse_runtime::{Shard, SocketOp};

use super::{TcpCounters, TcpOptions, TcpStream};

/// Connects streams that behave alike and are counted together.
#[derive(Debug)]
pub struct TcpConnector {
    shard: Shard,
    options: Rc<TcpOptions>,
    counters: Arc<TcpCounters>,
}

impl TcpConnector {
    /// A connector on this shard.
    pub fn new(shard: &Shard, options: TcpOptions) -> TcpConnector {
        TcpConnector { shard: shard.clone(), options: Rc::new(options), counters: Arc::default() }
    }

    /// What its streams count; stays readable after they are gone.
    pub fn counters(&self) -> Arc<TcpCounters> {
        self.counters.clone()
    }

    /// Connects to `to`. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// `TimedOut` after [`TcpOptions::connect_timeout`], `ConnectionRefused`, `HostUnreachable` and
    /// the like: nothing is left of the attempt.
    pub async fn connect(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let connected = self.attempt(to).await;
        self.counters.failed.add(connected.is_err().into());
        connected
    }

    async fn attempt(&self, to: SocketAddr) -> io::Result<TcpStream> {
        let anywhere = match to {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = self.shard.open_socket(&SocketOptions {
            kind: SocketKind::Stream,
            local: anywhere,
            reuse_port: false,
            receive_buffer_bytes: None,
            send_buffer_bytes: None,
        })?;
        // From here on the socket is closed with the stream, however this ends.
        let (options, counters) = (self.options.clone(), self.counters.clone());
        let stream = TcpStream::new(&self.shard, socket, options, counters);
        for option in self.options.of_socket() {
            self.shard.set_socket_option(socket, option)?;
        }
        let mut connect = pin!(self.shard.socket_operation(SocketOp::Connect { socket, to }));
        let mut timeout = pin!(self.shard.sleep(self.options.connect_timeout));
        poll_fn(|context| {
            if let Poll::Ready(outcome) = connect.as_mut().poll(context) {
                return Poll::Ready(outcome.result.map(drop).map_err(io::Error::from));
            }
            timeout.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await?;
        Ok(stream)
    }
}
