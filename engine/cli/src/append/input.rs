//! Reading standard input and cutting it into batches.

use std::future::poll_fn;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_channel::mpsc;
use roundhouse::{NewRecord, block_on};

use crate::exit::Stop;
use crate::framing::{Framing, FramingError};

/// Records to append together.
#[derive(Debug)]
pub(super) struct Batch {
    bytes: Bytes,
    bodies: Vec<Range<usize>>,
    /// Whether the last of them is a line that lacks its newline.
    pub(super) ends_without_newline: bool,
}

impl Batch {
    /// The records, borrowed from the bytes that were read.
    pub(super) fn records(&self) -> Vec<NewRecord<'_>> {
        self.bodies.iter().map(|body| NewRecord::from(&self.bytes[body.clone()])).collect()
    }
}

/// Starts a thread that reads standard input and sends it in batches, then maybe why there can be
/// no more. It ends with the input, or when nobody takes its batches.
///
/// # Errors
/// No thread can be started.
pub(super) fn start_input(
    framing: Framing,
    mut batches: mpsc::Sender<Result<Batch, Stop>>,
) -> Result<(), Stop> {
    let cut_and_send = move || {
        let input = BufReader::with_capacity(READ_BYTES, io::stdin());
        let mut cutter = Cutter { framing, input, pending: BytesMut::new(), records: 0 };
        if let Err(stop) = cutter.send_all(&mut batches) {
            send(&mut batches, Err(stop));
        }
    };
    let thread = std::thread::Builder::new().name("input".to_owned()).spawn(cut_and_send);
    // Nobody waits for it: when appending fails, it may sit there reading what never comes.
    thread.map(drop).map_err(|error| Stop::failure(format!("cannot start a thread: {error}")))
}

/// Cuts a stream into batches.
struct Cutter<R> {
    framing: Framing,
    input: R,
    /// What was read and not yet cut.
    pending: BytesMut,
    /// Records cut so far.
    records: u64,
}

impl<R: BufRead> Cutter<R> {
    fn send_all(&mut self, batches: &mut mpsc::Sender<Result<Batch, Stop>>) -> Result<(), Stop> {
        loop {
            let is_end = self.read()? == 0;
            while let Some(batch) = self.next_batch(is_end)? {
                if !send(batches, Ok(batch)) {
                    return Ok(());
                }
            }
            if is_end {
                return Ok(());
            }
        }
    }

    /// Reads what there is, at most [`READ_BYTES`]; 0 at the end.
    fn read(&mut self) -> Result<usize, Stop> {
        loop {
            match self.input.fill_buf() {
                Ok(bytes) => {
                    self.pending.extend_from_slice(bytes);
                    let read = bytes.len();
                    self.input.consume(read);
                    return Ok(read);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Stop::failure(format!("cannot read standard input: {error}")));
                }
            }
        }
    }

    /// The next records of what was read. What comes before an error is given first.
    fn next_batch(&mut self, is_end: bool) -> Result<Option<Batch>, Stop> {
        let (mut bodies, mut ends_without_newline) = (Vec::new(), false);
        let mut at = 0;
        while at < BATCH_BYTES && bodies.len() < BATCH_RECORDS {
            let rest = &self.pending[at..];
            let found = match self.framing.first(rest) {
                Ok(None) if is_end => self.framing.last(rest),
                found => found,
            };
            match found {
                Ok(Some(framed)) => {
                    ends_without_newline = framed.bytes == framed.body.len();
                    bodies.push(at + framed.body.start..at + framed.body.end);
                    at += framed.bytes;
                }
                Err(error) if bodies.is_empty() => return Err(self.failure(&error)),
                Ok(None) | Err(_) => break,
            }
        }
        self.records += bodies.len() as u64;
        let bytes = self.pending.split_to(at).freeze();
        let batch = Batch { bytes, bodies, ends_without_newline };
        Ok((!batch.bodies.is_empty()).then_some(batch))
    }

    fn failure(&self, error: &FramingError) -> Stop {
        Stop::failure(format!("record {} of the input {error}", self.records + 1))
    }
}

/// Sends, waiting for room; false if nobody takes it.
fn send(batches: &mut mpsc::Sender<Result<Batch, Stop>>, batch: Result<Batch, Stop>) -> bool {
    let has_room = block_on(poll_fn(|context| batches.poll_ready(context)));
    has_room.is_ok() && batches.start_send(batch).is_ok()
}

/// Bytes of one read.
const READ_BYTES: usize = 1024 * 1024;

/// A batch is closed when it has this many bytes ...
const BATCH_BYTES: usize = 256 * 1024;

/// ... or records.
const BATCH_RECORDS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    /// The records of an input that arrives in pieces of `piece` bytes, and how it ended.
    fn cut(framing: Framing, input: &[u8], piece: usize) -> (Vec<Vec<u8>>, Result<(), Stop>) {
        let (mut sender, mut batches) = mpsc::channel(1024);
        let input = BufReader::with_capacity(piece, input);
        let mut cutter = Cutter { framing, input, pending: BytesMut::new(), records: 0 };
        let outcome = cutter.send_all(&mut sender);
        drop(sender);
        let mut records = Vec::new();
        while let Ok(Ok(batch)) = batches.try_recv() {
            records.extend(batch.records().iter().map(|record| record.body.to_vec()));
        }
        (records, outcome)
    }

    #[test]
    fn lines_are_cut_wherever_the_reads_end() {
        for piece in 1..12 {
            let (records, outcome) = cut(Framing::Lines, b"one\n\ntwo\n\xff\0\nlast", piece);
            assert!(outcome.is_ok());
            assert_eq!(records, [&b"one"[..], b"", b"two", b"\xff\0", b"last"], "{piece}");
        }
    }

    #[test]
    fn what_comes_before_a_cut_off_record_is_appended() {
        let mut input = Vec::new();
        Framing::Len32.write(&mut input, b"whole").unwrap();
        input.extend_from_slice(&[9, 0, 0, 0, b'h', b'a', b'l', b'f']);
        let (records, outcome) = cut(Framing::Len32, &input, 5);
        assert_eq!(records, [b"whole"]);
        let Err(Stop::Failed { message, .. }) = outcome else { panic!("{outcome:?}") };
        assert!(message.contains("record 2 of the input is cut off"), "{message}");
    }
}
