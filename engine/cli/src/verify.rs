//! `roundhouse verify`: is everything there, and does it fit together?

use std::io::Write;
use std::path::PathBuf;

use indicatif::{BinaryBytes, ProgressBar, ProgressStyle};
use roundhouse::offline::{OfflineStore, Verdict, Verification};
use roundhouse::{Error, ShardId};
use serde_json::{Value, json};

use crate::exit::{Exit, Stop, exit_for};
use crate::{json, output};

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Prints the state of every shard. The exit status is that of the worst.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<Exit, Stop> {
    let mut store = OfflineStore::open(&arguments.dir)?;
    let shards: Vec<ShardId> = store.shards().collect();
    // A shard that can't be examined at all does not keep the others from it.
    let results: Vec<_> =
        shards.into_iter().map(|shard| (shard, verify(&mut store, shard))).collect();
    let exits = results.iter().map(|(_, result)| exit_of(result));
    let exit = exits.fold(Exit::Success, Exit::worse);
    if arguments.json {
        let shards: Vec<Value> =
            results.iter().map(|(shard, result)| to_json(*shard, result)).collect();
        output::print_json(&json!({ "verdict": word(exit), "shards": shards }))?;
    } else {
        print(&results)?;
    }
    say_what_to_do(exit);
    Ok(exit)
}

fn verify(store: &mut OfflineStore, shard: ShardId) -> Result<Verification, Error> {
    // Shows only where standard error is a terminal.
    let bar = ProgressBar::no_length().with_style(style()).with_prefix(format!("shard {shard}"));
    let verification = store.verify(shard, &mut |progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
    });
    bar.finish_and_clear();
    verification
}

fn style() -> ProgressStyle {
    let template = "{prefix} {bar:40} {bytes}/{total_bytes} {bytes_per_sec}";
    ProgressStyle::with_template(template).expect("the template is well-formed")
}

fn exit_of(result: &Result<Verification, Error>) -> Exit {
    match result {
        Ok(Verification { verdict: Verdict::Clean, .. }) => Exit::Success,
        Ok(Verification { verdict: Verdict::TornTail(_), .. }) => Exit::TornTail,
        Ok(Verification { verdict: Verdict::Corruption { .. }, .. }) => Exit::Corruption,
        Err(error) => exit_for(error),
    }
}

fn print(results: &[(ShardId, Result<Verification, Error>)]) -> Result<(), Stop> {
    let mut out = output::buffered();
    for (shard, result) in results {
        let found = match result {
            Ok(found) => found,
            Err(error) => {
                writeln!(out, "shard {shard}: {error}")?;
                continue;
            }
        };
        let (frames, records, bytes) = (found.frames, found.records, BinaryBytes(found.bytes));
        let what = word(exit_of(result));
        writeln!(out, "shard {shard}: {what}, {frames} frames, {records} records, {bytes}")?;
        match &found.verdict {
            Verdict::Clean => {}
            Verdict::TornTail(torn) => {
                let (file, offset) = (torn.file.display(), torn.file_offset);
                writeln!(out, "  {file}: byte {offset}: {}", torn.reason)?;
            }
            Verdict::Corruption { places, total } => {
                for place in places {
                    let (file, offset) = (place.file.display(), place.file_offset);
                    writeln!(out, "  {file}: byte {offset}: {}", place.reason)?;
                }
                if *total > places.len() as u64 {
                    writeln!(out, "  and {} more places", total - places.len() as u64)?;
                }
            }
        }
    }
    Ok(out.flush()?)
}

fn to_json(shard: ShardId, result: &Result<Verification, Error>) -> Value {
    let verdict = word(exit_of(result));
    let found = match result {
        Ok(found) => found,
        Err(error) => {
            return json!({ "shard": shard.0, "verdict": verdict, "error": error.to_string() });
        }
    };
    let (torn_tail, damage, damage_total) = match &found.verdict {
        Verdict::Clean => (None, Vec::new(), 0),
        Verdict::TornTail(torn) => (Some(json::torn_tail(torn)), Vec::new(), 0),
        Verdict::Corruption { places, total } => {
            (None, places.iter().map(json::damage).collect(), *total)
        }
    };
    json!({
        "shard": shard.0,
        "verdict": verdict,
        "frames": found.frames,
        "records": found.records,
        "bytes": found.bytes,
        "low_water": found.low_water.0,
        "durable_upto": found.durable_upto.0,
        "end": found.end.0,
        "logs": json::counts(&found.logs),
        "torn_tail": torn_tail,
        "damage": damage,
        "damage_total": damage_total,
    })
}

fn word(exit: Exit) -> &'static str {
    match exit {
        Exit::Success => "clean",
        Exit::TornTail => "torn tail",
        Exit::Corruption => "corruption",
        Exit::Usage | Exit::Failure => "failed",
    }
}

fn say_what_to_do(exit: Exit) {
    match exit {
        Exit::TornTail => output::say("nothing acknowledged is lost; opening the store settles it"),
        Exit::Corruption => output::say(
            "acknowledged data is damaged; `roundhouse salvage` reads what is intact, `roundhouse \
             repair` keeps what is before the damage and moves the rest to quarantine",
        ),
        Exit::Success | Exit::Usage | Exit::Failure => {}
    }
}
