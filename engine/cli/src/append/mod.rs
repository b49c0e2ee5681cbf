//! `roundhouse append`: records from standard input into a log.
//!
//! Three threads: one reads and cuts the input ([`input`]), the log's shard appends
//! ([`on_shard`]), and one says how many records are durable ([`report`]).

mod durability;
mod input;
mod on_shard;
mod report;

use std::time::Duration;

use futures_channel::mpsc;
use roundhouse::{Durability, Engine, Log, LogConfig, block_on};

use crate::append::durability::durability;
use crate::append::input::start_input;
use crate::append::on_shard::{Total, append_all};
use crate::append::report::Report;
use crate::exit::{Exit, Stop};
use crate::framing::Framing;
use crate::output;
use crate::stopwatch::Stopwatch;
use crate::store::StoreArguments;

/// Arguments of `append`.
#[derive(Debug, clap::Args)]
pub(crate) struct AppendArguments {
    #[command(flatten)]
    store: StoreArguments,

    /// Name of the log, which is created if it is missing
    #[arg(long)]
    log: String,

    /// Shards of the store; 1 if it is created and this is not given. A store keeps its number
    #[arg(long)]
    shards: Option<u16>,

    /// When records must be durable: always, interval:MILLISECONDS or never. Changes a log that has
    /// another setting
    #[arg(long, value_parser = durability)]
    durability: Option<Durability>,

    /// What stands between records
    #[arg(long, value_enum, default_value_t = Framing::Lines)]
    framing: Framing,
}

/// Appends all of standard input.
pub(crate) fn run(arguments: &AppendArguments) -> Result<Exit, Stop> {
    let mut builder = arguments.store.builder()?.new_store_shards(1);
    if let Some(shards) = arguments.shards {
        builder = builder.option("shards", &shards.to_string())?;
    }
    let engine = block_on(builder.open())?;
    let outcome = append(arguments, &engine);
    let closed = block_on(engine.close());
    outcome?;
    closed?;
    Ok(Exit::Success)
}

fn append(arguments: &AppendArguments, engine: &Engine) -> Result<(), Stop> {
    let log = open_log(arguments, engine)?;
    let stopwatch = Stopwatch::start();
    let (to_shard, batches) = mpsc::channel(BATCHES_WAITING);
    start_input(arguments.framing, to_shard)?;
    let report = Report::start()?;
    let (shard, on_shard, progress) = (log.shard(), log.clone(), report.progress());
    let appended =
        engine.spawn_on(shard, move |shard| append_all(shard, on_shard, batches, progress));
    let ended = block_on(appended)?;
    report.finish();
    summarize(ended.total, stopwatch.elapsed());
    if ended.ends_without_newline {
        output::say("the input does not end with a newline; `read` writes one after its last line");
    }
    ended.outcome
}

/// Opens or creates the log, with the durability that was asked for.
fn open_log(arguments: &AppendArguments, engine: &Engine) -> Result<Log, Stop> {
    let mut builder = engine.log(&arguments.log);
    if let Some(durability) = arguments.durability {
        builder = builder.durability(durability);
    }
    let log = block_on(builder.open_or_create())?;
    let config = block_on(log.info())?.config;
    if let Some(durability) = arguments.durability
        && config.durability != durability
    {
        block_on(log.configure(LogConfig { durability, ..config }))?;
        let (name, was) = (log.name(), config.durability);
        output::say(&format!("durability of {name:?} changed from {was:?} to {durability:?}"));
    }
    Ok(log)
}

fn summarize(Total { records, bytes }: Total, elapsed: Duration) {
    let seconds = elapsed.as_secs_f64();
    let (rate, megabytes) = (records as f64 / seconds, bytes as f64 / 1e6 / seconds);
    output::say(&format!(
        "{records} records of {bytes} bytes in {seconds:.3} s: {rate:.0} records/s, {megabytes:.1} MB/s"
    ));
}

/// Batches on their way from the input to the shard; with them full, reading the input waits.
const BATCHES_WAITING: usize = 4;
