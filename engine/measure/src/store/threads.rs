//! Threads that append.

use std::time::Duration;

use roundhouse_base::metrics::LatencyHistogram;

use crate::measurement::Measurement;
use crate::stage::Stage;
use crate::store::append::{AppendLoad, AppendTarget};
use crate::subject::MeasureError;

/// Has the load's writers, a thread each, append to a log: first to warm it up, then for the
/// stage's duration. What they measure is records per second and the latency of an append.
///
/// # Errors
/// The first one of the log.
pub fn drive(
    target: &dyn AppendTarget,
    load: &AppendLoad,
    stage: &Stage,
) -> Result<Measurement, MeasureError> {
    write(target, load, stage, stage.warm_up())?;
    let watch = stage.watch();
    let latency = write(target, load, stage, stage.duration)?;
    let records = latency.count() * load.batch_records as u64;
    Ok(Measurement::rate("records/s", records, &watch.spent()).latency(&latency))
}

fn write(
    target: &dyn AppendTarget,
    load: &AppendLoad,
    stage: &Stage,
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let watch = stage.watch();
    let writer = || {
        let mut latency = LatencyHistogram::new();
        let batch = load.batch();
        let mut now = watch.elapsed();
        while now < duration {
            target.append(&batch)?;
            let after = watch.elapsed();
            latency.record(after.saturating_sub(now));
            now = after;
        }
        Ok::<_, MeasureError>(latency)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..load.writers).map(|_| scope.spawn(writer)).collect();
        let mut all = LatencyHistogram::new();
        for thread in running {
            all.merge(&thread.join().map_err(|_| "a writer panicked")??);
        }
        Ok(all)
    })
}
