//! A store with its files open, but not in use.

use std::path::Path;

use roundhouse_base::{Pos, SegmentNo, SlotNo};
use roundhouse_runtime::{OpenMode, Shard};

use crate::check::copies::{CopyState, copy_states};
use crate::check::proof::Proof;
use crate::check::slots::SlotMap;
use crate::error::OpenError;
use crate::format::superblock::SUPERBLOCK_COPIES;
use crate::open::find_store;
use crate::pool::slot_path;
use crate::recovery::{Context, Survey};
use crate::superblock_file::SuperblockFile;

/// Everything that is known of a store before its frames are walked.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) context: Context,
    pub(super) copies: [CopyState; SUPERBLOCK_COPIES],
    pub(super) superblock_file: SuperblockFile,
    pub(super) survey: Survey,
    pub(super) slots: SlotMap,
    pub(super) proof: Proof,
}

impl Examined {
    /// Opens the files of the store in `directory`: to read them, or, with [`OpenMode::Write`], to
    /// repair them.
    ///
    /// # Errors
    /// [`OpenError::Missing`] if there is no store, else as opening a store; never corruption of
    /// slot files.
    pub(super) async fn open(
        shard: &Shard,
        directory: &Path,
        mode: OpenMode,
    ) -> Result<Examined, OpenError> {
        let found = find_store(shard, directory, mode).await?;
        let missing = || OpenError::Missing { directory: directory.to_owned() };
        let (superblock_file, superblock) = found.ok_or_else(missing)?;
        let copies = copy_states(shard, directory, &superblock).await?;
        let salts = superblock.salts();
        let context =
            Context { shard: shard.clone(), directory: directory.to_owned(), superblock, salts };
        let survey = Survey::run(&context, mode).await?;
        let slots = SlotMap::build(&context, &survey).await;
        let proof = Proof::gather(&context, &survey, &slots).await;
        Ok(Examined { context, copies, superblock_file, survey, slots, proof })
    }

    /// Closes the files.
    ///
    /// # Errors
    /// [`OpenError::Io`].
    pub(super) async fn close(self) -> Result<(), OpenError> {
        let Context { shard, directory, .. } = &self.context;
        for (slot, file) in &self.survey.files {
            let closed = shard.close(*file).await;
            closed.map_err(|errno| Context::io("close", &slot_path(directory, *slot), errno))?;
        }
        self.superblock_file.close(shard).await
    }

    /// Bytes of a slot, hence of a segment.
    pub(super) fn slot_bytes(&self) -> u64 {
        self.context.superblock.slot_bytes
    }

    /// The slots without which opening is refused, but that are not there: those left out in the
    /// numbers, and the one that the last frame names for what follows it.
    pub(super) fn absent_slots(&self, named_last: Option<SlotNo>) -> Vec<SlotNo> {
        let past_highest = self.survey.files.last_key_value().map_or(0, |(slot, _)| slot.0 + 1);
        let named_end = named_last.map_or(0, |slot| slot.0 + 1);
        let beyond = (past_highest..named_end).map(SlotNo);
        self.survey.missing.iter().copied().chain(beyond).collect()
    }

    /// The segments that must be there, from the first live one up to the newest of which anything
    /// is known.
    pub(super) fn live_segments(&self) -> std::ops::RangeInclusive<SegmentNo> {
        let slot_bytes = self.slot_bytes();
        let first = self.proof.low_water.segment(slot_bytes);
        let proven = Pos(self.proof.durable_upto.0.saturating_sub(1)).segment(slot_bytes);
        let newest = self.slots.newest().map_or(first, |(segment, _)| segment);
        first..=newest.max(proven).max(first)
    }
}
