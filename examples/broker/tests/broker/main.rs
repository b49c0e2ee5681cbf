//! The broker as its clients see it: by a client of our own that can say anything, and by clients
//! that nobody here wrote.

#![allow(clippy::print_stderr, reason = "tests that can't run say so")]

mod client;
mod confluent;
mod dashboards;
mod fetch;
mod full;
mod groups;
mod kcat;
mod load;
mod many;
#[path = "../../../../engine/roundhouse/tests/real_files/mount.rs"]
mod mount;
mod operations;
mod pressure;
mod produce;
mod program;
mod refusals;
mod retention;
mod server;
mod versions;
