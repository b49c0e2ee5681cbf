//! `roundhouse repair`: giving up what lies behind the first damage.

use std::io::Write;
use std::path::{Path, PathBuf};

use roundhouse::ShardId;
use roundhouse::offline::{LogCount, OfflineStore, Repair, RepairOptions, RepairReport};
use serde_json::{Value, json};

use crate::exit::{Exit, Stop};
use crate::{json, output};

/// Arguments of `repair`.
#[derive(Debug, clap::Args)]
pub(crate) struct RepairArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,

    /// Change nothing; say what would be cut, and exit with 4 if anything is damaged
    #[arg(long)]
    dry_run: bool,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Repairs every shard, or says what that would do.
pub(crate) fn run(arguments: &RepairArguments) -> Result<Exit, Stop> {
    let mut store = OfflineStore::open(&arguments.dir)?;
    let options = RepairOptions { dry_run: arguments.dry_run };
    let (mut reports, mut exit) = (Vec::new(), Exit::Success);
    for shard in store.shards() {
        let report = store.repair(shard, options)?;
        exit = exit.worse(exit_of(&report, options));
        reports.push((shard, report));
    }
    if arguments.json {
        let shards: Vec<Value> =
            reports.iter().map(|(shard, report)| to_json(*shard, report)).collect();
        output::print_json(&json!({ "dry_run": options.dry_run, "shards": shards }))?;
    } else {
        print(&reports, options)?;
    }
    Ok(exit)
}

fn exit_of(report: &RepairReport, options: RepairOptions) -> Exit {
    match report {
        RepairReport::NothingToRepair => Exit::Success,
        RepairReport::Repaired(_) if !options.dry_run => Exit::Success,
        RepairReport::Repaired(_) | RepairReport::NothingToKeep(_) => Exit::Corruption,
    }
}

fn print(reports: &[(ShardId, RepairReport)], options: RepairOptions) -> Result<(), Stop> {
    let mut out = output::buffered();
    for (shard, report) in reports {
        match report {
            RepairReport::NothingToRepair => writeln!(out, "shard {shard}: nothing to repair")?,
            RepairReport::NothingToKeep(corruption) => {
                let (file, offset) = (corruption.file.display(), corruption.file_offset);
                writeln!(
                    out,
                    "shard {shard}: cannot be repaired: nothing is intact before {file}, byte {offset}"
                )?;
                output::say(
                    "`roundhouse salvage --all` reads what is intact behind the damage; append that to a new store",
                );
            }
            RepairReport::Repaired(repair) => {
                let done = if options.dry_run { "would be repaired" } else { "repaired" };
                writeln!(out, "shard {shard}: {done}")?;
                print_repair(&mut out, repair)?;
            }
        }
    }
    Ok(out.flush()?)
}

fn print_repair(out: &mut impl Write, repair: &Repair) -> std::io::Result<()> {
    if let Some(cut) = &repair.cut {
        let (file, offset) = (cut.file.display(), cut.file_offset);
        writeln!(out, "  cut at {file}, byte {offset}: {}", cut.reason)?;
    }
    for LogCount { log, name, records, first, end, .. } in &repair.lost {
        let name = name.as_deref().unwrap_or("?");
        writeln!(out, "  lost of log {name} ({log}): {records} intact records, {first}..{end}")?;
    }
    for file in &repair.quarantined {
        writeln!(out, "  quarantined: {}", file.display())?;
    }
    for file in &repair.recreated {
        writeln!(out, "  recreated empty: {}", file.display())?;
    }
    Ok(())
}

fn to_json(shard: ShardId, report: &RepairReport) -> Value {
    let shard = shard.0;
    match report {
        RepairReport::NothingToRepair => json!({ "shard": shard, "result": "nothing to repair" }),
        RepairReport::NothingToKeep(corruption) => {
            let damage = json::damage(corruption);
            json!({ "shard": shard, "result": "nothing to keep", "cut": damage })
        }
        RepairReport::Repaired(repair) => json!({
            "shard": shard,
            "result": "repaired",
            "cut": repair.cut.as_ref().map(json::damage),
            "lost": json::counts(&repair.lost),
            "lost_bytes": repair.lost_bytes,
            "quarantined": paths(&repair.quarantined),
            "recreated": paths(&repair.recreated),
        }),
    }
}

fn paths(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| Path::display(path).to_string()).collect()
}
