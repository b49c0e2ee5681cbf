//! The engine as a program that embeds it sees it.

#![allow(clippy::disallowed_methods, reason = "a host program has threads and a clock of its own")]

mod hosts;
mod names;
mod order;
mod scratch;
