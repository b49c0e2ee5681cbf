//! What the clients talk to: an echo over TLS.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use roundhouse_net::quic::{MASTER_SECRET_BYTES, Secrets};
use roundhouse_net::tcp::{ListenerOptions, TcpListener};
use roundhouse_net::tls::{ServerTls, TlsAcceptor, TlsError, TlsStream};
use roundhouse_runtime::{Shard, Task};

use crate::shard::loopback;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    outcomes: Rc<RefCell<Vec<Outcome>>>,
    _serving: Task<()>,
}

/// What came of one handshake.
pub(crate) type Outcome = Result<Client, TlsError>;

/// What the server knows of a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) protocol: Option<Vec<u8>>,
    pub(crate) is_resumed: bool,
    /// How many it showed.
    pub(crate) certificates: usize,
}

impl Server {
    pub(crate) fn start(shard: &Shard, tls: &ServerTls) -> Server {
        let listener = TcpListener::bind(shard, &ListenerOptions::new(loopback())).unwrap();
        let acceptor = TlsAcceptor::new(tls, &Secrets::new(&[7; MASTER_SECRET_BYTES])).unwrap();
        let outcomes = Rc::new(RefCell::default());
        let (address, seen, spawner) = (listener.local_address(), outcomes.clone(), shard.clone());
        let serving = shard.spawn(async move {
            loop {
                let stream = listener.accept().await;
                let (acceptor, seen) = (acceptor.clone(), Rc::clone(&seen));
                let serve = async move {
                    let outcome = acceptor.accept(stream).await;
                    match outcome {
                        Ok(stream) => echo(stream, &seen).await,
                        Err(error) => seen.borrow_mut().push(Err(error)),
                    }
                };
                spawner.spawn(serve).detach();
            }
        });
        Server { address, outcomes, _serving: serving }
    }

    /// What came of the last handshake, once.
    ///
    /// # Panics
    /// If there was not exactly one.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcomes = self.outcomes.take();
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        outcomes.remove(0)
    }
}

/// Sends back what comes, and says goodbye when the client does.
async fn echo(mut stream: TlsStream, seen: &RefCell<Vec<Outcome>>) {
    let client = Client {
        protocol: stream.protocol().map(<[u8]>::to_vec),
        is_resumed: stream.is_resumed(),
        certificates: stream.peer_certificates().map_or(0, <[_]>::len),
    };
    seen.borrow_mut().push(Ok(client));
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(bytes @ 1..) = AsyncReadExt::read(&mut stream, &mut buffer).await {
        if stream.write_all(&buffer[..bytes]).await.is_err() {
            return;
        }
    }
    // A client may be gone already.
    stream.close().await.ok();
}
