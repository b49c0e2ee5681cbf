//! The C ABI of Roundhouse. `include/roundhouse.h` is generated from this crate and is what programs read;
//! `docs/c-abi.md` says how to link it and what it promises.
//!
//! Every exported function checks its arguments, runs what it does behind `entry::enter`, which stops
//! panics, and tells the caller by a status how it went. Handles are looked up in `handle`; operations are
//! futures of the engine that a `queue` looks at when they wake it.

// The header's rules are the safety contract of all functions alike; it is not repeated at each.
#![allow(
    clippy::missing_safety_doc,
    reason = "the header states the rules for all functions at once"
)]
#![allow(non_camel_case_types, reason = "the names are those of the C types")]

mod diagnostics;
mod engine;
mod entry;
mod error;
mod failure;
mod fork;
mod handle;
mod log;
mod metrics;
mod net;
mod offline;
mod options;
mod queue;
mod status;
mod version;

pub use diagnostics::*;
pub use engine::*;
pub use error::*;
pub use log::*;
pub use metrics::*;
pub use net::*;
pub use offline::*;
pub use options::*;
pub use queue::*;
pub use status::*;
pub use version::*;
