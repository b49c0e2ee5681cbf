//! Servers and clients on every shard, from the start to the end of all of them.

use std::net::IpAddr;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::future;
use roundhouse::{Engine, Log, ShardHandle, ShardId};

use super::Failure;
use super::clients::{self, Tally};
use super::identity::Pem;
use super::servers::{Addresses, Servers};

/// A shard that takes part.
pub(super) struct Place<'a> {
    pub(super) engine: &'a Engine,
    pub(super) shard: ShardId,
    /// Where others reach it.
    pub(super) ip: IpAddr,
}

/// What a shard is told in the course of a round, each when all shards have come so far.
struct Signals {
    listening: oneshot::Sender<Addresses>,
    peers: oneshot::Receiver<Vec<Addresses>>,
    finished: oneshot::Sender<Tally>,
    all_finished: oneshot::Receiver<()>,
}

/// What the other side of [`Signals`] holds.
struct Observer {
    listening: oneshot::Receiver<Addresses>,
    peers: oneshot::Sender<Vec<Addresses>>,
    finished: oneshot::Receiver<Tally>,
    all_finished: oneshot::Sender<()>,
}

/// Runs clients of every place to the servers of all others for `time`. When it returns, all is
/// closed.
pub(super) async fn run(places: &[Place<'_>], pem: &Pem, time: Duration) -> Result<Tally, Failure> {
    let (mut programs, mut observers) = (Vec::new(), Vec::new());
    for place in places {
        let name = format!("soak {}", place.shard.0);
        let log = place.engine.log(name).on_shard(place.shard).open_or_create().await?;
        let (signals, observer) = signals();
        let (ip, pem) = (place.ip, pem.clone());
        let program =
            async move |shard: ShardHandle| live(&shard, ip, &log, &pem, time, signals).await;
        programs.push(place.engine.spawn_on(place.shard, program));
        observers.push(observer);
    }
    let (ended, tally) = future::join(future::join_all(programs), observe(observers)).await;
    let mut failures = Vec::new();
    for ended in ended {
        failures.extend(ended?.err());
    }
    // Where one shard failed the others were only left alone.
    failures.sort_by_key(|failure| failure.is::<oneshot::Canceled>());
    match failures.into_iter().next() {
        Some(failure) => Err(failure),
        None => tally,
    }
}

/// Brings the shards from stage to stage. A shard that failed is missing at one of them.
async fn observe(observers: Vec<Observer>) -> Result<Tally, Failure> {
    let (mut addresses, mut rest) = (Vec::new(), Vec::new());
    for Observer { listening, peers, finished, all_finished } in observers {
        addresses.push(listening.await?);
        rest.push((peers, finished, all_finished));
    }
    let (mut running, mut total) = (Vec::new(), Tally::default());
    for (index, (peers, finished, all_finished)) in rest.into_iter().enumerate() {
        let mut others = addresses.clone();
        others.remove(index);
        // Who is gone is noticed right below.
        let _ = peers.send(others);
        running.push((finished, all_finished));
    }
    let mut waiting = Vec::new();
    for (finished, all_finished) in running {
        total.add(finished.await?);
        waiting.push(all_finished);
    }
    for all_finished in waiting {
        let _ = all_finished.send(());
    }
    Ok(total)
}

async fn live(
    shard: &ShardHandle,
    ip: IpAddr,
    log: &Log,
    pem: &Pem,
    time: Duration,
    signals: Signals,
) -> Result<(), Failure> {
    let (servers, addresses) = Servers::start(shard, ip, log, pem)?;
    // Who observes has given up if it is gone, and so does this shard.
    let _ = signals.listening.send(addresses);
    let peers = signals.peers.await?;
    let end = shard.runtime().now() + time;
    let tally = clients::run(shard, ip, &peers, pem, end).await?;
    let _ = signals.finished.send(tally);
    signals.all_finished.await?;
    servers.stop(shard).await;
    Ok(())
}

fn signals() -> (Signals, Observer) {
    let (listening, heard_listening) = oneshot::channel();
    let (tell_peers, peers) = oneshot::channel();
    let (finished, heard_finished) = oneshot::channel();
    let (tell_finished, all_finished) = oneshot::channel();
    let observer = Observer {
        listening: heard_listening,
        peers: tell_peers,
        finished: heard_finished,
        all_finished: tell_finished,
    };
    (Signals { listening, peers, finished, all_finished }, observer)
}
