//! What clients do to a store: several tasks at a time, each with its own random numbers.

mod appending;
mod changing;
mod client;
mod plan;
mod reading;

pub(crate) use client::Client;
pub(crate) use plan::Plan;
pub(crate) use reading::read_back;
