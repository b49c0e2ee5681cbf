//! The store on a simulated disk, through crashes, kills and faults, against a model.
//!
//! One seed decides everything; see [`seeds::run`] for how to choose seeds.

mod appending;
mod changing;
mod client;
mod damage;
mod life;
mod model;
mod oracle;
mod panics;
mod plan;
mod reading;
mod refusals;
mod scene;
mod seeds;
mod stories;

use crate::life::Simulation;
use crate::plan::Trouble;

#[test]
fn crashes_leave_a_prefix_with_everything_that_was_acknowledged() {
    seeds::run("crashes", 300, |seed| Simulation::new(seed, Trouble::None).run());
}

#[test]
fn a_store_that_cannot_write_stops_and_loses_nothing_acknowledged() {
    seeds::run("cannot_write", 100, |seed| Simulation::new(seed, Trouble::Writing).run());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_wrong_data() {
    seeds::run("cannot_be_read", 100, |seed| Simulation::new(seed, Trouble::Reading).run());
}

#[test]
fn a_full_store_goes_on_after_a_trim() {
    seeds::run("full_store", 100, |seed| Simulation::new(seed, Trouble::Full).run());
}
