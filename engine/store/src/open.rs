//! Opening a shard's store: create it or recover it, begin a new epoch, start its tasks.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use roundhouse_base::limits::{
    BLOCK_BYTES, FRAME_BYTES_SOFT_MAX, FRAMES_IN_FLIGHT_MAX, FRAMES_PENDING_MAX,
};
use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Epoch, Pos, ShardId, SlotNo, StoreId};
use roundhouse_runtime::{Errno, OpenMode, Shard};

use crate::error::OpenError;
use crate::format::{FrameKind, Superblock, SyncMethod};
use crate::logs::{Segment, Segments};
use crate::options::{StoreOptions, SyncChoice};
use crate::pool::{Pool, Room, create_slot, parse_slot_name, slot_path};
use crate::probe::probe_sync_method;
use crate::quarantine::quarantine;
use crate::recovery::{Context, Evidence, Recovered, Survey, TornTail, recover};
use crate::state::{State, StateParts};
use crate::store::Store;
use crate::superblock_file::{SuperblockFile, superblock_path};
use crate::wal::{FrameBuffers, Writer, WriterStart};

/// Which store, and which shard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The identity of a store that is to be created; of an existing one, what must be found, or
    /// `None` for any.
    pub store: Option<StoreId>,
    /// The shard.
    pub shard: ShardId,
    /// Shards of the store.
    pub shards: u16,
    /// Whether the shard's store is created if there is none. Not for a shard of a store that is
    /// known to be complete: then its directory was lost.
    pub may_create: bool,
}

impl Store {
    /// The superblock of the store in `directory`, or `None` if there is none. Changes nothing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn peek(shard: &Shard, directory: &Path) -> Result<Option<Superblock>, OpenError> {
        let Some((file, superblock)) = find_store(shard, directory, OpenMode::Read).await? else {
            return Ok(None);
        };
        file.close(shard).await?;
        Ok(Some(superblock))
    }

    /// Opens the store of one shard in `directory`, which is created if it is missing or empty.
    ///
    /// The caller holds the lock that keeps other processes out.
    ///
    /// # Errors
    /// See [`OpenError`]; unless it says so, nothing was changed.
    pub async fn open(
        shard: &Shard,
        directory: &Path,
        identity: Identity,
        options: &StoreOptions,
    ) -> Result<Store, OpenError> {
        options.check().map_err(OpenError::Options)?;
        let found = find_store(shard, directory, OpenMode::Write).await?;
        let (mut file, mut superblock) = match found {
            Some((file, superblock)) => (file, superblock),
            None if identity.may_create => create(shard, directory, identity, options).await?,
            None => {
                let (shard, directory) = (identity.shard, directory.to_owned());
                return Err(OpenError::MissingShard { shard, directory });
            }
        };
        check_identity(directory, &superblock, identity)?;
        if superblock.epoch == Epoch(0) {
            refuse_used_slots(shard, directory, superblock).await?;
            create_first_slots(shard, directory, &mut superblock, options).await?;
            file.write(shard, &superblock).await?;
        }
        let salts = superblock.salts();
        let context =
            Context { shard: shard.clone(), directory: directory.to_owned(), superblock, salts };
        let survey = Survey::run(&context, OpenMode::Write).await?;
        let recovered = recover(&context, &survey).await?;
        Opening { context, file, options, recovered }.finish().await
    }
}

/// The superblock of the store in `directory`, or `None` if there is none yet.
///
/// # Errors
/// [`OpenError::NotAStore`] if there are files, but no superblock.
pub(crate) async fn find_store(
    shard: &Shard,
    directory: &Path,
    mode: OpenMode,
) -> Result<Option<(SuperblockFile, Superblock)>, OpenError> {
    let unusable = match SuperblockFile::open(shard, directory, mode).await {
        Ok(None) => None,
        Err(error @ OpenError::Superblock { .. }) => Some(error),
        other => return other,
    };
    match shard.list(directory) {
        Ok(entries) => {
            let superblock = superblock_path(Path::new(""));
            let other = entries.iter().find(|entry| Path::new(&entry.name) != superblock);
            // Alone, it is what an interrupted creation left, in whatever shape: slots come after
            // it is durable.
            other.map_or(Ok(None), |entry| {
                let directory = directory.to_owned();
                let found = format!("it has {:?}, but no superblock", entry.name);
                Err(unusable.unwrap_or(OpenError::NotAStore { directory, found }))
            })
        }
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(Context::io("list", directory, errno)),
    }
}

/// Checks that a superblock is the one of the shard that is being opened.
pub(crate) fn check_identity(
    directory: &Path,
    superblock: &Superblock,
    identity: Identity,
) -> Result<(), OpenError> {
    let directory = || directory.to_owned();
    if superblock.shards != identity.shards {
        let (found, asked) = (superblock.shards, identity.shards);
        return Err(OpenError::ShardCount { directory: directory(), found, asked });
    }
    if superblock.shard != identity.shard {
        let (found, asked) = (superblock.shard, identity.shard);
        return Err(OpenError::WrongShard { directory: directory(), found, asked });
    }
    match identity.store {
        Some(store) if store != superblock.store => Err(OpenError::NotAStore {
            directory: directory(),
            found: format!("it belongs to store {}, its neighbours to {store}", superblock.store),
        }),
        _ => Ok(()),
    }
}

/// Makes the directory and a superblock. The slots come later, so that slot files without a
/// superblock are never mistaken for a store that was not finished.
async fn create(
    shard: &Shard,
    directory: &Path,
    identity: Identity,
    options: &StoreOptions,
) -> Result<(SuperblockFile, Superblock), OpenError> {
    let io = |action, errno| Context::io(action, directory, errno);
    shard.create_directory(directory).await.map_err(|errno| io("create", errno))?;
    let mut store = StoreId::default();
    for half in store.0.chunks_mut(8) {
        half.copy_from_slice(&shard.random().to_le_bytes());
    }
    let superblock = Superblock {
        store: identity.store.unwrap_or(store),
        shard: identity.shard,
        shards: identity.shards,
        salt: shard.random(),
        sequence: 1,
        slot_bytes: options.slot_bytes,
        epoch: Epoch(0),
        sync_method: SyncMethod::Dsync,
        epoch_start: Pos(0),
        epoch_prev_hash: 0,
        low_water: Pos(0),
        clean_end: None,
        created: shard.wall(),
    };
    let file = SuperblockFile::create(shard, directory, &superblock).await?;
    tracing::info!(
        directory = %directory.display(),
        store = %superblock.store,
        shard = superblock.shard.0,
        "created a store"
    );
    Ok((file, superblock))
}

/// Checks that the slots of a store that was never open hold nothing. If they do, the superblock is
/// an older one than the store had: its updates were lost although they were synced.
async fn refuse_used_slots(
    shard: &Shard,
    directory: &Path,
    superblock: Superblock,
) -> Result<(), OpenError> {
    let salts = superblock.salts();
    let context =
        Context { shard: shard.clone(), directory: directory.to_owned(), superblock, salts };
    let survey = Survey::run(&context, OpenMode::Read).await?;
    let (slot, evidence) = Evidence::of_first_segment(&context, &survey).await;
    for (slot, file) in &survey.files {
        let closed = shard.close(*file).await;
        closed.map_err(|errno| Context::io("close", &slot_path(directory, *slot), errno))?;
    }
    let proven = survey.durable_upto.max(evidence.durable_upto);
    if proven == Pos(0) {
        return Ok(());
    }
    let reason = "the superblock is that of a store which was never open".to_owned();
    let corruption = context.corruption(slot, Pos(0), proven, reason);
    Err(OpenError::Corruption(corruption))
}

/// Makes the first slots of a store that was never open, again if a crash interrupted that, and
/// notes in the superblock how this device syncs best.
async fn create_first_slots(
    shard: &Shard,
    directory: &Path,
    superblock: &mut Superblock,
    options: &StoreOptions,
) -> Result<(), OpenError> {
    let slot_bytes = superblock.slot_bytes;
    for slot in [SlotNo(0), SlotNo(1)] {
        let path = slot_path(directory, slot);
        let io = |action, errno| Context::io(action, &path, errno);
        let zero = options.zero_slots.then_some(|| false);
        let created = create_slot(shard, directory, slot, slot_bytes, zero, |_| {}).await;
        let slot_file = created.map_err(|errno| io("create", errno))?;
        if slot == SlotNo(0) {
            superblock.sync_method = match options.sync_method {
                SyncChoice::Fixed(method) => method,
                SyncChoice::Probe => probe_sync_method(shard, slot_file, slot_bytes)
                    .await
                    .map_err(|errno| io("time writes to", errno))?,
            };
        }
        shard.close(slot_file).await.map_err(|errno| io("close", errno))?;
    }
    Ok(())
}

/// A recovered store on its way to being used.
struct Opening<'a> {
    context: Context,
    file: SuperblockFile,
    options: &'a StoreOptions,
    recovered: Recovered,
}

impl Opening<'_> {
    async fn finish(mut self) -> Result<Store, OpenError> {
        let torn = self.recovered.torn.take();
        if let Some(torn) = torn.as_ref()
            && let Some(frames_end) = torn.frames_end
            && !planted(Bug::QuarantineSkipped)
        {
            self.keep_copy(torn, frames_end).await?;
        }
        if let Some(torn) = &torn {
            tracing::info!(file = %torn.file.display(), offset = torn.file_offset, reason = %torn.reason,
                "settled a torn tail: what lay behind was never acknowledged");
        }
        self.remove_unfinished_slots().await?;
        let superblock = self.begin_epoch().await?;
        let context = self.context;
        let shard = context.shard.clone();
        let zero_slots = self.options.zero_slots;
        let (state, needs_head) = build_state(&context, &superblock, self.options, self.recovered);
        let store = Store::new(shard, state, superblock, self.file, zero_slots);
        store.mark_epoch(&needs_head)?;
        store.start();
        if let Err(failure) = store.flushed().await {
            // Whoever tries again must not meet the tasks of this attempt.
            return Err(store.close().await.err().unwrap_or(OpenError::Failed(failure)));
        }
        Ok(store)
    }

    /// Copies the frames behind a torn one. They were never acknowledged, so a full disk is no reason
    /// not to open the store.
    async fn keep_copy(&self, torn: &TornTail, frames_end: Pos) -> Result<(), OpenError> {
        let files = &self.recovered.files;
        match quarantine(&self.context, files, &torn.file, torn.pos, frames_end).await {
            Err(OpenError::Io { errno: Errno::NOSPC, path, .. }) => {
                tracing::warn!(copy = %path.display(), "no space to keep a torn tail");
                Ok(())
            }
            copied => copied.map(drop),
        }
    }

    /// Removes slot files whose creation was interrupted: they are shorter than a slot, so they
    /// would reserve nothing. No frame names a slot before it is whole, so one that holds a segment
    /// was cut short by something else, and everything in it that counts is still there. So was the
    /// one that the last frame names for what follows; it gets its length again.
    async fn remove_unfinished_slots(&mut self) -> Result<(), OpenError> {
        let Context { shard, directory, superblock, .. } = &self.context;
        let io = |action, errno| Context::io(action, directory, errno);
        let entries = shard.list(directory).map_err(|errno| io("list", errno))?;
        for entry in entries.iter().filter(|entry| entry.bytes < superblock.slot_bytes) {
            let Some(slot) = parse_slot_name(&entry.name) else { continue };
            if self.recovered.segments.iter().any(|segment| segment.slot == slot) {
                continue;
            }
            if self.recovered.next_slot == Some(slot) {
                let file = self.recovered.files[&slot];
                let lengthened = shard.allocate(file, superblock.slot_bytes).await;
                lengthened.map_err(|errno| io("lengthen a slot of", errno))?;
                shard.sync(file).await.map_err(|errno| io("sync a slot of", errno))?;
                continue;
            }
            if let Some(file) = self.recovered.files.remove(&slot) {
                shard.close(file).await.map_err(|errno| io("close a slot of", errno))?;
                let removed = shard.remove(&slot_path(directory, slot)).await;
                removed.map_err(|errno| io("remove an unfinished slot from", errno))?;
            }
        }
        Ok(())
    }

    /// Makes it durable that whatever lies behind the end is void.
    async fn begin_epoch(&mut self) -> Result<Superblock, OpenError> {
        let recovered = &self.recovered;
        let epoch = self.context.superblock.epoch;
        let is_stuck = planted(Bug::EpochNotAdvanced) && epoch > Epoch(0);
        let superblock = Superblock {
            epoch: if is_stuck { epoch } else { epoch.next() },
            epoch_start: recovered.end,
            epoch_prev_hash: recovered.end_hash,
            low_water: recovered.low_water,
            clean_end: None,
            sync_method: match self.options.sync_method {
                SyncChoice::Fixed(method) => method,
                SyncChoice::Probe => self.context.superblock.sync_method,
            },
            ..self.context.superblock
        };
        self.file.write(&self.context.shard, &superblock).await?;
        Ok(superblock)
    }
}

/// What the state begins with, and whether the first frame is to be a head.
struct NeedsHead(bool, Option<crate::format::SealLink>);

fn build_state(
    context: &Context,
    superblock: &Superblock,
    options: &StoreOptions,
    recovered: Recovered,
) -> (State, NeedsHead) {
    let slot_bytes = superblock.slot_bytes;
    let Recovered { mut segments, files, next_slot, end, sealed, .. } = recovered;
    let needs_head = end.in_slot(slot_bytes) == 0;
    let live: Vec<SlotNo> = segments.iter().map(|segment| segment.slot).collect();
    // The slot that frames already name for the next segment stays the next one.
    let mut ready: VecDeque<SlotNo> = files
        .keys()
        .copied()
        .filter(|slot| !live.contains(slot) && Some(*slot) != next_slot)
        .collect();
    if let Some(next) = next_slot.filter(|slot| !live.contains(slot)) {
        ready.push_front(next);
    }
    let slots_max =
        options.capacity_bytes.map_or(usize::MAX, |bytes| (bytes / slot_bytes) as usize);
    let mut pool = Pool::new(files, ready, slots_max);
    if needs_head {
        let (no, slot) = (end.segment(slot_bytes), pool.activate());
        segments.push_back(Segment { no, slot, shares: Default::default() });
    }
    let segments = Segments::new(slot_bytes, segments);
    let memory = MemoryShares::of(options.memory_bytes);
    let start = WriterStart {
        pos: end,
        prev_hash: recovered.end_hash,
        low_water: segments.low_water(),
        salt: superblock.salts().epoch(superblock.epoch),
    };
    let buffers = FrameBuffers::new(memory.buffer_bytes, memory.buffers_retained_max);
    let state = State::new(StateParts {
        shard: superblock.shard,
        directory: context.directory.clone(),
        slot_bytes,
        writer: Writer::new(slot_bytes, superblock.sync_method, buffers, start),
        catalogue: recovered.catalogue,
        segments,
        pool,
        cache_bytes_max: memory.cache_bytes_max,
        seal_bytes: recovered.seal_bytes,
        anchor_delay: options.anchor_delay,
    });
    (state, NeedsHead(needs_head, sealed))
}

/// How the memory budget of a shard is spent.
struct MemoryShares {
    buffer_bytes: usize,
    buffers_retained_max: usize,
    cache_bytes_max: usize,
}

impl MemoryShares {
    fn of(memory_bytes: u64) -> MemoryShares {
        let memory_bytes = usize::try_from(memory_bytes).unwrap_or(usize::MAX);
        // Pending and flying frames may take a share each; the rest is the cached tail and, up to a
        // quarter, reads.
        let buffer_bytes = (memory_bytes / 16).next_multiple_of(BLOCK_BYTES).min(BUFFER_BYTES_MAX);
        let on_their_way = buffer_bytes / 2 * (FRAMES_PENDING_MAX + FRAMES_IN_FLIGHT_MAX);
        let cache_bytes_max = memory_bytes * 3 / 4 - on_their_way;
        let buffers_retained_max = cache_bytes_max / buffer_bytes + 2;
        MemoryShares { buffer_bytes, buffers_retained_max, cache_bytes_max }
    }
}

impl Store {
    /// Writes the first frame of the new epoch, chained to the last good one.
    fn mark_epoch(&self, needs_head: &NeedsHead) -> Result<(), OpenError> {
        let shard = &self.inner.shard;
        let now = shard.turn_now();
        let mut state = self.inner.state.borrow_mut();
        let NeedsHead(needs_head, sealed) = *needs_head;
        if needs_head {
            state.begin_segment(sealed, now);
        } else if state.writer.fits_segment(0, state.reserve_bytes(0)) {
            state.writer.push_frame(FrameKind::Epoch, &[], now);
        } else {
            // A seal marks the epoch as well; the reserve has room for it.
            match state.pool.room(1, now) {
                Room::Ready => state.roll(now),
                Room::Soon | Room::None(_) => {
                    let (path, errno) = (state.directory.clone(), Errno::NOSPC);
                    return Err(OpenError::Io { action: "find a free slot in", path, errno });
                }
            }
        }
        // What expired while the store was closed goes now, and not when the next segment is sealed.
        state.look_at_retention(now);
        state.kick_commit();
        Ok(())
    }
}

/// Two frames of full size fit a buffer.
const BUFFER_BYTES_MAX: usize = 2 * FRAME_BYTES_SOFT_MAX + 2 * BLOCK_BYTES;

/// The directory of a shard within the store's.
pub fn shard_directory(directory: &Path, shard: ShardId) -> PathBuf {
    directory.join(format!("shard-{:03}", shard.0))
}
