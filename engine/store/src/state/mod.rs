//! Everything a shard's store holds in memory, and how it changes. No I/O here: the tasks of the
//! store carry out what this asks for.

mod append;
mod control;
mod settle;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Waker;

use roundhouse_base::planted::{Bug, planted};
use roundhouse_base::{Monotonic, Pos, ShardId, SlotNo};

use crate::cache::TailCache;
use crate::error::{AppendError, StoreFailure};
use crate::logs::{Answers, Catalogue, LogState, Progress, Segments};
use crate::metrics::{StoreCounters, StoreHistograms};
use crate::pool::Pool;
pub(crate) use crate::state::append::SEAL_FIXED_BYTES;
pub use crate::state::append::{Appended, NewRecord, Refusal};
pub(crate) use crate::state::control::{Change, ChangeRefusal, Changed};
use crate::store::LogInfo;
use crate::wal::Writer;

/// The state of one shard's store.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shard: ShardId,
    pub(crate) directory: PathBuf,
    pub(crate) slot_bytes: u64,
    pub(crate) writer: Writer,
    pub(crate) catalogue: Catalogue,
    /// Tickets of the catalogue log.
    pub(crate) control_progress: Progress,
    /// What is acknowledged and not yet told.
    pub(crate) answers: Answers,
    pub(crate) segments: Segments,
    pub(crate) pool: Pool,
    pub(crate) cache: TailCache,
    /// Dead segments: where each ends, and the slot that is released when a low-water mark at or
    /// above that is durable.
    pub(crate) dead: VecDeque<(Pos, SlotNo)>,
    /// The low-water mark of the last frame that was written.
    pub(crate) written_low_water: Pos,
    /// Bytes of the seal frame's payload that the active segment needs so far, or less.
    pub(crate) seal_bytes: usize,
    pub(crate) deadlines: Deadlines,
    pub(crate) anchor_delay: Option<std::time::Duration>,
    pub(crate) counters: Arc<StoreCounters>,
    pub(crate) histograms: StoreHistograms,
    /// Set once; then nothing is written any more.
    failure: Option<StoreFailure>,
    /// Set once; then nothing is accepted any more.
    is_closing: bool,
    /// Whether the commit task has something to look at, and how to wake it.
    commit_kick: Kick,
    /// The same for the task that keeps deadlines.
    deadline_kick: Kick,
    /// Appends that wait for room.
    room_waiters: Vec<Waker>,
}

/// When something is to be done even if nothing happens.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// Records of a log with interval durability must be durable.
    pub(crate) sync: Option<Monotonic>,
    /// The last acknowledged frame gets an anchor behind it.
    pub(crate) anchor: Option<Monotonic>,
    /// Records expire by age.
    pub(crate) retention: Option<Monotonic>,
}

impl Deadlines {
    /// The earliest.
    pub(crate) fn next(&self) -> Option<Monotonic> {
        [self.sync, self.anchor, self.retention].into_iter().flatten().min()
    }
}

/// A flag that wakes the task waiting for it.
#[derive(Debug, Default)]
pub(crate) struct Kick {
    is_set: bool,
    waker: Option<Waker>,
}

impl Kick {
    /// Sets the flag and wakes the task.
    pub(crate) fn set(&mut self) {
        self.is_set = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Takes the flag, or leaves the waker for when it is set.
    pub(crate) fn take(&mut self, waker: &Waker) -> bool {
        if !std::mem::take(&mut self.is_set) {
            self.waker = Some(waker.clone());
            return false;
        }
        true
    }
}

/// What recovery found, ready to go on from.
#[derive(Debug)]
pub(crate) struct StateParts {
    pub(crate) shard: ShardId,
    pub(crate) directory: PathBuf,
    pub(crate) slot_bytes: u64,
    pub(crate) writer: Writer,
    pub(crate) catalogue: Catalogue,
    pub(crate) segments: Segments,
    pub(crate) pool: Pool,
    pub(crate) cache_bytes_max: usize,
    pub(crate) seal_bytes: usize,
    pub(crate) anchor_delay: Option<std::time::Duration>,
}

impl State {
    pub(crate) fn new(parts: StateParts) -> State {
        let low_water = parts.segments.low_water();
        State {
            shard: parts.shard,
            directory: parts.directory,
            slot_bytes: parts.slot_bytes,
            writer: parts.writer,
            catalogue: parts.catalogue,
            control_progress: Progress::default(),
            answers: Answers::default(),
            segments: parts.segments,
            pool: parts.pool,
            cache: TailCache::new(parts.cache_bytes_max),
            dead: VecDeque::new(),
            written_low_water: low_water,
            seal_bytes: parts.seal_bytes,
            deadlines: Deadlines::default(),
            anchor_delay: parts.anchor_delay,
            counters: Arc::default(),
            histograms: StoreHistograms::default(),
            failure: None,
            is_closing: false,
            commit_kick: Kick::default(),
            deadline_kick: Kick::default(),
            room_waiters: Vec::new(),
        }
    }

    /// Why nothing can be written any more, if so.
    pub(crate) fn check_writable(&self) -> Result<(), AppendError> {
        if let Some(failure) = &self.failure {
            let mut failure = failure.clone();
            if planted(Bug::FailureNotSticky) {
                failure.reason = "it is stopped".into();
            }
            return Err(AppendError::Failed(failure));
        }
        if self.is_closing { Err(AppendError::Closed) } else { Ok(()) }
    }

    /// The failure that stopped the store, if one did.
    pub(crate) fn failure(&self) -> Option<&StoreFailure> {
        self.failure.as_ref()
    }

    /// Stops the store for good: everyone who waits is told, now and later, the same.
    pub(crate) fn fail(&mut self, action: &str, reason: &str) {
        if self.failure.is_some() {
            return;
        }
        let failure =
            StoreFailure { shard: self.shard, action: action.into(), reason: reason.into() };
        tracing::error!(shard = self.shard.0, action, reason, "the store stopped");
        self.failure = Some(failure.clone());
        self.tell_all(&AppendError::Failed(failure));
    }

    /// Accepts nothing more from now on. What was accepted is still written.
    pub(crate) fn start_closing(&mut self) {
        self.is_closing = true;
        self.writer.want_all_synced();
        self.wake_tasks();
    }

    /// Whether the store is being closed.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Tells whoever still waits that the store is closed.
    pub(crate) fn finish_closing(&mut self) {
        self.tell_all(&AppendError::Closed);
    }

    /// Has the commit task look for something to write or sync.
    pub(crate) fn kick_commit(&mut self) {
        self.commit_kick.set();
    }

    pub(crate) fn commit_kick(&mut self) -> &mut Kick {
        &mut self.commit_kick
    }

    /// Has the deadline task trim what retention lets go, at once.
    pub(crate) fn look_at_retention(&mut self, now: Monotonic) {
        self.deadlines.retention = Some(now);
        self.kick_deadlines();
    }

    /// Has the deadline task look at the deadlines again.
    pub(crate) fn kick_deadlines(&mut self) {
        self.deadline_kick.set();
    }

    pub(crate) fn deadline_kick(&mut self) -> &mut Kick {
        &mut self.deadline_kick
    }

    /// Has `waker` woken when an append that was told to wait should be tried again.
    pub(crate) fn wait_for_room(&mut self, waker: &Waker) {
        self.room_waiters.push(waker.clone());
    }

    /// Whether appends wait for room.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.room_waiters.is_empty()
    }

    pub(crate) fn wake_room_waiters(&mut self) {
        self.room_waiters.drain(..).for_each(Waker::wake);
    }

    /// What a log is now.
    pub(crate) fn log_info(&self, log: &LogState) -> LogInfo {
        let sealed = self.segments.sealed().filter_map(|segment| segment.shares.get(&log.id));
        let bytes = sealed.chain(&log.share).map(|share| share.bytes).sum();
        LogInfo {
            id: log.id,
            name: log.name.to_string(),
            config: log.config,
            start: log.start,
            end: log.visible,
            bytes,
        }
    }

    fn tell_all(&mut self, error: &AppendError) {
        if planted(Bug::WaiterDropped) {
            return self.wake_tasks();
        }
        for log in self.catalogue.logs_mut() {
            log.progress.fail(error);
            log.wake_followers();
        }
        self.control_progress.fail(error);
        self.wake_tasks();
    }

    /// Has everyone look at the state again who waits for something else to happen.
    fn wake_tasks(&mut self) {
        self.wake_room_waiters();
        self.kick_commit();
        self.kick_deadlines();
        self.pool.wake_creator();
    }
}
