//! What a run came to: how much was tried, what was broken on purpose, and what was checked.

use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use roundhouse_runtime::sim::{Fault, FaultCounts};

use crate::checks::{Check, CheckCounts};
use crate::scenario::Scenario;

/// The sums over all seeds of a run. [`Display`](fmt::Display) is the final table.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds that were run, by scenario.
    pub seeds: [u64; Scenario::ALL.len()],
    /// Times that a store was opened and judged after a crash or a kill.
    pub cycles: u64,
    /// Stores that refused to open, or to read, since their disk had lied or was damaged.
    pub refusals: u64,
    /// What was injected.
    pub faults: FaultCounts,
    /// What was checked.
    pub checks: CheckCounts,
    /// Real time.
    pub elapsed: Duration,
}

impl Report {
    /// All seeds together.
    pub fn seeds_total(&self) -> u64 {
        self.seeds.iter().sum()
    }

    /// Crash-recover cycles in a minute of real time.
    pub fn cycles_per_minute(&self) -> f64 {
        self.cycles as f64 * 60.0 / self.elapsed.as_secs_f64().max(1e-3)
    }
}

impl AddAssign<&Report> for Report {
    /// Adds everything but the time, which passes for all threads at once.
    fn add_assign(&mut self, other: &Report) {
        for (count, more) in self.seeds.iter_mut().zip(other.seeds) {
            *count += more;
        }
        self.cycles += other.cycles;
        self.refusals += other.refusals;
        self.faults += &other.faults;
        self.checks += &other.checks;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, count: u64| writeln!(f, "  {name:<44} {count:>14}");
        row("seeds", self.seeds_total())?;
        for scenario in Scenario::ALL {
            row(&format!("  {scenario}"), self.seeds[scenario as usize])?;
        }
        row("crash-recover cycles", self.cycles)?;
        row("refusals for damage or lies", self.refusals)?;
        row("crashes", self.faults.crashes)?;
        row("  writes lost", self.faults.writes_lost)?;
        row("  writes torn by sectors", self.faults.writes_torn)?;
        row("  writes torn by erase blocks", self.faults.writes_torn_by_blocks)?;
        row("  sectors of zeros", self.faults.sectors_zeroed)?;
        row("  sectors of garbage", self.faults.sectors_garbage)?;
        row("  sectors mixed of two writes", self.faults.sectors_mixed)?;
        row("  names lost", self.faults.names_lost)?;
        row("  removals undone", self.faults.removals_lost)?;
        row("  lengths lost", self.faults.lengths_lost)?;
        row("completions out of order", self.faults.overtaken)?;
        row("faults injected", Fault::ALL.map(|fault| self.faults.of(fault)).iter().sum())?;
        for fault in Fault::ALL {
            row(&format!("  {fault:?}"), self.faults.of(fault))?;
        }
        row("checks applied", Check::ALL.map(|check| self.checks.of(check)).iter().sum())?;
        for check in Check::ALL {
            row(&format!("  {check}"), self.checks.of(check))?;
        }
        let (seconds, rate) = (self.elapsed.as_secs_f64(), self.cycles_per_minute());
        write!(f, "  {seconds:.1} s, {rate:.0} cycles a minute")
    }
}
