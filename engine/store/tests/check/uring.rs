//! The same on real files.

use std::cell::RefCell;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::rc::Rc;

use roundhouse_base::ShardId;
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions, UringDriver, UringOptions, Wait};
use roundhouse_store::*;

use crate::scene::{IDENTITY, fill, options, read_all, repaired};

fn run<T: 'static, F: Future<Output = T> + 'static>(program: impl FnOnce(Shard) -> F) -> T {
    let driver = UringDriver::new(&UringOptions::default()).unwrap();
    let mut shard_loop = ShardLoop::new(ShardId(0), Box::new(driver), SpinOptions::Never);
    let shard = shard_loop.shard();
    let result = Rc::new(RefCell::new(None));
    let (program, sink) = (program(shard.clone()), result.clone());
    shard.spawn(async move { drop(sink.replace(Some(program.await))) }).detach();
    loop {
        let turn = shard_loop.turn(Wait::No).unwrap();
        if let Some(value) = result.take() {
            return value;
        }
        if !turn.has_work {
            shard_loop.turn(Wait::Until(turn.next_deadline)).unwrap();
        }
    }
}

#[test]
fn a_damaged_file_is_found_repaired_and_used_again() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("shard-000");
    let at = directory.clone();
    run(async move |shard| {
        let store = Store::open(&shard, &at, IDENTITY, &options()).await.unwrap();
        fill(&store, 4).await;
        store.close().await.unwrap();
    });
    let at = directory.clone();
    let clean = run(async move |shard| verify(&shard, &at, &mut |_| {}).await.unwrap());
    assert!(matches!(clean.verdict, Verdict::Clean));

    let slot = std::fs::File::options().read(true).write(true).open(directory.join("wal-00000001"));
    let slot = slot.unwrap();
    let mut byte = [0];
    slot.read_exact_at(&mut byte, 100_000).unwrap();
    slot.write_all_at(&[byte[0] ^ 1], 100_000).unwrap();
    slot.sync_all().unwrap();

    let at = directory.clone();
    let (damaged, repair, after, left) = run(async move |shard| {
        let damaged = verify(&shard, &at, &mut |_| {}).await.unwrap();
        let repair = repaired(repair(&shard, &at, RepairOptions::default()).await.unwrap());
        let after = verify(&shard, &at, &mut |_| {}).await.unwrap();
        let store = Store::open(&shard, &at, IDENTITY, &options()).await.unwrap();
        let left = read_all(&store).await;
        fill(&store, 4).await;
        store.close().await.unwrap();
        (damaged, repair, after, left)
    });
    let Verdict::Corruption { places, total: 1 } = damaged.verdict else { panic!("one place") };
    assert_eq!(places[0].file, directory.join("wal-00000001"));
    assert!((1..=100_000).contains(&places[0].file_offset));
    assert_eq!(repair.cut, Some(places[0].clone()));
    assert!(repair.quarantined.iter().all(|copy| copy.is_file()));
    assert!(!matches!(after.verdict, Verdict::Corruption { .. }));
    assert!(left.values().all(|bodies| !bodies.is_empty()));

    let clean = run(async move |shard| verify(&shard, &directory, &mut |_| {}).await.unwrap());
    assert!(matches!(clean.verdict, Verdict::Clean));
}
