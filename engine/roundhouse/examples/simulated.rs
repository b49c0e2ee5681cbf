//! How a program that embeds the engine is tested in the simulator: a server that stores lines durably,
//! a client that sends them again until each is confirmed, a network that loses packets, and a
//! server that loses its power, all in virtual time.
//!
//! `cargo run --example simulated -p roundhouse --features sim -- 42` runs the world of seed 42; the
//! same seed gives the same run every time. `cargo test --examples -p roundhouse` tries some seeds.

#![allow(clippy::print_stdout, reason = "a program that talks to the person who ran it")]

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use roundhouse::net::{ListenerOptions, TcpOptions};
use roundhouse::sim::{Cluster, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse::{Engine, Log, Offset, ShardHandle, ShardId};

const PORT: u16 = 7000;
const LINES: u8 = 100;

fn main() {
    let seed = std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (lines, time) = live(seed);
    println!("seed {seed}: {lines} lines stored for {LINES} sent, {time:?} of virtual time");
}

/// The program under test: appends every line it reads, and answers when it is durable.
async fn serve(shard: ShardHandle, local: SocketAddr, log: Log) -> io::Result<()> {
    let listener = shard.tcp_listener(&ListenerOptions::new(local))?;
    loop {
        let mut stream = listener.accept().await;
        let log = log.clone();
        let answer = async move {
            while let Some(line) = stream.read().await? {
                log.append(line.freeze()).await.map_err(io::Error::other)?;
                stream.write(Bytes::from_static(b"!")).await?;
            }
            Ok::<(), io::Error>(())
        };
        shard.spawn(answer).detach();
    }
}

/// Sends each line until it is confirmed.
async fn send_all(shard: ShardHandle, to: SocketAddr) {
    let connector = shard.tcp_connector(TcpOptions {
        read_timeout: Some(Duration::from_secs(2)),
        ..TcpOptions::default()
    });
    for line in 0..LINES {
        let send = async || -> io::Result<BytesMut> {
            let mut stream = connector.connect(to).await?;
            stream.write(Bytes::from(vec![line])).await?;
            stream.read().await?.ok_or(io::ErrorKind::UnexpectedEof.into())
        };
        while send().await.is_err() {
            shard.runtime().sleep(Duration::from_millis(100)).await;
        }
    }
}

/// One life of the world: returns how many lines are stored in the end, and how long it took.
fn live(seed: u64) -> (usize, Duration) {
    let world = World::new(seed, WorldOptions::default());
    world.change_links(|link| link.loss = 0.05);
    let (server, client) = (world.node("server"), world.node("client"));
    let mut cluster = Cluster::new(world.clone());
    let local = SocketAddr::new(server.address(), PORT);

    let engine = start_server(&mut cluster, &server, local);
    let sender = open(&mut cluster, &client);
    let mut sending =
        pin!(sender.spawn_on(ShardId(0), async move |shard| send_all(shard, local).await));
    // When the power fails is up to the seed, too.
    let steps = 100 + world.random().below(400);
    assert!(run(&mut cluster, steps, sending.as_mut()).is_none(), "seed {seed}: it was too fast");
    cluster.crash(&server);
    drop(engine);

    let engine = start_server(&mut cluster, &server, local);
    run(&mut cluster, u64::MAX, sending).expect("it comes to an end").expect("nobody stops it");
    let stored = run(&mut cluster, u64::MAX, stored(&engine)).expect("it comes to an end");
    for line in 0..LINES {
        assert!(stored.contains(&line), "seed {seed}: line {line} was confirmed and is lost");
    }
    (stored.len(), Duration::from_nanos(world.now().0))
}

fn start_server(cluster: &mut Cluster, node: &Node, local: SocketAddr) -> Engine {
    let engine = open(cluster, node);
    let log = run(cluster, u64::MAX, engine.log("lines").open_or_create());
    let log = log.expect("it comes to an end").expect("there is room");
    // Asked once, it runs on the shard until the engine ends.
    let serving = engine.spawn_on(ShardId(0), async move |shard| serve(shard, local, log).await);
    assert!(run(cluster, 1, serving).is_none());
    engine
}

/// Starts a shard on a node and opens the engine that it is.
fn open(cluster: &mut Cluster, node: &Node) -> Engine {
    let options = [("shards", "1"), ("slot_size", "1MiB"), ("zero_slots", "false")];
    let builder =
        options.into_iter().fold(Engine::builder(Path::new("/data")), |all, (key, value)| {
            all.option(key, value).expect("it is in its range")
        });
    let (opening, seeds) = builder.seeds().expect("the options are complete");
    for seed in seeds {
        let shard = seed.id();
        let shard_loop = seed.start_on(Box::new(node.driver(shard)));
        cluster.start(node, shard, Box::new(shard_loop));
    }
    run(cluster, u64::MAX, opening).expect("it comes to an end").expect("the store opens")
}

/// The first byte of every record.
async fn stored(engine: &Engine) -> Vec<u8> {
    let log = engine.log("lines").open().await.expect("it is there");
    let records = log.read(Offset(0), 1 << 20).await.expect("it can be read");
    records.iter().map(|record| record.body[0]).collect()
}

/// Runs the world for so many steps, or until a future that lives outside of it is ready.
fn run<T>(cluster: &mut Cluster, steps_max: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut output = None;
    let outcome = cluster.run_until(RunLimits { steps_max, ..RunLimits::default() }, || {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            output = Some(ready);
        }
        output.is_some()
    });
    assert_ne!(outcome, Outcome::Deadlock, "nothing can happen any more");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_confirmed_survives_loss_and_power_failure() {
        for seed in 0..10 {
            live(seed);
        }
    }

    #[test]
    fn a_seed_gives_the_same_life_each_time() {
        assert_eq!(live(3), live(3));
    }
}
