//! Bugs that can be planted, to find out whether the project's own tests would notice them.
//!
//! Each is a place in the engine that asks [`planted`] whether to go wrong. Without the feature
//! `planted`, which nothing but `roundhouse-verify` turns on, the answer is a constant and the place
//! is compiled away. With it, a thread chooses by [`plant`] which one bug its code has.
//!
//! `docs/verification.md` tells how to run the suite against each, and how to add one.

use std::fmt;

/// A mistake that somebody could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An append is acknowledged when its frame was written, not when it is durable.
    AckBeforeSync,
    /// A sync that failed is tried again, and the second answer is believed.
    SyncRetried,
    /// A write that stored less than it was given counts as done.
    ShortWriteAccepted,
    /// A durable write counts for what was written before it without a sync.
    DurableWriteCoversAll,
    /// The head of a segment is written before everything in front of it is durable.
    HeadBeforeSync,
    /// A full segment gets no seal.
    SealSkipped,
    /// The seal does not say which logs have records in its segment.
    SealForgetsLogs,
    /// The last frame is written again in its place.
    TailRewritten,
    /// A new version of the superblock is not synced between its copies, nor after them.
    SuperblockNotSynced,
    /// Opening a store goes on in the epoch that a crash ended.
    EpochNotAdvanced,
    /// One copy of the superblock is believed alone.
    QuorumOfOne,
    /// The name of a new slot file is not made durable.
    DirectoryNotSynced,
    /// A segment is given up with the first log that needs it no more.
    NeighboursForgotten,
    /// Those who wait when the store stops are not told.
    WaiterDropped,
    /// Who asks again why the store stopped is told something else.
    FailureNotSticky,
    /// Everything from the index entry on is taken for what was asked for.
    IndexTrusted,
    /// A reader is shown what a truncation cut off.
    TruncationForgotten,
    /// What frames of an earlier epoch prove counts behind the place where that epoch ended.
    WatermarkNotClamped,
    /// A frame counts wherever it is found.
    PositionUnchecked,
    /// A frame counts whatever its payload holds.
    PayloadUnchecked,
    /// A frame counts whichever it was made to follow.
    ChainUnchecked,
    /// Frames behind the torn one are given up without a copy.
    QuarantineSkipped,
    /// Whatever is not intact is taken for a torn tail.
    ProofIgnored,
    /// Opening rests on bytes that only the cache holds.
    CacheBelieved,
    /// What cannot be read is taken for the end of the log.
    UnreadableTakenForEnd,
    /// Where the last close left the end of the log is not looked at.
    CleanEndIgnored,
    /// Appends take the slot that is kept for trims.
    ReserveSpent,
    /// The cached tail grows without end.
    CacheUnbounded,
    /// Retention by bytes keeps less than it promises.
    RetentionEager,
    /// Looking for a time begins at the first index entry as late, not at the one before.
    TimeIndexTrusted,
    /// Opening reads every slot through.
    EverySlotScanned,
    /// A completion that comes late is taken for that of a newer operation.
    StaleCompletionAccepted,
    /// All stores have the same salt.
    SaltOmitted,
    /// Readers see records before they are acknowledged.
    VisibleBeforeAcknowledged,
}

impl Bug {
    /// Every bug, in the order of their declaration.
    pub const ALL: [Bug; 34] = [
        Bug::AckBeforeSync,
        Bug::SyncRetried,
        Bug::ShortWriteAccepted,
        Bug::DurableWriteCoversAll,
        Bug::HeadBeforeSync,
        Bug::SealSkipped,
        Bug::SealForgetsLogs,
        Bug::TailRewritten,
        Bug::SuperblockNotSynced,
        Bug::EpochNotAdvanced,
        Bug::QuorumOfOne,
        Bug::DirectoryNotSynced,
        Bug::NeighboursForgotten,
        Bug::WaiterDropped,
        Bug::FailureNotSticky,
        Bug::IndexTrusted,
        Bug::TruncationForgotten,
        Bug::WatermarkNotClamped,
        Bug::PositionUnchecked,
        Bug::PayloadUnchecked,
        Bug::ChainUnchecked,
        Bug::QuarantineSkipped,
        Bug::ProofIgnored,
        Bug::CacheBelieved,
        Bug::UnreadableTakenForEnd,
        Bug::CleanEndIgnored,
        Bug::ReserveSpent,
        Bug::CacheUnbounded,
        Bug::RetentionEager,
        Bug::TimeIndexTrusted,
        Bug::EverySlotScanned,
        Bug::StaleCompletionAccepted,
        Bug::SaltOmitted,
        Bug::VisibleBeforeAcknowledged,
    ];

    /// The bug whose name, as [`Display`](fmt::Display) writes it, is `name`.
    pub fn from_name(name: &str) -> Option<Bug> {
        Bug::ALL.into_iter().find(|bug| bug.to_string() == name)
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// Whether the code of this thread has `bug`.
#[cfg(not(feature = "planted"))]
pub const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "planted")]
pub use self::choice::{plant, planted};

#[cfg(feature = "planted")]
mod choice {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Whether the code of this thread has `bug`.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Has the code of this thread have `bug` from now on, and no other.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name_and_none_is_planted_unasked() {
        for bug in Bug::ALL {
            assert_eq!(Bug::from_name(&bug.to_string()), Some(bug));
            assert!(!planted(bug), "{bug}");
        }
    }
}
