//! Opening: what is refused, and that nothing is changed then.

use std::fs;

use roundhouse::{Error, OpenError, block_on};

use crate::scratch::{Scratch, builder};

#[test]
fn a_store_keeps_its_number_of_shards() {
    block_on(async {
        let scratch = Scratch::new();
        scratch.open(3).await.close().await.unwrap();
        let other = scratch.builder(2).open().await;
        assert!(
            matches!(other, Err(Error::Open(OpenError::ShardCount { found: 3, asked: 2, .. }))),
            "{other:?}"
        );
        // Nothing asked for: as many as there are, whatever the machine has.
        let engine = scratch.open(0).await;
        assert_eq!(engine.shards(), 3);
        engine.close().await.unwrap();
    });
}

#[test]
fn a_new_store_has_a_shard_per_cpu_unless_told_otherwise() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(0).await;
        let cpus = roundhouse_runtime::allowed_cpus().len();
        // 64 MiB give eight shards their minimum.
        assert_eq!(usize::from(engine.shards()), cpus.min(8));
        engine.close().await.unwrap();
    });
}

#[test]
fn a_directory_of_something_else_is_left_as_it_is() {
    block_on(async {
        let scratch = tempfile::tempdir().unwrap();
        let letter = scratch.path().join("letter.txt");
        fs::write(&letter, "Dear Ada").unwrap();
        let refused = builder(scratch.path()).open().await;
        assert!(matches!(refused, Err(Error::Open(OpenError::NotAStore { .. }))), "{refused:?}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        let refused = builder(&letter).open().await;
        assert!(matches!(refused, Err(Error::Open(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(&letter).unwrap(), "Dear Ada");
    });
}

#[test]
fn options_that_do_not_fit_are_refused_before_anything_is_made() {
    block_on(async {
        let scratch = Scratch::new();
        let refused = scratch.builder(64).open().await;
        assert!(matches!(refused, Err(Error::Options(_))), "64 MiB are too few: {refused:?}");
        assert!(!scratch.path().exists());
        assert!(matches!(scratch.builder(1).option("colour", "red"), Err(Error::Options(_))));
    });
}

#[test]
fn an_engine_given_up_while_it_opens_lets_go_of_the_directory() {
    let scratch = Scratch::new();
    block_on(async {
        for polls in 0..8 {
            let mut opening = std::pin::pin!(scratch.builder(2).open());
            let mut left = polls;
            let opened = std::future::poll_fn(|context| {
                left -= 1;
                if left < 0 {
                    std::task::Poll::Ready(None)
                } else {
                    opening.as_mut().poll(context).map(Some)
                }
            });
            drop(opened.await);
        }
    });
    crate::scratch::until(|| {
        let opened = scratch.builder(2).open_blocking();
        assert!(matches!(opened, Ok(_) | Err(Error::InUse { .. })), "{opened:?}");
        opened.is_ok()
    });
}
