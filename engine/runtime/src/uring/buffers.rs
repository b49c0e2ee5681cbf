//! The buffers a driver receives into, made when the first socket needs them.

use std::mem;

use super::buffer_ring::BufferRing;
use super::message::ARRIVAL_HEADER_BYTES;
use super::options::{BufferOptions, UringOptions};
use super::ring::Ring;
use crate::op::Errno;

/// Two rings of buffers, since what fits a train of datagrams wastes memory on a stream.
pub(super) struct Buffers {
    datagrams: Kind,
    streams: Kind,
}

/// One of them.
pub(super) struct Kind {
    group: u16,
    options: BufferOptions,
    ring: Option<BufferRing>,
}

impl Buffers {
    pub(super) fn new(options: &UringOptions) -> Buffers {
        let mut datagrams = options.datagram_buffers.clone();
        datagrams.bytes += ARRIVAL_HEADER_BYTES;
        let streams = options.stream_buffers.clone();
        Buffers {
            datagrams: Kind { group: 0, options: datagrams, ring: None },
            streams: Kind { group: 1, options: streams, ring: None },
        }
    }

    /// Those for datagrams.
    pub(super) fn datagrams(&mut self) -> &mut Kind {
        &mut self.datagrams
    }

    /// Those for streams.
    pub(super) fn streams(&mut self) -> &mut Kind {
        &mut self.streams
    }

    /// Gives the kernel back what was dropped since the last time.
    pub(super) fn replenish(&mut self) {
        for kind in [&mut self.datagrams, &mut self.streams] {
            if let Some(ring) = &mut kind.ring {
                ring.replenish();
            }
        }
    }

    /// Bytes of all of them together.
    pub(super) fn bytes(&self) -> u64 {
        let kinds = [&self.datagrams, &self.streams];
        kinds.iter().filter_map(|kind| kind.ring.as_ref()).map(BufferRing::bytes).sum()
    }

    /// Never frees them, because the kernel may still write to them.
    pub(super) fn leak(&mut self) {
        mem::forget(self.datagrams.ring.take());
        mem::forget(self.streams.ring.take());
    }
}

impl Kind {
    /// The number by which operations name these buffers.
    pub(super) fn group(&mut self, ring: &Ring) -> Result<u16, Errno> {
        if self.ring.is_none() {
            self.ring = Some(BufferRing::new(ring, self.group, &self.options)?);
        }
        Ok(self.group)
    }

    /// The buffers.
    ///
    /// # Panics
    /// If no operation has named them yet.
    pub(super) fn ring(&mut self) -> &mut BufferRing {
        self.ring.as_mut().expect("an operation that receives has made the buffers")
    }
}
