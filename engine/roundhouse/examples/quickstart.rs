//! Opens a store, appends text durably from several threads, reads it back, opens it again, and
//! says what it did and how fast: `cargo run --release --example quickstart -p roundhouse`.

#![allow(clippy::print_stdout, reason = "a program that talks to the person who ran it")]
#![allow(clippy::disallowed_methods, reason = "a host program has a clock of its own")]

use std::collections::VecDeque;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use roundhouse::{Append, Engine, Error, Log, Offset, block_on};

fn main() -> Result<(), Error> {
    let directory = std::env::temp_dir().join(format!("roundhouse-{}", std::process::id()));
    let outcome = block_on(tour(&directory));
    let removed = std::fs::remove_dir_all(&directory);
    outcome.and(removed.map_err(Error::from))
}

async fn tour(directory: &Path) -> Result<(), Error> {
    let engine = Engine::builder(directory).open().await?;
    println!("Opened a new store with {} shards in {}.", engine.shards(), directory.display());
    let logs = open_logs(&engine).await?;

    let start = Instant::now();
    let mut latencies = append_from_threads(&logs)?;
    let seconds = start.elapsed().as_secs_f64();
    let frames = engine.metrics().await?.counter("frames_written").unwrap_or_default();
    latencies.sort_unstable();
    println!(
        "{WRITERS} threads appended {SHARE} lines each, {RECORDS} in all, and every one was on stable storage\n\
         before it was acknowledged: {}. Half were acknowledged\n\
         within {:.1?}, 99 % within {:.1?}; {frames} frames (group commits) carried them all.",
        speed(seconds),
        latencies[latencies.len() / 2],
        latencies[latencies.len() * 99 / 100],
    );

    let start = Instant::now();
    compare(&logs).await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("Read all of it back, each line as it was, from memory: {}.", speed(seconds));

    engine.close().await?;
    let start = Instant::now();
    let engine = Engine::builder(directory).open().await?;
    println!("Closed the store and opened it again, which took {:.1?}.", start.elapsed());
    compare(&open_logs(&engine).await?).await?;
    println!("Everything is still there.");
    engine.close().await
}

/// One log per writer; names decide the shards.
async fn open_logs(engine: &Engine) -> Result<Vec<Log>, Error> {
    let mut logs = Vec::with_capacity(WRITERS);
    for writer in 0..WRITERS {
        logs.push(engine.log(format!("chapter-{writer}")).open_or_create().await?);
    }
    Ok(logs)
}

/// Has a thread per log append its share; returns how long each append took to be acknowledged.
fn append_from_threads(logs: &[Log]) -> Result<Vec<Duration>, Error> {
    thread::scope(|scope| {
        let writers: Vec<_> =
            logs.iter().map(|log| scope.spawn(|| block_on(append_share(log)))).collect();
        let mut latencies = Vec::with_capacity(RECORDS);
        for writer in writers {
            latencies.extend(writer.join().expect("a writer does not panic")?);
        }
        Ok(latencies)
    })
}

/// Appends without waiting for each: a record is in line when `append` returns, and `IN_FLIGHT` of
/// them may be unacknowledged.
async fn append_share(log: &Log) -> Result<Vec<Duration>, Error> {
    let mut latencies = Vec::with_capacity(SHARE);
    let mut in_flight: VecDeque<(Instant, Append)> = VecDeque::with_capacity(IN_FLIGHT);
    for line in share() {
        if in_flight.len() == IN_FLIGHT
            && let Some((start, append)) = in_flight.pop_front()
        {
            append.await?;
            latencies.push(start.elapsed());
        }
        in_flight.push_back((Instant::now(), log.append(line)));
    }
    for (start, append) in in_flight {
        append.await?;
        latencies.push(start.elapsed());
    }
    Ok(latencies)
}

/// Reads every log from its start and compares it with what was appended, record by record.
///
/// # Panics
/// If anything is missing, different, or too much.
async fn compare(logs: &[Log]) -> Result<(), Error> {
    for log in logs {
        let mut expected = share();
        let mut next = Offset(0);
        loop {
            let records = log.read(next, 1 << 20).await?;
            if records.is_empty() {
                break;
            }
            for record in &records {
                assert_eq!(Some(&record.body[..]), expected.next().map(str::as_bytes));
            }
            next = records.next_offset();
        }
        assert_eq!(expected.next(), None, "{} ends too early", log.name());
    }
    Ok(())
}

/// What one writer appends: the text, again and again.
fn share() -> impl Iterator<Item = &'static str> {
    TEXT.lines().cycle().take(SHARE)
}

fn speed(seconds: f64) -> String {
    let bytes = (share().map(str::len).sum::<usize>() * WRITERS) as f64;
    let (records_per_s, mb_per_s) = (RECORDS as f64 / seconds, bytes / 1e6 / seconds);
    format!("{records_per_s:.0} records/s, {mb_per_s:.0} MB/s")
}

const WRITERS: usize = 4;
const SHARE: usize = 50_000;
const RECORDS: usize = WRITERS * SHARE;
const IN_FLIGHT: usize = 256;

/// Herman Melville, Moby-Dick (1851), chapter 1.
const TEXT: &str = "\
Call me Ishmael. Some years ago--never mind how long precisely--having
little or no money in my purse, and nothing particular to interest me on
shore, I thought I would sail about a little and see the watery part of
the world. It is a way I have of driving off the spleen and regulating
the circulation. Whenever I find myself growing grim about the mouth;
whenever it is a damp, drizzly November in my soul; whenever I find
myself involuntarily pausing before coffin warehouses, and bringing up
the rear of every funeral I meet; I account it high time to get to sea
as soon as I can. There is nothing surprising in this.";
