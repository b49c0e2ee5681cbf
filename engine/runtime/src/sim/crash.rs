//! What a crash leaves of the writes that were not durable yet.

use roundhouse_base::Random;

use super::faults::Faults;
use super::file::{Change, SECTOR_BYTES};
use super::pages::Pages;

/// How likely each fate of an unsynced change is when its node crashes. Weights are relative within
/// their group and need not add up to anything; a group of zeros means that everything survives.
#[derive(Clone, Debug)]
pub struct CrashOptions {
    /// Weight of a write of which nothing is stored.
    pub write_lost: u32,
    /// Weight of a write that is stored as a whole.
    pub write_whole: u32,
    /// Weight of a write that is stored up to some sector, whose own fate is drawn by itself.
    pub write_prefix: u32,
    /// Weight of a write in which the fate of every sector is drawn by itself.
    pub write_scattered: u32,
    /// Weight of a write in which the fate of every erase block is drawn by itself, as in a drive
    /// that stores whole blocks of its own in an order of its own.
    pub write_blocks: u32,
    /// Length of an erase block in bytes, a multiple of 512. They lie at multiples of it in the file.
    pub erase_block_bytes: u64,
    /// Weight of a sector, or an erase block, that keeps what it held.
    pub sector_old: u32,
    /// Weight of a sector that holds what was written.
    pub sector_new: u32,
    /// Weight of a sector of zeros.
    pub sector_zero: u32,
    /// Weight of a sector of random bytes.
    pub sector_garbage: u32,
    /// Weight of a sector that begins with what was written and ends with what an older unsynced
    /// write left there. Where there is no such write it holds what was written.
    pub sector_mixed: u32,
    /// Probability, from 0 to 1, that an unsynced name, removal or file length is lost.
    pub metadata_lost: f64,
}

impl Default for CrashOptions {
    /// Every fate happens often; whole and torn writes are as common as lost ones.
    fn default() -> CrashOptions {
        CrashOptions {
            write_lost: 3,
            write_whole: 3,
            write_prefix: 2,
            write_scattered: 2,
            write_blocks: 1,
            erase_block_bytes: 16 << 10,
            sector_old: 4,
            sector_new: 4,
            sector_zero: 1,
            sector_garbage: 1,
            sector_mixed: 1,
            metadata_lost: 0.5,
        }
    }
}

/// What is left of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WriteFate {
    Lost,
    Whole,
    /// Sectors stored before the one at which power failed.
    Prefix(usize),
    Scattered,
    Blocks,
}

/// What is left in one sector of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SectorFate {
    Old,
    New,
    Zero,
    Garbage,
    Mixed,
}

impl CrashOptions {
    fn write_fate(&self, sectors: usize, random: &mut Random) -> WriteFate {
        let weights = [
            self.write_whole,
            self.write_lost,
            self.write_prefix,
            self.write_scattered,
            self.write_blocks,
        ];
        match pick(weights, random) {
            0 => WriteFate::Whole,
            1 => WriteFate::Lost,
            2 => WriteFate::Prefix(random.below(sectors as u64) as usize),
            3 => WriteFate::Scattered,
            _ => WriteFate::Blocks,
        }
    }

    fn sector_fate(&self, random: &mut Random) -> SectorFate {
        use SectorFate::{Garbage, Mixed, New, Old, Zero};
        let weights = [
            self.sector_new,
            self.sector_old,
            self.sector_zero,
            self.sector_garbage,
            self.sector_mixed,
        ];
        [New, Old, Zero, Garbage, Mixed][pick(weights, random)]
    }
}

/// Folds `changes`, oldest first, into what a file has on stable storage, each as far as the dice
/// let it survive.
pub(super) fn settle(
    durable: &mut Pages,
    durable_bytes: &mut u64,
    changes: &[Change],
    faults: &mut Faults,
    random: &mut Random,
) {
    for (index, change) in changes.iter().enumerate() {
        if change.durable {
            durable.write(change.at, &change.data);
            *durable_bytes = (*durable_bytes).max(change.length);
            continue;
        }
        if change.length > *durable_bytes {
            let is_lost = faults.loses_metadata(random);
            faults.counts.lengths_lost += u64::from(is_lost);
            *durable_bytes = if is_lost { *durable_bytes } else { change.length };
        }
        // Bytes behind the surviving end of the file cannot be found any more.
        let reachable = durable_bytes.saturating_sub(change.at).min(change.data.len() as u64);
        let data = &change.data[..reachable as usize];
        settle_write(durable, change.at, data, &changes[..index], faults, random);
    }
}

fn settle_write(
    durable: &mut Pages,
    at: u64,
    data: &[u8],
    older: &[Change],
    faults: &mut Faults,
    random: &mut Random,
) {
    if data.is_empty() {
        return;
    }
    let fate = faults.options.crash.write_fate(data.len().div_ceil(SECTOR_BYTES), random);
    match fate {
        WriteFate::Lost => {
            faults.counts.writes_lost += 1;
            return;
        }
        WriteFate::Whole => return durable.write(at, data),
        WriteFate::Prefix(_) | WriteFate::Scattered => faults.counts.writes_torn += 1,
        WriteFate::Blocks => faults.counts.writes_torn_by_blocks += 1,
    }
    let block_bytes = faults.options.crash.erase_block_bytes.max(SECTOR_BYTES as u64);
    let mut last_block = None;
    for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
        let at = at + (index * SECTOR_BYTES) as u64;
        let sector_fate = match (fate, last_block) {
            (WriteFate::Prefix(stored), _) if index < stored => SectorFate::New,
            (WriteFate::Prefix(stored), _) if index > stored => SectorFate::Old,
            (WriteFate::Blocks, Some((block, fate))) if block == at / block_bytes => fate,
            _ => faults.options.crash.sector_fate(random),
        };
        last_block = Some((at / block_bytes, sector_fate));
        count_sector(faults, sector_fate);
        settle_sector(durable, at, sector, sector_fate, older, random);
    }
}

fn count_sector(faults: &mut Faults, fate: SectorFate) {
    let counts = &mut faults.counts;
    match fate {
        SectorFate::Old | SectorFate::New => {}
        SectorFate::Zero => counts.sectors_zeroed += 1,
        SectorFate::Garbage => counts.sectors_garbage += 1,
        SectorFate::Mixed => counts.sectors_mixed += 1,
    }
}

fn settle_sector(
    durable: &mut Pages,
    at: u64,
    sector: &[u8],
    fate: SectorFate,
    older: &[Change],
    random: &mut Random,
) {
    match fate {
        SectorFate::Old => {}
        SectorFate::New => durable.write(at, sector),
        SectorFate::Zero => durable.write(at, &[0; SECTOR_BYTES][..sector.len()]),
        SectorFate::Garbage => {
            let mut garbage = [0; SECTOR_BYTES];
            random.fill(&mut garbage);
            durable.write(at, &garbage[..sector.len()]);
        }
        SectorFate::Mixed => {
            // Old and new durable content never mix within a sector: that much a disk promises.
            let is_shared =
                older.iter().any(|change| change.overlaps(at, at + sector.len() as u64));
            let cut =
                if is_shared { random.below(sector.len() as u64) as usize } else { sector.len() };
            durable.write(at, &sector[..cut]);
        }
    }
}

/// An index drawn by weight; 0 if all weights are.
fn pick<const N: usize>(weights: [u32; N], random: &mut Random) -> usize {
    let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
    if total == 0 {
        return 0;
    }
    let mut left = random.below(total);
    for (index, weight) in weights.into_iter().enumerate() {
        if left < u64::from(weight) {
            return index;
        }
        left -= u64::from(weight);
    }
    unreachable!("the number drawn is below the sum of the weights")
}
