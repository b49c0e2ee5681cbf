//! Damage to the head of the newest segment is found by what lies behind it.

use std::cell::RefCell;
use std::future::Future;
use std::path::Path;
use std::rc::Rc;

use roundhouse_base::ShardId;
use roundhouse_runtime::sim::{Cluster, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};
use roundhouse_store::*;

const IDENTITY: Identity = Identity { store: None, shard: ShardId(0), shards: 1, may_create: true };
const SLOT_BYTES: u64 = 256 * 1024;

fn run<T: 'static, F: Future<Output = T> + 'static>(
    cluster: &mut Cluster,
    node: &Node,
    program: impl FnOnce(Shard) -> F,
) -> T {
    let driver = Box::new(node.driver(ShardId(0)));
    let shard_loop = ShardLoop::new(ShardId(0), driver, SpinOptions::Never);
    let shard = shard_loop.shard();
    let result = Rc::new(RefCell::new(None));
    let (program, sink) = (program(shard.clone()), result.clone());
    shard.spawn(async move { drop(sink.replace(Some(program.await))) }).detach();
    drop(shard);
    let process = cluster.start(node, ShardId(0), Box::new(shard_loop));
    let outcome = cluster.run_until(RunLimits::default(), || result.borrow().is_some());
    assert_eq!(outcome, Outcome::Reached);
    cluster.kill(process);
    result.take().expect("the program ended")
}

fn options() -> StoreOptions {
    StoreOptions {
        slot_bytes: SLOT_BYTES,
        memory_bytes: 8 << 20,
        sync_method: SyncChoice::Fixed(SyncMethod::Dsync),
        ..StoreOptions::default()
    }
}

/// A seal named the slot after the next one, since it is submitted after its successor was
/// activated. Opening then looked for evidence in the wrong file: with one flipped bit in the head
/// of the newest segment the acknowledged records behind it were dropped without a word.
#[test]
fn acknowledged_records_behind_a_damaged_head_are_not_dropped() {
    let world = World::new(1, WorldOptions::default());
    let node = world.node("a");
    let mut cluster = Cluster::new(world);
    let dir = Path::new("data");
    let end = run(&mut cluster, &node, async |shard| {
        let store = Store::open(&shard, dir, IDENTITY, &options()).await.unwrap();
        let log = store.create_log("orders", LogConfig::default()).await.unwrap();
        while store.info().segments < 3 {
            store.append(log, &[NewRecord::from([7; 3000].as_slice())]).await.unwrap();
        }
        for _ in 0..5 {
            store.append(log, &[NewRecord::from([7; 3000].as_slice())]).await.unwrap();
        }
        store.info().end
    });
    cluster.crash(&node);
    let head = end.segment(SLOT_BYTES).base(SLOT_BYTES);
    let holds_head = |path: &std::path::PathBuf| {
        let content = node.read_file(path);
        content.starts_with(b"RHFR") && content[8..16] == head.0.to_le_bytes()
    };
    let slot = node.files().into_iter().find(holds_head).expect("a slot holds the segment");
    node.corrupt(&slot, 40, 1);

    let opened = run(&mut cluster, &node, async |shard| {
        Store::open(&shard, dir, IDENTITY, &options()).await.map(drop)
    });
    assert!(matches!(opened, Err(OpenError::Corruption(_))), "{opened:?}");
}
