//! Cuts requests out of the bytes of a connection.

use bytes::{Buf, BytesMut};

/// Gathers the bytes of a request: its length (i32), then as many bytes.
#[derive(Debug)]
pub struct FrameReader {
    gathered: BytesMut,
    bytes_max: usize,
}

/// A length that is negative or exceeds the bound: the connection can't be followed any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a request of {length} bytes; at most {bytes_max} are taken")]
pub struct FrameTooLong {
    /// The length it says it has.
    pub length: i32,
    /// The bound.
    pub bytes_max: usize,
}

impl FrameReader {
    /// A reader of requests of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> FrameReader {
        FrameReader { gathered: BytesMut::new(), bytes_max }
    }

    /// Takes bytes that came. Memory is taken as bytes come, not for what a length promises.
    pub fn push(&mut self, data: BytesMut) {
        if self.gathered.is_empty() {
            self.gathered = data;
        } else {
            self.gathered.extend_from_slice(&data);
        }
    }

    /// Whether part of a request was gathered.
    pub fn is_within_frame(&self) -> bool {
        !self.gathered.is_empty()
    }

    /// The next whole request, without its length.
    ///
    /// # Errors
    /// [`FrameTooLong`].
    pub fn next_frame(&mut self) -> Result<Option<BytesMut>, FrameTooLong> {
        let Some(prefix) = self.gathered.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = i32::from_be_bytes(*prefix);
        let bytes = match usize::try_from(length) {
            Ok(bytes) if bytes <= self.bytes_max => bytes,
            _ => return Err(FrameTooLong { length, bytes_max: self.bytes_max }),
        };
        if self.gathered.len() < LENGTH_BYTES + bytes {
            self.reserve(LENGTH_BYTES + bytes);
            return Ok(None);
        }
        self.gathered.advance(LENGTH_BYTES);
        Ok(Some(self.gathered.split_to(bytes)))
    }

    /// Grows towards a long request in few steps, each at most doubling what was really sent.
    fn reserve(&mut self, wanted: usize) {
        let have = self.gathered.len();
        if self.gathered.capacity() < wanted {
            let target = wanted.min((2 * have).max(GATHER_BYTES_MIN));
            self.gathered.reserve(target.saturating_sub(have));
        }
    }
}

/// Bytes of the length.
const LENGTH_BYTES: usize = 4;
/// Room for a request that is not complete yet.
const GATHER_BYTES_MIN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_same_however_the_bytes_arrive() {
        let stream = [&[0, 0, 0, 3][..], b"abc", &[0, 0, 0, 0], &[0, 0, 0, 2], b"de"].concat();
        for step in 1..=stream.len() {
            let mut reader = FrameReader::new(10);
            let mut frames = Vec::new();
            for chunk in stream.chunks(step) {
                reader.push(BytesMut::from(chunk));
                while let Some(frame) = reader.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [&b"abc"[..], b"", b"de"], "in steps of {step}");
            assert!(!reader.is_within_frame());
        }
    }

    #[test]
    fn a_length_beyond_the_bound_is_an_error_and_costs_no_memory() {
        for length in [11i32, i32::MAX, -1, i32::MIN] {
            let mut reader = FrameReader::new(10);
            reader.push(BytesMut::from(&length.to_be_bytes()[..]));
            assert_eq!(reader.next_frame(), Err(FrameTooLong { length, bytes_max: 10 }));
        }
        let mut reader = FrameReader::new(1 << 30);
        reader.push(BytesMut::from(&(1i32 << 30).to_be_bytes()[..]));
        assert_eq!(reader.next_frame(), Ok(None));
        assert!(reader.gathered.capacity() <= 2 * GATHER_BYTES_MIN);
    }
}
