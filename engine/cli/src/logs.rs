//! `roundhouse logs`: the logs of a store.

use std::io::Write;
use std::path::PathBuf;

use indicatif::BinaryBytes;
use roundhouse::offline::OfflineStore;
use roundhouse::{Error, LogInfo, ShardId};
use serde_json::{Value, json};

use crate::exit::{Exit, Stop, exit_for};
use crate::{json, output};

/// Arguments of `logs`.
#[derive(Debug, clap::Args)]
pub(crate) struct LogsArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Prints the logs of all shards by name.
pub(crate) fn run(arguments: &LogsArguments) -> Result<Exit, Stop> {
    let mut store = OfflineStore::open(&arguments.dir)?;
    let (mut logs, mut exit) = (Vec::new(), Exit::Success);
    for shard in store.shards() {
        let inspection = store.inspect(shard)?;
        logs.extend(inspection.logs.into_iter().map(|log| (shard, log)));
        if let Some(refused) = inspection.refused {
            output::say(&format!("the logs of shard {shard} may not be all: {refused}"));
            exit = exit.worse(exit_for(&Error::from(refused)));
        }
    }
    logs.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
    if arguments.json {
        let logs: Vec<Value> = logs.iter().map(|(shard, log)| json::log(*shard, log)).collect();
        output::print_json(&json!(logs))?;
    } else {
        print(&logs)?;
    }
    Ok(exit)
}

fn print(logs: &[(ShardId, LogInfo)]) -> Result<(), Stop> {
    let mut out = output::buffered();
    for (shard, log) in logs {
        let LogInfo { name, start, end, .. } = log;
        let (bytes, durability) = (BinaryBytes(log.bytes), json::durability(log.config.durability));
        writeln!(out, "{name}\tshard {shard}\toffsets {start}..{end}\t{bytes}\t{durability}")?;
    }
    Ok(out.flush()?)
}
