//! Reads one log from an offset on and follows its end.

use std::rc::Rc;
use std::task::Poll;

use roundhouse_base::limits::READ_BYTES_MAX;
use roundhouse_base::{LogId, Offset, WallTime};

use crate::error::ReadError;
use crate::format::RecordRef;
use crate::read::{FrameCursor, Records};
use crate::store::Inner;

/// A reader of one log on its shard. It remembers where it is, so going on costs no lookup, and
/// reads ahead while its records come from disk.
#[derive(Debug)]
pub struct Reader {
    inner: Rc<Inner>,
    log: LogId,
    next: Offset,
    cursor: Option<FrameCursor>,
}

impl Reader {
    pub(crate) fn new(inner: Rc<Inner>, log: LogId, from: Offset) -> Reader {
        Reader { inner, log, next: from, cursor: None }
    }

    /// The offset that is read next.
    pub fn next_offset(&self) -> Offset {
        self.next
    }

    /// Goes on at another offset.
    pub fn seek(&mut self, offset: Offset) {
        if offset != self.next {
            self.next = offset;
            self.cursor = None;
        }
    }

    /// The next records, up to `bytes_max` bytes with headers but at least one, at most
    /// [`READ_BYTES_MAX`]; empty at the end of the log.
    ///
    /// Cancel-safe: a dropped future leaves the reader where it was.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn read(&mut self, bytes_max: usize) -> Result<Records, ReadError> {
        let (mut records, end) = self.start()?;
        if self.next == end {
            return Ok(records);
        }
        let kept = self.cursor.take().filter(FrameCursor::is_in_live_segment);
        let mut cursor = kept.unwrap_or_else(|| self.find(self.next));
        let bytes_max = bytes_max.min(READ_BYTES_MAX);
        loop {
            let frame = match cursor.next().await {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                // The segment was given up. That need not concern this log: go on behind it.
                Err(ReadError::Trimmed { .. }) => {
                    self.check_kept(records.next_offset())?;
                    cursor = self.find(records.next_offset());
                    continue;
                }
                Err(error) => return Err(error),
            };
            if !records.take_frame(frame.pos, &frame.payload, end, bytes_max) {
                // What did not fit this time is taken next time.
                cursor.give_back(frame);
                break;
            }
        }
        self.count(cursor.is_on_disk());
        self.next = records.next_offset();
        self.cursor = Some(cursor);
        Ok(records)
    }

    /// Like [`Reader::read`], but waits at the end of the log until there is something to read.
    ///
    /// # Errors
    /// See [`ReadError`]; also when the log is deleted or the store closed meanwhile.
    pub async fn follow(&mut self, bytes_max: usize) -> Result<Records, ReadError> {
        loop {
            let records = self.read(bytes_max).await?;
            if !records.is_empty() {
                return Ok(records);
            }
            self.wait_for_more().await?;
        }
    }

    /// Checks that there is something to read, and up to where.
    fn start(&self) -> Result<(Records, Offset), ReadError> {
        let state = self.inner.state.borrow();
        let log = state.catalogue.log(self.log).ok_or(ReadError::Deleted)?;
        if self.next < log.start {
            return Err(ReadError::Trimmed { from: self.next, start: log.start });
        }
        if self.next > log.visible {
            return Err(ReadError::BeyondEnd { from: self.next, end: log.visible });
        }
        let truncations = log.truncations.as_slice().into();
        Ok((Records::new(self.log, self.next, truncations), log.visible))
    }

    async fn wait_for_more(&self) -> Result<(), ReadError> {
        std::future::poll_fn(|context| {
            let mut state = self.inner.state.borrow_mut();
            if state.is_closing() || state.failure().is_some() {
                return Poll::Ready(Err(ReadError::Closed));
            }
            let Some(log) = state.catalogue.log_mut(self.log) else {
                return Poll::Ready(Err(ReadError::Deleted));
            };
            if log.visible != self.next {
                return Poll::Ready(Ok(()));
            }
            log.follow(context.waker());
            Poll::Pending
        })
        .await
    }

    fn find(&self, offset: Offset) -> FrameCursor {
        let state = self.inner.state.borrow();
        let log = state.catalogue.log(self.log);
        let entry = log.and_then(|log| log.index.find(offset));
        // Without an entry, every frame may hold it: the index only saves time.
        let at = entry.map_or(state.segments.low_water(), |entry| entry.pos);
        FrameCursor::new(self.inner.clone(), at.max(state.segments.low_water()))
    }

    /// Checks that `offset`, at which reading goes on, was not trimmed meanwhile.
    fn check_kept(&self, offset: Offset) -> Result<(), ReadError> {
        let state = self.inner.state.borrow();
        let log = state.catalogue.log(self.log).ok_or(ReadError::Deleted)?;
        if offset < log.start {
            return Err(ReadError::Trimmed { from: self.next, start: log.start });
        }
        Ok(())
    }

    fn count(&self, from_disk: bool) {
        let state = self.inner.state.borrow();
        let counters = &state.counters;
        let counter =
            if from_disk { &counters.reads_from_disk } else { &counters.reads_from_memory };
        counter.add(1);
    }
}

/// The first offset of the first record with `time` or a later one; `None` if there is none.
pub(crate) async fn offset_at(
    inner: &Rc<Inner>,
    id: LogId,
    time: WallTime,
) -> Result<Option<Offset>, ReadError> {
    loop {
        match look_for_time(inner, id, time).await {
            // The segment that was being looked at was given up; the log begins later now.
            Err(ReadError::Trimmed { .. }) => {}
            found => return found,
        }
    }
}

async fn look_for_time(
    inner: &Rc<Inner>,
    id: LogId,
    time: WallTime,
) -> Result<Option<Offset>, ReadError> {
    let (mut cursor, wanted, start, end) = {
        let state = inner.state.borrow();
        let log = state.catalogue.log(id).ok_or(ReadError::Deleted)?;
        let Some(entry) = log.index.find_time(time) else { return Ok(None) };
        let at = entry.pos.max(state.segments.low_water());
        let wanted = Records::new(id, log.start, log.truncations.as_slice().into());
        (FrameCursor::new(inner.clone(), at), wanted, log.start, log.visible)
    };
    while let Some(frame) = cursor.next().await? {
        let mut at = 0;
        while let Ok(record) = RecordRef::decode_verified(&frame.payload, at) {
            at = record.end();
            if wanted.wanted_count(&record, frame.pos) == 0 {
                continue;
            }
            if record.header.first_offset >= end {
                return Ok(None);
            }
            if record.header.time >= time {
                return Ok(Some(record.header.first_offset.max(start)));
            }
        }
    }
    Ok(None)
}
