//! The same handles under every host: tokio, tokio-uring, threads, or nothing at all.

use std::thread;

use roundhouse::{Engine, Log, Offset, block_on};

use crate::scratch::{Scratch, numbers, texts};

/// Appends, reads, follows and closes: what any program does.
async fn round_trip(engine: Engine) {
    let log = engine.log("a").open_or_create().await.unwrap();
    let mut reader = log.reader(Offset(0));
    for text in numbers(100) {
        log.append(text).await.unwrap();
    }
    let mut followed = Vec::new();
    while followed.len() < 100 {
        followed.extend(reader.next_batch().await.unwrap().iter().map(|record| record.body));
    }
    assert_eq!(followed, numbers(100));
    assert_eq!(texts(&log).await, numbers(100));
    engine.close().await.unwrap();
}

#[test]
fn a_bare_block_on_is_enough() {
    let scratch = Scratch::new();
    block_on(async { round_trip(scratch.open(2).await).await });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokio_drives_the_handles() {
    let scratch = Scratch::new();
    round_trip(scratch.open(2).await).await;
}

#[test]
fn tokio_uring_drives_the_handles_beside_a_ring_of_its_own() {
    let scratch = Scratch::new();
    tokio_uring::start(async { round_trip(scratch.open(2).await).await });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_of_tokio_share_one_log() {
    let scratch = Scratch::new();
    let engine = scratch.open(2).await;
    let log = engine.log("a").create().await.unwrap();
    let tasks: Vec<_> = (0..16).map(|task| tokio::spawn(append_50(log.clone(), task))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_each_in_order(&texts(&log).await, 16);
    engine.close().await.unwrap();
}

#[test]
fn threads_share_one_log_through_the_blocking_twins() {
    let scratch = Scratch::new();
    let engine = scratch.builder(2).open_blocking().unwrap();
    let log = engine.open_or_create_log("a").unwrap();
    thread::scope(|scope| {
        for thread in 0..8 {
            let log = log.clone();
            scope.spawn(move || {
                for number in 0..50 {
                    log.append(format!("{thread} {number}")).unwrap();
                }
            });
        }
    });
    assert_eq!(log.info().unwrap().end, Offset(400));
    assert_each_in_order(&block_on(texts(log.handle())), 8);
    let mut reader = engine.open_log("a").unwrap().reader(Offset(399));
    assert_eq!(reader.next_batch().unwrap().next_offset(), Offset(400));
    engine.close().unwrap();
}

#[test]
fn two_engines_live_in_one_process() {
    let (one, other) = (Scratch::new(), Scratch::new());
    block_on(async {
        let (one, other) = (one.open(1).await, other.open(2).await);
        assert_ne!(one.store_id(), other.store_id());
        let here = one.log("a").create().await.unwrap();
        let there = other.log("a").create().await.unwrap();
        // A shard of one engine is just another thread to the handles of the other.
        let from_shard = {
            let there = there.clone();
            one.spawn_on(here.shard(), async move |_| there.append("from the neighbour").await)
        };
        assert_eq!(from_shard.await.unwrap(), Ok(Offset(0)));
        here.append("at home").await.unwrap();
        assert_eq!(texts(&here).await, ["at home"]);
        assert_eq!(texts(&there).await, ["from the neighbour"]);
        one.close().await.unwrap();
        other.close().await.unwrap();
    });
}

async fn append_50(log: Log, writer: usize) {
    for number in 0..50 {
        log.append(format!("{writer} {number}")).await.unwrap();
    }
}

/// 50 records of each of `writers`, each writer's own in its order.
fn assert_each_in_order(texts: &[String], writers: usize) {
    assert_eq!(texts.len(), writers * 50);
    for writer in 0..writers {
        let prefix = format!("{writer} ");
        let numbered = texts.iter().filter_map(|text| text.strip_prefix(&prefix));
        assert!(numbered.eq(numbers(50)), "writer {writer}");
    }
}
