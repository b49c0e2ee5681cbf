//! Closing an engine, and going away without.

use std::thread;
use std::time::{Duration, Instant};

use roundhouse::{AppendError, Engine, Error, Log, LogError, Offset, ReadError, ShardId, block_on};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn handles_of_a_closed_engine_say_so() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").create().await.unwrap();
        engine.clone().close().await.unwrap();
        assert_eq!(log.append("x").await, Err(AppendError::Closed));
        assert_eq!(log.append_batch(["x"]).await, Err(AppendError::Closed));
        assert_eq!(log.sync().await, Err(AppendError::Closed));
        assert_eq!(log.read(Offset(0), 1).await.map(drop), Err(ReadError::Closed));
        assert_eq!(log.reader(Offset(0)).next_batch().await.map(drop), Err(ReadError::Closed));
        let closed = LogError::Append(AppendError::Closed);
        assert_eq!(log.trim_to(Offset(0)).await, Err(closed));
        assert!(matches!(log.info().await, Err(Error::Closed)));
        assert!(matches!(engine.metrics().await, Err(Error::Closed)));
        assert!(matches!(engine.log("b").create().await, Err(Error::Closed)));
        assert!(matches!(engine.spawn_on(ShardId(0), async |_| ()).await, Err(Error::Closed)));
        assert!(matches!(engine.close().await, Err(Error::Closed)), "closed already");
    });
}

#[test]
fn what_was_accepted_before_closing_is_there_afterwards() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").create().await.unwrap();
        let appends: Vec<_> = numbers(3_000).into_iter().map(|text| log.append(text)).collect();
        engine.close().await.unwrap();
        for (append, offset) in appends.into_iter().zip(0..) {
            assert_eq!(append.await, Ok(Offset(offset)));
        }
        let engine = scratch.open(2).await;
        assert!(texts(&engine.log("a").open().await.unwrap()).await == numbers(3_000));
    });
}

/// Closes while several threads append: each learns of every record whether it is there.
#[test]
fn what_was_acknowledged_while_closing_is_there_afterwards() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.open(1));
    let log = block_on(engine.log("a").create()).unwrap();
    let acknowledged: u64 = thread::scope(|scope| {
        let append = || block_on(append_until_closed(&log));
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(append)).collect();
        while block_on(log.info()).unwrap().end < Offset(100) {}
        block_on(engine.close()).unwrap();
        writers.into_iter().map(|writer| writer.join().unwrap()).sum()
    });
    let engine = block_on(scratch.open(1));
    let log = block_on(block_on(engine.log("a").open()).unwrap().info()).unwrap();
    assert_eq!(log.end, Offset(acknowledged));
}

#[test]
fn dropping_every_handle_loses_nothing_acknowledged_and_releases_the_lock() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").create().await.unwrap();
        for text in numbers(50) {
            log.append(text).await.unwrap();
        }
        drop(log.append("50"));
        drop(engine);
        drop(log);
        let engine = open_soon(&scratch).await;
        // The last one was accepted too: an engine that is abandoned still finishes its work.
        assert_eq!(texts(&engine.log("a").open().await.unwrap()).await, numbers(51));
        engine.close().await.unwrap();
    });
}

#[test]
fn an_open_directory_is_refused_to_everyone_else() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let second = scratch.builder(1).open().await;
        let directory = scratch.path();
        assert!(matches!(second, Err(Error::InUse { directory: named }) if named == directory));
        let log = engine.log("a").create().await.unwrap();
        assert_eq!(log.append("not disturbed").await, Ok(Offset(0)));
        engine.close().await.unwrap();
        scratch.open(1).await.close().await.unwrap();
    });
}

async fn append_until_closed(log: &Log) -> u64 {
    let mut acknowledged = 0;
    loop {
        match log.append("x").await {
            Ok(_) => acknowledged += 1,
            Err(error) => {
                assert_eq!(error, AppendError::Closed);
                return acknowledged;
            }
        }
    }
}

/// Opens the engine when whoever has it open has let go of it.
async fn open_soon(scratch: &Scratch) -> Engine {
    let start = Instant::now();
    loop {
        match scratch.builder(2).open().await {
            Ok(engine) => return engine,
            Err(Error::InUse { .. }) => assert!(start.elapsed() < Duration::from_secs(10)),
            Err(error) => panic!("{error}"),
        }
    }
}
