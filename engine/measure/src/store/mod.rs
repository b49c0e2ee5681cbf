//! The store's suites: what the engine's log costs, beside the same bytes on a bare ring.

mod append;
mod ceiling;
mod flood;
mod open_log;
mod read;
mod recovery;
mod threads;

use std::path::Path;
use std::process::Command;

use crate::subject::Suite;

pub use append::{APPENDS, AppendLoad, AppendTarget, PACED, Pace};
pub use recovery::append_until_killed;
pub use threads::drive;

/// Appends: one writer, many, batches; small and large; all durabilities.
pub fn wal() -> Suite {
    let mut cases = append::cases(APPENDS);
    cases.extend(flood::cases());
    Suite { name: "wal", about: "Appending to a log until it is acknowledged.", cases }
}

/// How long a durable append takes when the log is half as busy as it could be.
pub fn latency() -> Suite {
    let about = "Durable appends by a timetable, at half of each subject's own peak.";
    Suite { name: "latency", about, cases: append::cases(PACED) }
}

/// Reads: from the disk in order and anywhere, and from memory.
pub fn read() -> Suite {
    Suite { name: "read", about: "Reading a log.", cases: read::cases() }
}

/// Opening a store, closed in order or not, and doing nothing with it.
///
/// `appender` makes a command that runs [`append_until_killed`] on a folder.
pub fn recovery(appender: fn(&Path) -> Command) -> Suite {
    let cases = recovery::cases(appender);
    Suite { name: "recovery", about: "Opening a store, and leaving it alone.", cases }
}
