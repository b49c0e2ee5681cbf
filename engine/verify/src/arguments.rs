//! What the command is asked to do.

use std::thread;
use std::time::Duration;

use clap::Parser;
#[cfg(feature = "planted")]
use roundhouse_base::planted::Bug;
use roundhouse_verify::{Budget, Scenario};

/// Tries to break simulated stores: crashes, faults and damage, all decided by seeds, judged against
/// a model. Prints what was injected and checked, and for a failure the command that replays it.
#[derive(Debug, Parser)]
#[command(name = "roundhouse-verify", version)]
pub(crate) struct Arguments {
    /// Run so many seeds.
    #[arg(long, value_name = "N", conflicts_with_all = ["minutes", "seed"])]
    seeds: Option<u64>,
    /// Run seeds for so many minutes (a fraction is fine). The default is one minute.
    #[arg(long, value_name = "M", conflicts_with = "seed")]
    minutes: Option<f64>,
    /// Run this seed only.
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// The first seed of many.
    #[arg(long, value_name = "SEED", default_value_t = 0, conflicts_with = "seed")]
    from: u64,
    /// Only this scenario, instead of the one that each seed stands for.
    #[arg(long)]
    pub(crate) scenario: Option<Scenario>,
    /// Threads; one for each core if not given.
    #[arg(long, value_name = "T")]
    threads: Option<usize>,
    /// Plant each of these bugs in the engine, all if none is named, and run seeds until a check
    /// notices it.
    #[cfg(feature = "planted")]
    #[arg(long, value_name = "BUG", num_args = 0.., value_parser = parse_bug)]
    #[arg(conflicts_with_all = ["minutes", "seed", "seeds", "scenario", "from"])]
    planted: Option<Vec<Bug>>,
    /// Give a planted bug up after so many seconds, and fail.
    #[cfg(feature = "planted")]
    #[arg(long, value_name = "S", default_value_t = 60, requires = "planted")]
    seconds: u64,
}

impl Arguments {
    /// The first seed and how much to run from there on.
    pub(crate) fn seeds(&self) -> (u64, Budget) {
        if let Some(seed) = self.seed {
            return (seed, Budget::Seeds(1));
        }
        let budget = match self.seeds {
            Some(count) => Budget::Seeds(count),
            None => Budget::Time(minutes(self.minutes.unwrap_or(1.0))),
        };
        (self.from, budget)
    }

    /// Threads to use, at least one.
    pub(crate) fn threads(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }
}

#[cfg(feature = "planted")]
impl Arguments {
    /// The bugs to hunt, if that is what is asked for.
    pub(crate) fn bugs(&self) -> Option<Vec<Bug>> {
        let bugs = self.planted.clone()?;
        Some(if bugs.is_empty() { Bug::ALL.to_vec() } else { bugs })
    }

    /// How long each of them may survive.
    pub(crate) fn hunt_time_max(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[cfg(feature = "planted")]
fn parse_bug(name: &str) -> Result<Bug, String> {
    let names = || Bug::ALL.map(|bug| bug.to_string()).join(", ");
    Bug::from_name(name).ok_or_else(|| format!("there is no bug {name:?}, but {}", names()))
}

/// Negative and absurd numbers of minutes are taken for none and for a year.
fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes.clamp(0.0, 525_600.0) * 60.0)
}
