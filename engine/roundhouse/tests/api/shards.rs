//! Programs that live on the shards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roundhouse::{Error, NewRecord, Offset, ShardHandle, ShardId, block_on};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn a_program_runs_on_each_shard_and_its_results_come_back_in_order() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(3).await;
        let program = async |shard: ShardHandle| {
            let thread = std::thread::current().name().map(str::to_owned);
            (shard.spawn(async { 7 }).await, shard.id(), thread)
        };
        let results = engine.spawn_on_each_shard(program).await.unwrap();
        let named = |shard: u16| (7, ShardId(shard), Some(format!("roundhouse-{shard}")));
        assert_eq!(results, [named(0), named(1), named(2)]);
        assert!(matches!(engine.spawn_on(ShardId(3), async |_| ()).await, Err(Error::Closed)));
    });
}

#[test]
fn a_local_log_and_a_handle_are_the_same_log() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").on_shard(ShardId(1)).create().await.unwrap();
        let shared = log.clone();
        let program = async move |shard: ShardHandle| {
            let local = shard.local(&shared).expect("the program runs on the log's shard");
            assert_eq!(local.append(b"0").await, Ok(Offset(0)));
            assert_eq!(shared.append("1").await, Ok(Offset(1)));
            let batch = ["2", "3"].map(|text| NewRecord::from(text.as_bytes()));
            assert_eq!(local.append_batch(&batch).await, Ok(Offset(2)));
            let unsynced = local.try_append(&batch).expect("there is room");
            assert_eq!(unsynced.first, Offset(4));
            local.wait_acknowledged(unsynced.ticket).await.unwrap();
            assert_eq!(local.sync().await, Ok(Offset(6)));
            let records = local.reader(Offset(0)).read(1 << 20).await.unwrap();
            assert_eq!(records.iter().count(), 6);
            local.info().expect("it was not deleted").end
        };
        assert_eq!(engine.spawn_on(ShardId(1), program).await.unwrap(), Offset(6));
        assert_eq!(texts(&log).await, ["0", "1", "2", "3", "2", "3"]);
    });
}

#[test]
fn a_shard_appends_to_the_log_of_another() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").on_shard(ShardId(0)).create().await.unwrap();
        let shared = log.clone();
        let program = async move |shard: ShardHandle| {
            assert!(shard.local(&shared).is_none());
            for text in numbers(100) {
                shared.append(text).await.unwrap();
            }
        };
        engine.spawn_on(ShardId(1), program).await.unwrap();
        assert_eq!(texts(&log).await, numbers(100));
    });
}

/// A panic on a shard must end its program, not the shard.
#[test]
fn a_program_that_panics_takes_only_itself_down() {
    block_on(async {
        let scratch = Scratch::new();
        let panicked = Arc::new(AtomicBool::new(false));
        let builder = scratch.builder(1).panic_flag(panicked.clone());
        let engine = builder.open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        assert!(!panicked.load(Ordering::Acquire));
        let fallen = engine.spawn_on(ShardId(0), async |_| panic!("this panic belongs to a test"));
        assert!(matches!(fallen.await, Err::<(), _>(Error::Panicked)));
        assert!(panicked.load(Ordering::Acquire), "whoever wants to know is told");
        assert_eq!(log.append("x").await, Ok(Offset(0)));
        engine.close().await.unwrap();
    });
}

/// `close` joined the very thread it ran on, which is a panic.
#[test]
fn an_engine_can_be_closed_from_one_of_its_shards() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let closing = engine.clone();
        let (report, closed) = std::sync::mpsc::channel();
        let program = async move |_: ShardHandle| {
            report.send(closing.close().await.is_ok()).expect("the test waits");
        };
        // The program ends with its shard, so that its outcome may get lost.
        drop(engine.spawn_on(ShardId(0), program).await);
        assert_eq!(closed.recv(), Ok(true));
        scratch.open(2).await.close().await.unwrap();
    });
}
