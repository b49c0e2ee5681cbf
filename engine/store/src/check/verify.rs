//! Is everything there, and does it fit together?

use std::path::Path;

use roundhouse_base::{Pos, SlotNo};
use roundhouse_runtime::{OpenMode, Shard};

use crate::check::audit::{Audit, Step};
use crate::check::copies::CopyState;
use crate::check::examined::Examined;
use crate::check::tally::{LogCount, Tally};
use crate::error::{Corruption, OpenError};
use crate::format::Superblock;
use crate::format::superblock::SUPERBLOCK_COPIES;
use crate::pool::slot_path;
use crate::recovery::{TornTail, recover};

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the write-ahead log that were walked.
    pub bytes_done: u64,
    /// Bytes that may have to be; the walk ends where the log does, which is before that.
    pub bytes_total: u64,
}

/// What a verification found.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The superblock that counts.
    pub superblock: Superblock,
    /// What each of its copies is worth.
    pub copies: [CopyState; SUPERBLOCK_COPIES],
    /// The first live position: where the walk began.
    pub low_water: Pos,
    /// Everything below is proven to have been durable.
    pub durable_upto: Pos,
    /// Where the log ends: the walk came to here.
    pub end: Pos,
    /// Intact frames.
    pub frames: u64,
    /// Intact records, with those of the catalogue.
    pub records: u64,
    /// Bytes of the intact frames.
    pub bytes: u64,
    /// What there is of each log, by ascending number.
    pub logs: Vec<LogCount>,
    /// The result.
    pub verdict: Verdict,
}

/// The result of a verification.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Everything fits.
    Clean,
    /// Everything that was acknowledged fits. Behind it lies the rest of a write that a crash
    /// interrupted; opening the store settles that.
    TornTail(TornTail),
    /// Acknowledged data is damaged; or a place where the log may go on cannot be read, and nobody
    /// knows whether something acknowledged is there.
    Corruption {
        /// The places in order, at most [`DAMAGE_LISTED_MAX`]. Adjacent damage is one place.
        places: Vec<Corruption>,
        /// How many places there are.
        total: u64,
    },
}

/// Places of damage that a verification lists; more are counted only.
pub const DAMAGE_LISTED_MAX: usize = 100;

/// Reads everything that is live in the store in `directory` and checks it: every frame's header,
/// payload and place in the chain, every record, counts and offsets, heads and seals against the
/// records before them. Changes nothing. Behind damage it goes on with the next intact frame.
///
/// The caller holds the lock that keeps other processes out.
///
/// # Errors
/// When there is no store, its superblock is unusable, or the kernel refuses to open files. Damage
/// to anything else is a [`Verdict`].
pub async fn verify(
    shard: &Shard,
    directory: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, OpenError> {
    let examined = Examined::open(shard, directory, OpenMode::Read).await?;
    let verification = walk(&examined, progress).await;
    examined.close().await?;
    verification
}

async fn walk(
    examined: &Examined,
    progress: &mut dyn FnMut(Progress),
) -> Result<Verification, OpenError> {
    let slot_bytes = examined.slot_bytes();
    let live = examined.live_segments();
    let start = live.start().base(slot_bytes);
    let bytes_total = live.end().next().base(slot_bytes).0 - start.0;
    let mut audit = Audit::new(examined);
    let mut tally = Tally::default();
    let mut damage = Damage::default();
    while let Some(step) = audit.next().await {
        match step {
            Step::Frame(frame) => {
                tally.take(&frame);
                let bytes_done = frame.header.end().0 - start.0;
                progress(Progress { bytes_done, bytes_total });
            }
            Step::Damage(corruption) => damage.add(corruption),
        }
    }
    let end = audit.at();
    damage.add_absent_slots(examined, &examined.absent_slots(audit.next_slot()), end);
    audit.settle().await;
    let superblock = examined.context.superblock;
    Ok(Verification {
        superblock,
        copies: examined.copies,
        low_water: examined.proof.low_water,
        durable_upto: examined.proof.durable_upto,
        end,
        frames: tally.frames,
        records: tally.records,
        bytes: tally.bytes,
        logs: tally.logs(),
        verdict: decide(examined, damage).await?,
    })
}

/// Without damage, what opening the store would find decides.
async fn decide(examined: &Examined, mut damage: Damage) -> Result<Verdict, OpenError> {
    if damage.total == 0 {
        match recover(&examined.context, &examined.survey).await {
            Ok(recovered) => {
                return Ok(recovered.torn.map_or(Verdict::Clean, Verdict::TornTail));
            }
            Err(OpenError::Corruption(corruption)) => damage.add(corruption),
            Err(other) => return Err(other),
        }
    }
    Ok(Verdict::Corruption { places: damage.places, total: damage.total })
}

#[derive(Debug, Default)]
struct Damage {
    places: Vec<Corruption>,
    total: u64,
}

impl Damage {
    fn add(&mut self, corruption: Corruption) {
        self.total += 1;
        if self.places.len() < DAMAGE_LISTED_MAX {
            self.places.push(corruption);
        }
    }

    /// Slot files that are not there. If one held something live, its segment was missed already.
    fn add_absent_slots(&mut self, examined: &Examined, absent: &[SlotNo], end: Pos) {
        for slot in absent {
            let file = slot_path(&examined.context.directory, *slot);
            if self.places.iter().any(|place| place.file == file) {
                continue;
            }
            let reason = "the slot file is missing; it held nothing that was kept".to_owned();
            let proven = examined.proof.durable_upto;
            self.add(Corruption { file, file_offset: 0, pos: end, proven, reason });
        }
    }
}
