//! Layer 2 of Roundhouse: the write-ahead log of a shard and the logs stored in it.

#![forbid(unsafe_code)]

pub mod format;
