//! Checking and repairing stores that nobody has open, on the simulated disk and on a real one.

mod inspect;
mod repair;
mod salvage;
mod scene;
mod uring;
mod verify;
