//! On rings, over the loopback interface.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use roundhouse::{Engine, ShardHandle, ShardId, block_on};

use super::Failure;
use super::identity::Pem;
use super::round::{self, Place};

const SHARDS: u16 = 2;
/// What memory may grow by afterwards: what the engine may use, which a short run does not fill in its
/// first part, and what the allocator can't give back between two looks. A long run prints a few MiB.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// How often, and how far apart, what is left is looked at.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What must be the same before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    sockets: usize,
    operations: u64,
    tcp_streams: u64,
    quic_connections: u64,
    quic_promised_bytes: u64,
}

pub(super) fn run(time: Duration) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    block_on(async {
        let engine = open(&directory.path().join("data")).await?;
        let (pem, ip) = (Pem::new()?, IpAddr::from(Ipv4Addr::LOCALHOST));
        let places: Vec<_> =
            (0..SHARDS).map(|shard| Place { engine: &engine, shard: ShardId(shard), ip }).collect();
        // The first quarter makes what stays, such as the logs, and fills the caches.
        let mut total = round::run(&places, &pem, time / 4).await?;
        let (before, resident_before) = (counts_at_rest(&engine).await?, resident_bytes()?);
        total.add(round::run(&places, &pem, time / 4 * 3).await?);
        let (after, resident_after) = (counts_at_rest(&engine).await?, resident_bytes()?);
        println!(
            "{} connections, {} requests, {} datagrams repeated in {} s; resident {} MiB, then {} MiB; \
             {} operations begun and not ended before, {} after",
            total.connections,
            total.requests,
            total.repeats,
            time.as_secs(),
            resident_before >> 20,
            resident_after >> 20,
            before.operations,
            after.operations
        );
        if before != after {
            return Err(format!("something is left: {before:?} became {after:?}").into());
        }
        if resident_after > resident_before + GROWTH_BYTES_MAX {
            return Err("memory grows".into());
        }
        Ok(engine.close().await?)
    })
}

async fn open(directory: &std::path::Path) -> Result<Engine, Failure> {
    let shards = SHARDS.to_string();
    let options = [("shards", shards.as_str()), ("slot_size", "1MiB"), ("memory", "32MiB")];
    let mut builder = Engine::builder(directory);
    for (key, value) in options {
        builder = builder.option(key, value)?;
    }
    Ok(builder.open().await?)
}

/// What is left when the store has ended work of its own, such as making the next slot.
async fn counts_at_rest(engine: &Engine) -> Result<Counts, Failure> {
    let mut least = counts(engine).await?;
    for _ in 0..LOOKS {
        let wait = async |shard: ShardHandle| shard.runtime().sleep(BETWEEN_LOOKS).await;
        engine.spawn_on(ShardId(0), wait).await?;
        let counts = counts(engine).await?;
        if counts.operations < least.operations {
            least = counts;
        }
    }
    Ok(least)
}

async fn counts(engine: &Engine) -> Result<Counts, Failure> {
    let metrics = engine.metrics().await?;
    let sockets = || metrics.shards.iter().map(|shard| &shard.sockets);
    Ok(Counts {
        sockets: open_sockets()?,
        operations: metrics.shards.iter().map(|shard| shard.operations).sum(),
        tcp_streams: sockets().map(|sockets| sockets.tcp_streams).sum(),
        quic_connections: sockets().map(|sockets| sockets.quic_connections).sum(),
        quic_promised_bytes: sockets().map(|sockets| sockets.quic_promised_bytes).sum(),
    })
}

/// Descriptors of this process that are sockets. Those of files come and go with the store's slots.
fn open_sockets() -> Result<usize, Failure> {
    let descriptors = fs::read_dir("/proc/self/fd")?.flatten();
    // The descriptor that reads the directory is gone by now.
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    Ok(targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count())
}

/// Memory of this process in RAM, of its own (`Rss_Anon` of proc(5)).
fn resident_bytes() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).ok_or("no RssAnon")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}
