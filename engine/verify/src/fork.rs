//! Two histories of one store, as when a snapshot of its machine is started twice, and parts of one
//! put into the other: frames with the right salt, epoch and position that belong somewhere else.

use std::path::Path;

use roundhouse_base::Random;
use roundhouse_runtime::Shard;
use roundhouse_store::format::Superblock;
use roundhouse_store::format::superblock::{SUPERBLOCK_COPIES, SUPERBLOCK_COPY_BYTES};
use roundhouse_store::{LogConfig, NewRecord, OpenError, Store, StoreOptions};

use crate::damage::{Damage, Intact};
use crate::image::{Image, PlacedFrame};
use crate::life::Ending;
use crate::oracle::Content;
use crate::recovery::{Refused, refuse};
use crate::scene::{DIRECTORY, IDENTITY};
use crate::simulation::Simulation;

impl Simulation {
    /// Uses the store, and returns what another history made of it from then on. That one is not
    /// known to the oracle; the machine's files are as before.
    pub(crate) fn fork(&mut self) -> Image {
        self.live(Ending::Close, false);
        let base = Image::take(&self.scene.node);
        for _ in 0..=self.random.below(LIVES_MAX) {
            let (options, random) = (self.plan.options.clone(), self.random.split());
            let ended =
                self.scene.run(async move |shard| other_life(&shard, options, random).await);
            ended.unwrap_or_else(|error| refuse(&Refused::Opening(error)));
        }
        let other = Image::take(&self.scene.node);
        base.restore(&self.scene.node);
        other
    }

    /// A frame of the segment that opening walks is replaced by one of the other history. What
    /// follows it then follows something else.
    pub(crate) fn transplant(&mut self, intact: &Intact, other: &Image) -> Option<Damage> {
        let slot_bytes = self.plan.options.slot_bytes;
        let newest = intact.frames.last()?.header.pos.segment(slot_bytes);
        let is_strange = |frame: &PlacedFrame| {
            frame.header.pos.segment(slot_bytes) == newest
                && frame.header.pos > newest.base(slot_bytes)
                && !intact.image.holds(other, frame)
        };
        let place = |frame: &PlacedFrame| (frame.file.clone(), frame.at, frame.header.frame_bytes);
        let replaced_by = |donor: PlacedFrame| {
            let replaced = intact.frames.iter().position(|frame| place(frame) == place(&donor))?;
            Some((donor, replaced))
        };
        let donors = other.frames().into_iter().filter(is_strange);
        let pairs: Vec<(PlacedFrame, usize)> = donors.filter_map(replaced_by).collect();
        let drawn = self.random.below(pairs.len().max(1) as u64);
        let (donor, replaced) = pairs.into_iter().nth(drawn as usize)?;
        let bytes = other.file(&donor.file)?.get(donor.at as usize..)?;
        let bytes = &bytes[..donor.header.frame_bytes as usize];
        self.write(intact, &donor.file, donor.at as usize, bytes);
        let frames = intact.frames[replaced..].iter().take(2).cloned().collect();
        let what = "replaced by that of another history".to_owned();
        Some(Damage::transplanted(what, frames))
    }

    /// One copy of the superblock is that of the other history, perhaps a later one than the three
    /// that agree.
    pub(crate) fn transplant_copy(&mut self, intact: &Intact, other: &Image) -> Option<Damage> {
        let path = Path::new(DIRECTORY).join("superblock");
        let replaced = self.random.below(SUPERBLOCK_COPIES as u64) as usize;
        // After a crash only two copies may agree; they are needed.
        let superblock = intact.image.superblock();
        let copies = intact.image.file(&path)?.chunks_exact(SUPERBLOCK_COPY_BYTES).enumerate();
        let agrees = |index, copy| Superblock::decode_copy(copy, index).ok() == superblock;
        if copies.filter(|(no, copy)| *no != replaced && agrees(*no, copy)).count() < 2 {
            return None;
        }
        let at = replaced * SUPERBLOCK_COPY_BYTES;
        let bytes = other.file(&path)?.get(at..at + SUPERBLOCK_COPY_BYTES)?.to_vec();
        let what = "a copy of the superblock is that of another history".to_owned();
        self.write(intact, &path, at, &bytes).then(|| Damage::new(what, Vec::new()))
    }
}

/// Opens the store, appends what nobody remembers, and closes it.
async fn other_life(
    shard: &Shard,
    options: StoreOptions,
    mut random: Random,
) -> Result<(), OpenError> {
    let store = Store::open(shard, Path::new(DIRECTORY), IDENTITY, &options).await?;
    let log = match store.logs().first() {
        Some(info) => Ok(info.id),
        None => store.create_log("elsewhere", LogConfig::default()).await,
    };
    for _ in 0..random.below(APPENDS_MAX) {
        let content = Content::plain(random.next_u64(), random.below(BODY_BYTES_MAX) as usize);
        let (Ok(log), body) = (&log, content.make()) else { break };
        // A log without room, say, is as good a history as any.
        let _appended = store.append(*log, &[NewRecord::from(body.as_slice())]).await;
    }
    store.close().await
}

/// Lives of the other history, at most.
const LIVES_MAX: u64 = 4;
/// Its appends in one life, at most.
const APPENDS_MAX: u64 = 40;
/// The longest of them.
const BODY_BYTES_MAX: u64 = 5000;
