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
    /// A write is stored where it should be and at another place in the file.
    DuplicatedWrite,
    /// A sync fails with `EIO` and the bytes it covered are dropped: they read as before they were
    /// written, and the next sync succeeds. Names that a failed sync of a directory covered stay
    /// visible until a crash and never become durable.
    SyncError,
    /// A sync or a durable write reports success and made nothing durable.
    LyingSync,
    /// Creating, allocating or writing fails with `ENOSPC` although there is room.
    NoSpace,
    /// An operation takes very long.
    Stall,
}

impl Fault {
    /// Every fault, in the order of their declaration.
    pub const ALL: [Fault; 13] = [
        Fault::ReadError,
        Fault::BadSector,
        Fault::ReadFlip,
        Fault::BitRot,
        Fault::WriteError,
        Fault::ShortWrite,
        Fault::PhantomWrite,
        Fault::MisdirectedWrite,
        Fault::DuplicatedWrite,
        Fault::SyncError,
        Fault::LyingSync,
        Fault::NoSpace,
        Fault::Stall,
    ];
}

/// How often each fault strikes, and what a crash does. By default there are no faults but crashes.
#[derive(Clone, Debug, Default)]
pub struct FaultOptions {
    rates: [f64; Fault::ALL.len()],
    pub(super) crash: CrashOptions,
}

impl FaultOptions {
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
    /// Unsynced writes of which a crash left a part, or something else.
    pub writes_torn: u64,
    /// Unsynced names, removals and file lengths that a crash undid.
    pub metadata_lost: u64,
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
        self.metadata_lost += other.metadata_lost;
    }
}

impl fmt::Display for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} crashes ({} writes lost, {} torn, {} names or lengths lost)",
            self.crashes, self.writes_lost, self.writes_torn, self.metadata_lost
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

    /// Whether a crash undoes an unsynced name, removal or length.
    pub(super) fn loses_metadata(&mut self, random: &mut Random) -> bool {
        let loses = random.chance(self.options.crash.metadata_lost);
        self.counts.metadata_lost += u64::from(loses);
        loses
    }

    pub(super) fn count_write_fate(&mut self, is_lost: bool, is_whole: bool) {
        self.counts.writes_lost += u64::from(is_lost);
        self.counts.writes_torn += u64::from(!is_lost && !is_whole);
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
