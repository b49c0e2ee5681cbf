//! When which connection must be looked at again.

use std::collections::BTreeSet;

use roundhouse_base::Monotonic;

/// The deadlines of all connections of a machine, one each at most.
///
/// Nearly every packet moves a connection's deadline to later, so an entry that is too early stays
/// and costs one look when it comes; only one that would be too late is replaced.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(Monotonic, u32)>);

impl Deadlines {
    /// Sees to it that `index` is looked at no later than `deadline`. `entry` is what it has here.
    pub(super) fn set(&mut self, index: u32, entry: &mut Option<Monotonic>, deadline: Monotonic) {
        if entry.is_some_and(|set| set <= deadline) {
            return;
        }
        self.clear(index, entry);
        self.0.insert((deadline, index));
        *entry = Some(deadline);
    }

    /// Forgets the entry of `index`.
    pub(super) fn clear(&mut self, index: u32, entry: &mut Option<Monotonic>) {
        if let Some(set) = entry.take() {
            self.0.remove(&(set, index));
        }
    }

    /// The earliest entry.
    pub(super) fn next(&self) -> Option<Monotonic> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    /// Takes out one connection to look at. Its entry is gone.
    pub(super) fn pop_due(&mut self, now: Monotonic) -> Option<u32> {
        let (deadline, index) = *self.0.first()?;
        if deadline > now {
            return None;
        }
        self.0.pop_first();
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_moves_back_and_forth_comes_once_and_never_late() {
        let mut deadlines = Deadlines::default();
        let mut entry = None;
        for deadline in [50, 70, 30, 90] {
            deadlines.set(7, &mut entry, Monotonic(deadline));
        }
        assert_eq!(deadlines.next(), Some(Monotonic(30)));
        assert_eq!(deadlines.pop_due(Monotonic(29)), None);
        assert_eq!(deadlines.pop_due(Monotonic(30)), Some(7));
        assert_eq!(deadlines.next(), None);
    }
}
