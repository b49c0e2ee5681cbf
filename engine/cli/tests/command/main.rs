//! The built command, run as a user runs it.

mod append;
mod check;
mod kill;
mod roundhouse;
mod talk;
