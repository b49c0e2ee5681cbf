//! Names of logs: what they may be, and who gets them.

use std::thread;

use roundhouse::{Error, LogError, Offset, ShardId, block_on};

use crate::scratch::Scratch;

#[test]
fn a_name_is_created_once_and_opened_often() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let missing = engine.log("a").open().await;
        assert!(matches!(missing, Err(Error::Log(LogError::NotFound { name })) if name == "a"));
        let created = engine.log("a").create().await.unwrap();
        let again = engine.log("a").create().await;
        assert!(matches!(again, Err(Error::Log(LogError::Exists { name })) if name == "a"));
        let opened = engine.log("a").open_or_create().await.unwrap();
        assert_eq!((opened.shard(), opened.id()), (created.shard(), created.id()));
    });
}

#[test]
fn names_that_are_none_are_refused_and_stay_free() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        for name in [String::new(), "a\nb".to_owned(), "\0".to_owned(), "x".repeat(10_000)] {
            for _ in 0..2 {
                let refused = engine.log(&name).create().await;
                let is_name = matches!(refused, Err(Error::Log(LogError::Name { .. })));
                assert!(is_name, "{name:?}: {refused:?}");
            }
        }
        engine.log("größe/1 µs").create().await.unwrap();
        assert_eq!(engine.log_names(), ["größe/1 µs"]);
    });
}

#[test]
fn of_many_who_create_one_name_exactly_one_wins() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.open(2));
    let create = |shard: u16| block_on(engine.log("a").on_shard(ShardId(shard)).create());
    let outcomes: Vec<_> = thread::scope(|scope| {
        let racing: Vec<_> = (0..8).map(|racer| scope.spawn(move || create(racer % 2))).collect();
        racing.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let lost =
        |outcome: &Result<_, Error>| matches!(outcome, Err(Error::Log(LogError::Exists { .. })));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| lost(outcome)).count(), 7);
}

/// A racer that came while another was creating the log was told `NotFound`: the name was taken,
/// but there was nothing to open yet.
#[test]
fn all_who_open_or_create_one_name_get_the_same_log() {
    for _ in 0..20 {
        let scratch = Scratch::new();
        let engine = block_on(scratch.open(1));
        let append = || {
            let log = block_on(engine.log("a").open_or_create()).unwrap();
            block_on(log.append("x")).unwrap();
        };
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(append))));
        let log = block_on(engine.log("a").open()).unwrap();
        assert_eq!(block_on(log.info()).unwrap().end, Offset(8));
    }
}

#[test]
fn a_deleted_name_can_be_used_again() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let log = engine.log("a").create().await.unwrap();
        log.append("old").await.unwrap();
        let stale = log.clone();
        log.delete().await.unwrap();
        assert!(engine.log_names().is_empty());
        assert!(matches!(engine.log("a").open().await, Err(Error::Log(LogError::NotFound { .. }))));
        let new = engine.log("a").create().await.unwrap();
        assert_eq!(new.append("new").await, Ok(Offset(0)));
        assert!(stale.append("into the old").await.is_err());
        assert!(stale.info().await.is_err());
        // Whoever still has a handle of the old log cannot take the name from the new one.
        assert!(stale.delete().await.is_err());
        assert_eq!(engine.log_names(), ["a"]);
    });
}

#[test]
fn names_are_still_where_they_were_after_reopening() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        let place = |log: &roundhouse::Log| (log.name().to_owned(), log.shard(), log.id());
        let mut places = Vec::new();
        for name in ["b", "c", "a"] {
            places.push(place(&engine.log(name).create().await.unwrap()));
        }
        engine.close().await.unwrap();
        let engine = scratch.open(2).await;
        assert_eq!(engine.log_names(), ["a", "b", "c"]);
        for expected in places {
            assert_eq!(place(&engine.log(&*expected.0).open().await.unwrap()), expected);
        }
    });
}

/// A creation went on when its future was dropped, but its name was free again: a second log of the
/// same name could be created on another shard, and a deleted one kept its name.
#[test]
fn names_are_settled_also_if_nobody_waits_for_it() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(2).await;
        poll_once(engine.log("a").on_shard(ShardId(0)).create()).await;
        let log = engine.log("a").on_shard(ShardId(1)).open_or_create().await.unwrap();
        assert_eq!(log.shard(), ShardId(0), "the creation that nobody waited for");
        poll_once(log.clone().delete()).await;
        while !engine.log_names().is_empty() {
            std::thread::yield_now();
        }
        let again = engine.log("a").on_shard(ShardId(1)).open_or_create().await.unwrap();
        assert_eq!(again.append("x").await, Ok(Offset(0)));
        assert_eq!(again.shard(), ShardId(1));
    });
}

/// Polls a future once, then drops it.
async fn poll_once(future: impl Future) {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        assert!(future.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}
