//! Changing logs: trimming, truncating, settings, retention.

use std::time::Duration;

use roundhouse::{
    AppendError, Durability, Engine, Error, LogConfig, LogError, Offset, ReadError, Retention,
    WallTime, block_on,
};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn a_trimmed_and_truncated_log_stays_so_after_reopening() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let log = engine.log("a").create().await.unwrap();
        log.append_batch(numbers(100)).await.unwrap();
        log.trim_to(Offset(10)).await.unwrap();
        log.trim_to(Offset(5)).await.unwrap();
        log.truncate_after(Offset(20)).await.unwrap();
        assert_eq!(log.append("new").await, Ok(Offset(20)));
        let expected = [&numbers(20)[10..], &["new".to_owned()]].concat();
        assert_eq!(texts(&log).await, expected);
        engine.close().await.unwrap();
        let log = scratch.open(1).await.log("a").open().await.unwrap();
        assert_eq!(texts(&log).await, expected);
        assert_eq!(log.append("newer").await, Ok(Offset(21)));
    });
}

#[test]
fn a_cut_outside_the_log_is_refused() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(1).await.log("a").create().await.unwrap();
        log.append_batch(numbers(10)).await.unwrap();
        let (offset, start, end) = (Offset(11), Offset(0), Offset(10));
        let refused = Err(LogError::OutOfRange { offset, start, end });
        assert_eq!(log.trim_to(offset).await, refused);
        assert_eq!(log.truncate_after(offset).await, refused);
        assert_eq!(texts(&log).await, numbers(10));
    });
}

#[test]
fn settings_are_kept_with_the_log() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let log = engine.log("a").durability(Durability::Never).create().await.unwrap();
        assert_eq!(log.info().await.unwrap().config.durability, Durability::Never);
        let config = LogConfig {
            durability: Durability::Interval(Duration::from_millis(5)),
            retention: Retention { age: Some(Duration::from_hours(1)), bytes: Some(1 << 30) },
        };
        log.configure(config).await.unwrap();
        engine.close().await.unwrap();
        let log = scratch.open(1).await.log("a").open().await.unwrap();
        assert_eq!(log.info().await.unwrap().config, config);
    });
}

#[test]
fn retention_by_bytes_lets_the_oldest_records_go() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let retention = Retention { age: None, bytes: Some(2 << 20) };
        let log = engine.log("a").retention(retention).create().await.unwrap();
        append_megabytes(&log, 8, None).await;
        let info = log.info().await.unwrap();
        assert!(info.start > Offset(0), "{info:?}");
        assert!(info.bytes < 5 << 20, "the bytes asked for, and whole segments: {info:?}");
        let trimmed = log.read(Offset(0), 1).await.map(drop);
        assert_eq!(trimmed, Err(ReadError::Trimmed { from: Offset(0), start: info.start }));
    });
}

#[test]
fn retention_by_age_lets_old_records_go() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.open(1).await;
        let retention = Retention { age: Some(Duration::from_hours(1)), bytes: None };
        let log = engine.log("a").retention(retention).create().await.unwrap();
        append_megabytes(&log, 4, Some(WallTime::from_millis(0))).await;
        let old_end = log.info().await.unwrap().end;
        append_megabytes(&log, 4, None).await;
        let info = log.info().await.unwrap();
        assert!(info.start > Offset(0) && info.start <= old_end, "{info:?}, old to {old_end}");
    });
}

#[test]
fn a_full_engine_refuses_appends_until_it_is_trimmed() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.builder(1).option("capacity", "4MiB").unwrap().open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        let mut accepted = 0;
        let refusal = loop {
            match log.append(vec![1; 50_000]).await {
                Ok(_) => accepted += 1,
                Err(error) => break error,
            }
            assert!(accepted < 100, "4 MiB take so many");
        };
        assert!(matches!(refusal, AppendError::NoSpace { .. }), "{refusal}");
        assert_eq!(log.read(Offset(0), 1).await.unwrap().iter().count(), 1, "reads go on");
        log.trim_to(Offset(accepted)).await.unwrap();
        for offset in accepted..accepted + 20 {
            assert_eq!(log.append(vec![1; 50_000]).await, Ok(Offset(offset)));
        }
    });
}

#[test]
fn appends_on_their_way_to_a_deleted_log_say_so() {
    block_on(async {
        let scratch = Scratch::new();
        let engine: Engine = scratch.open(1).await;
        let log = engine.log("a").create().await.unwrap();
        let stale = log.clone();
        log.delete().await.unwrap();
        assert_eq!(stale.append("x").await, Err(AppendError::Deleted));
        assert_eq!(stale.sync().await, Err(AppendError::Deleted));
        assert_eq!(stale.read(Offset(0), 1).await.map(drop), Err(ReadError::Deleted));
        let info = stale.info().await;
        assert!(matches!(info, Err(Error::Log(LogError::NotFound { name })) if name == "a"));
    });
}

async fn append_megabytes(log: &roundhouse::Log, megabytes: usize, time: Option<WallTime>) {
    for _ in 0..megabytes * 20 {
        log.append_record(vec![1; 50_000], 1, time).await.unwrap();
    }
}
