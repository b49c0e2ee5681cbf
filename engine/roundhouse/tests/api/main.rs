//! The engine as a program that embeds it sees it.

#![allow(clippy::disallowed_methods, reason = "a host program has threads and a clock of its own")]

mod changes;
mod closing;
mod host_driven;
mod hosts;
mod idle;
mod names;
mod opening;
mod order;
mod readers;
mod scratch;
mod shards;
mod simulated;
mod sockets;
mod steering;
