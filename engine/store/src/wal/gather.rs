//! Where records gather until they are written: frames laid out in shared, aligned buffers.

use bytes::BytesMut;
use roundhouse_base::limits::{BLOCK_BYTES, FRAME_BYTES_MAX};
use roundhouse_base::{AlignedPool, Monotonic, Pos};

use crate::format::{FRAME_HEADER_BYTES, FrameKind};
use crate::wal::touch::Touches;

/// A frame that records are being added to, or that waits for its turn to be written.
///
/// Its first 128 bytes are left for the header, which is known only when the frame is submitted.
#[derive(Debug)]
pub(crate) struct PendingFrame {
    pub(crate) kind: FrameKind,
    /// Where it will be written.
    pub(crate) pos: Pos,
    /// Header space and payload; once closed, with room for the padding and no more.
    pub(crate) bytes: BytesMut,
    pub(crate) record_count: u32,
    /// Whether some record in it is acknowledged only when durable.
    pub(crate) must_sync: bool,
    /// First live position as of its records; set when it is closed.
    pub(crate) low_water: Pos,
    /// When it was started.
    pub(crate) opened: Monotonic,
    /// The logs it extends.
    pub(crate) touches: Touches,
}

impl PendingFrame {
    /// The length this frame has once padded.
    pub(crate) fn frame_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(BLOCK_BYTES)
    }

    /// The length this frame can grow to, padding included.
    pub(crate) fn room_bytes(&self) -> usize {
        room_bytes(&self.bytes)
    }
}

/// Hands out frames laid out one after the other in large buffers.
///
/// The buffers outlive the writes: the tail cache serves readers from the very same memory, and the
/// pool takes a buffer back when the last of its frames was evicted and dropped.
#[derive(Debug)]
pub(crate) struct FrameBuffers {
    pool: AlignedPool,
    /// The unused rest of the newest buffer.
    rest: BytesMut,
}

impl FrameBuffers {
    /// Buffers of `buffer_bytes`, of which at most `retained_max` are kept for another use.
    pub(crate) fn new(buffer_bytes: usize, retained_max: usize) -> FrameBuffers {
        FrameBuffers { pool: AlignedPool::new(buffer_bytes, retained_max), rest: BytesMut::new() }
    }

    /// Starts a frame that should be able to take `wanted_bytes`, header included.
    pub(crate) fn start(
        &mut self,
        kind: FrameKind,
        pos: Pos,
        wanted_bytes: usize,
        touches: Touches,
        now: Monotonic,
    ) -> PendingFrame {
        assert!(wanted_bytes <= FRAME_BYTES_MAX, "no frame of {wanted_bytes} bytes is ever made");
        let wanted_bytes = wanted_bytes.next_multiple_of(BLOCK_BYTES).max(FRAME_ROOM_BYTES_MIN);
        if room_bytes(&self.rest) < wanted_bytes {
            let old = std::mem::replace(
                &mut self.rest,
                if wanted_bytes <= self.pool.buffer_bytes() {
                    self.pool.take()
                } else {
                    roundhouse_base::aligned_buffer(wanted_bytes)
                },
            );
            if old.capacity() > 0 {
                self.pool.retire(old);
            }
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.resize(FRAME_HEADER_BYTES, 0);
        PendingFrame {
            kind,
            pos,
            bytes,
            record_count: 0,
            must_sync: false,
            low_water: Pos(0),
            opened: now,
            touches,
        }
    }

    /// Closes a frame and takes back the room behind its last block.
    pub(crate) fn close(&mut self, frame: &mut PendingFrame) {
        debug_assert!(self.rest.capacity() == 0, "one frame is open at a time");
        self.rest = frame.bytes.split_off(frame.frame_bytes());
    }
}

/// Whole blocks that a buffer has room for. Its capacity is up to a block more, depending on where
/// its memory lies; the layout of frames must not depend on that.
fn room_bytes(buffer: &BytesMut) -> usize {
    buffer.capacity().saturating_sub(1) / BLOCK_BYTES * BLOCK_BYTES
}

/// A frame is not started in less room than this: better to leave a hole in a buffer than to cut a
/// group commit into small frames.
const FRAME_ROOM_BYTES_MIN: usize = 64 * 1024;
