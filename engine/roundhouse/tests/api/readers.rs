//! Reading: by offset, by time, and along with the writer.

use std::thread;

use futures_util::StreamExt;
use roundhouse::{Log, Offset, ReadError, WallTime, block_on};

use crate::scratch::{Scratch, numbers, texts};

#[test]
fn readers_of_several_threads_follow_the_end_and_see_everything_in_order() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.open(2));
    let log = block_on(engine.log("a").create()).unwrap();
    thread::scope(|scope| {
        let follow = || block_on(follow_until(&log, 5_000));
        let readers: Vec<_> = (0..3).map(|_| scope.spawn(follow)).collect();
        for texts in numbers(5_000).chunks(7) {
            block_on(log.append_batch(texts)).unwrap();
        }
        for reader in readers {
            assert!(reader.join().unwrap() == numbers(5_000));
        }
    });
}

#[test]
fn a_reader_behind_the_cache_reads_from_disk_and_catches_up() {
    block_on(async {
        let scratch = Scratch::new();
        let engine = scratch.builder(1).option("memory", "8MiB").unwrap().open().await.unwrap();
        let log = engine.log("a").create().await.unwrap();
        for _ in 0..120 {
            log.append_batch(vec![vec![7; 1_000]; 100]).await.unwrap();
        }
        let mut reader = log.reader(Offset(0)).batch_bytes(100_000);
        let mut read = 0;
        while read < 12_000 {
            let records = reader.next_batch().await.unwrap();
            assert!(records.bytes() <= 100_000, "{}", records.bytes());
            assert!(records.iter().all(|record| record.body.len() == 1_000));
            read += records.iter().count();
        }
        assert_eq!(reader.next_offset(), Offset(12_000));
        let from_disk = engine.metrics().await.unwrap().counter("reads_from_disk");
        assert!(from_disk > Some(0), "{from_disk:?}");
    });
}

#[test]
fn records_are_found_by_the_time_they_were_given() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(1).await.log("a").create().await.unwrap();
        for minute in 0..500 {
            let time = WallTime::from_millis(minute * 60_000);
            log.append_record(minute.to_string(), 1, Some(time)).await.unwrap();
        }
        let at = async |ms| log.offset_at(WallTime::from_millis(ms)).await.unwrap();
        assert_eq!(at(0).await, Some(Offset(0)));
        assert_eq!(at(60_000 * 123).await, Some(Offset(123)));
        assert_eq!(at(60_000 * 123 + 1).await, Some(Offset(124)));
        assert_eq!(at(60_000 * 500).await, None);
    });
}

#[test]
fn a_read_that_cannot_be_says_what_there_is() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(1).await.log("a").create().await.unwrap();
        log.append_batch(numbers(10)).await.unwrap();
        log.trim_to(Offset(4)).await.unwrap();
        let (from, start) = (Offset(3), Offset(4));
        let trimmed = log.read(from, 1_000).await.map(drop);
        assert_eq!(trimmed, Err(ReadError::Trimmed { from, start }));
        let (from, end) = (Offset(11), Offset(10));
        let beyond = log.read(from, 1_000).await.map(drop);
        assert_eq!(beyond, Err(ReadError::BeyondEnd { from, end }));
        assert!(log.read(end, 1_000).await.unwrap().is_empty(), "the end itself is no error");
        assert_eq!(log.read(start, 1).await.unwrap().iter().count(), 1, "one record in any case");
        assert_eq!(texts(&log).await, numbers(10)[4..]);
    });
}

#[test]
fn a_stream_ends_after_its_error_and_a_reader_can_be_asked_again() {
    block_on(async {
        let scratch = Scratch::new();
        let log = scratch.open(1).await.log("a").create().await.unwrap();
        log.append_batch(numbers(10)).await.unwrap();
        log.trim_to(Offset(4)).await.unwrap();
        let mut stream = log.reader(Offset(0));
        assert!(matches!(stream.next().await, Some(Err(ReadError::Trimmed { .. }))));
        assert!(stream.next().await.is_none());
        let mut early = log.reader(Offset(11));
        assert!(matches!(early.next_batch().await, Err(ReadError::BeyondEnd { .. })));
        log.append_batch(["10", "11"]).await.unwrap();
        assert_eq!(early.next_batch().await.unwrap().next_offset(), Offset(12));
    });
}

#[test]
fn a_reader_that_waits_is_woken_by_the_end_of_the_engine() {
    let scratch = Scratch::new();
    let engine = block_on(scratch.open(1));
    let log = block_on(engine.log("a").create()).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(log.reader(Offset(0)).next_batch()).map(drop));
        block_on(engine.close()).unwrap();
        assert_eq!(waiting.join().unwrap(), Err(ReadError::Closed));
    });
}

async fn follow_until(log: &Log, count: usize) -> Vec<String> {
    let mut reader = log.reader(Offset(0));
    let mut texts = Vec::new();
    while texts.len() < count {
        let records = reader.next_batch().await.unwrap();
        texts.extend(records.iter().map(|record| String::from_utf8(record.body.into()).unwrap()));
    }
    texts
}
