//! A process that appends to several logs on several shards is killed again and again, and what it
//! called durable is there each time. `.ci/kill-test` does the same to the command line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use roundhouse::offline::{OfflineStore, Verdict};
use roundhouse::{Durability, Engine, Log, Offset, ShardId, block_on};
use roundhouse_base::Random;

use crate::content::{body, builder, read_all};

#[test]
fn a_killed_writer_of_many_logs_loses_nothing_that_it_called_durable() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("store");
    // The kernel and the scheduler decide the rest, so the seed repeats a run only roughly.
    let mut random = Random::new(4711);
    let mut reported = 0;
    for kill in 0..KILLS {
        // Some kills come while the store is being opened, most while it is used.
        let lines = if random.chance(0.2) { 0 } else { random.below(LINES_MAX) };
        let durable = kill_after(&directory, lines);
        reported += durable.iter().sum::<u64>();
        let context = format!("kill {kill}, after {lines} lines");
        if directory.exists() {
            expect_no_damage(&directory, &durable, &context);
            block_on(expect_durable(&directory, &durable, &context));
        }
    }
    assert!(reported > 0, "no writer said anything");
}

/// Starts a writer, kills it after so many lines, and returns how far it said that each log is durable.
fn kill_after(directory: &Path, lines: u64) -> Vec<u64> {
    let mut writer = start(directory);
    let mut durable = vec![0; LOGS];
    let output = writer.stdout.take().expect("it has a pipe");
    // What it managed to say before it was killed counts as well.
    let mut said = 0;
    if lines == 0 {
        writer.kill().unwrap();
    }
    for line in BufReader::new(output).lines() {
        let line = line.unwrap();
        // The last line may be cut off; then the record behind it was not reported.
        let Some((log, end)) = parse(&line) else { continue };
        durable[log] = end;
        said += 1;
        if said == lines {
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    durable
}

fn parse(line: &str) -> Option<(usize, u64)> {
    let (log, end) = line.strip_prefix("durable ")?.strip_suffix(';')?.split_once(' ')?;
    Some((log.parse().ok()?, end.parse().ok()?))
}

/// This very program, as the writer.
fn start(directory: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "killed::writer", "--ignored", "--nocapture"]);
    command.env(DIRECTORY, directory).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

fn expect_no_damage(directory: &Path, durable: &[u64], context: &str) {
    // It may have been killed before there was a store.
    let is_there = durable.iter().any(|end| *end > 0);
    let mut store = match OfflineStore::open(directory) {
        Ok(store) => store,
        Err(error) => return assert!(!is_there, "{context}: {error}"),
    };
    for shard in (0..SHARDS).map(ShardId) {
        match store.verify(shard, &mut |_| {}) {
            Ok(verified) => {
                let is_damaged = matches!(verified.verdict, Verdict::Corruption { .. });
                assert!(!is_damaged, "{context}: {:?}", verified.verdict);
            }
            Err(error) => assert!(!is_there, "{context}: {error}"),
        }
    }
}

async fn expect_durable(directory: &Path, durable: &[u64], context: &str) {
    let engine = builder(directory, SHARDS).open().await.expect(context);
    for (no, at_least) in durable.iter().enumerate().filter(|(_, end)| **end > 0) {
        let log = engine.log(name(no)).open().await.expect(context);
        let (end, error) = read_all(&log, context).await;
        assert!(error.is_none(), "{context}: {error:?}");
        assert!(end >= Offset(*at_least), "{context}: log {no} ends at {end}, not {at_least}");
    }
    engine.close().await.expect(context);
}

#[test]
#[ignore = "it appends until it is killed, by the test above"]
fn writer() {
    let directory = directory().expect("the test above says where");
    let engine = block_on(builder(&directory, SHARDS).open()).unwrap();
    block_on(futures_util::future::join_all((0..LOGS).map(|no| append_without_end(&engine, no))));
}

async fn append_without_end(engine: &Engine, no: usize) {
    let durability = if no == 0 { Durability::Never } else { Durability::Always };
    let log = engine.log(name(no)).on_shard(ShardId(no as u16 % SHARDS)).durability(durability);
    let log = log.open_or_create().await.unwrap();
    let start = log.info().await.unwrap().end.0;
    for offset in start.. {
        let bytes = (offset * 37 % 5000) as usize;
        log.append(body(log.name(), offset, bytes)).await.unwrap();
        if no == 0 {
            log.sync().await.unwrap();
        }
        // Not by a macro, whose output goes to the test harness.
        let mut output = std::io::stdout().lock();
        writeln!(output, "durable {no} {};", offset + 1).unwrap();
        output.flush().unwrap();
        keep_small(&log, offset).await;
    }
}

/// Slots are used again, and trims are among what a kill interrupts.
async fn keep_small(log: &Log, offset: u64) {
    if offset.is_multiple_of(KEPT) && offset > KEPT {
        log.trim_to(Offset(offset - KEPT)).await.unwrap();
    }
}

fn name(no: usize) -> String {
    format!("log-{no}")
}

fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

const DIRECTORY: &str = "ROUNDHOUSE_KILLED_WRITER";
const SHARDS: u16 = 2;
const LOGS: usize = 6;
const KILLS: u32 = 10;
/// Appends that are reported before a kill, at most.
const LINES_MAX: u64 = 1500;
/// Records of a log that are not trimmed, about.
const KEPT: u64 = 100;
