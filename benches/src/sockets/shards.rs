//! The engine's sockets: a shard on the thread of the server, and of a sender.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use roundhouse_measure::MeasureError;
use roundhouse_net::tcp::{ListenerOptions, TcpListener, TcpStream};
use roundhouse_net::udp::{Ecn, Pieces, Transmit, UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, SpinOptions};

use super::echo::EchoServer;
use super::tcp::Tcp;
use super::udp::{BETWEEN_ENDS, Carrier, DATAGRAM_BYTES, ENDS, Udp};
use super::{ANY_PORT, CONNECTIONS, END_BYTES};
use crate::cores::{Start, on_shard};

/// Shards that wait for the kernel in one way or another.
#[derive(Clone, Copy)]
pub(super) struct Shards {
    pub(super) name: &'static str,
    pub(super) spin: SpinOptions,
}

impl Shards {
    fn configuration(self) -> String {
        format!("a shard, default options, spin {:?}", self.spin)
    }
}

impl EchoServer<Udp> for Shards {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> String {
        self.configuration()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        on_shard(self.spin, |shard| async move {
            let socket = UdpSocket::bind(&shard, &UdpOptions::new(ANY_PORT))?;
            address.send(socket.local_address())?;
            loop {
                let arrival = socket.receive().await?;
                if arrival.data.len() == END_BYTES {
                    return Ok(());
                }
                let (source, data) = (arrival.destination, arrival.data.freeze().into());
                let answer = transmit(arrival.source, data, None);
                socket.send(Transmit { source, ..answer }).await;
            }
        })
    }
}

impl Carrier for Shards {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> String {
        self.configuration()
    }

    fn take(self, address: Sender<SocketAddr>) -> Result<u64, MeasureError> {
        on_shard(self.spin, |shard| async move {
            let socket = UdpSocket::bind(&shard, &UdpOptions::new(ANY_PORT))?;
            address.send(socket.local_address())?;
            let mut bytes = 0;
            loop {
                match socket.receive().await?.data.len() {
                    END_BYTES => return Ok(bytes),
                    more => bytes += more as u64,
                }
            }
        })
    }

    fn send(self, to: SocketAddr, start: Start) -> Result<(), MeasureError> {
        on_shard(self.spin, |shard| async move {
            let socket = UdpSocket::bind(&shard, &UdpOptions::new(ANY_PORT))?;
            let datagrams = socket.train_datagrams().min(TRAIN_BYTES_MAX / DATAGRAM_BYTES);
            let train = Bytes::from(vec![0x55; datagrams * DATAGRAM_BYTES]);
            let duration = start.wait()?;
            let end = shard.now() + duration;
            while shard.now() < end {
                let data = train.clone().into();
                socket.send(transmit(to, data, Some(DATAGRAM_BYTES as u16))).await;
            }
            for _ in 0..ENDS {
                shard.sleep(BETWEEN_ENDS).await;
                let data = Bytes::from_static(&[0; END_BYTES]).into();
                socket.send(transmit(to, data, None)).await;
            }
            Ok(())
        })
    }
}

impl EchoServer<Tcp> for Shards {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> String {
        self.configuration()
    }

    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError> {
        on_shard(self.spin, |shard: Shard| async move {
            let listener = TcpListener::bind(&shard, &ListenerOptions::new(ANY_PORT))?;
            address.send(listener.local_address())?;
            let mut serving = Vec::new();
            for _ in 0..CONNECTIONS {
                serving.push(shard.spawn(echo(listener.accept().await)));
            }
            for connection in serving {
                connection.await;
            }
            Ok(())
        })
    }
}

/// Sends back what comes, until the client ends the stream in whatever way.
async fn echo(mut stream: TcpStream) {
    while let Ok(Some(data)) = stream.read().await {
        if stream.write(data.freeze()).await.is_err() {
            return;
        }
    }
}

fn transmit(destination: SocketAddr, data: Pieces, segment_bytes: Option<u16>) -> Transmit {
    Transmit { destination, source: None, ecn: Ecn::default(), data, segment_bytes }
}

/// What one train may have in all.
const TRAIN_BYTES_MAX: usize = 65_487;
