//! Everything that tries to break a store, and the judges that notice.
//!
//! A [`Scenario`] lives many lives of one simulated store, and one seed decides all of it. What is
//! judged is a [`Check`]: each has a name, is counted whenever it is applied, and ends the run when
//! it fails. [`run_seed`] does one seed, [`run`] many on several threads. The binary of this package
//! does the same from a shell; `docs/verification.md` says what is proven by which part.
//!
//! The workload, the model and the checks are here once, for the simulator, for the tests and for
//! the fuzz targets.

#![forbid(unsafe_code)]

mod checks;
mod damage;
mod fork;
#[cfg(feature = "planted")]
mod hunt;
pub mod image;
mod life;
mod oracle;
mod panics;
mod recovery;
mod report;
mod runner;
mod scenario;
pub mod scene;
mod simulation;
mod stopwatch;
pub mod targets;
mod workload;

pub use checks::{Check, CheckCounts};
#[cfg(feature = "planted")]
pub use hunt::{Hunt, hunt_all};
pub use report::Report;
pub use runner::{Budget, Outcome, run};
pub use scenario::{Scenario, Violation, run_seed};
pub use stopwatch::Stopwatch;
