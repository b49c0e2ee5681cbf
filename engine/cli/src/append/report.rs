//! Saying on standard output how many records are durable.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::exit::Stop;
use crate::stopwatch::Stopwatch;

/// A thread that prints `durable N` as N grows: at once, then every [`INTERVAL_MIN`], and at the
/// end.
pub(super) struct Report {
    thread: JoinHandle<()>,
    progress: Sender<u64>,
}

impl Report {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start() -> Result<Report, Stop> {
        let (progress, counts) = mpsc::channel();
        let thread = std::thread::Builder::new().name("report".to_owned());
        let thread = thread.spawn(move || print_all(&counts, &mut io::stdout()));
        let thread =
            thread.map_err(|error| Stop::failure(format!("cannot start a thread: {error}")))?;
        Ok(Report { thread, progress })
    }

    /// Where to send the numbers, which grow.
    pub(super) fn progress(&self) -> Sender<u64> {
        self.progress.clone()
    }

    /// Waits until the last number is printed. Every other sender must be gone.
    pub(super) fn finish(self) {
        drop(self.progress);
        // It has nothing to panic about, and what it says is not worth failing for.
        drop(self.thread.join());
    }
}

fn print_all(counts: &Receiver<u64>, out: &mut impl Write) {
    let mut printed = None;
    let mut is_listening = true;
    while let Ok(mut durable) = counts.recv() {
        let waited = Stopwatch::start();
        if printed.is_some() {
            // Later counts within the interval replace this one.
            while let Some(left) = INTERVAL_MIN.checked_sub(waited.elapsed())
                && let Ok(later) = counts.recv_timeout(left)
            {
                durable = later;
            }
        }
        is_listening = is_listening && print(out, durable).is_ok();
        printed = Some(durable);
    }
    if printed.is_none() {
        drop(print(out, 0));
    }
}

/// Appending goes on when nobody listens any more: the records matter, not the count.
fn print(out: &mut impl Write, durable: u64) -> io::Result<()> {
    writeln!(out, "durable {durable}")?;
    out.flush()
}

/// No two lines come faster than this.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(counts: &[u64]) -> String {
        let (sender, receiver) = mpsc::channel();
        for count in counts {
            sender.send(*count).unwrap();
        }
        drop(sender);
        let mut out = Vec::new();
        print_all(&receiver, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_and_the_last_count_are_printed_and_those_between_are_not_too_many() {
        assert_eq!(printed(&[1, 2, 3, 4]), "durable 1\ndurable 4\n");
    }

    #[test]
    fn an_empty_input_is_durable_as_a_whole() {
        assert_eq!(printed(&[]), "durable 0\n");
    }
}
