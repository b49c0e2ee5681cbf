//! The store end to end on the simulated disk, step by step.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use roundhouse_base::{Offset, ShardId};
use roundhouse_runtime::sim::{Cluster, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};
use roundhouse_store::*;

fn options() -> StoreOptions {
    StoreOptions {
        slot_bytes: 256 * 1024,
        memory_bytes: 8 << 20,
        sync_method: SyncChoice::Fixed(SyncMethod::Dsync),
        anchor_delay: Some(Duration::from_millis(250)),
        ..StoreOptions::default()
    }
}

const IDENTITY: Identity = Identity { store: None, shard: ShardId(0), shards: 1 };

/// Runs a program on a fresh shard of a node until it ends.
fn run<T: 'static, F: Future<Output = T> + 'static>(
    cluster: &mut Cluster,
    node: &Node,
    program: impl FnOnce(Shard) -> F,
) -> T {
    let shard_loop =
        ShardLoop::new(ShardId(0), Box::new(node.driver(ShardId(0))), SpinOptions::Never);
    let shard = shard_loop.shard();
    let result = Rc::new(RefCell::new(None));
    let task = {
        let result = result.clone();
        let program = program(shard.clone());
        shard.spawn(async move {
            let value = program.await;
            result.replace(Some(value));
        })
    };
    task.detach();
    drop(shard);
    let process = cluster.start(node, ShardId(0), Box::new(shard_loop));
    let outcome = cluster.run_until(RunLimits::default(), || result.borrow().is_some());
    assert_eq!(outcome, Outcome::Reached);
    cluster.kill(process);
    result.take().unwrap()
}

fn world(seed: u64) -> (Cluster, Node) {
    let world = World::new(seed, WorldOptions::default());
    let node = world.node("a");
    (Cluster::new(world), node)
}

async fn read_all(store: &Store, log: LogId) -> Vec<Vec<u8>> {
    let mut reader = store.reader(log, store.log_info(log).unwrap().start);
    let mut all = Vec::new();
    loop {
        let records = reader.read(64 * 1024).await.unwrap();
        if records.is_empty() {
            return all;
        }
        all.extend(records.iter().map(|record| record.body.to_vec()));
    }
}
use roundhouse_base::LogId;

fn body(no: usize) -> Vec<u8> {
    let mut body = format!("record {no} ").into_bytes();
    body.resize(20 + no * 37 % 3000, b'x');
    body
}

#[test]
fn what_was_appended_is_read_back_after_a_clean_close() {
    let (mut cluster, node) = world(1);
    let dir = Path::new("data");
    run(&mut cluster, &node, async |shard| {
        let store = Store::open(&shard, dir, IDENTITY, &options()).await.unwrap();
        let log = store.create_log("orders", LogConfig::default()).await.unwrap();
        for no in 0..2000 {
            let offset = store.append(log, &[NewRecord::from(body(no).as_slice())]).await.unwrap();
            assert_eq!(offset, Offset(no as u64));
        }
        assert_eq!(read_all(&store, log).await.len(), 2000);
        store.close().await.unwrap();
    });
    run(&mut cluster, &node, async |shard| {
        let store = Store::open(&shard, dir, IDENTITY, &options()).await.unwrap();
        let log = store.find("orders").unwrap();
        let all = read_all(&store, log).await;
        assert_eq!(all.len(), 2000);
        assert!(all.iter().enumerate().all(|(no, record)| *record == body(no)));
        store.close().await.unwrap();
    });
}

#[test]
fn what_was_acknowledged_survives_a_crash() {
    for seed in 0..20 {
        let (mut cluster, node) = world(seed);
        let dir = Path::new("data");
        let acked = Rc::new(RefCell::new(0usize));
        let shard_loop =
            ShardLoop::new(ShardId(0), Box::new(node.driver(ShardId(0))), SpinOptions::Never);
        let shard = shard_loop.shard();
        let counter = acked.clone();
        let handle = shard.clone();
        shard
            .spawn(async move {
                let store = Store::open(&handle, dir, IDENTITY, &options()).await.unwrap();
                let log = store.create_log("orders", LogConfig::default()).await.unwrap();
                for no in 0..100_000 {
                    store.append(log, &[NewRecord::from(body(no).as_slice())]).await.unwrap();
                    *counter.borrow_mut() = no + 1;
                }
            })
            .detach();
        drop(shard);
        cluster.start(&node, ShardId(0), Box::new(shard_loop));
        let stop = 200 + seed as usize * 77;
        assert_eq!(
            cluster.run_until(RunLimits::default(), || *acked.borrow() >= stop),
            Outcome::Reached
        );
        cluster.crash(&node);
        let found = run(&mut cluster, &node, async |shard| {
            let store = Store::open(&shard, dir, IDENTITY, &options()).await.unwrap();
            let log = store.find("orders").unwrap();
            let all = read_all(&store, log).await;
            assert!(all.iter().enumerate().all(|(no, record)| *record == body(no)));
            all.len()
        });
        assert!(found >= *acked.borrow(), "seed {seed}: {found} of {}", acked.borrow());
    }
}
