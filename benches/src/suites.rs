//! All suites with everybody in them.

use roundhouse_measure::{Suite, store};

use crate::{one, peers};

/// In the order they run.
pub(crate) fn all() -> Vec<Suite> {
    let mut wal = store::wal();
    peers::join(&mut wal);
    vec![wal, store::read(), store::recovery(one::appender)]
}
