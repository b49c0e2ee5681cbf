//! On simulated nodes, with links that lose packets.

use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use roundhouse::sim::{Cluster, NetworkLoad, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse::{Engine, Monotonic, ShardId};

use super::Failure;
use super::identity::Pem;
use super::round::{self, Place};

const NODES: usize = 3;
/// Closed connections answer late packets for a minute.
const QUIET: Duration = Duration::from_mins(5);

pub(super) fn run(time: Duration, seed: u64, loss: f64) -> Result<(), Failure> {
    let world = World::new(seed, WorldOptions::default());
    world.change_links(|link| link.loss = loss);
    let mut cluster = Cluster::new(world.clone());
    let nodes: Vec<Node> = (0..NODES).map(|n| world.node(&format!("node {n}"))).collect();
    let mut engines = Vec::new();
    for node in &nodes {
        engines.push(open(&mut cluster, node)?);
    }
    let pem = Pem::new()?;
    let places: Vec<_> = engines
        .iter()
        .zip(&nodes)
        .map(|(engine, node)| Place { engine, shard: ShardId(0), ip: node.address() })
        .collect();
    // The first round makes what stays, such as the logs.
    let mut total = drive(&mut cluster, round::run(&places, &pem, time / 4))??;
    let before = quiet_load(&mut cluster);
    total.add(drive(&mut cluster, round::run(&places, &pem, time / 4 * 3))??);
    let after = quiet_load(&mut cluster);
    println!(
        "{} connections, {} requests, {} datagrams repeated in {} virtual s; {}; trace {:016x}",
        total.connections,
        total.requests,
        total.repeats,
        time.as_secs(),
        world.network_counts(),
        world.trace_hash()
    );
    if before != after || after.0 != NetworkLoad::default() {
        return Err(format!("seed {seed}: something is left: {before:?} became {after:?}").into());
    }
    for engine in engines {
        drive(&mut cluster, engine.close())??;
    }
    Ok(())
}

/// Starts a shard on a node and opens the engine that it is.
fn open(cluster: &mut Cluster, node: &Node) -> Result<Engine, Failure> {
    let options = [
        ("shards", "1"),
        ("slot_size", "1MiB"),
        ("memory", "64MiB"),
        ("sync_method", "dsync"),
        ("zero_slots", "false"),
    ];
    let mut builder = Engine::builder(Path::new("/data"));
    for (key, value) in options {
        builder = builder.option(key, value)?;
    }
    let (opening, seeds) = builder.seeds()?;
    for seed in seeds {
        let shard = seed.id();
        let shard_loop = seed.start_on(Box::new(node.driver(shard)));
        cluster.start(node, shard, Box::new(shard_loop));
    }
    Ok(drive(cluster, opening)??)
}

/// What is left when everything late has come: of the network, and of operations in flight.
fn quiet_load(cluster: &mut Cluster) -> (NetworkLoad, usize) {
    let world = cluster.world().clone();
    let time_max = world.now() + QUIET;
    // It ends at the time, or before if nothing can happen any more.
    let _ = cluster.run_until(RunLimits { steps_max: u64::MAX, time_max }, || false);
    world.advance_to(time_max);
    (world.network_load(), world.operations())
}

/// Lets the world run until a future of the program, which lives outside of it, is ready.
fn drive<T>(cluster: &mut Cluster, future: impl Future<Output = T>) -> Result<T, Failure> {
    let mut future = pin!(future);
    let mut output = None;
    let limits = RunLimits { steps_max: u64::MAX, time_max: Monotonic(u64::MAX) };
    let outcome = cluster.run_until(limits, || {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            output = Some(ready);
        }
        output.is_some()
    });
    match (output, outcome) {
        (Some(output), Outcome::Reached) => Ok(output),
        (_, outcome) => Err(format!("seed {}: {outcome}", cluster.world().seed()).into()),
    }
}
