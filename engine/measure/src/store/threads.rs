//! Threads that append.

use std::time::Duration;

use roundhouse_base::metrics::LatencyHistogram;

use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::append::{AppendLoad, AppendTarget};
use crate::subject::MeasureError;

/// Has the load's writers, a thread each, append to a log: first to warm it up, then for the
/// stage's duration, at the load's pace. What they measure is records per second, or the latency at
/// half of the peak.
///
/// # Errors
/// The first one of the log.
pub fn drive(
    target: &dyn AppendTarget,
    load: &AppendLoad,
    stage: &Stage,
) -> Result<Measurement, MeasureError> {
    load.measure(stage, |duration, period| write(target, load, stage, duration, period))
}

fn write(
    target: &dyn AppendTarget,
    load: &AppendLoad,
    stage: &Stage,
    duration: Duration,
    period: Option<Duration>,
) -> Result<LatencyHistogram, MeasureError> {
    let watch = stage.watch();
    let writer = |number: usize| {
        let mut latency = LatencyHistogram::new();
        let batch = load.batch();
        let mut due = watch.elapsed() + load.phase(number, period);
        while due < duration {
            if period.is_some() {
                pause(due.saturating_sub(watch.elapsed()));
            }
            target.append(&batch)?;
            let now = watch.elapsed();
            latency.record(now.saturating_sub(due));
            due = period.map_or(now, |period| due + period);
        }
        Ok::<_, MeasureError>(latency)
    };
    std::thread::scope(|scope| {
        let start = |number| scope.spawn(move || writer(number));
        let running: Vec<_> = (0..load.writers).map(start).collect();
        let mut all = LatencyHistogram::new();
        for thread in running {
            all.merge(&thread.join().map_err(|_| "a writer panicked")??);
        }
        Ok(all)
    })
}

#[expect(clippy::disallowed_methods, reason = "a thread that keeps a timetable is on no shard")]
fn pause(duration: Duration) {
    if !duration.is_zero() {
        std::thread::sleep(duration);
    }
}
