//! The clients of one shard: each connects, asks a few times, ends the connection, and begins again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{self, Either};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use roundhouse::net::quic::{ClientConfig, Code, Endpoint};
use roundhouse::net::udp::{Ecn, Transmit};
use roundhouse::net::{TcpConnector, TcpOptions, TlsConnector, UdpOptions, UdpSocket};
use roundhouse::{Monotonic, ShardHandle};

use super::Failure;
use super::exchange::{self, BODY_BYTES_MAX};
use super::identity::{NAME, Pem, shared};
use super::servers::{Addresses, open_endpoint};

/// What clients did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: u64,
    pub(super) requests: u64,
    /// Datagrams that had no answer and were sent again.
    pub(super) repeats: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Tally) {
        self.connections += other.connections;
        self.requests += other.requests;
        self.repeats += other.repeats;
    }
}

/// What the clients of a shard use.
struct Means {
    shard: ShardHandle,
    tcp: TcpConnector,
    tls: TlsConnector,
    endpoint: Endpoint,
    trust: ClientConfig,
    datagrams: UdpSocket,
}

/// Runs clients of every kind to all `peers` until `end`. All is closed when it returns.
pub(super) async fn run(
    shard: &ShardHandle,
    ip: IpAddr,
    peers: &[Addresses],
    pem: &Pem,
    end: Monotonic,
) -> Result<Tally, Failure> {
    let means = Means {
        shard: shard.clone(),
        tcp: shard.tcp_connector(TcpOptions::default()),
        tls: TlsConnector::new(&pem.client()?)?,
        endpoint: open_endpoint(shard, ip)?,
        trust: pem.quic_client(&shared(shard))?,
        datagrams: shard.udp_socket(&UdpOptions::new(SocketAddr::new(ip, 0)))?,
    };
    let mut tally = Tally::default();
    let of_streams = peers.iter().flat_map(|peer| {
        let means = &means;
        (0..CLIENTS_OF_A_KIND).map(move |_| means.streams(peer, end))
    });
    let (of_streams, of_datagrams) =
        future::join(future::try_join_all(of_streams), means.datagrams(peers, end)).await;
    of_streams?.into_iter().for_each(|more| tally.add(more));
    tally.add(of_datagrams?);
    means.endpoint.close(Code::default(), &Bytes::new());
    means.endpoint.drained().await;
    Ok(tally)
}

impl Means {
    /// One client after the other, of each kind in turn.
    async fn streams(&self, peer: &Addresses, end: Monotonic) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        while self.shard.runtime().now() < end {
            let requests = 1 + self.below(8);
            self.plain(peer, requests).await?;
            self.encrypted(peer, requests).await?;
            self.quic(peer, requests).await?;
            tally.connections += 3;
            tally.requests += 3 * requests;
            let pause = Duration::from_micros(self.below(2_000));
            self.shard.runtime().sleep(pause).await;
        }
        Ok(tally)
    }

    async fn datagrams(&self, peers: &[Addresses], end: Monotonic) -> Result<Tally, Failure> {
        let mut tally = Tally::default();
        while self.shard.runtime().now() < end {
            for peer in peers {
                let question = self.body(1_000);
                while !self.ask(peer.udp, &question).await? {
                    tally.repeats += 1;
                }
                tally.requests += 1;
            }
        }
        Ok(tally)
    }

    /// Asks once; false if no answer came in time.
    async fn ask(&self, to: SocketAddr, question: &[u8]) -> io::Result<bool> {
        let data = Bytes::copy_from_slice(question).into();
        let (source, ecn, segment_bytes) = (None, Ecn::NotCapable, None);
        self.datagrams.send(Transmit { destination: to, source, ecn, data, segment_bytes }).await;
        let mut patience = self.shard.runtime().sleep(PATIENCE);
        loop {
            let answer = Box::pin(self.datagrams.receive());
            let Either::Left((answer, _)) = future::select(answer, &mut patience).await else {
                return Ok(false);
            };
            // Late answers to earlier questions are of no use.
            if answer?.into_segments().any(|datagram| datagram == question) {
                return Ok(true);
            }
        }
    }

    async fn plain(&self, peer: &Addresses, requests: u64) -> Result<(), Failure> {
        let (mut reading, mut writing) = self.tcp.connect(peer.tcp).await?.split();
        for _ in 0..requests {
            exchange::ask(&mut reading, &mut writing, &self.body(BODY_BYTES_MAX)).await?;
        }
        writing.close().await?;
        Ok(expect_end(&mut reading).await?)
    }

    async fn encrypted(&self, peer: &Addresses, requests: u64) -> Result<(), Failure> {
        let stream = self.tcp.connect(peer.tls).await?;
        let (mut reading, mut writing) = self.tls.connect(stream, NAME).await?.split();
        for _ in 0..requests {
            exchange::ask(&mut reading, &mut writing, &self.body(BODY_BYTES_MAX)).await?;
        }
        writing.close().await?;
        Ok(expect_end(&mut reading).await?)
    }

    async fn quic(&self, peer: &Addresses, requests: u64) -> Result<(), Failure> {
        let connection = self.endpoint.connect(&self.trust, peer.quic, NAME)?.await?;
        for _ in 0..requests {
            let (mut sending, mut receiving) = connection.open_bidirectional().await?;
            exchange::ask(&mut receiving, &mut sending, &self.body(BODY_BYTES_MAX)).await?;
            sending.close().await?;
            expect_end(&mut receiving).await?;
        }
        Ok(())
    }

    fn body(&self, bytes_max: usize) -> Vec<u8> {
        // Most are small.
        let most = if self.below(4) > 0 { bytes_max.min(200) } else { bytes_max };
        let bytes = 8 + self.below(most as u64 - 8) as usize;
        let word = self.shard.runtime().random().to_le_bytes();
        word.into_iter().cycle().take(bytes).collect()
    }

    fn below(&self, bound: u64) -> u64 {
        self.shard.runtime().random() % bound
    }
}

async fn expect_end(reading: &mut (impl futures_util::AsyncRead + Unpin)) -> io::Result<()> {
    let mut rest = [0; 1];
    match reading.read(&mut rest).await? {
        0 => Ok(()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// Clients of a shard that connect to one peer at a time.
const CLIENTS_OF_A_KIND: usize = 2;
/// How long an answer to a datagram is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
