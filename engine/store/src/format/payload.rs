//! Reading and writing what head frames, seal frames and catalogue records carry.

use bytes::{BufMut, BytesMut};
use roundhouse_base::limits::LOG_NAME_BYTES_MAX;
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::PAYLOAD_ALIGN_BYTES;
use super::reject::{FieldReject, PayloadFault, PayloadReject, check_field, check_zeros};

/// Takes structures off the front of a payload, never past its end.
pub(super) struct PayloadReader<'a> {
    bytes: &'a [u8],
    /// Bytes taken so far.
    at: usize,
}

impl<'a> PayloadReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> PayloadReader<'a> {
        PayloadReader { bytes, at: 0 }
    }

    /// The next structure.
    pub(super) fn take<T>(&mut self) -> Result<&'a T, PayloadReject>
    where
        T: FromBytes + Immutable + KnownLayout + Unaligned,
    {
        let (value, rest) =
            T::ref_from_prefix(self.bytes).map_err(|_| self.truncated(size_of::<T>()))?;
        self.advance_to(rest);
        Ok(value)
    }

    /// The next `count` structures. A count that the payload can't hold costs nothing.
    pub(super) fn take_many<T>(&mut self, count: u32) -> Result<&'a [T], PayloadReject>
    where
        T: FromBytes + Immutable + Unaligned,
    {
        let count = count as usize;
        let (values, rest) = <[T]>::ref_from_prefix_with_elems(self.bytes, count)
            .map_err(|_| self.truncated(count.saturating_mul(size_of::<T>())))?;
        self.advance_to(rest);
        Ok(values)
    }

    /// The next name, of `name_bytes` bytes and padded with zeros.
    pub(super) fn take_name(&mut self, name_bytes: u32) -> Result<&'a str, PayloadReject> {
        self.check(check_name_bytes(name_bytes as usize))?;
        let name_bytes = name_bytes as usize;
        let padded = self.take_many::<u8>(padded_name_bytes(name_bytes) as u32)?;
        let (name, padding) = padded.split_at(name_bytes);
        self.check(check_zeros("name padding", padding))?;
        str::from_utf8(name).map_err(|_| self.reject(PayloadFault::Name))
    }

    /// Puts the place into a rejected field.
    pub(super) fn check<T>(&self, field: Result<T, FieldReject>) -> Result<T, PayloadReject> {
        field.map_err(|field| self.reject(field.into()))
    }

    /// Checks that nothing is left.
    pub(super) fn finish(self) -> Result<(), PayloadReject> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(self.reject(PayloadFault::Trailing { found: self.bytes.len() as u64 }))
    }

    fn advance_to(&mut self, rest: &'a [u8]) {
        self.at += self.bytes.len() - rest.len();
        self.bytes = rest;
    }

    fn truncated(&self, expected: usize) -> PayloadReject {
        let (expected, found) = (expected as u64, self.bytes.len() as u64);
        self.reject(PayloadFault::Truncated { expected, found })
    }

    fn reject(&self, why: PayloadFault) -> PayloadReject {
        PayloadReject { at: self.at, why }
    }
}

/// Appends `name` and its padding.
pub(super) fn put_name(out: &mut BytesMut, name: &str) {
    out.put_slice(name.as_bytes());
    out.put_bytes(0, padded_name_bytes(name.len()) - name.len());
}

/// Bytes that a name of `name_bytes` bytes takes up with its padding.
pub(super) fn padded_name_bytes(name_bytes: usize) -> usize {
    name_bytes.next_multiple_of(PAYLOAD_ALIGN_BYTES)
}

/// The bounds of a name's length, for the writer and the reader alike.
pub(super) fn check_name_bytes(name_bytes: usize) -> Result<(), FieldReject> {
    let holds = (1..=LOG_NAME_BYTES_MAX).contains(&name_bytes);
    check_field(holds, "name_bytes", name_bytes as u64, "1..=255")
}

/// Panics if a value that is about to be encoded has a field that decoding would refuse.
pub(super) fn assert_encodable(field: Result<(), FieldReject>) {
    if let Err(reject) = field {
        panic!("encoding an impossible payload: {reject}");
    }
}
