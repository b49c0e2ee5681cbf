//! What the fuzz targets do with their bytes. `fuzz/` feeds them from libFuzzer; `tests/corpus.rs`
//! replays the corpus that is committed there, and changes of it, under `cargo test`.
//!
//! A target panics when a promise is broken. Checksums keep arbitrary bytes away from most of the
//! code, so targets mend them on request: then whatever is left to check decides.

mod opening;
mod quic;
mod structures;
mod texts;

use crate::scenario::{Scenario, run_seed};

/// One fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its binary and of its directory in the corpus.
    pub name: &'static str,
    /// What it does with an input.
    ///
    /// # Panics
    /// If a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target of the store, of the network and of the options.
pub const TARGETS: [Target; 9] = [
    Target { name: "superblock", run: structures::superblock },
    Target { name: "frame", run: structures::frame },
    Target { name: "records", run: structures::records },
    Target { name: "catalogue", run: structures::catalogue },
    Target { name: "opening", run: opening::opening },
    Target { name: "operations", run: operations },
    Target { name: "options", run: texts::options },
    Target { name: "quic", run: quic::quic },
    Target { name: "certificates", run: texts::certificates },
];

impl Target {
    /// The target called `name`.
    ///
    /// # Panics
    /// If there is none.
    pub fn named(name: &str) -> Target {
        let found = TARGETS.into_iter().find(|target| target.name == name);
        found.expect("the name is one of those listed")
    }
}

/// A seed of the simulator: operations and faults against the model. The first byte chooses the
/// scenario, the next eight are the seed.
fn operations(data: &[u8]) {
    let Some((scenario, rest)) = data.split_first() else { return };
    let Some(seed) = rest.first_chunk() else { return };
    let scenario = Scenario::ALL[usize::from(*scenario) % Scenario::ALL.len()];
    if let Err(violation) = run_seed(u64::from_le_bytes(*seed), Some(scenario)) {
        panic!("{violation}");
    }
}
