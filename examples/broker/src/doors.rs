//! Where connections come in, on each shard.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use roundhouse::ShardHandle;
use roundhouse::net::{ListenerOptions, TcpListener, TcpOptions};

use crate::broker::StartError;
use crate::config::Config;
use crate::connection::Connection;
use crate::groups::Expiry;
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

/// Whether nobody listens on an address yet.
///
/// Shards share their address, and so would the shards of two brokers, each of which would get a part of
/// the connections. For a program to call before it starts a broker; port 0 is always free. The sockets of
/// one that was killed are closed some time after it is gone, so it may take a while to say no.
///
/// # Errors
/// [`StartError::Listen`].
pub fn check_free(address: SocketAddr) -> Result<(), StartError> {
    for _ in 0..LISTENER_LOOKS {
        if address.port() == 0 || !is_listened_on(address) {
            return Ok(());
        }
        #[expect(clippy::disallowed_methods, reason = "no shard is there yet")]
        std::thread::sleep(LISTENER_PATIENCE);
    }
    Err(StartError::Listen { address, error: io::ErrorKind::AddrInUse.into() })
}

fn is_listened_on(address: SocketAddr) -> bool {
    let found = TcpStream::connect_timeout(&address, LISTENER_PATIENCE);
    // Without a listener, a connection may be given the very port it goes to, and meet itself.
    found.is_ok_and(|found| found.local_addr().ok() != found.peer_addr().ok())
}

/// Begins to accept connections.
pub fn open(node: &Rc<Node>) {
    node.handle.spawn(accept(node.clone())).detach();
    node.handle.spawn(expire_offsets(node.clone())).detach();
}

/// Gives up offsets that were kept for long enough, until the broker stops.
async fn expire_offsets(node: Rc<Node>) {
    let wall_ms = || node.shard().wall().as_millis() as i64;
    let expiry = Expiry::new(node.config.offsets_retention, wall_ms());
    loop {
        futures_util::select_biased! {
            _ = node.stopping() => return,
            () = node.shard().sleep(expiry.look_every()).fuse() => {}
        }
        let offsets = &node.coordinator.offsets;
        for group in offsets.groups() {
            let has_members = node.coordinator.group(&group).is_some();
            let due = expiry.due(wall_ms(), &group, has_members, &offsets.of_group(&group));
            if due.is_empty() {
                continue;
            }
            if let Err(error) = offsets.forget(&group, &due).await {
                tracing::warn!(group, %error, "offsets could not be given up; the next time will do");
            }
        }
    }
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

/// How often to look whether somebody listens on an address ...
const LISTENER_LOOKS: usize = 50;
/// ... and how long to wait for that, and in between.
const LISTENER_PATIENCE: Duration = Duration::from_millis(100);
/// How often a shutdown looks whether connections are left.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
