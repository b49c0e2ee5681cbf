//! Appends are in line when the call returns, in the order of the calls, whatever becomes of the
//! futures.

use std::sync::mpsc;
use std::thread;

use futures_util::FutureExt;
use roundhouse::{AppendError, Engine, Log, Offset, ShardHandle, ShardId, block_on};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn appends_that_nobody_awaited_yet_are_in_the_order_of_the_calls() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(2).await.log("a").create().await.unwrap();
        let appends: Vec<_> = numbers(2_000).into_iter().map(|text| log.append(text)).collect();
        for (append, offset) in appends.into_iter().zip(0_u16..2_000).rev() {
            assert_eq!(append.await, Ok(Offset(offset.into())));
        }
        assert_eq!(texts(&log).await, numbers(2_000));
    });
}

/// The first version kept what found the mailbox full in its own future, unsent until that was
/// polled: later appends overtook it as soon as there was room, and it was lost if the future was
/// dropped.
#[test]
fn a_full_mailbox_changes_neither_the_order_nor_what_is_appended() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.builder(1).option("mailbox", "16").unwrap().open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        for text in numbers(20_000) {
            drop(log.append(text));
        }
        assert_eq!(log.append("last").await, Ok(Offset(20_000)));
        let texts = texts(&log).await;
        assert!(texts[..20_000] == numbers(20_000), "in the order of the calls");
    });
}

/// The line had no bound: a program that awaited nothing could fill the memory of its machine.
#[test]
fn an_append_is_refused_when_those_that_wait_hold_what_they_may() {
    let scratch = Scratch::new();
    let builder = scratch.builder(1).option("mailbox", "16").unwrap();
    let builder = builder.option("append_memory", "1MiB").unwrap();
    let engine = block_on(builder.open()).unwrap();
    let log = block_on(engine.log("a").create()).unwrap();
    let body = vec![7; 100 * 1024];
    let mut accepted = 0;
    let refused = while_shard_is_held(&engine, || {
        for _ in 0..100 {
            let append = log.append(body.clone());
            // Also polled: a refusal is known at once, and of a shard that is held nothing else is.
            match append.now_or_never() {
                Some(Err(error)) => return Some(error),
                Some(Ok(offset)) => panic!("{offset} was acknowledged by a shard that is held"),
                None => accepted += 1,
            }
        }
        None
    });
    assert_eq!(refused, Some(AppendError::Overloaded { bytes_max: 1 << 20 }));
    // Ten of 100 KiB and what describes them are just below 1 MiB.
    assert_eq!(accepted, 16 + 10);
    let next = Offset(accepted);
    assert_eq!(block_on(log.append("taken again")), Ok(next), "the refused one left no gap");
}

/// Runs `work` while the only shard carries out nothing.
fn while_shard_is_held<T>(engine: &Engine, work: impl FnOnce() -> T) -> T {
    let (is_held, held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let hold = engine.spawn_on(ShardId(0), async move |_: ShardHandle| {
            is_held.send(()).unwrap();
            assert!(released.recv().is_err(), "nothing is sent");
        });
        scope.spawn(|| block_on(hold).unwrap());
        held.recv().unwrap();
        let result = work();
        drop(release);
        result
    })
}

/// An append on the shard itself that found no room waited in a task of its own; a later one could
/// be polled between the freeing of room and the turn of that task.
#[test]
fn appends_on_the_shard_keep_their_order_when_there_is_no_room() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.builder(1).option("memory", "8MiB").unwrap().open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        let counted = log.clone();
        let program = async move |shard: ShardHandle| {
            for number in 0..20_000_u32 {
                // Sizes differ, so that a small record fits where a large one does not.
                let mut body = vec![0; if number % 3 == 0 { 8_000 } else { 10 }];
                body[..4].copy_from_slice(&number.to_le_bytes());
                drop(log.append(body));
                if number % 100 == 0 {
                    roundhouse_runtime::yield_now().await;
                }
            }
            assert_eq!(log.append("last").await, Ok(Offset(20_000)), "on {shard:?}");
        };
        engine.spawn_on(ShardId(0), program).await.unwrap();
        assert_in_order(&counted, 20_000).await;
        let waited = engine.metrics().await.unwrap().counter("appends_waited");
        assert!(waited > Some(0), "the test wants to fill the memory for records: {waited:?}");
    });
}

#[test]
fn an_append_is_awaited_on_another_thread_than_it_was_started_on() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.open(1));
    let log = block_on(engine.log("a").create()).unwrap();
    let elsewhere = log.append("from the host");
    let from_shard = {
        let log = log.clone();
        block_on(engine.spawn_on(ShardId(0), async move |_| log.append("from the shard"))).unwrap()
    };
    let offsets = thread::spawn(move || (block_on(elsewhere), block_on(from_shard)));
    assert_eq!(offsets.join().unwrap(), (Ok(Offset(0)), Ok(Offset(1))));
}

#[test]
fn records_of_a_batch_are_next_to_one_another() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let log = engine.log("a").create().await.unwrap();
        let writers: Vec<_> = (0..4).map(|writer| batches_of(&log, writer)).collect();
        for writer in writers {
            writer.join().unwrap();
        }
        let texts = texts(&log).await;
        assert_eq!(texts.len(), 4 * 50 * 10);
        assert!(texts.chunks(10).all(|batch| batch.iter().all(|text| *text == batch[0])));
    });
}

#[test]
fn an_empty_batch_and_an_empty_record_are_fine() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(1).await.log("a").create().await.unwrap();
        assert_eq!(log.append("").await, Ok(Offset(0)));
        assert_eq!(log.append_batch(Vec::<String>::new()).await, Ok(Offset(1)));
        assert_eq!(log.append_record("three", 3, None).await, Ok(Offset(1)));
        assert_eq!(log.append("next").await, Ok(Offset(4)));
        assert_eq!(texts(&log).await, ["", "three", "next"]);
    });
}

#[test]
fn a_log_on_its_own_shard_takes_the_direct_path() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").on_shard(ShardId(1)).create().await.unwrap();
        let accepted = async move |shard: ShardHandle| {
            let local = shard.local(&log);
            let before = shard.runtime().id();
            drop(log.append("x"));
            // Accepted within the call: what comes next by the direct handle is behind it.
            local.map(|local| (before, local.try_append(&["y".as_bytes().into()]).unwrap().first))
        };
        let accepted = engine.spawn_on_each_shard(accepted).await.unwrap();
        assert_eq!(accepted[0], None, "a log is local to its own shard only");
        let (shard, first) = accepted[1].unwrap();
        assert_eq!(shard, ShardId(1));
        assert!(first >= Offset(1), "{first}");
    });
}

fn batches_of(log: &Log, writer: u32) -> thread::JoinHandle<()> {
    let log = log.clone();
    thread::spawn(move || {
        for batch in 0..50 {
            let text = format!("{writer}-{batch}");
            block_on(log.append_batch(vec![text.as_str(); 10])).unwrap();
        }
    })
}

async fn assert_in_order(log: &Log, count: u32) {
    let mut reader = log.reader(Offset(0));
    let mut expected = 0_u32;
    while expected < count {
        for record in &reader.next_batch().await.unwrap() {
            if expected < count {
                assert_eq!(record.body[..4], expected.to_le_bytes());
            }
            expected += 1;
        }
    }
}

#[test]
fn handles_can_be_shared_between_threads() {
    fn is_shared<T: Clone + Send + Sync>() {}
    is_shared::<Engine>();
    is_shared::<Log>();
}
