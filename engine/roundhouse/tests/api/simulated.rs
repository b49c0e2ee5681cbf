//! An engine in the simulator, as programs that embed one test themselves.

use std::cell::RefCell;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use roundhouse::sim::{Cluster, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse::{AppendError, Engine, ShardId};

use crate::scratch::{builder, numbers, texts};

#[test]
fn two_shards_lose_power_and_keep_what_was_acknowledged() {
    for seed in 0..20 {
        let (mut cluster, node) = world(seed);
        let engine = open(&mut cluster, &node);
        let acknowledged = [RefCell::default(), RefCell::default()];
        let logs = [0, 1].map(|shard| {
            let log = engine.log(format!("log-{shard}")).on_shard(ShardId(shard)).create();
            run(&mut cluster, log).unwrap()
        });
        let appends = async {
            let append_all = async |shard: usize| {
                for text in numbers(1_000) {
                    logs[shard].append(text).await.unwrap();
                    *acknowledged[shard].borrow_mut() += 1;
                }
            };
            futures_util::future::join(append_all(0), append_all(1)).await;
        };
        // How far this comes before the power fails is up to the seed.
        let steps_max = 50 + seed * 37;
        assert!(run_for(&mut cluster, steps_max, appends).is_none(), "seed {seed}");
        cluster.crash(&node);
        let refused = run(&mut cluster, logs[0].append("too late"));
        assert_eq!(refused, Err(AppendError::Closed), "seed {seed}");
        drop((engine, logs));

        let engine = open(&mut cluster, &node);
        for (shard, acknowledged) in acknowledged.iter().enumerate() {
            let log = run(&mut cluster, engine.log(format!("log-{shard}")).open()).unwrap();
            let texts = run(&mut cluster, texts(&log));
            assert!(texts.len() >= acknowledged.take(), "seed {seed}, shard {shard}");
            assert_eq!(texts, numbers(texts.len()), "seed {seed}, shard {shard}");
        }
        run(&mut cluster, engine.close()).unwrap();
    }
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let trace = |seed| {
        let (mut cluster, node) = world(seed);
        let engine = open(&mut cluster, &node);
        let log = run(&mut cluster, engine.log("a").create()).unwrap();
        for text in numbers(50) {
            run(&mut cluster, log.append(text)).unwrap();
        }
        run(&mut cluster, engine.close()).unwrap();
        cluster.world().trace_hash()
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7), trace(8));
}

fn world(seed: u64) -> (Cluster, Node) {
    let world = World::new(seed, WorldOptions::default());
    let node = world.node("a");
    (Cluster::new(world), node)
}

/// Starts two shards on a node and opens the engine they are.
fn open(cluster: &mut Cluster, node: &Node) -> Engine {
    let builder = builder(Path::new("/data")).option("shards", "2").unwrap();
    let (opening, seeds) = builder.seeds().unwrap();
    for seed in seeds {
        let shard = seed.id();
        let shard_loop = seed.start_on(Box::new(node.driver(shard)));
        cluster.start(node, shard, Box::new(shard_loop));
    }
    run(cluster, opening).unwrap()
}

/// Runs the world until a future of the program, which lives outside of it, is ready.
fn run<T>(cluster: &mut Cluster, future: impl Future<Output = T>) -> T {
    run_for(cluster, RunLimits::default().steps_max, future).expect("it comes to an end")
}

/// The same for so many steps.
fn run_for<T>(cluster: &mut Cluster, steps_max: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut output = None;
    let outcome = cluster.run_until(RunLimits { steps_max, ..RunLimits::default() }, || {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => output = Some(ready),
            Poll::Pending => {}
        }
        output.is_some()
    });
    assert_ne!(outcome, Outcome::Deadlock);
    output
}
