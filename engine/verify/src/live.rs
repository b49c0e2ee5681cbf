//! The line that shows how far a run has come.

use std::ops::ControlFlow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use roundhouse_verify::Report;

/// A line on standard error; nothing if that is no terminal.
pub(crate) struct LiveLine {
    bar: ProgressBar,
}

impl LiveLine {
    pub(crate) fn new() -> LiveLine {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}");
        bar.set_style(style.expect("the template is a constant"));
        bar.enable_steady_tick(TICK);
        LiveLine { bar }
    }

    /// Shows the sums so far. Never breaks the run off.
    pub(crate) fn show(&self, report: &Report) -> ControlFlow<()> {
        if !self.bar.is_hidden() && report.seeds_total().is_multiple_of(SEEDS_PER_UPDATE) {
            let faults = &report.faults;
            self.bar.set_message(format!(
                "{} seeds, {} cycles ({:.0} a minute), {} crashes, {} writes torn",
                report.seeds_total(),
                report.cycles,
                report.cycles_per_minute(),
                faults.crashes,
                faults.writes_torn,
            ));
        }
        ControlFlow::Continue(())
    }

    pub(crate) fn end(self) {
        self.bar.finish_and_clear();
    }
}

const TICK: Duration = Duration::from_millis(200);

/// Seeds take a few milliseconds; nobody reads faster than this many of them.
const SEEDS_PER_UPDATE: u64 = 64;
