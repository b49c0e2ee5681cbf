//! The engine's QUIC: a shard with a ring at each end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::Sender;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt;
use roundhouse_base::{ShardId, WallTime};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};
use roundhouse_net::quic::tls::{self, Certificates, ClientTls, ServerTls};
use roundhouse_net::quic::{
    ClientConfig, Code, Connection, Endpoint, EndpointOptions, Listener, RecvStream, SendStream,
    ServerConfig, Shared,
};
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, SpinOptions};

use super::client::{Client, Done, run};
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{Load, Shape};
use super::pair::{Ends, measure};
use crate::cores::{Start, on_shard};

/// Shards that wait for the kernel in one way or another.
pub(super) struct Shards {
    pub(super) name: &'static str,
    pub(super) load: Load,
    pub(super) spin: SpinOptions,
}

impl Subject for Shards {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        format!("a shard at each end, default options, spin {:?}", self.spin)
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        measure(&Spinning(self.spin), self.load, stage)
    }
}

#[derive(Clone)]
struct Spinning(SpinOptions);

impl Ends for Spinning {
    fn serve(
        self,
        identity: &Identity,
        load: Load,
        address: Sender<SocketAddr>,
        stop: oneshot::Receiver<()>,
    ) -> Result<(), MeasureError> {
        let shown = server_tls(identity)?;
        on_shard(self.0, |shard| async move {
            let options = options();
            let config = ServerConfig::new(&shown, &options.shared)?;
            let endpoint = open(&shard, LOOPBACK, options)?;
            let listener = endpoint.listen(&config);
            address.send(endpoint.local_address())?;
            let accepting = shard.spawn(accept(shard.clone(), listener, load));
            let _asked = stop.await;
            drop(accepting);
            endpoint.close(Code::default(), &Bytes::new());
            endpoint.drained().await;
            Ok(())
        })
    }

    fn call(
        self,
        identity: &Identity,
        load: Load,
        server: SocketAddr,
        start: Start,
    ) -> Result<Done, MeasureError> {
        let trust = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
        on_shard(self.0, |shard| async move {
            let options = options();
            let config = ClientConfig::new(&trust, &options.shared)?;
            let endpoint = open(&shard, LOOPBACK, options)?;
            let mut connections = Vec::new();
            for _ in 0..load.connections {
                connections.push(endpoint.connect(&config, server, NAME)?.await?);
            }
            run(&connections, load, start.warm_up).await?;
            run(&connections, load, start.wait()?).await
        })
    }
}

impl Client for Connection {
    type Sending = SendStream;
    type Receiving = RecvStream;

    async fn open(&self) -> Result<(SendStream, RecvStream), MeasureError> {
        Ok(self.open_bidirectional().await?)
    }

    async fn write(sending: &mut SendStream, data: &[u8]) -> Result<(), MeasureError> {
        Ok(sending.write_all(data).await?)
    }

    fn finish(sending: &mut SendStream) -> Result<(), MeasureError> {
        Ok(sending.finish()?)
    }

    async fn finished(sending: &mut SendStream) -> Result<(), MeasureError> {
        Ok(sending.finished().await?)
    }

    async fn read(receiving: &mut RecvStream) -> Result<Option<Bytes>, MeasureError> {
        Ok(receiving.read_chunk(usize::MAX).await?)
    }
}

pub(super) fn server_tls(identity: &Identity) -> Result<ServerTls, MeasureError> {
    let shown = tls::Identity::from_pem(identity.certificate.as_bytes(), identity.key.as_bytes())?;
    Ok(ServerTls::new(Certificates::new(shown), vec![PROTOCOL.to_vec()]))
}

/// Defaults.
pub(super) fn options() -> EndpointOptions {
    // The shard sets the clock before it is looked at.
    EndpointOptions::new(ShardId(0), Shared::new(&[7; 32], WallTime::from_millis(0), 1))
}

/// An endpoint at any port of an address.
pub(super) fn open(
    shard: &Shard,
    address: IpAddr,
    options: EndpointOptions,
) -> Result<Endpoint, MeasureError> {
    let socket = UdpSocket::bind(shard, &UdpOptions::new(SocketAddr::new(address, 0)))?;
    Ok(Endpoint::open(shard, socket, options)?)
}

/// Serves connections until the listener ends.
pub(super) async fn accept(shard: Shard, listener: Listener, load: Load) {
    while let Some(connecting) = listener.accept().await {
        let spawner = shard.clone();
        // A task of its own from the handshake on: nobody waits behind a client that never answers.
        let streams = async move {
            // Those that fail say why at their other end.
            let Ok(connection) = connecting.await else { return };
            while let Ok((sending, receiving)) = connection.accept_bidirectional().await {
                spawner.spawn(answer(sending, receiving, load).map(drop)).detach();
            }
        };
        shard.spawn(streams).detach();
    }
}

async fn answer(
    mut sending: SendStream,
    mut receiving: RecvStream,
    load: Load,
) -> Result<(), MeasureError> {
    while let Some(data) = receiving.read_chunk(usize::MAX).await? {
        if load.shape != Shape::Bulk {
            sending.write_all(&data).await?;
        }
    }
    Ok(sending.finish()?)
}

pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
