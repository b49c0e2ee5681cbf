//! Why options are not accepted.

use roundhouse_base::{ByteSize, limits};
use thiserror::Error;

use super::check::SLOTS_PER_SHARD_MIN;

/// Options that are not accepted. Whoever configured the program has to change what the error
/// names; nothing was changed or opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// No option has this key.
    #[error("there is no option {key:?}; the nearest is {nearest:?}")]
    UnknownKey {
        /// What was given.
        key: String,
        /// The key most like it.
        nearest: &'static str,
    },
    /// An environment variable with the engine's prefix belongs to no option.
    #[error("the variable {name} sets no option; the nearest is {nearest}")]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The variable of an option most like it.
        nearest: String,
    },
    /// An option does not take this value.
    #[error("{key} cannot be {value:?}; allowed: {allowed}")]
    Value {
        /// The option.
        key: &'static str,
        /// What was given.
        value: String,
        /// What it takes, in words.
        allowed: String,
    },
    /// Split over the shards, `memory` is too little for each.
    #[error(
        "memory = {memory} is too little for {shards} shards: each needs {}; \
         raise memory or lower shards",
        ByteSize(limits::MEMORY_BYTES_MIN)
    )]
    MemoryPerShard {
        /// The option `memory`.
        memory: ByteSize,
        /// Shards of the engine.
        shards: u16,
    },
    /// Split over the shards, `capacity` is too few slots for each.
    #[error(
        "capacity = {capacity} is too little for {shards} shards: each needs {} slots of \
         {slot_size}; raise capacity, or lower shards or slot_size",
        SLOTS_PER_SHARD_MIN
    )]
    CapacityTooSmall {
        /// The option `capacity`.
        capacity: ByteSize,
        /// Shards of the engine.
        shards: u16,
        /// The option `slot_size`.
        slot_size: ByteSize,
    },
    /// Split over the shards, `capacity` is more slots than a shard can number.
    #[error(
        "capacity = {capacity} is too much for {shards} shards: each can have {} slots of \
         {slot_size}; lower capacity, or raise shards or slot_size",
        limits::SLOTS_MAX
    )]
    CapacityTooLarge {
        /// The option `capacity`.
        capacity: ByteSize,
        /// Shards of the engine.
        shards: u16,
        /// The option `slot_size`.
        slot_size: ByteSize,
    },
    /// The document is not TOML.
    #[error("line {line}, column {column}: not TOML: {message}")]
    TomlSyntax {
        /// Line of the document, from 1.
        line: usize,
        /// Character of the line, from 1.
        column: usize,
        /// What the TOML parser says.
        message: String,
    },
    /// A line of the document is TOML, but not an option.
    #[error("line {line}, column {column}: {error}")]
    TomlOption {
        /// Line of the document, from 1.
        line: usize,
        /// Character of the line, from 1.
        column: usize,
        /// Why it is refused.
        error: Box<OptionsError>,
    },
    /// An environment variable has a value its option does not take.
    #[error("the variable {name}: {error}")]
    Variable {
        /// The variable.
        name: String,
        /// Why its value is refused.
        error: Box<OptionsError>,
    },
}
