//! What goes wrong in a simulated world, how often, and how often it did.

use std::fmt;
use std::ops::AddAssign;

use roundhouse_base::Random;

use super::crash::CrashOptions;

/// One way in which a disk misbehaves while its node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A read fails with `EIO`; trying again may help.
    ReadError,
    /// A sector of the range turns unreadable: reads of it fail with `EIO` until it is written.
    BadSector,
    /// A read returns one wrong bit; reading again returns the right one.
    ReadFlip,
    /// A stored bit in the range is wrong from now on.
    BitRot,
    /// A write fails with `EIO`; some of its first sectors may have been stored.
    WriteError,
    /// A write stores and reports fewer bytes than given, a multiple of 512.
    ShortWrite,
    /// A write reports success and stores nothing.
    PhantomWrite,
    /// A write reports success and went to another place in the file.
    MisdirectedWrite,
    /// A write reports success and went to the same place in another file.
    MisdirectedToFile,
    /// A write is stored where it should be and at another place in the file.
    DuplicatedWrite,
    /// A sync fails with `EIO` and the bytes it covered are dropped: they read as before they were
    /// written, and the next sync succeeds. Names that a failed sync of a directory covered stay
    /// visible until a crash and never become durable.
    SyncError,
    /// A sync of a file fails with `EIO` and the bytes it covered are never stored, but reads return
    /// them until the last handle on the file is closed: pages that were marked clean and are
    /// evicted some time, as on ext4 and XFS (Rebello et al., "Can Applications Recover from fsync
    /// Failures?", ATC 2020). The next sync succeeds.
    SyncErrorCached,
    /// A sync takes very long.
    SyncStall,
    /// A sync or a durable write reports success and made nothing durable.
    LyingSync,
    /// Creating, allocating, writing, syncing or removing fails with `ENOSPC` although there is
    /// room. A sync that does drops what it covered, as with [`Fault::SyncError`].
    NoSpace,
    /// An operation takes very long.
    Stall,
}

impl Fault {
    /// Every fault, in the order of their declaration.
    pub const ALL: [Fault; 16] = [
        Fault::ReadError,
        Fault::BadSector,
        Fault::ReadFlip,
        Fault::BitRot,
        Fault::WriteError,
        Fault::ShortWrite,
        Fault::PhantomWrite,
        Fault::MisdirectedWrite,
        Fault::MisdirectedToFile,
        Fault::DuplicatedWrite,
        Fault::SyncError,
        Fault::SyncErrorCached,
        Fault::SyncStall,
        Fault::LyingSync,
        Fault::NoSpace,
        Fault::Stall,
    ];

    /// The fault whose name, as [`Debug`] writes it, is `name`.
    pub fn from_name(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name)
    }
}

/// How often each fault strikes, and what a crash does. By default there are no faults but crashes.
#[derive(Clone, Debug, Default)]
pub struct FaultOptions {
    rates: [f64; Fault::ALL.len()],
    pub(super) crash: CrashOptions,
}

impl FaultOptions {
    /// The same without `fault`.
    pub fn without(self, fault: Fault) -> FaultOptions {
        self.with(fault, 0.0)
    }

    /// The same with `fault` striking a fraction `rate`, from 0 to 1, of the operations it applies
    /// to.
    pub fn with(mut self, fault: Fault, rate: f64) -> FaultOptions {
        self.rates[fault as usize] = rate;
        self
    }

    /// The same with crashes that leave what `crash` says.
    pub fn with_crash(mut self, crash: CrashOptions) -> FaultOptions {
        self.crash = crash;
        self
    }

    /// The fraction of operations that `fault` strikes.
    pub fn rate(&self, fault: Fault) -> f64 {
        self.rates[fault as usize]
    }
}

/// How often each fault struck. [`Display`](fmt::Display) names those that did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    struck: [u64; Fault::ALL.len()],
    /// Crashes of nodes.
    pub crashes: u64,
    /// Unsynced writes of which a crash left nothing.
    pub writes_lost: u64,
    /// Unsynced writes of which a crash left a part, or something else, sector by sector.
    pub writes_torn: u64,
    /// The same, erase block by erase block.
    pub writes_torn_by_blocks: u64,
    /// Sectors of torn writes that a crash left as zeros.
    pub sectors_zeroed: u64,
    /// Sectors of torn writes that a crash left as random bytes.
    pub sectors_garbage: u64,
    /// Sectors of torn writes that may have parts of two writes.
    pub sectors_mixed: u64,
    /// Unsynced names that a crash took away.
    pub names_lost: u64,
    /// Unsynced removals that a crash undid.
    pub removals_lost: u64,
    /// Unsynced growths of files that a crash undid.
    pub lengths_lost: u64,
    /// Operations that completed before one that was submitted earlier.
    pub overtaken: u64,
}

impl FaultCounts {
    /// How often `fault` struck.
    pub fn of(&self, fault: Fault) -> u64 {
        self.struck[fault as usize]
    }
}

impl AddAssign<&FaultCounts> for FaultCounts {
    fn add_assign(&mut self, other: &FaultCounts) {
        for (count, more) in self.struck.iter_mut().zip(other.struck) {
            *count += more;
        }
        self.crashes += other.crashes;
        self.writes_lost += other.writes_lost;
        self.writes_torn += other.writes_torn;
        self.writes_torn_by_blocks += other.writes_torn_by_blocks;
        self.sectors_zeroed += other.sectors_zeroed;
        self.sectors_garbage += other.sectors_garbage;
        self.sectors_mixed += other.sectors_mixed;
        self.names_lost += other.names_lost;
        self.removals_lost += other.removals_lost;
        self.lengths_lost += other.lengths_lost;
        self.overtaken += other.overtaken;
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torn = self.writes_torn + self.writes_torn_by_blocks;
        let metadata = self.names_lost + self.removals_lost + self.lengths_lost;
        write!(
            f,
            "{} crashes ({} writes lost, {torn} torn, {metadata} names or lengths lost)",
            self.crashes, self.writes_lost
        )?;
        Fault::ALL
            .into_iter()
            .filter(|fault| self.of(*fault) > 0)
            .try_for_each(|fault| write!(f, ", {} {fault:?}", self.of(fault)))
    }
}

/// The faults of one node: the rates in force and what came of them.
#[derive(Debug)]
pub(super) struct Faults {
    pub(super) options: FaultOptions,
    pub(super) counts: FaultCounts,
}

impl Faults {
    pub(super) fn new(options: FaultOptions) -> Faults {
        Faults { options, counts: FaultCounts::default() }
    }

    /// Whether `fault` strikes now. A fault that is switched off draws no number, so that a new
    /// class of faults leaves the runs of old seeds as they were.
    pub(super) fn strikes(&mut self, fault: Fault, random: &mut Random) -> bool {
        let rate = self.options.rate(fault);
        let strikes = rate > 0.0 && random.chance(rate);
        self.counts.struck[fault as usize] += u64::from(strikes);
        strikes
    }

    /// Whether `fault` strikes now and then.
    pub(super) fn strikes_at_all(&self, fault: Fault) -> bool {
        self.options.rate(fault) > 0.0
    }

    /// Whether a crash undoes an unsynced name, removal or length.
    pub(super) fn loses_metadata(&self, random: &mut Random) -> bool {
        random.chance(self.options.crash.metadata_lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_own_rate_and_count() {
        for (index, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, index, "{fault:?} is listed in the order of declaration");
            let mut faults = Faults::new(FaultOptions::default().with(fault, 1.0));
            let mut random = Random::new(0);
            let struck =
                Fault::ALL.into_iter().filter(|other| faults.strikes(*other, &mut random)).count();
            assert_eq!((struck, faults.counts.of(fault)), (1, 1));
            assert!(faults.counts.to_string().ends_with(&format!("1 {fault:?}")));
        }
    }
}
