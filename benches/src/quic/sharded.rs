//! A server on one shard and on two, by the CPU time that a message costs it: with two cores, one of
//! them the client's, two shards cannot show what they do with a core each.

use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use roundhouse_base::{ShardId, WallTime};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};
use roundhouse_net::quic::tls::ClientTls;
use roundhouse_net::quic::{
    ClientConfig, Code, Endpoint, EndpointOptions, Exchange, Listener, ServerConfig, Shared,
};
use roundhouse_net::udp::{SharedAddresses, UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, SpinOptions};
use rustix::time::{ClockId, clock_gettime};

use super::client::run;
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{Load, Shape};
use super::shards::{LOOPBACK, accept, open, options, server_tls};
use crate::cores::{Start, beside_server, meet, on_numbered_shard, on_shard};

/// A server on so many shards, which share an address and one core.
pub(super) struct Sharded {
    pub(super) name: &'static str,
    pub(super) shards: u16,
}

pub(super) const LOAD: Load = Load {
    name: "shards",
    about: "64 connections, 16 messages of 64 bytes on their way on each: what the server could do.",
    shape: Shape::Messages,
    connections: 64,
    outstanding: 16,
    strangers_per_second: 0,
};

/// Whom two shards are compared with.
pub(super) const ONE_SHARD: &str = "one-shard";

impl Subject for Sharded {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        let shards = self.shards;
        format!(
            "{shards} shard(s) on one core: messages per second of their CPU time, times the shards"
        )
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let identity = Identity::new()?;
        let (stop, stopped) = oneshot::channel();
        let (shown, shards) = (identity.clone(), self.shards);
        let met = meet(
            stage,
            move |address| serve(&shown, shards, &address, stopped),
            move |server, start| {
                let done = call(&identity, server, start);
                // The server may have stopped by itself, which its own result tells.
                stop.send(()).ok();
                done
            },
        )?;
        let Served { cpu, busiest } = met.served;
        let per_second = met.called as f64 / cpu.as_secs_f64() * f64::from(self.shards);
        let note = format!("{} messages, {cpu:?} of CPU, at most {busiest:?} a shard", met.called);
        Ok(vec![Measurement::new("messages/s", per_second).note(note)])
    }
}

/// CPU time that the shards used.
struct Served {
    cpu: Duration,
    busiest: Duration,
}

/// Serves on all shards until `stop` says so.
fn serve(
    identity: &Identity,
    shards: u16,
    tell_address: &Sender<SocketAddr>,
    stop: oneshot::Receiver<()>,
) -> Result<Served, MeasureError> {
    let group = Group {
        addresses: SharedAddresses::new(),
        exchange: Exchange::new(),
        shared: Shared::new(&[7; 32], WallTime::from_millis(0), shards),
    };
    let mut address = SocketAddr::new(LOOPBACK, 0);
    let mut others = Vec::new();
    for shard in (1..shards).map(ShardId) {
        let (tell, told) = channel();
        let (stop, stopped) = oneshot::channel();
        let (group, identity) = (group.clone(), identity.clone());
        let serve = move || group.serve(shard, &identity, address, &tell, stopped);
        let served = beside_server(serve)?;
        address = told.recv()?;
        others.push((stop, served));
    }
    let mut used = vec![group.serve(ShardId(0), identity, address, tell_address, stop)?];
    for (stop, served) in others {
        // It may have failed, and says so.
        stop.send(()).ok();
        used.push(served.recv()??);
    }
    let busiest = used.iter().max().copied().unwrap_or_default();
    Ok(Served { cpu: used.iter().sum(), busiest })
}

/// What the shards of a server share.
#[derive(Clone)]
struct Group {
    addresses: SharedAddresses,
    exchange: Exchange,
    shared: Shared,
}

impl Group {
    /// Serves on this thread; gives the CPU time it took.
    fn serve(
        &self,
        shard: ShardId,
        identity: &Identity,
        address: SocketAddr,
        tell: &Sender<SocketAddr>,
        stop: oneshot::Receiver<()>,
    ) -> Result<Duration, MeasureError> {
        let config = ServerConfig::new(&server_tls(identity)?, &self.shared)?;
        let (group, tell) = (self.clone(), tell.clone());
        on_numbered_shard(shard, SpinOptions::Never, move |shard, _| async move {
            let (endpoint, listener) = group.open(&shard, address, &config)?;
            let accepting = shard.spawn(accept(shard.clone(), listener, LOAD));
            tell.send(endpoint.local_address())?;
            let _asked = stop.await;
            let cpu = clock_gettime(ClockId::ThreadCPUTime);
            drop(accepting);
            endpoint.close(Code::default(), &Bytes::new());
            endpoint.drained().await;
            Ok(Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32))
        })
    }

    fn open(
        &self,
        shard: &Shard,
        address: SocketAddr,
        config: &ServerConfig,
    ) -> Result<(Endpoint, Listener), MeasureError> {
        let udp = UdpOptions::new(address);
        let socket = UdpSocket::bind_shared(shard, &udp, &self.addresses)?;
        let options = EndpointOptions::new(shard.id(), self.shared.clone());
        let endpoint = Endpoint::open(shard, socket, options)?;
        endpoint.join(&self.exchange);
        let listener = endpoint.listen(config);
        Ok((endpoint, listener))
    }
}

/// Gives how many messages came back, the warm-up's included: the server's CPU time has it, too.
fn call(identity: &Identity, server: SocketAddr, start: Start) -> Result<u64, MeasureError> {
    let trust = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
    on_shard(SpinOptions::Never, |shard| async move {
        let options = options();
        let config = ClientConfig::new(&trust, &options.shared)?;
        let endpoint = open(&shard, LOOPBACK, options)?;
        let mut connections = Vec::new();
        for _ in 0..LOAD.connections {
            connections.push(endpoint.connect(&config, server, NAME)?.await?);
        }
        let warm = run(&connections, LOAD, start.warm_up).await?;
        let done = run(&connections, LOAD, start.wait()?).await?;
        Ok(warm.operations + done.operations)
    })
}
