//! Roundhouse: an embeddable io_uring storage-and-transport engine.
//!
//! This is the crate programs depend on. [`options`] says how an engine is configured.

#![forbid(unsafe_code)]

pub mod options;
