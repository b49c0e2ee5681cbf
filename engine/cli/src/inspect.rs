//! `roundhouse inspect`: what a store consists of.

use std::io::Write;
use std::path::PathBuf;

use indicatif::BinaryBytes;
use roundhouse::offline::{
    CopyState, FrameHeader, Inspection, OfflineStore, SegmentInspection, SlotHolds, SlotInspection,
    SlotNo, SlotPart,
};
use roundhouse::{Error, ShardId};
use serde_json::{Value, json};

use crate::exit::{Exit, Stop, exit_for};
use crate::{json, output};

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct InspectArguments {
    /// Directory of the store
    #[arg(long, value_name = "DIRECTORY")]
    dir: PathBuf,

    /// List the frames in this slot file instead
    #[arg(long, value_name = "SLOT")]
    slot: Option<u32>,

    /// The shard of that slot file
    #[arg(long, requires = "slot", default_value_t = 0)]
    shard: u16,

    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Prints what there is.
pub(crate) fn run(arguments: &InspectArguments) -> Result<Exit, Stop> {
    let mut store = OfflineStore::open(&arguments.dir)?;
    if let Some(slot) = arguments.slot {
        return list_slot(&mut store, ShardId(arguments.shard), SlotNo(slot), arguments.json);
    }
    let (mut inspections, mut exit) = (Vec::new(), Exit::Success);
    for shard in store.shards() {
        let inspection = store.inspect(shard)?;
        if let Some(refused) = &inspection.refused {
            output::say(&format!("shard {shard} would not open: {refused}"));
            exit = exit.worse(exit_for(&Error::from(refused.clone())));
        }
        inspections.push((shard, inspection));
    }
    if arguments.json {
        let shards: Vec<Value> =
            inspections.iter().map(|(shard, inspection)| to_json(*shard, inspection)).collect();
        output::print_json(&json!({ "shards": shards }))?;
    } else {
        let mut out = output::buffered();
        for (shard, inspection) in &inspections {
            print(&mut out, *shard, inspection)?;
        }
        out.flush()?;
    }
    Ok(exit)
}

fn list_slot(
    store: &mut OfflineStore,
    shard: ShardId,
    slot: SlotNo,
    as_json: bool,
) -> Result<Exit, Stop> {
    let mut parts = Vec::new();
    store.list_frames(shard, slot, &mut |part| parts.push(part))?;
    if as_json {
        let parts: Vec<Value> = parts.iter().map(part_to_json).collect();
        output::print_json(&json!(parts))?;
        return Ok(Exit::Success);
    }
    let mut out = output::buffered();
    for part in &parts {
        print_part(&mut out, part)?;
    }
    out.flush()?;
    Ok(Exit::Success)
}

fn print(out: &mut impl Write, shard: ShardId, inspection: &Inspection) -> std::io::Result<()> {
    let block = &inspection.superblock;
    writeln!(out, "shard {shard} of {}, store {}", block.shards, block.store)?;
    let (slot_bytes, sync) = (BinaryBytes(block.slot_bytes), block.sync_method);
    writeln!(out, "  epoch {}, slots of {slot_bytes}, made durable by {sync:?}", block.epoch)?;
    let (low, durable) = (inspection.low_water, inspection.durable_upto);
    let end = inspection.end.map_or("unknown".to_owned(), |end| end.to_string());
    writeln!(out, "  positions: first live {low}, proven durable up to {durable}, end {end}")?;
    for (copy, state) in inspection.copies.iter().enumerate() {
        if *state != CopyState::Current {
            writeln!(out, "  superblock copy {copy}: {}", copy_state(*state))?;
        }
    }
    for SlotInspection { slot, bytes, holds, .. } in &inspection.slots {
        writeln!(out, "  slot {slot}: {}, {}", BinaryBytes(*bytes), holds_what(*holds))?;
    }
    for SegmentInspection { segment, logs, .. } in &inspection.segments {
        for share in logs {
            let (log, first, end, bytes) = (share.log, share.first, share.end, share.bytes);
            writeln!(out, "  segment {segment}: log {log}, offsets {first}..{end}, {bytes} bytes")?;
        }
    }
    for log in &inspection.logs {
        let (id, name, start, end) = (log.id, &log.name, log.start, log.end);
        writeln!(out, "  log {id}: {name:?}, offsets {start}..{end}")?;
    }
    Ok(())
}

fn print_part(out: &mut impl Write, part: &SlotPart) -> std::io::Result<()> {
    match part {
        SlotPart::Frame { file_offset, header, is_in_force } => {
            let FrameHeader { kind, pos, epoch, frame_bytes, record_count, .. } = header;
            let void = if *is_in_force { "" } else { ", void" };
            writeln!(
                out,
                "{file_offset}\t{kind:?}\tposition {pos}\tepoch {epoch}\t{frame_bytes} bytes\t\
                 {record_count} records{void}"
            )
        }
        SlotPart::Other { file_offset, bytes, reason } => {
            writeln!(out, "{file_offset}\tno frame in {bytes} bytes\t{reason}")
        }
    }
}

fn to_json(shard: ShardId, inspection: &Inspection) -> Value {
    let block = &inspection.superblock;
    let copies: Vec<String> = inspection.copies.iter().map(|copy| copy_state(*copy)).collect();
    let logs: Vec<Value> = inspection.logs.iter().map(|log| json::log(shard, log)).collect();
    json!({
        "shard": shard.0,
        "shards": block.shards,
        "store": block.store.to_string(),
        "epoch": block.epoch.0,
        "slot_bytes": block.slot_bytes,
        "sync_method": format!("{:?}", block.sync_method).to_lowercase(),
        "superblock_copies": copies,
        "low_water": inspection.low_water.0,
        "durable_upto": inspection.durable_upto.0,
        "end": inspection.end.map(|end| end.0),
        "slots": inspection.slots.iter().map(slot_to_json).collect::<Value>(),
        "segments": inspection.segments.iter().map(segment_to_json).collect::<Value>(),
        "logs": logs,
        "refused": inspection.refused.as_ref().map(ToString::to_string),
    })
}

fn slot_to_json(slot: &SlotInspection) -> Value {
    json!({
        "slot": slot.slot.0,
        "file": slot.file.display().to_string(),
        "bytes": slot.bytes,
        "holds": holds_what(slot.holds),
    })
}

fn segment_to_json(segment: &SegmentInspection) -> Value {
    let share = |share: &roundhouse::offline::LogShare| {
        let (first, end) = (share.first.0, share.end.0);
        json!({ "log": share.log.0, "first": first, "end": end, "bytes": share.bytes })
    };
    json!({
        "segment": segment.segment.0,
        "slot": segment.slot.0,
        "start": segment.start.0,
        "epoch": segment.epoch.map(|epoch| epoch.0),
        "logs": segment.logs.iter().map(share).collect::<Value>(),
    })
}

fn part_to_json(part: &SlotPart) -> Value {
    match part {
        SlotPart::Frame { file_offset, header, is_in_force } => json!({
            "offset": file_offset,
            "bytes": header.frame_bytes,
            "frame": format!("{:?}", header.kind).to_lowercase(),
            "position": header.pos.0,
            "epoch": header.epoch.0,
            "durable_upto": header.durable_upto.0,
            "records": header.record_count,
            "is_in_force": is_in_force,
        }),
        SlotPart::Other { file_offset, bytes, reason } => {
            json!({ "offset": file_offset, "bytes": bytes, "frame": null, "reason": reason })
        }
    }
}

fn copy_state(state: CopyState) -> String {
    match state {
        CopyState::Current => "current".to_owned(),
        CopyState::Stale { sequence } => format!("stale, sequence {sequence}"),
        CopyState::Damaged(reject) => format!("damaged: {reject}"),
    }
}

fn holds_what(holds: SlotHolds) -> String {
    match holds {
        SlotHolds::Live(segment) => format!("segment {segment}"),
        SlotHolds::Free => "free".to_owned(),
        SlotHolds::Unknown => "unknown".to_owned(),
    }
}
