//! Damage to the files of a closed store: what must be noticed is noticed and named, what does not
//! matter is not, and a repair keeps everything before it.

use std::fmt;
use std::path::{Path, PathBuf};

use roundhouse_base::Pos;
use roundhouse_base::limits::BLOCK_BYTES;
use roundhouse_store::format::{FrameKind, Quorum};
use roundhouse_store::{
    Corruption, OpenError, ReadError, RepairOptions, RepairReport, Verdict, repair, verify,
};

use crate::checks::{Check, check, fail};
use crate::image::{Image, PlacedFrame};
use crate::life::Ending;
use crate::oracle::{difference_of, impossible};
use crate::recovery::{Opened, Refused};
use crate::report::Report;
use crate::scene::DIRECTORY;
use crate::simulation::Simulation;

/// A store in good order, from outside.
pub(crate) struct Intact {
    pub(crate) image: Image,
    opened: Opened,
    /// Its frames from the first live one to the end of the log.
    pub(crate) frames: Vec<PlacedFrame>,
    /// What its superblock proves to have been durable.
    proven: Pos,
}

/// What was done to its files.
pub(crate) struct Damage {
    pub(crate) what: String,
    /// The frames that are not what they were, in the order of the log. A file that is cut short or
    /// gone has more than the first.
    pub(crate) frames: Vec<PlacedFrame>,
    /// Whether it came whole from another history of the store. Then the last of the frames is the
    /// one that follows it, which may be where it shows.
    is_transplant: bool,
    /// The byte that the disk says itself it cannot read.
    unreadable: Option<(PathBuf, u64)>,
}

impl Damage {
    pub(crate) fn new(what: String, frames: Vec<PlacedFrame>) -> Damage {
        Damage { what, frames, is_transplant: false, unreadable: None }
    }

    pub(crate) fn transplanted(what: String, frames: Vec<PlacedFrame>) -> Damage {
        Damage { is_transplant: true, ..Damage::new(what, frames) }
    }

    fn first(&self) -> Option<&PlacedFrame> {
        self.frames.first()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first() {
            Some(frame) => {
                write!(f, "{} ({:?} at {})", self.what, frame.header.kind, frame.header.pos)
            }
            None => f.write_str(&self.what),
        }
    }
}

impl Simulation {
    /// Uses a store and then damages it in several ways, each time from the same state.
    pub(crate) fn damage(&mut self, report: &mut Report) {
        let other = self.random.chance(0.3).then(|| self.fork());
        if self.random.chance(0.7) {
            self.use_until_crash();
        } else {
            self.live(Ending::Close, false);
        }
        let image = Image::take(&self.scene.node);
        let opened = self.open_and_settle(&image);
        report.cycles += 1;
        let intact = Intact::new(image, opened);
        if intact.frames.is_empty() {
            return;
        }
        for _ in 0..DAMAGES {
            intact.image.restore(&self.scene.node);
            let Some(damage) = self.draw_damage(&intact, other.as_ref()) else { continue };
            self.judge(&intact, &damage, report);
            report.cycles += 1;
        }
    }

    fn judge(&mut self, intact: &Intact, damage: &Damage, report: &mut Report) {
        let damaged = Image::take(&self.scene.node);
        // What the last frame holds no later one proves; a file that was cut short loses the proof.
        // A frame behind a hole proves that something was durable before it, but not what: only the
        // frame that follows a transplanted one, or the superblock, has the hash of the one before.
        let is_chained = !damage.is_transplant || damage.frames.len() > 1;
        let by_frames = if is_chained { damaged.proven_upto() } else { Pos(0) };
        let proven = by_frames.max(intact.proven);
        let must_be_named = damage.first().is_some_and(|frame| frame.header.end() <= proven);
        if must_be_named {
            self.check_verdict(damage);
            self.put_back(&damaged, damage);
        }
        match self.open_and_read() {
            // What cannot be read may be read another time, so it is never given up.
            Ok(opened) if damage.frames.is_empty() || damage.unreadable.is_some() => {
                let differs = difference_of(&intact.opened.found, &opened.found);
                check(Check::NoFalseRefusal, differs.is_none(), || {
                    format!("{damage}: {}", differs.unwrap_or_default())
                });
            }
            Ok(opened) => {
                // Opening walks every frame that is transplanted.
                let is_noticed = !(must_be_named && damage.is_transplant);
                check(Check::DamageNamed, is_noticed, || format!("{damage}: opened"));
                let differs = impossible(&opened.found);
                check(Check::DamageNamed, differs.is_none(), || {
                    format!("{damage}: {}", differs.unwrap_or_default())
                });
            }
            Err(refused) => {
                report.refusals += 1;
                check(Check::NoFalseRefusal, !damage.frames.is_empty(), || {
                    format!("{damage}: {refused:?}")
                });
                check_place(damage, &refused);
                self.put_back(&damaged, damage);
                self.repair_and_judge(intact, &damaged, damage);
            }
        }
    }

    /// Makes the disk what it was when it was damaged.
    fn put_back(&self, damaged: &Image, damage: &Damage) {
        damaged.restore(&self.scene.node);
        if let Some((file, byte)) = &damage.unreadable {
            self.scene.node.break_sector(file, *byte);
        }
    }

    /// What `verify` says of damage below what is proven.
    fn check_verdict(&mut self, damage: &Damage) {
        let shows_in = if damage.is_transplant { damage.frames.len() } else { 1 };
        let is_place = |pos| damage.frames.iter().take(shows_in).any(|f| f.header.pos == pos);
        let verified =
            self.scene.run(async |shard| verify(&shard, Path::new(DIRECTORY), &mut |_| {}).await);
        let is_named = match &verified {
            Ok(verification) => match &verification.verdict {
                Verdict::Corruption { places, .. } => {
                    places.iter().any(|place| is_place(place.pos))
                }
                Verdict::Clean | Verdict::TornTail(_) => false,
            },
            Err(_) => false,
        };
        check(Check::DamageNamed, is_named, || format!("{damage}: verify says {verified:?}"));
    }

    /// Repairs the store, with the power failing now and then, and opens it.
    fn repair_and_judge(&mut self, intact: &Intact, damaged: &Image, damage: &Damage) {
        while self.random.chance(0.5) {
            let steps = 1 + self.random.below(300);
            drop(self.scene.run_until_crash(steps, repair_all));
        }
        let repaired = self.scene.run(repair_all);
        let cut = match repaired {
            Ok(RepairReport::Repaired(repair)) => repair.cut.map(|cut| cut.pos),
            // A crash came when it was done already, or nothing is left to keep.
            Ok(RepairReport::NothingToRepair) => None,
            Ok(RepairReport::NothingToKeep(_)) => return,
            Err(error) => fail(Check::NoFalseRefusal, || format!("{damage}: repair: {error}")),
        };
        if let Some(cut) = cut {
            let is_early = damage.first().is_some_and(|f| cut < f.header.pos);
            check(Check::Acknowledged, !is_early, || format!("{damage}: cut at {cut}"));
        }
        match self.open_and_read() {
            Ok(opened) => {
                let differs = impossible(&opened.found);
                check(Check::Prefix, differs.is_none(), || {
                    format!("{damage}, repaired: {}", differs.unwrap_or_default())
                });
                let cut = cut.unwrap_or(Pos(u64::MAX));
                let seen = match &damage.unreadable {
                    Some((file, byte)) => damaged.with_blank_block(file, *byte),
                    None => damaged.clone(),
                };
                let is_intact = |frame: &PlacedFrame| seen.holds(&intact.image, frame);
                let behind = intact.frames.iter().filter(|frame| frame.header.pos >= cut);
                self.check_quarantine(&seen, behind.filter(|frame| is_intact(frame)));
            }
            Err(refused) => {
                fail(Check::NoFalseRefusal, || format!("{damage}, repaired: {refused:?}"))
            }
        }
    }

    fn draw_damage(&mut self, intact: &Intact, other: Option<&Image>) -> Option<Damage> {
        if let Some(other) = other.filter(|_| self.random.chance(0.5)) {
            if self.random.chance(0.3) {
                return self.transplant_copy(intact, other);
            }
            return self.transplant(intact, other);
        }
        match self.random.below(11) {
            0..3 => self.flip(intact),
            3..5 => self.overwrite(intact),
            5 => self.swap(intact),
            6 => self.replay(intact),
            7 => self.spoil_copies(intact),
            8 => self.spoil_dead_space(intact),
            9 => self.break_sector(intact),
            _ => self.cut_short(intact),
        }
    }

    fn some_frame(&mut self, intact: &Intact) -> Option<PlacedFrame> {
        let count = intact.frames.len() as u64;
        (count > 0).then(|| intact.frames[self.random.below(count) as usize].clone())
    }

    /// One bit of a frame.
    fn flip(&mut self, intact: &Intact) -> Option<Damage> {
        let frame = self.some_frame(intact)?;
        let byte = self.random.below(u64::from(frame.header.frame_bytes));
        let mask = 1 << self.random.below(8);
        self.scene.node.corrupt(&frame.file, frame.at + byte, mask);
        Some(Damage::new(format!("bit {mask:#x} of byte {byte}"), vec![frame]))
    }

    /// A sector of a frame, mostly of the last one, cannot be read any more.
    fn break_sector(&mut self, intact: &Intact) -> Option<Damage> {
        let is_last = self.random.chance(0.6);
        let last = intact.frames.last().filter(|_| is_last).cloned();
        let frame = last.or_else(|| self.some_frame(intact))?;
        let byte = self.random.below(u64::from(frame.header.frame_bytes));
        self.scene.node.break_sector(&frame.file, frame.at + byte);
        let unreadable = Some((frame.file.clone(), frame.at + byte));
        let broken = Damage::new(format!("byte {byte} unreadable"), vec![frame]);
        Some(Damage { unreadable, ..broken })
    }

    /// A sector or a block of a frame becomes zeros or garbage.
    fn overwrite(&mut self, intact: &Intact) -> Option<Damage> {
        let frame = self.some_frame(intact)?;
        let bytes = if self.random.chance(0.5) { 512 } else { BLOCK_BYTES };
        let places = u64::from(frame.header.frame_bytes) / bytes as u64;
        let at = (frame.at + self.random.below(places) * bytes as u64) as usize;
        let mut content = vec![0; bytes];
        if self.random.chance(0.5) {
            self.random.fill(&mut content);
        }
        let is_changed = self.write(intact, &frame.file, at, &content);
        let what = format!("{bytes} bytes at {at} overwritten");
        is_changed.then(|| Damage::new(what, vec![frame]))
    }

    /// Two frames of one length change places.
    fn swap(&mut self, intact: &Intact) -> Option<Damage> {
        let (a, b) = (self.some_frame(intact)?, self.some_frame(intact)?);
        let is_possible =
            a.header.frame_bytes == b.header.frame_bytes && a.header.pos < b.header.pos;
        if !is_possible {
            return None;
        }
        let (first, second) = (intact.bytes(&a), intact.bytes(&b));
        self.write(intact, &a.file, a.at as usize, &second);
        let image = Image::take(&self.scene.node);
        write_into(self, &image, &b.file, b.at as usize, &first);
        Some(Damage::new(format!("swapped with the one at {}", b.header.pos), vec![a, b]))
    }

    /// An older frame of the same length lies where a later one was.
    fn replay(&mut self, intact: &Intact) -> Option<Damage> {
        let (old, new) = (self.some_frame(intact)?, self.some_frame(intact)?);
        if old.header.frame_bytes != new.header.frame_bytes || old.header.pos >= new.header.pos {
            return None;
        }
        let bytes = intact.bytes(&old);
        self.write(intact, &new.file, new.at as usize, &bytes);
        Some(Damage::new(format!("replaced by the one at {}", old.header.pos), vec![new]))
    }

    /// Up to two copies of the superblock, if two of the others still agree: an update that a crash cut short
    /// has spent that margin already.
    fn spoil_copies(&mut self, intact: &Intact) -> Option<Damage> {
        let path = Path::new(DIRECTORY).join("superblock");
        let mut content = intact.image.file(&path)?.to_vec();
        let first = self.random.below(4);
        let second = self.random.below(4);
        let stale = Quorum::choose(&content).ok()?.stale;
        let is_left = |copy: &u64| ![first, second].contains(copy) && !stale[*copy as usize];
        if (0..4).filter(is_left).count() < 2 {
            return None;
        }
        for copy in [first, second] {
            let byte = copy as usize * BLOCK_BYTES + self.random.below(200) as usize;
            content[byte] ^= 1 << self.random.below(8);
        }
        self.scene.node.write_file(&path, &content);
        let what = format!("copies {first} and {second} of the superblock");
        Some(Damage::new(what, Vec::new()))
    }

    /// Bytes behind the end of the log, or in a slot that holds nothing live.
    fn spoil_dead_space(&mut self, intact: &Intact) -> Option<Damage> {
        let slots: Vec<PathBuf> = intact.image.slots().map(|(path, _)| path.to_owned()).collect();
        let slot = &slots[self.random.below(slots.len() as u64) as usize];
        let bytes = intact.image.file(slot)?.len() as u64;
        let live = intact.frames.iter().filter(|frame| frame.file == *slot);
        let from = live.map(|f| f.at + u64::from(f.header.frame_bytes)).max().unwrap_or(0);
        // A sealed segment is read up to its seal only, so what lies behind it is dead as well.
        if from >= bytes {
            return None;
        }
        let at = from + self.random.below(bytes - from);
        self.scene.node.corrupt(slot, at, 1 << self.random.below(8));
        Some(Damage::new(format!("byte {at} of {}", slot.display()), Vec::new()))
    }

    /// A slot file ends too early, or is gone.
    fn cut_short(&mut self, intact: &Intact) -> Option<Damage> {
        let frame = self.some_frame(intact)?;
        let content = intact.image.file(&frame.file)?;
        let inside = intact.frames.iter().filter(|other| other.file == frame.file).cloned();
        if self.random.chance(0.3) {
            self.scene.node.remove_file(&frame.file);
            let what = format!("{} removed", frame.file.display());
            return Some(Damage::new(what, inside.collect()));
        }
        let keep = frame.at + self.random.below(u64::from(frame.header.frame_bytes));
        self.scene.node.write_file(&frame.file, &content[..keep as usize]);
        // The zeros that stand in for what was cut off may be what was there.
        let is_same = intact.bytes(&frame)[(keep - frame.at) as usize..].iter().all(|b| *b == 0);
        let first = if is_same { frame.at + 1 } else { frame.at };
        let frames = inside.filter(|other| other.at >= first).collect();
        Some(Damage::new(format!("cut at byte {keep}"), frames))
    }

    /// Writes into a file of the intact store, and says whether that changed anything.
    pub(crate) fn write(&mut self, intact: &Intact, file: &Path, at: usize, bytes: &[u8]) -> bool {
        write_into(self, &intact.image, file, at, bytes)
    }
}

fn write_into(
    simulation: &mut Simulation,
    image: &Image,
    file: &Path,
    at: usize,
    bytes: &[u8],
) -> bool {
    let before = image.file(file).unwrap_or_default();
    let mut after = before.to_vec();
    after[at..at + bytes.len()].copy_from_slice(bytes);
    simulation.scene.node.write_file(file, &after);
    before != after
}

async fn repair_all(shard: roundhouse_runtime::Shard) -> Result<RepairReport, OpenError> {
    repair(&shard, Path::new(DIRECTORY), RepairOptions::default()).await
}

impl Intact {
    fn new(image: Image, opened: Opened) -> Intact {
        let (mut proven, mut low_water) = (Pos(0), Pos(0));
        if let Some(superblock) = image.superblock() {
            let clean_end = superblock.clean_end.map_or(Pos(0), |end| end.pos);
            proven = superblock.epoch_start.max(clean_end);
            low_water = superblock.low_water;
        }
        let frames = image.chained_frames(opened.end);
        let marks = frames.iter().map(|frame| frame.header.low_water);
        low_water = marks.max().unwrap_or_default().max(low_water);
        let live = frames.into_iter().filter(|frame| frame.header.pos >= low_water);
        Intact { image, opened, frames: live.collect(), proven }
    }

    fn bytes(&self, frame: &PlacedFrame) -> Vec<u8> {
        let content = self.image.file(&frame.file).unwrap_or_default();
        content[frame.at as usize..][..frame.header.frame_bytes as usize].to_vec()
    }
}

/// An error names the frame that was damaged, or the segment whose head it was, or its file.
fn check_place(damage: &Damage, refused: &Refused) {
    let names = |frame: &PlacedFrame| {
        let is_place = |corruption: &Corruption| corruption.pos == frame.header.pos;
        match refused {
            Refused::Opening(OpenError::Corruption(corruption))
            | Refused::Reading(ReadError::Corruption(corruption)) => is_place(corruption),
            Refused::Opening(OpenError::MissingSegment { .. }) => {
                frame.header.kind == FrameKind::Head || damage.what.contains("removed")
            }
            Refused::Opening(OpenError::Io { path, .. })
            | Refused::Reading(ReadError::Io { file: path, .. }) => *path == frame.file,
            _ => false,
        }
    };
    let is_named = damage.frames.is_empty() || damage.frames.iter().any(names);
    check(Check::DamageNamed, is_named, || format!("{damage}: {refused:?}"));
}

/// Ways in which each store is damaged, one after the other.
const DAMAGES: usize = 8;
