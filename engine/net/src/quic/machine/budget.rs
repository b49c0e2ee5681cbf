//! Buffers promised to connections.

/// Promises bytes to connections and never more than there are.
///
/// What was promised may be used at any time: flow control that was granted cannot be taken back
/// (RFC 9000 section 4.1). So the sum of promises, not of bytes in use, is what must not exceed the
/// bound.
#[derive(Debug)]
pub(super) struct Budget {
    limit: u64,
    promised: u64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Budget {
        Budget { limit, promised: 0 }
    }

    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    pub(super) fn promised(&self) -> u64 {
        self.promised
    }

    /// Whether a new connection can be promised `bytes`.
    pub(super) fn has(&self, bytes: u64) -> bool {
        self.promised.saturating_add(bytes) <= self.limit
    }

    /// Promises `bytes`, for which there must be room.
    pub(super) fn promise(&mut self, bytes: u64) {
        debug_assert!(self.has(bytes), "{bytes} bytes promised beyond the limit");
        self.promised += bytes;
    }

    /// Promises `bytes` to a connection that grows, if that leaves half of the limit to new ones.
    pub(super) fn try_grow(&mut self, bytes: u64) -> bool {
        let may = self.promised.saturating_add(bytes) <= self.limit / 2;
        if may {
            self.promised += bytes;
        }
        may
    }

    /// Takes back the promise of a connection that is gone.
    pub(super) fn release(&mut self, bytes: u64) {
        self.promised -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_leaves_half_to_new_connections() {
        let mut budget = Budget::new(100);
        budget.promise(40);
        assert!(budget.try_grow(10));
        assert!(!budget.try_grow(1));
        assert!(budget.has(50) && !budget.has(51));
        budget.release(40);
        assert!(budget.try_grow(40));
        assert_eq!(budget.promised(), 50);
    }
}
