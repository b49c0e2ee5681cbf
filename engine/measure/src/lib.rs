//! What is measured of Roundhouse, and how.
//!
//! A [`Suite`] has [`Case`]s; in each case several [`Subject`]s do the same work: the ceiling (the
//! same bytes on a bare ring), the engine, and whoever else is put beside them. A subject measures
//! itself once per call, on a [`Stage`], and gives back [`Measurement`]s; whoever runs them
//! interleaves the subjects round by round and makes [`Row`]s and a [`Summary`] of it all.
//!
//! `roundhouse bench` runs the suites here as they are; the comparison program in `benches/` adds
//! the peers.

#![forbid(unsafe_code)]

mod events;
pub mod machine;
pub mod mailbox;
mod measurement;
mod number;
mod row;
mod stage;
pub mod store;
mod subject;
mod summary;

pub use events::{EventCounter, NotCounted};
pub use measurement::Measurement;
pub use number::number;
pub use row::Row;
pub use stage::{Counters, Sizes, Spent, Stage, Watch};
pub use subject::{Case, MeasureError, Subject, Suite};
pub use summary::{Failure, Line, Summary, median};

/// The subject that all others are compared with.
pub const CEILING: &str = "ceiling";

/// The subject that is measured twice, for the noise.
pub const ROUNDHOUSE: &str = "roundhouse";
