//! The logs of a shard: their state, their waiters, their catalogue and their share of each segment.

mod catalogue;
mod index;
mod log_state;
mod progress;
mod retention;
mod segments;

pub(crate) use catalogue::Catalogue;
pub(crate) use index::{LogIndex, SealedIndex};
pub(crate) use log_state::{LogState, NotedRecord, live_count};
pub(crate) use progress::{Answers, Progress, Waiter};
pub(crate) use retention::expired;
pub(crate) use segments::{Segment, Segments, Share};
