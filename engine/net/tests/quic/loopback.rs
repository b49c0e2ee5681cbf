//! Endpoints on a shard with a ring, over the loopback address.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{AsyncReadExt, AsyncWriteExt, future};
use roundhouse_net::quic::{
    ClientConfig, Code, Connection, ConnectionError, Endpoint, EndpointOptions, Listener,
    ReadError, ServerConfig, WriteError,
};
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, Task};

use crate::identities::{Authority, NAME};
use crate::shard::{loopback, on_shard};
use crate::streams::data;
use crate::world::options;

/// A server that listens and a client that trusts it.
struct Ends {
    shard: Shard,
    server: Endpoint,
    listener: Option<Listener>,
    client: Endpoint,
    trust: ClientConfig,
}

impl Ends {
    fn new(shard: &Shard) -> Ends {
        let authority = Authority::new();
        let (here, there) = (options(), options());
        let trust = ClientConfig::new(&authority.client(), &here.shared).unwrap();
        let identity = ServerConfig::new(&authority.server(), &there.shared).unwrap();
        let server = open(shard, there);
        let listener = Some(server.listen(&identity));
        Ends { shard: shard.clone(), server, listener, client: open(shard, here), trust }
    }

    async fn connect(&self) -> Connection {
        let to = self.server.local_address();
        self.client.connect(&self.trust, to, NAME).unwrap().await.unwrap()
    }

    async fn accept(&self) -> Connection {
        let listener = self.listener.as_ref().expect("it still listens");
        listener.accept().await.expect("it is not closed").await.unwrap()
    }

    async fn pair(&self) -> (Connection, Connection) {
        future::join(self.connect(), self.accept()).await
    }

    /// Ends both sides and waits until nothing is left.
    async fn end(self) {
        self.client.close(Code::default(), &Bytes::new());
        self.server.close(Code::default(), &Bytes::new());
        self.client.drained().await;
        self.server.drained().await;
        assert_eq!(self.client.connections() + self.server.connections(), 0);
        assert_eq!(self.server.metrics().promised_bytes.load(), 0);
    }
}

fn open(shard: &Shard, options: EndpointOptions) -> Endpoint {
    let socket = UdpSocket::bind(shard, &UdpOptions::new(loopback())).unwrap();
    Endpoint::open(shard, socket, options).unwrap()
}

/// Echoes every stream of a connection until it ends.
fn echo(shard: &Shard, connection: Connection) -> Task<ConnectionError> {
    let spawner = shard.clone();
    shard.spawn(async move {
        loop {
            let (mut sending, receiving) = match connection.accept_bidirectional().await {
                Ok(stream) => stream,
                Err(error) => return error,
            };
            let answer = async move {
                if futures_util::io::copy(receiving, &mut sending).await.is_ok() {
                    sending.finish().unwrap();
                    sending.finished().await.unwrap();
                }
            };
            spawner.spawn(answer).detach();
        }
    })
}

#[test]
fn what_is_sent_on_many_streams_at_once_comes_back() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let (here, there) = ends.pair().await;
        let echo = echo(&shard, there);
        let calls = (0..20).map(|n| {
            let here = here.clone();
            async move {
                let sent = data(n, 100_000 + n as usize);
                let (mut sending, mut receiving) = here.open_bidirectional().await.unwrap();
                let write = async {
                    sending.write_all(&sent).await.unwrap();
                    sending.close().await.unwrap();
                };
                let mut back = Vec::new();
                let ((), read) =
                    future::join(write, AsyncReadExt::read_to_end(&mut receiving, &mut back)).await;
                read.unwrap();
                assert!(back == sent, "stream {n} came back damaged");
            }
        });
        future::join_all(calls).await;
        here.close(Code::from(5), "done");
        let heard = echo.await;
        let reason = Bytes::from_static(b"done");
        assert_eq!(heard, ConnectionError::ClosedByPeer { code: Code::from(5), reason });
        ends.end().await;
    });
}

#[test]
fn unidirectional_streams_and_datagrams_arrive() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let (here, there) = ends.pair().await;
        let mut sending = here.open_unidirectional().await.unwrap();
        sending.write_all(b"one way").await.unwrap();
        sending.finish().unwrap();
        let mut receiving = there.accept_unidirectional().await.unwrap();
        let read = receiving.read_to_end(100).await.unwrap();
        assert_eq!(read.as_deref(), Some(&b"one way"[..]));
        sending.finished().await.unwrap();

        here.send_datagram(Bytes::from_static(b"over there")).unwrap();
        assert_eq!(there.receive_datagram().await.unwrap(), "over there");
        there.send_datagram_in_turn(Bytes::from_static(b"and back")).await.unwrap();
        assert_eq!(here.receive_datagram().await.unwrap(), "and back");
        ends.end().await;
    });
}

#[test]
fn a_stream_dropped_before_its_end_cannot_be_taken_for_whole() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let (here, there) = ends.pair().await;
        let (mut sending, receiving) = here.open_bidirectional().await.unwrap();
        sending.write_all(b"half of").await.unwrap();
        let (mut back, mut half) = there.accept_bidirectional().await.unwrap();
        drop(sending);
        let end = half.read_to_end(100).await;
        assert_eq!(end, Err(ReadError::Reset(Code::default())));

        drop(receiving);
        assert_eq!(back.stopped().await, Ok(Code::default()));
        assert_eq!(back.write(b"nobody reads").await, Err(WriteError::Stopped(Code::default())));
        ends.end().await;
    });
}

#[test]
fn the_last_handle_ends_the_connection() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let (here, there) = ends.pair().await;
        let (stream, _) = here.open_bidirectional().await.unwrap();
        drop(here);
        assert_eq!(there.error(), None, "a stream of it is still held");
        drop(stream);
        assert!(matches!(there.closed().await, ConnectionError::ClosedByPeer { .. }));
        ends.end().await;
    });
}

#[test]
fn whoever_waits_learns_that_the_connection_ended() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let (here, there) = ends.pair().await;
        let waiting = [
            shard.spawn({
                let there = there.clone();
                async move { there.accept_unidirectional().await.unwrap_err() }
            }),
            shard.spawn({
                let there = there.clone();
                async move { there.receive_datagram().await.unwrap_err() }
            }),
            shard.spawn({
                let (_, mut receiving) = there.open_bidirectional().await.unwrap();
                async move {
                    match receiving.read_chunk(1).await {
                        Err(ReadError::Lost(error)) => error,
                        other => panic!("it read {other:?}"),
                    }
                }
            }),
        ];
        here.close(Code::from(1), "");
        for task in waiting {
            assert!(matches!(task.await, ConnectionError::ClosedByPeer { .. }));
        }
        ends.end().await;
    });
}

#[test]
fn early_data_saves_a_round_trip_and_a_rejected_one_is_told() {
    on_shard(|shard| async move {
        let authority = Authority::new();
        let mut server = authority.server();
        server.resumption =
            roundhouse_net::quic::tls::Resumption::Sessions { count: 10, early_data: true };
        let mut ends = Ends::new(&shard);
        ends.trust = ClientConfig::new(&authority.client(), &options().shared).unwrap();
        let listen = |ends: &Ends| {
            let identity = ServerConfig::new(&server, &options().shared).unwrap();
            ends.server.listen(&identity)
        };
        ends.listener = None;
        ends.listener = Some(listen(&ends));
        let (first, there) = ends.pair().await;
        exchange_once(&first, &there).await;

        let early = begin_early(&ends);
        let there = ends.listener.as_ref().unwrap().accept().await.unwrap();
        let there = there.into_early().expect("a server can always go on");
        exchange_once(&early, &there).await;
        assert_eq!(early.handshaken().await, Ok(true));
        assert_eq!(there.handshaken().await, Ok(true));

        // Another memory of sessions knows nothing of what the first one gave out.
        let (second, there) = ends.pair().await;
        exchange_once(&second, &there).await;
        ends.listener = None;
        ends.listener = Some(listen(&ends));
        let early = begin_early(&ends);
        let (mut sending, _) = early.open_bidirectional().await.unwrap();
        sending.write_all(b"too early").await.unwrap();
        let there = ends.accept().await;
        assert_eq!(early.handshaken().await, Ok(false));
        assert_eq!(sending.write(b"more").await, Err(WriteError::EarlyDataRejected));
        exchange_once(&early, &there).await;
        ends.end().await;
    });
}

fn begin_early(ends: &Ends) -> Connection {
    let connecting = ends.client.connect(&ends.trust, ends.server.local_address(), NAME).unwrap();
    connecting.into_early().expect("the client knows the server")
}

/// Sends something on a new stream and takes it in on the other side. Also leaves time for the
/// session to arrive that the next connection resumes.
async fn exchange_once(here: &Connection, there: &Connection) {
    let (mut sending, mut receiving) = here.open_bidirectional().await.unwrap();
    sending.write_all(b"ping").await.unwrap();
    sending.finish().unwrap();
    let (mut answer, mut question) = there.accept_bidirectional().await.unwrap();
    assert_eq!(question.read_to_end(10).await.unwrap().as_deref(), Some(&b"ping"[..]));
    answer.write_all(b"pong").await.unwrap();
    answer.finish().unwrap();
    assert_eq!(receiving.read_to_end(10).await.unwrap().as_deref(), Some(&b"pong"[..]));
}

#[test]
fn idle_connections_wake_nobody() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        let mut held = Vec::new();
        for _ in 0..50 {
            held.push(ends.pair().await);
        }
        // Acknowledgements, path MTU discovery and new connection IDs take a while to settle.
        let sent = || {
            ends.client.metrics().datagrams_sent.load()
                + ends.server.metrics().datagrams_sent.load()
        };
        let mut is_quiet = false;
        for _ in 0..40 {
            let before = sent();
            ends.shard.sleep(Duration::from_millis(250)).await;
            is_quiet = sent() == before;
            if is_quiet {
                break;
            }
        }
        assert!(is_quiet, "idle connections go on sending");
        drop(held);
        ends.end().await;
    });
}

#[test]
fn a_closed_endpoint_begins_and_accepts_nothing() {
    on_shard(|shard| async move {
        let ends = Ends::new(&shard);
        ends.server.close(Code::default(), &Bytes::new());
        assert!(ends.listener.as_ref().unwrap().accept().await.is_none());
        ends.client.close(Code::default(), &Bytes::new());
        let to = ends.server.local_address();
        let refused = ends.client.connect(&ends.trust, to, NAME);
        assert!(matches!(refused, Err(roundhouse_net::quic::ConnectError::Closed)));
        let metrics = ends.client.metrics();
        drop(ends);
        assert_eq!(Rc::new(metrics).connections.load(), 0);
    });
}
