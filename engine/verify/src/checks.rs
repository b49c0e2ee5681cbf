//! The judges: what is checked, how often, and which one said no.

use std::cell::RefCell;
use std::fmt;
use std::ops::AddAssign;

/// One promise of the store, checked wherever it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// What was acknowledged is there, byte for byte and in its order.
    Acknowledged,
    /// What is there after a crash is the effect of the first so many changes that were put in line.
    Prefix,
    /// Trims, truncations, retention, deletions and settings hold what they promise through crashes.
    Contract,
    /// What is read while the store is used is what was written, from the place asked for.
    Read,
    /// A record's time finds the right offset.
    Time,
    /// The store refuses and stops only for a reason, and never while only unacknowledged bytes are
    /// damaged.
    NoFalseRefusal,
    /// A stopped store tells everyone the same, and everyone is told.
    SameFailure,
    /// Damage to what is proven to be durable is an error that names the place, and never wrong data.
    DamageNamed,
    /// What a disk that lies took away is noticed whenever something on it tells.
    LieNoticed,
    /// Opening a store again, after whatever interrupted opening it, shows the same.
    SameAgain,
    /// Nothing that was readable is given up without a copy in quarantine.
    Quarantined,
    /// Opening reads a bounded part of the store.
    BoundedRecovery,
    /// Memory stays within the budget.
    Memory,
    /// Every task ends; nobody waits for what cannot come.
    Progress,
    /// No task and no assertion of the store panics.
    NoPanic,
}

impl Check {
    /// Every check, in the order of their declaration.
    pub const ALL: [Check; 15] = [
        Check::Acknowledged,
        Check::Prefix,
        Check::Contract,
        Check::Read,
        Check::Time,
        Check::NoFalseRefusal,
        Check::SameFailure,
        Check::DamageNamed,
        Check::LieNoticed,
        Check::SameAgain,
        Check::Quarantined,
        Check::BoundedRecovery,
        Check::Memory,
        Check::Progress,
        Check::NoPanic,
    ];
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Check::Acknowledged => "acknowledged data is there",
            Check::Prefix => "a prefix is recovered",
            Check::Contract => "contracts hold",
            Check::Read => "reads are right",
            Check::Time => "times are found",
            Check::NoFalseRefusal => "no false refusal",
            Check::SameFailure => "failures are sticky and told",
            Check::DamageNamed => "damage is named",
            Check::LieNoticed => "lies are noticed",
            Check::SameAgain => "reopening shows the same",
            Check::Quarantined => "nothing goes without a copy",
            Check::BoundedRecovery => "recovery is bounded",
            Check::Memory => "memory is bounded",
            Check::Progress => "everything ends",
            Check::NoPanic => "nothing panics",
        })
    }
}

/// How often each check was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    applied: [u64; Check::ALL.len()],
}

impl CheckCounts {
    /// How often `check` was applied.
    pub fn of(&self, check: Check) -> u64 {
        self.applied[check as usize]
    }
}

impl AddAssign<&CheckCounts> for CheckCounts {
    fn add_assign(&mut self, other: &CheckCounts) {
        for (count, more) in self.applied.iter_mut().zip(other.applied) {
            *count += more;
        }
    }
}

/// What the checks of this thread came to since [`start`].
#[derive(Debug, Default)]
struct Session {
    counts: CheckCounts,
    failed: Option<Check>,
}

thread_local! {
    static SESSION: RefCell<Session> = RefCell::default();
}

/// Applies a check, and counts it.
///
/// # Panics
/// With the check's name and `explain` unless it `holds`.
pub(crate) fn check(check: Check, holds: bool, explain: impl FnOnce() -> String) {
    SESSION.with_borrow_mut(|session| {
        session.counts.applied[check as usize] += 1;
        if !holds {
            session.failed.get_or_insert(check);
        }
    });
    assert!(holds, "{check}: {}", explain());
}

/// Fails a check.
///
/// # Panics
/// Always.
pub(crate) fn fail(failed: Check, explain: impl FnOnce() -> String) -> ! {
    check(failed, false, explain);
    unreachable!("the check failed");
}

/// Begins anew on this thread.
pub(crate) fn start() {
    SESSION.take();
}

/// What was applied on this thread, and which check failed first.
pub(crate) fn finish() -> (CheckCounts, Option<Check>) {
    let Session { counts, failed } = SESSION.take();
    (counts, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_check_that_fails_is_named_and_all_are_counted() {
        start();
        check(Check::Prefix, true, String::new);
        for failed in [Check::Read, Check::Memory] {
            let panic = std::panic::catch_unwind(|| fail(failed, || "why".to_owned()));
            assert!(panic.is_err());
        }
        let (counts, failed) = finish();
        assert_eq!(failed, Some(Check::Read));
        assert_eq!(Check::ALL.map(|check| counts.of(check)).iter().sum::<u64>(), 3);
    }

    #[test]
    fn every_check_is_listed_in_its_place() {
        for (index, check) in Check::ALL.into_iter().enumerate() {
            assert_eq!(check as usize, index, "{check}");
        }
    }
}
