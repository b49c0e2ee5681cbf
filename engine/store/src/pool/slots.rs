//! The pool as a state machine: no I/O, only who holds what.
//!
//! ```text
//!             create (background)          activate (roll)
//!   nothing ----------------------> ready -----------------> live
//!                                     ^                        |
//!                                     +------------------------+
//!                                  release (low-water mark durable)
//! ```
//! Two slots are kept ready: the next segment's, and one that only trimming, truncating and deleting
//! may use, so that making room never needs room.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Waker;

use roundhouse_base::limits::SLOTS_MAX;
use roundhouse_base::{Monotonic, SlotNo};
use roundhouse_runtime::{Errno, FileId};

/// The slot files of a shard.
#[derive(Debug)]
pub(crate) struct Pool {
    files: BTreeMap<SlotNo, FileId>,
    /// Slots without live data, next one first. The first is named in every frame's header, so the
    /// order is kept.
    ready: VecDeque<SlotNo>,
    slots_max: usize,
    /// Why the last attempt to create a slot failed, and when.
    exhausted: Option<(Errno, Monotonic)>,
    is_creating: bool,
    /// The task that creates slots, when it waits for something to do.
    creator: Option<Waker>,
}

/// Whether a segment can be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Room {
    /// A slot is ready.
    Ready,
    /// A slot is being prepared: try again when one is ready.
    Soon,
    /// There is none and none can be made; the reason is for the user.
    None(Arc<str>),
}

impl Pool {
    /// A pool of the slot files that are open; `ready` of them hold nothing live.
    pub(crate) fn new(
        files: BTreeMap<SlotNo, FileId>,
        ready: VecDeque<SlotNo>,
        slots_max: usize,
    ) -> Pool {
        Pool {
            files,
            ready,
            slots_max: slots_max.clamp(SLOTS_KEPT_READY + 1, SLOTS_MAX),
            exhausted: None,
            is_creating: false,
            creator: None,
        }
    }

    /// The open file of a slot.
    pub(crate) fn file(&self, slot: SlotNo) -> FileId {
        self.files[&slot]
    }

    /// How many slot files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The slot that the next segment will use.
    pub(crate) fn next(&self) -> Option<SlotNo> {
        self.ready.front().copied()
    }

    /// How many slots could be used at once.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether so many slots are ready: an append needs one to stay behind it. Wakes the creating
    /// task if that is what is needed.
    pub(crate) fn room(&mut self, slots: usize, now: Monotonic) -> Room {
        if self.ready.len() >= slots {
            return Room::Ready;
        }
        if self.files.len() >= self.slots_max {
            return Room::None(
                format!(
                    "all {} slot files of the shard's capacity hold live records",
                    self.slots_max
                )
                .into(),
            );
        }
        match self.exhausted {
            Some((errno, at)) if now.since(at) < RETRY_AFTER => {
                Room::None(format!("another slot file cannot be made: {errno}").into())
            }
            _ => {
                self.wake_creator();
                Room::Soon
            }
        }
    }

    /// Takes the next ready slot for a new segment.
    pub(crate) fn activate(&mut self) -> SlotNo {
        let slot = self.ready.pop_front().expect("the caller asked for room before");
        self.wake_creator();
        slot
    }

    /// Takes back a slot whose segment is dead for good.
    pub(crate) fn release(&mut self, slot: SlotNo) {
        assert!(!self.ready.contains(&slot), "slot {slot} was released twice");
        self.ready.push_back(slot);
    }

    /// The number of the slot to create now, if one should be. To be followed by
    /// [`Pool::created`] or [`Pool::not_created`].
    pub(crate) fn start_creating(&mut self, now: Monotonic) -> Option<SlotNo> {
        let is_waiting = self.exhausted.is_some_and(|(_, at)| now.since(at) < RETRY_AFTER);
        if self.is_creating
            || is_waiting
            || self.ready.len() >= SLOTS_KEPT_READY
            || self.files.len() >= self.slots_max
        {
            return None;
        }
        self.is_creating = true;
        let mut numbers = (0..=self.files.len() as u32).map(SlotNo);
        numbers.find(|slot| !self.files.contains_key(slot))
    }

    /// A slot was created and may be used.
    pub(crate) fn created(&mut self, slot: SlotNo, file: FileId) {
        self.is_creating = false;
        self.exhausted = None;
        self.files.insert(slot, file);
        self.ready.push_back(slot);
    }

    /// A slot could not be created.
    pub(crate) fn not_created(&mut self, errno: Errno, now: Monotonic) {
        self.is_creating = false;
        self.exhausted = Some((errno, now));
    }

    /// Has `waker` woken when a slot should be created.
    pub(crate) fn wait_for_demand(&mut self, waker: &Waker) {
        self.creator = Some(waker.clone());
    }

    /// Has the creating task look again.
    pub(crate) fn wake_creator(&mut self) {
        if let Some(waker) = self.creator.take() {
            waker.wake();
        }
    }
}

/// The file of a slot within its shard's directory.
pub(crate) fn slot_path(directory: &Path, slot: SlotNo) -> PathBuf {
    directory.join(format!("{SLOT_FILE_PREFIX}{:08}", slot.0))
}

/// The slot that a file name stands for, if it is one's.
pub(crate) fn parse_slot_name(name: &str) -> Option<SlotNo> {
    let digits = name.strip_prefix(SLOT_FILE_PREFIX)?;
    let is_exact = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_exact.then(|| digits.parse().ok().map(SlotNo)).flatten()
}

const SLOT_FILE_PREFIX: &str = "wal-";

/// Slots kept ready: the next one, and the reserve.
const SLOTS_KEPT_READY: usize = 2;

/// After a failure no new slot is tried for this long, so that refused appends stay cheap.
const RETRY_AFTER: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T0: Monotonic = Monotonic(1_000_000_000);

    fn pool(slots: u32, ready: &[u32], slots_max: usize) -> Pool {
        let files = (0..slots).map(|no| (SlotNo(no), FileId(no))).collect();
        Pool::new(files, ready.iter().copied().map(SlotNo).collect(), slots_max)
    }

    #[test]
    fn the_reserve_is_for_records_that_make_room() {
        let mut pool = pool(3, &[2], 3);
        assert!(matches!(pool.room(2, T0), Room::None(_)));
        assert_eq!(pool.room(1, T0), Room::Ready);
        pool.release(SlotNo(0));
        assert_eq!(pool.room(2, T0), Room::Ready, "a released slot is room again");
    }

    #[test]
    fn a_full_file_system_is_tried_again_after_a_while() {
        let mut pool = pool(1, &[], 10);
        assert_eq!(pool.room(2, T0), Room::Soon);
        assert_eq!(pool.start_creating(T0), Some(SlotNo(1)));
        pool.not_created(Errno::NOSPC, T0);
        assert!(matches!(pool.room(2, T0), Room::None(_)));
        assert_eq!(pool.start_creating(T0), None);

        let later = T0 + Duration::from_secs(1);
        assert_eq!(pool.room(2, later), Room::Soon);
        assert_eq!(pool.start_creating(later), Some(SlotNo(1)));
    }

    #[test]
    fn only_exact_names_are_slots() {
        assert_eq!(parse_slot_name("wal-00000042"), Some(SlotNo(42)));
        for name in ["wal-42", "wal-0000004x", "wal-000000042", "superblock", "wal-00000001.bak"] {
            assert_eq!(parse_slot_name(name), None, "{name}");
        }
    }
}
