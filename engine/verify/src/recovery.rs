//! Power fails while the store is being opened: at every so many steps, and again at the next try.
//! What is found in the end must not depend on it.

use std::collections::BTreeMap;
use std::path::Path;

use roundhouse_base::{Epoch, Pos, WallTime};
use roundhouse_runtime::Shard;
use roundhouse_runtime::sim::IoCounts;
use roundhouse_store::{OpenError, ReadError, Store, StoreOptions};

use crate::checks::{Check, check};
use crate::image::{Image, PlacedFrame};
use crate::life::Ending;
use crate::oracle::{Found, difference_of};
use crate::report::Report;
use crate::scene::{DIRECTORY, IDENTITY};
use crate::simulation::Simulation;
use crate::workload::read_back;

/// A store that was opened and read.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) found: Found,
    /// Where recovery ended the log.
    pub(crate) end: Pos,
    wall: WallTime,
}

/// Why a store could not be opened and read.
#[derive(Debug)]
pub(crate) enum Refused {
    Opening(OpenError),
    Reading(ReadError),
}

impl Simulation {
    /// Uses the store, lets the power fail, and then goes through the opening step by step.
    pub(crate) fn crash_while_recovering(&mut self, report: &mut Report) {
        self.use_until_crash();
        let image = Image::take(&self.scene.node);
        let reference = self.open_and_settle(&image);
        report.cycles += 1;
        let stride = 1 + self.random.below(STRIDE_MAX);
        let mut steps = 1 + self.random.below(stride);
        for _ in 0..CRASHES_MAX {
            image.restore(&self.scene.node);
            let was_opened = self.open_for(steps);
            while self.random.chance(0.3) {
                report.cycles += 1;
                let again = 1 + self.random.below(steps);
                self.open_for(again);
            }
            self.expect_same(&reference);
            self.check_quarantine(&image, given_up(&image, reference.end).iter());
            report.cycles += 1;
            if was_opened {
                break;
            }
            steps += stride;
        }
    }

    /// Some lives, the last of which ends without power.
    pub(crate) fn use_until_crash(&mut self) {
        for _ in 0..self.plan.lives.min(USES_MAX) {
            let ending = self.draw_ending();
            self.live(ending, false);
        }
        let steps = 200 + self.random.below(4000);
        self.live(Ending::Crash(steps), false);
    }

    /// Opens the store undisturbed, has the oracle judge it, and closes it in no orderly way.
    pub(crate) fn open_and_settle(&mut self, image: &Image) -> Opened {
        let before = self.scene.node.io_counts();
        let options = self.plan.options.clone();
        let node = self.scene.node.clone();
        let (opened, during) = self
            .scene
            .run_until_crash(STEPS_MAX, async move |shard| {
                let store = open(&shard, &options).await;
                let during = node.io_counts();
                (read(&shard, store).await, during)
            })
            .expect("opening and reading ends");
        let opened = Simulation::expect_opened(opened);
        check_bounds(image, &before, &during, self.plan.options.slot_bytes);
        self.oracle.borrow_mut().settle(&opened.found, opened.wall);
        self.check_quarantine(image, given_up(image, opened.end).iter());
        opened
    }

    /// Opens the store and lets the power fail after so many steps. Says whether it was opened by
    /// then.
    fn open_for(&mut self, steps: u64) -> bool {
        let options = self.plan.options.clone();
        let opened = self.scene.run_until_crash(steps, async move |shard| {
            let store = open(&shard, &options).await;
            store.map(|_| ())
        });
        match opened {
            None => false,
            Some(Ok(())) => true,
            Some(Err(error)) => refuse(&Refused::Opening(error)),
        }
    }

    fn expect_same(&mut self, reference: &Opened) {
        let opened = self.open_and_read();
        let opened = Simulation::expect_opened(opened);
        let differs = difference_of(&reference.found, &opened.found);
        check(Check::SameAgain, differs.is_none(), || differs.unwrap_or_default());
    }

    /// Opens the store, reads all of it and lets the power fail.
    pub(crate) fn open_and_read(&mut self) -> Result<Opened, Refused> {
        let options = self.plan.options.clone();
        let opened = self.scene.run_until_crash(STEPS_MAX, async move |shard| {
            let store = open(&shard, &options).await;
            read(&shard, store).await
        });
        opened.expect("opening and reading ends")
    }

    fn expect_opened(opened: Result<Opened, Refused>) -> Opened {
        opened.unwrap_or_else(|refused| refuse(&refused))
    }

    /// Every copy in quarantine is what lay there `before`, and every frame that was `given_up` is in
    /// one.
    pub(crate) fn check_quarantine<'a>(
        &self,
        before: &Image,
        given_up: impl Iterator<Item = &'a PlacedFrame>,
    ) {
        let slot_bytes = self.plan.options.slot_bytes;
        let copies = quarantined(&Image::take(&self.scene.node));
        let epoch = before.superblock().map(|superblock| superblock.epoch);
        // An interrupted opening began an epoch and may have left something of its own to copy.
        for ((slot, from, _), copy) in copies.iter().filter(|((_, _, of), _)| Some(*of) == epoch) {
            let original = before.file(&Path::new(DIRECTORY).join(slot)).unwrap_or_default();
            let start = Pos(*from).in_slot(slot_bytes) as usize;
            let is_equal = is_copy(original.get(start..).unwrap_or_default(), copy);
            check(Check::Quarantined, is_equal, || {
                format!("the copy of {slot} from {from} is not what was there")
            });
        }
        for frame in given_up {
            let (pos, last) = (frame.header.pos.0, frame.header.end().0);
            let is_covered = copies
                .iter()
                .any(|((_, from, _), copy)| *from <= pos && last <= from + copy.len() as u64);
            check(Check::Quarantined, is_covered, || {
                format!("the {:?} frame at {pos} was given up without a copy", frame.header.kind)
            });
        }
    }
}

/// Whether `copy` is what `original` begins with. Where a file ends too early a copy has zeros.
fn is_copy(original: &[u8], copy: &[u8]) -> bool {
    let (there, beyond) = copy.split_at(copy.len().min(original.len()));
    original.starts_with(there) && beyond.iter().all(|byte| *byte == 0)
}

/// The intact frames of the last epoch that recovery gave up when it ended the log at `end`.
fn given_up(image: &Image, end: Pos) -> Vec<PlacedFrame> {
    let Some(superblock) = image.superblock() else { return Vec::new() };
    let mut frames = image.frames();
    let first = end.max(superblock.epoch_start);
    frames.retain(|frame| frame.header.epoch == superblock.epoch && frame.header.pos >= first);
    frames
}

/// Fails the check that a store which should have opened violates.
pub(crate) fn refuse(refused: &Refused) -> ! {
    let wrong = match refused {
        Refused::Opening(_) => Check::NoFalseRefusal,
        Refused::Reading(_) => Check::Acknowledged,
    };
    crate::checks::fail(wrong, || format!("{refused:?}"))
}

/// Opens the store.
async fn open(shard: &Shard, options: &StoreOptions) -> Result<Store, OpenError> {
    Store::open(shard, Path::new(DIRECTORY), IDENTITY, options).await
}

async fn read(shard: &Shard, store: Result<Store, OpenError>) -> Result<Opened, Refused> {
    let store = store.map_err(Refused::Opening)?;
    let found = read_back(&store).await.map_err(Refused::Reading)?;
    let end = store.info().superblock.epoch_start;
    Ok(Opened { found, end, wall: shard.wall() })
}

/// The copies in quarantine by slot file, first position and the epoch that ended, as their names
/// tell.
fn quarantined(image: &Image) -> BTreeMap<(String, u64, Epoch), Vec<u8>> {
    let parse = |(path, content): (&Path, &[u8])| {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let (slot, rest) = name.split_once("-pos-")?;
        let (from, rest) = rest.split_once("-to-")?;
        let (_, epoch) = rest.split_once("-epoch-")?;
        let place = (slot.to_owned(), from.parse().ok()?, Epoch(epoch.parse().ok()?));
        Some((place, content.to_vec()))
    };
    image.quarantine().filter_map(parse).collect()
}

/// Opening looks at each slot's head, at the seals, at the newest segment twice, and at that and the
/// next slot for evidence; the rest of the store it leaves alone, however large it is.
fn check_bounds(image: &Image, before: &IoCounts, during: &IoCounts, slot_bytes: u64) {
    let slots = image.slots().count() as u64;
    let read = during.bytes_read - before.bytes_read;
    let read_max = slots * slot_bytes / 4 + 5 * slot_bytes;
    check(Check::BoundedRecovery, read <= read_max, || {
        format!("opening a store of {slots} slots read {read} bytes, more than {read_max}")
    });
}

/// Crashes in one run through an opening.
const CRASHES_MAX: usize = 40;
/// Steps from one crash to the next, at most.
const STRIDE_MAX: u64 = 12;
/// Lives before the crash that is recovered from, at most.
const USES_MAX: u64 = 3;
/// More than opening and reading the largest of these stores takes.
const STEPS_MAX: u64 = 1_000_000;
