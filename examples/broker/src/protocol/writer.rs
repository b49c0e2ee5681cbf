//! Writes a response as pieces: what is small is gathered, record batches stay where they are.

use bytes::{BufMut, Bytes, BytesMut};

/// A response being written.
#[derive(Debug)]
pub struct Writer {
    open: BytesMut,
    pieces: Vec<Bytes>,
    bytes: usize,
    flexible: bool,
}

impl Writer {
    /// A response with room for its length in front; `flexible` as in
    /// [`Reader`](super::reader::Reader).
    pub fn new(flexible: bool) -> Writer {
        let mut open = BytesMut::with_capacity(OPEN_BYTES);
        open.put_i32(0);
        Writer { open, pieces: Vec::new(), bytes: 0, flexible }
    }

    /// Bytes written, with the length in front.
    pub fn bytes(&self) -> usize {
        self.bytes + self.open.len()
    }

    /// The buffer that small things go to.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.open
    }

    /// A signed 16-bit number.
    pub fn i16(&mut self, value: i16) {
        self.open.put_i16(value);
    }

    /// A signed 32-bit number.
    pub fn i32(&mut self, value: i32) {
        self.open.put_i32(value);
    }

    /// A signed 64-bit number.
    pub fn i64(&mut self, value: i64) {
        self.open.put_i64(value);
    }

    /// A topic's identity.
    pub fn uuid(&mut self, value: [u8; 16]) {
        self.open.put_slice(&value);
    }

    /// A string; longer ones than the protocol has are cut.
    pub fn string(&mut self, value: &str) {
        let bytes = &value.as_bytes()[..value.len().min(i16::MAX as usize)];
        if self.flexible {
            self.unsigned_varint(bytes.len() as u32 + 1);
        } else {
            self.open.put_i16(bytes.len() as i16);
        }
        self.open.put_slice(bytes);
    }

    /// A null string.
    pub fn null_string(&mut self) {
        if self.flexible {
            self.unsigned_varint(0);
        } else {
            self.open.put_i16(-1);
        }
    }

    /// The length of an array.
    pub fn array_length(&mut self, elements: usize) {
        if self.flexible {
            self.unsigned_varint(elements as u32 + 1);
        } else {
            self.open.put_i32(elements as i32);
        }
    }

    /// A null array, or null bytes in versions that are not flexible.
    pub fn null_array(&mut self) {
        if self.flexible {
            self.unsigned_varint(0);
        } else {
            self.open.put_i32(-1);
        }
    }

    /// Bytes that lie in several places, as one field. Long ones are not copied.
    pub fn bytes_field(&mut self, parts: &[Bytes]) {
        // Lengths of bytes are written as those of arrays.
        self.array_length(parts.iter().map(Bytes::len).sum());
        for part in parts {
            self.part(part);
        }
    }

    /// No tagged fields, where a structure ends with them.
    pub fn end_structure(&mut self) {
        if self.flexible {
            self.open.put_u8(0);
        }
    }

    /// The pieces, the length filled in.
    ///
    /// # Panics
    /// If a response has more bytes than a length can say: its writers keep to `fetch.max.bytes`.
    pub fn finish(mut self) -> Vec<Bytes> {
        let length = i32::try_from(self.bytes() - 4).expect("a response is bounded by its writer");
        if let Some(first) = self.pieces.first_mut() {
            // It ends where the first long part begins, so it is short.
            let mut head = BytesMut::from(&first[..]);
            head[..4].copy_from_slice(&length.to_be_bytes());
            *first = head.freeze();
        } else {
            self.open[..4].copy_from_slice(&length.to_be_bytes());
        }
        self.close();
        self.pieces
    }

    fn part(&mut self, part: &Bytes) {
        if part.len() < COPIED_BYTES_MAX {
            self.open.put_slice(part);
        } else {
            self.close();
            self.bytes += part.len();
            self.pieces.push(part.clone());
        }
    }

    /// Makes a piece of what was gathered.
    fn close(&mut self) {
        if !self.open.is_empty() {
            self.bytes += self.open.len();
            self.pieces.push(self.open.split().freeze());
        }
    }

    fn unsigned_varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.open.put_u8(value as u8 | 0x80);
            value >>= 7;
        }
        self.open.put_u8(value as u8);
    }
}

/// Where a response begins to gather.
const OPEN_BYTES: usize = 512;

/// Parts below this are copied: a piece costs the kernel about as much as copying this.
const COPIED_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_counts_all_pieces_and_long_parts_are_not_copied() {
        let long = Bytes::from(vec![7; COPIED_BYTES_MAX]);
        let mut writer = Writer::new(false);
        writer.i16(1);
        writer.bytes_field(&[long.clone(), Bytes::from_static(b"short")]);
        let pieces = writer.finish();
        assert_eq!(pieces[1].as_ptr(), long.as_ptr());
        let all = pieces.concat();
        assert_eq!(all[..4], (all.len() as i32 - 4).to_be_bytes());
        assert_eq!(all[6..10], (long.len() as i32 + 5).to_be_bytes());
        assert!(all.ends_with(b"short"));
    }
}
