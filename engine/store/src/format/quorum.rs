//! Which of the four copies of a superblock counts.
//!
//! The highest sequence that two intact, equal copies in their right places agree on. One copy
//! alone never counts, even a newer one: it may be what a crash left of an update that nothing
//! relied on yet, or a stale block that a disk brought back.
//!
//! The rule survives a crash at any point if the writer keeps two more (`docs/format.md`): an
//! update writes two copies, syncs, writes the other two, syncs; and it starts with those that
//! [`Quorum::stale`] names. Then at every instant two copies agree, whichever blocks are torn.

use std::fmt;

use thiserror::Error;

use super::reject::CopyReject;
use super::superblock::{
    RawSuperblock, SUPERBLOCK_BYTES, SUPERBLOCK_COPIES, SUPERBLOCK_COPY_BYTES, Superblock,
};

/// The superblock that counts, and what its next writer must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    /// The superblock.
    pub superblock: Superblock,
    /// Which copies differ from it. They are written, and synced, before any of the others.
    pub stale: [bool; SUPERBLOCK_COPIES],
    /// The sequence of the next update: above that of every intact copy, also of those that don't
    /// count, so that a leftover can't meet a later update of the same sequence.
    pub sequence_next: u64,
}

/// Why no superblock counts. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SuperblockError {
    /// No copy starts like a superblock: not a Roundhouse store.
    #[error("not a Roundhouse store: no superblock in the file")]
    NotAStore,
    /// The superblock is intact and in a newer format: open it with a newer program.
    #[error("the store was made by a newer version: format {found}")]
    NewerVersion {
        /// Its format version.
        found: u16,
    },
    /// No two usable copies agree: more damage than one crash can do.
    #[error("no two usable copies of the superblock agree: {}", Listed(copies))]
    NoQuorum {
        /// For each copy, its sequence if it is intact, else why it is not.
        copies: Box<[Result<u64, CopyReject>; SUPERBLOCK_COPIES]>,
    },
    /// Two pairs of copies claim the same sequence with different contents, which no writer does.
    #[error("two different superblocks claim sequence {sequence}")]
    Split {
        /// The sequence.
        sequence: u64,
    },
}

impl Quorum {
    /// Chooses among the copies in `file`, the contents of the superblock file. A file that is
    /// too short lacks copies; one that is too long is read up to [`SUPERBLOCK_BYTES`].
    ///
    /// # Errors
    /// Why none counts.
    pub fn choose(file: &[u8]) -> Result<Quorum, SuperblockError> {
        let copies = std::array::from_fn(|index| {
            let start = (index * SUPERBLOCK_COPY_BYTES).min(file.len());
            RawSuperblock::read(&file[start..file.len().min(SUPERBLOCK_BYTES)], index)
        });
        let chosen = agreed(&copies)?;
        let superblock = chosen.values().map_err(|reject| match reject {
            CopyReject::NewerVersion { found } => SuperblockError::NewerVersion { found },
            other => SuperblockError::NoQuorum {
                copies: Box::new(copies.map(|copy| match copy {
                    Ok(raw) if raw.content() == chosen.content() => Err(other),
                    Ok(raw) => Ok(raw.sequence()),
                    Err(reject) => Err(reject),
                })),
            },
        })?;
        let highest = intact(&copies).map(RawSuperblock::sequence).max().unwrap_or(0);
        let stale = copies.map(|copy| copy.is_ok_and(|raw| raw.content() == chosen.content()));
        Ok(Quorum {
            superblock,
            stale: stale.map(|agrees| !agrees),
            sequence_next: highest.saturating_add(1),
        })
    }
}

type Copies<'a> = [Result<&'a RawSuperblock, CopyReject>; SUPERBLOCK_COPIES];

/// One of the copies of the highest sequence that at least two agree on.
fn agreed<'a>(copies: &Copies<'a>) -> Result<&'a RawSuperblock, SuperblockError> {
    let equal_copies = |raw: &RawSuperblock| {
        intact(copies).filter(|other| other.content() == raw.content()).count()
    };
    let quorum = if planted(Bug::QuorumOfOne) { 1 } else { QUORUM };
    let quorums = || intact(copies).filter(|raw| equal_copies(raw) >= quorum);
    let Some(chosen) = quorums().max_by_key(|raw| raw.sequence()) else {
        return Err(no_quorum(copies));
    };
    let rival = |raw: &RawSuperblock| {
        raw.sequence() == chosen.sequence() && raw.content() != chosen.content()
    };
    if quorums().any(rival) {
        return Err(SuperblockError::Split { sequence: chosen.sequence() });
    }
    Ok(chosen)
}

fn intact<'c, 'a>(copies: &'c Copies<'a>) -> impl Iterator<Item = &'a RawSuperblock> + 'c {
    copies.iter().filter_map(|copy| copy.ok())
}

fn no_quorum(copies: &Copies<'_>) -> SuperblockError {
    let foreign =
        |reject| matches!(reject, CopyReject::Magic { .. } | CopyReject::Truncated { .. });
    if copies.iter().all(|copy| copy.is_err_and(foreign)) {
        return SuperblockError::NotAStore;
    }
    let copies = Box::new(copies.map(|copy| copy.map(RawSuperblock::sequence)));
    SuperblockError::NoQuorum { copies }
}

/// The copies of a [`SuperblockError::NoQuorum`] in words.
struct Listed<'a>(&'a [Result<u64, CopyReject>; SUPERBLOCK_COPIES]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, copy) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            match copy {
                Ok(sequence) => write!(f, "{separator}copy {index} has sequence {sequence}")?,
                Err(reject) => write!(f, "{separator}copy {index}: {reject}")?,
            }
        }
        Ok(())
    }
}

/// Copies that must agree.
const QUORUM: usize = 2;
use roundhouse_base::planted::{Bug, planted};
