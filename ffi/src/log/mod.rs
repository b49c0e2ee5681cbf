//! Logs: opening them, appending to them, reading them, changing them.

mod append;
mod change;
mod info;
mod open;
mod read;
mod records;
mod settings;

use roundhouse::Log;

use crate::handle::{Handle, Kind};

pub use append::*;
pub use change::*;
pub use info::*;
pub use open::*;
pub use read::*;
pub use records::*;
pub use settings::*;

/// A log of an engine.
pub struct rh_log;

impl Handle for rh_log {
    type Object = Log;
    const KIND: Kind = Kind::Log;
}
