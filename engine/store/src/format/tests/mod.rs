//! Tests of the format as a whole; those of one structure's own rules are in its file.

mod bit_flips;
mod golden;
mod hostile;
mod impossible_values;
mod round_trip;
mod stale_bytes;
mod strategies;
mod superblock_copies;
