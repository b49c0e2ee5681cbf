//! The tail of the write-ahead log in memory: the very buffers it was written from.

use std::collections::VecDeque;

use bytes::Bytes;
use roundhouse_base::Pos;
use roundhouse_base::planted::{Bug, planted};

/// The newest frames, contiguous, oldest first, up to a budget of bytes.
#[derive(Debug)]
pub(crate) struct TailCache {
    frames: VecDeque<(Pos, Bytes)>,
    bytes: usize,
    bytes_max: usize,
}

impl TailCache {
    pub(crate) fn new(bytes_max: usize) -> TailCache {
        TailCache { frames: VecDeque::new(), bytes: 0, bytes_max }
    }

    /// Adds the next frame and drops the oldest ones beyond the budget. The newest one stays, however large.
    pub(crate) fn push(&mut self, pos: Pos, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back((pos, frame));
        let is_bounded = !planted(Bug::CacheUnbounded);
        while self.bytes > self.bytes_max && self.frames.len() > 1 && is_bounded {
            if let Some((_, oldest)) = self.frames.pop_front() {
                self.bytes -= oldest.len();
            }
        }
    }

    /// The frame that starts at `pos`.
    pub(crate) fn frame_at(&self, pos: Pos) -> Option<&Bytes> {
        let place = self.frames.binary_search_by_key(&pos, |(start, _)| *start).ok()?;
        self.frames.get(place).map(|(_, frame)| frame)
    }

    /// Bytes of the cached frames.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_frames_make_room_for_new_ones() {
        let mut cache = TailCache::new(10_000);
        for no in 0..5u64 {
            cache.push(Pos(no * 4096), Bytes::from(vec![no as u8; 4096]));
        }
        assert!(cache.frame_at(Pos(3 * 4096)).is_some());
        assert_eq!(cache.bytes(), 8192);
        assert!(cache.frame_at(Pos(2 * 4096)).is_none());
        assert_eq!(cache.frame_at(Pos(4 * 4096)).map(|frame| frame[0]), Some(4));
    }
}
