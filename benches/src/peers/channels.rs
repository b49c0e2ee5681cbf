//! Messages between two threads over channels.

use std::sync::mpsc;
use std::time::Duration;

use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::mailbox::{MESSAGES_MAX, ROUND_TRIPS, RoundTrips};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject, Suite};

/// Puts the channels into the cases of the suite `mailbox` that they can do.
pub(super) fn join(mailbox: &mut Suite) {
    for load in ROUND_TRIPS {
        if let Some(case) = mailbox.cases.iter_mut().find(|case| case.name == load.name) {
            case.subjects.push(Box::new(Std(*load)));
            case.subjects.push(Box::new(Crossbeam(*load)));
        }
    }
}

struct Std(RoundTrips);

impl Subject for Std {
    fn name(&self) -> &'static str {
        "std-mpsc"
    }

    fn about(&self) -> String {
        "std::sync::mpsc::sync_channel between two threads that wait in recv".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let (to, at_other) = mpsc::sync_channel(MESSAGES_MAX);
        let (back, from) = mpsc::sync_channel(MESSAGES_MAX);
        let echo = std::thread::spawn(move || {
            while let Ok(message) = at_other.recv() {
                if back.send(message).is_err() {
                    return;
                }
            }
        });
        let send = move |message| Ok(to.send(message)?);
        let measured = ask(self.0, stage, send, || Ok(from.recv()?))?;
        echo.join().map_err(|_| "the thread that answers panicked")?;
        Ok(vec![measured])
    }
}

struct Crossbeam(RoundTrips);

impl Subject for Crossbeam {
    fn name(&self) -> &'static str {
        "crossbeam-channel"
    }

    fn about(&self) -> String {
        "0.5; bounded channels between two threads that wait in recv".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let (to, at_other) = crossbeam_channel::bounded(MESSAGES_MAX);
        let (back, from) = crossbeam_channel::bounded(MESSAGES_MAX);
        let echo = std::thread::spawn(move || {
            for message in at_other {
                if back.send(message).is_err() {
                    return;
                }
            }
        });
        let send = move |message| Ok(to.send(message)?);
        let measured = ask(self.0, stage, send, || Ok(from.recv()?))?;
        echo.join().map_err(|_| "the thread that answers panicked")?;
        Ok(vec![measured])
    }
}

/// Sends the time it is, again and again, and measures when it comes back. `send` is dropped at the
/// end, which ends the other thread.
fn ask(
    load: RoundTrips,
    stage: &Stage,
    send: impl Fn(Duration) -> Result<(), MeasureError>,
    receive: impl Fn() -> Result<Duration, MeasureError>,
) -> Result<Measurement, MeasureError> {
    let watch = stage.watch();
    let mut latency = LatencyHistogram::new();
    for _ in 0..load.outstanding {
        send(watch.elapsed())?;
    }
    let mut on_their_way = load.outstanding;
    while on_their_way > 0 {
        let sent = receive()?;
        let now = watch.elapsed();
        latency.record(now.saturating_sub(sent));
        if now < stage.duration {
            send(now)?;
        } else {
            on_their_way -= 1;
        }
    }
    Ok(Measurement::rate("round trips/s", latency.count(), &watch.spent()).latency(&latency))
}
