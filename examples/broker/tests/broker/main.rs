//! The broker as its clients see it: by a client of our own that can say anything, and by clients
//! that nobody here wrote.

#![allow(clippy::print_stderr, reason = "tests that can't run say so")]

mod client;
mod confluent;
mod kcat;
mod many;
mod operations;
mod produce;
mod refusals;
mod server;
