//! Retention over openings.

use std::time::Duration;

use roundhouse_base::Offset;
use roundhouse_runtime::Shard;
use roundhouse_store::{LogConfig, NewRecord, Retention, Store};
use roundhouse_verify::scene::{IDENTITY, Scene, open};

const AGE: Duration = Duration::from_hours(1);

/// Where the log starts a moment after the store was opened.
async fn start_after_opening(shard: &Shard) -> Offset {
    let store = open(shard, IDENTITY).await.unwrap();
    shard.sleep(Duration::from_secs(5)).await;
    let log = store.find("events").expect("it was created");
    let start = store.log_info(log).expect("it is there").start;
    store.close().await.unwrap();
    start
}

async fn fill_segments(store: &Store) {
    let retention = Retention { age: Some(AGE), bytes: None };
    let config = LogConfig { retention, ..LogConfig::default() };
    let log = store.create_log("events", config).await.unwrap();
    while store.info().segments < 3 {
        store.append(log, &[NewRecord::from([7; 3000].as_slice())]).await.unwrap();
    }
}

/// What had expired was looked for when a segment was sealed and when a time came that was noted
/// then. Nothing was noted by opening, so a store that was opened again kept everything until its
/// next segment was full. Seed 100000092 showed it: an opening that had to begin a segment trimmed a
/// log, and after a power failure just behind that the next one did not.
#[test]
fn what_expired_while_the_store_was_closed_goes_when_it_is_opened() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| {
        let store = open(&shard, IDENTITY).await.unwrap();
        fill_segments(&store).await;
    });
    scene.cluster.crash(&scene.node);
    assert_eq!(scene.run(async |shard| start_after_opening(&shard).await), Offset(0));

    scene.run(async |shard| shard.sleep(AGE).await);
    assert!(scene.run(async |shard| start_after_opening(&shard).await) > Offset(0));
}

/// The same for what expires while the store is open again, and nothing is appended.
#[test]
fn what_expires_after_the_store_was_opened_again_goes_when_its_time_comes() {
    let mut scene = Scene::new(1);
    scene.run(async |shard| {
        let store = open(&shard, IDENTITY).await.unwrap();
        fill_segments(&store).await;
        store.close().await.unwrap();
    });
    scene.run(async |shard| {
        let store = open(&shard, IDENTITY).await.unwrap();
        let log = store.find("events").expect("it was created");
        shard.sleep(AGE / 2).await;
        assert_eq!(store.log_info(log).expect("it is there").start, Offset(0));
        shard.sleep(AGE).await;
        assert!(store.log_info(log).expect("it is there").start > Offset(0));
        store.close().await.unwrap();
    });
}
