//! Where connections come in, on each shard.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use roundhouse::ShardHandle;
use roundhouse::net::{ListenerOptions, TcpListener, TcpOptions};

use crate::broker::StartError;
use crate::config::Config;
use crate::connection::Connection;
use crate::limits::{SHUTDOWN_SECONDS, WRITE_BYTES};
use crate::node::Node;

/// Listens on an address that all shards share; the kernel spreads connections over them.
///
/// # Errors
/// [`StartError::Listen`].
pub fn bind(
    handle: &ShardHandle,
    address: SocketAddr,
    config: &Config,
) -> Result<TcpListener, StartError> {
    let stream = TcpOptions {
        write_bytes: WRITE_BYTES,
        idle_timeout: Some(config.idle_timeout),
        write_timeout: Some(config.write_timeout),
        ..TcpOptions::default()
    };
    let options = ListenerOptions {
        reuse_port: true,
        connections: config.connections_per_shard,
        stream,
        ..ListenerOptions::new(address)
    };
    handle
        .tcp_listener(&options)
        .map_err(|errno| StartError::Listen { address, error: errno.into() })
}

/// Begins to accept connections.
pub fn open(node: &Rc<Node>) {
    node.handle.spawn(accept(node.clone())).detach();
}

/// Ends accepting and reading, and returns when all connections are ended or their time is over.
pub async fn close(node: &Rc<Node>) {
    node.stop();
    let deadline = node.shard().now() + Duration::from_secs(SHUTDOWN_SECONDS);
    while node.connections.get() > 0 && node.shard().now() < deadline {
        node.shard().sleep(LOOK_AGAIN).await;
    }
}

async fn accept(node: Rc<Node>) {
    let Some(listener) = node.listener.take() else { return };
    let mut stopping = node.stopping();
    loop {
        let mut accepting = pin!(listener.accept());
        let accepted = poll_fn(|context| {
            if pin!(&mut stopping).poll(context).is_ready() {
                return Poll::Ready(None);
            }
            accepting.as_mut().poll(context).map(Some)
        });
        let Some(stream) = accepted.await else { return };
        let connection = Connection::new(node.clone(), stream);
        node.connections.update(|count| count + 1);
        let served = node.clone();
        let serving = async move {
            connection.run().await;
            served.connections.update(|count| count - 1);
        };
        node.handle.spawn(serving).detach();
    }
}

/// How often a shutdown looks whether connections are left.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
