//! Giving up what lies behind the first damage, so that the rest can be used again.
//!
//! The steps, each durable before the next: copy everything from the cut on to quarantine; put
//! empty files in the place of missing slots, and give short ones their length; write zeros over the
//! blocks from the cut on that cannot be read; write a superblock whose epoch begins at the cut. Only
//! the last one changes what the store is, and it is atomic; before it, running the repair again does
//! the same again. Frames behind the cut stay where they are, and are void from then on: their epochs
//! are over. A block that stayed unreadable would keep the store from being opened, since opening
//! cannot know that nothing was written there.

use std::path::{Path, PathBuf};

use roundhouse_base::{Pos, SegmentNo, SlotNo};
use roundhouse_runtime::{OpenMode, Shard};

use crate::check::audit::{Audit, Step};
use crate::check::blank::blank_unreadable;
use crate::check::examined::Examined;
use crate::check::tally::{LogCount, Tally};
use crate::error::{Corruption, OpenError};
use crate::format::Superblock;
use crate::pool::{create_slot, parse_slot_name, slot_path};
use crate::quarantine::{quarantine, quarantine_path};
use crate::recovery::{Context, Survey, recover};

/// How to repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepairOptions {
    /// Change nothing, and report what would be done.
    pub dry_run: bool,
}

/// What a repair came to.
#[derive(Debug, Clone)]
pub enum RepairReport {
    /// Nothing is damaged; nothing was changed.
    NothingToRepair,
    /// The first frame of the oldest live segment is damaged, so there is nothing before the damage
    /// that could be kept, and nothing was changed. [`salvage`](crate::salvage) reads out what is
    /// intact behind it; append that to a new store, or restore the files from a backup.
    NothingToKeep(Corruption),
    /// The log was cut, or a missing file replaced; in a dry run, would have been.
    Repaired(Repair),
}

/// What a repair did, or in a dry run would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// Where the log ends now, and why: the first damage. `None` if only slot files that held
    /// nothing were missing.
    pub cut: Option<Corruption>,
    /// Intact records behind the cut, of each log: what is lost beside the damaged records
    /// themselves, of which nothing can be known.
    pub lost: Vec<LogCount>,
    /// Bytes of intact frames behind the cut.
    pub lost_bytes: u64,
    /// Copies of everything behind the cut, in the order of the log.
    pub quarantined: Vec<PathBuf>,
    /// Slot files that were missing and are empty ones now.
    pub recreated: Vec<PathBuf>,
}

/// Cuts the log of the store in `directory` at the first damage that [`verify`](crate::verify)
/// finds, after copying everything behind it to the directory `quarantine`. Blocks behind it that
/// cannot be read are zeros in the copy, and are written over with zeros. Afterwards the store
/// opens, and has every record before the cut. A crash at any moment leaves the store as it was or
/// repaired.
///
/// The caller holds the lock that keeps other processes out.
///
/// # Errors
/// As [`verify`](crate::verify), and [`OpenError::Io`] when copying or writing fails: then the store
/// is as it was before, but for files in `quarantine`.
pub async fn repair(
    shard: &Shard,
    directory: &Path,
    options: RepairOptions,
) -> Result<RepairReport, OpenError> {
    let mode = if options.dry_run { OpenMode::Read } else { OpenMode::Write };
    let mut examined = Examined::open(shard, directory, mode).await?;
    let report = run(&mut examined, options).await;
    examined.close().await?;
    let report = report?;
    if !options.dry_run && matches!(report, RepairReport::Repaired(_)) {
        confirm(shard, directory).await?;
    }
    Ok(report)
}

async fn run(examined: &mut Examined, options: RepairOptions) -> Result<RepairReport, OpenError> {
    let cut = match Plan::make(examined).await? {
        Plan::Nothing => return Ok(RepairReport::NothingToRepair),
        Plan::Hopeless(corruption) => return Ok(RepairReport::NothingToKeep(corruption)),
        Plan::Cut(cut) => cut,
    };
    if !options.dry_run {
        cut.carry_out(examined).await?;
    }
    Ok(RepairReport::Repaired(cut.repair))
}

/// What is to be done.
enum Plan {
    Nothing,
    Hopeless(Corruption),
    Cut(Box<Cut>),
}

/// A cut, planned.
struct Cut {
    /// What the superblock will say.
    superblock: Superblock,
    /// Whether the log itself is cut.
    cuts_log: bool,
    /// What is copied: from where to where, out of which slot.
    doomed: Vec<(SlotNo, Pos, Pos)>,
    /// The slot that the last frame that is kept names for the next segment.
    next_slot: Option<SlotNo>,
    /// Slots to make.
    missing: Vec<SlotNo>,
    repair: Repair,
}

/// The last frame that is kept.
#[derive(Debug, Clone, Copy)]
struct Kept {
    hash: u64,
    next_slot: Option<SlotNo>,
}

impl Plan {
    async fn make(examined: &Examined) -> Result<Plan, OpenError> {
        let mut audit = Audit::new(examined);
        let (mut kept, mut kept_tally) = (None, Tally::default());
        let damage = loop {
            match audit.next().await {
                Some(Step::Frame(frame)) => {
                    kept_tally.take(&frame);
                    kept = Some(Kept { hash: frame.hash(), next_slot: frame.header.next_slot });
                }
                Some(Step::Damage(corruption)) => break Some(corruption),
                None => break None,
            }
        };
        let mut lost = Tally::with_names_of(&kept_tally);
        while let Some(step) = audit.next().await {
            if let Step::Frame(frame) = step {
                lost.take(&frame);
            }
        }
        audit.settle().await;
        let absent = examined.absent_slots(kept.and_then(|kept: Kept| kept.next_slot));
        let Some(corruption) = damage else { return Plan::without_damage(examined, absent).await };
        let Some(kept) = kept else { return Ok(Plan::Hopeless(corruption)) };
        Ok(Plan::Cut(Box::new(Cut::at(examined, corruption, kept, absent, &lost))))
    }

    /// The frames are in order. Missing slots may still be in the way of opening.
    async fn without_damage(examined: &Examined, missing: Vec<SlotNo>) -> Result<Plan, OpenError> {
        if missing.is_empty() {
            recover(&examined.context, &examined.survey).await?;
            return Ok(Plan::Nothing);
        }
        let repair = Repair {
            cut: None,
            lost: Vec::new(),
            lost_bytes: 0,
            quarantined: Vec::new(),
            recreated: paths(examined, &missing),
        };
        let superblock = examined.context.superblock;
        let (doomed, next_slot) = (Vec::new(), None);
        let cut = Cut { superblock, cuts_log: false, doomed, next_slot, missing, repair };
        Ok(Plan::Cut(Box::new(cut)))
    }
}

impl Cut {
    fn at(
        examined: &Examined,
        corruption: Corruption,
        kept: Kept,
        missing: Vec<SlotNo>,
        lost: &Tally,
    ) -> Cut {
        let old = examined.context.superblock;
        let superblock = Superblock {
            // Whatever lies behind the cut is of an earlier epoch then, also if the superblock is an
            // older one than the frames.
            epoch: examined.proof.epoch_max.next(),
            epoch_start: corruption.pos,
            epoch_prev_hash: kept.hash,
            low_water: examined.proof.low_water,
            clean_end: None,
            ..old
        };
        let doomed = doomed(examined, corruption.pos);
        let place = |(slot, from, to): &(SlotNo, Pos, Pos)| {
            let file = slot_path(&examined.context.directory, *slot);
            quarantine_path(&examined.context, &file, *from, *to)
        };
        let repair = Repair {
            lost: lost.logs(),
            lost_bytes: lost.bytes,
            quarantined: doomed.iter().map(place).collect(),
            recreated: paths(examined, &missing),
            cut: Some(corruption),
        };
        Cut { superblock, cuts_log: true, doomed, next_slot: kept.next_slot, missing, repair }
    }

    async fn carry_out(&self, examined: &mut Examined) -> Result<(), OpenError> {
        let Examined { context, survey, superblock_file, .. } = examined;
        let (shard, directory) = (context.shard.clone(), context.directory.clone());
        for (slot, from, to) in &self.doomed {
            let file = slot_path(&directory, *slot);
            quarantine(context, &survey.files, &file, *from, *to).await?;
        }
        for slot in &self.missing {
            let io = |errno| Context::io("create", &slot_path(&directory, *slot), errno);
            let no_zeros = None::<fn() -> bool>;
            let slot_bytes = self.superblock.slot_bytes;
            let created = create_slot(&shard, &directory, *slot, slot_bytes, no_zeros, |_| {});
            let file = created.await.map_err(io)?;
            shard.close(file).await.map_err(io)?;
        }
        lengthen_slots(context, survey).await?;
        self.blank_unreadable(context, survey).await?;
        if self.cuts_log {
            superblock_file.write(&shard, &self.superblock).await?;
        }
        Ok(())
    }

    /// Has the drive replace what it cannot read where the log will go on: behind the cut, and in the
    /// slot of the next segment, of which nothing may be known.
    async fn blank_unreadable(&self, context: &Context, survey: &Survey) -> Result<(), OpenError> {
        let Superblock { slot_bytes, .. } = self.superblock;
        let doomed = self.doomed.iter().map(|(slot, from, _)| (*slot, from.in_slot(slot_bytes)));
        for (slot, from) in doomed.chain(self.next_slot.map(|slot| (slot, 0))) {
            let Some(file) = survey.files.get(&slot) else { continue };
            let blanked = blank_unreadable(&context.shard, *file, from, slot_bytes).await;
            let path = slot_path(&context.directory, slot);
            blanked
                .map_err(|errno| Context::io("write over unreadable blocks of", &path, errno))?;
        }
        Ok(())
    }
}

/// Gives slot files that were cut short their length again; the lost part is zeros.
async fn lengthen_slots(context: &Context, survey: &Survey) -> Result<(), OpenError> {
    let Context { shard, directory, superblock, .. } = context;
    let entries = shard.list(directory).map_err(|errno| Context::io("list", directory, errno))?;
    for entry in entries.iter().filter(|entry| entry.bytes < superblock.slot_bytes) {
        let slot = parse_slot_name(&entry.name);
        let Some(file) = slot.and_then(|slot| survey.files.get(&slot)) else { continue };
        let io = |errno| Context::io("lengthen", &directory.join(&entry.name), errno);
        shard.allocate(*file, superblock.slot_bytes).await.map_err(io)?;
        shard.sync(*file).await.map_err(io)?;
    }
    Ok(())
}

/// Finds out what opening the repaired store will find.
async fn confirm(shard: &Shard, directory: &Path) -> Result<(), OpenError> {
    let examined = Examined::open(shard, directory, OpenMode::Read).await?;
    let recovered = recover(&examined.context, &examined.survey).await;
    examined.close().await?;
    recovered.map(drop)
}

/// What lies behind the cut: the rest of its slot, and the slots of all later segments.
fn doomed(examined: &Examined, cut: Pos) -> Vec<(SlotNo, Pos, Pos)> {
    let slot_bytes = examined.slot_bytes();
    let first = cut.segment(slot_bytes);
    let segments = (first.0..=examined.live_segments().end().0).map(SegmentNo);
    let held = segments.filter_map(|segment| Some((segment, examined.slots.place(segment)?)));
    held.map(|(segment, place)| {
        (place.slot, segment.base(slot_bytes).max(cut), segment.next().base(slot_bytes))
    })
    .collect()
}

fn paths(examined: &Examined, slots: &[SlotNo]) -> Vec<PathBuf> {
    slots.iter().map(|slot| slot_path(&examined.context.directory, *slot)).collect()
}
