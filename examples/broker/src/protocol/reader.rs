//! Reads the protocol's primitive types out of a request, and believes no length.

/// A request that does not follow the protocol. The connection it came on can't be trusted to be in
/// step any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It ends before it is complete.
    #[error("the message ends too early")]
    Truncated,
    /// A length or count is negative, or exceeds what the rest of the message can hold.
    #[error("a length does not fit the message")]
    Length,
    /// A varint has more bytes than its type.
    #[error("a varint is too long")]
    VarInt,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Utf8,
}

/// A place in a message and the way on. "Flexible" versions of messages write lengths as varints
/// and end structures with tagged fields (KIP-482).
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    message: &'a [u8],
    at: usize,
    flexible: bool,
}

impl<'a> Reader<'a> {
    /// Reads `message` from its start.
    pub fn new(message: &'a [u8], flexible: bool) -> Reader<'a> {
        Reader { message, at: 0, flexible }
    }

    /// Goes on by other rules: a header may be flexible where its body is not.
    pub fn set_flexible(&mut self, flexible: bool) {
        self.flexible = flexible;
    }

    /// Bytes read so far.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.message.len() - self.at
    }

    /// The next `bytes` bytes.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8], Malformed> {
        let taken = self.message[self.at..].get(..bytes).ok_or(Malformed::Truncated)?;
        self.at += bytes;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let rest = &self.message[self.at..];
        let array = *rest.first_chunk::<N>().ok_or(Malformed::Truncated)?;
        self.at += N;
        Ok(array)
    }

    /// A signed byte.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], as all of these.
    pub fn i8(&mut self) -> Result<i8, Malformed> {
        self.array().map(i8::from_be_bytes)
    }

    /// A signed 16-bit number.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    pub fn i16(&mut self) -> Result<i16, Malformed> {
        self.array().map(i16::from_be_bytes)
    }

    /// A signed 32-bit number.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    pub fn i32(&mut self) -> Result<i32, Malformed> {
        self.array().map(i32::from_be_bytes)
    }

    /// A signed 64-bit number.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    pub fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    /// A topic's identity.
    ///
    /// # Errors
    /// [`Malformed::Truncated`].
    pub fn uuid(&mut self) -> Result<[u8; 16], Malformed> {
        self.array()
    }

    /// An unsigned varint of at most 32 bits.
    ///
    /// # Errors
    /// [`Malformed::VarInt`] if it is longer.
    pub fn unsigned_varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.array::<1>()?[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(value).map_err(|_| Malformed::VarInt);
            }
        }
        Err(Malformed::VarInt)
    }

    /// A string that may be null.
    ///
    /// # Errors
    /// [`Malformed::Utf8`], or a wrong length.
    pub fn nullable_string(&mut self) -> Result<Option<&'a str>, Malformed> {
        let length =
            if self.flexible { self.compact_length()? } else { length(self.i16()?.into())? };
        let Some(bytes) = length else { return Ok(None) };
        let text = std::str::from_utf8(self.take(bytes)?).map_err(|_| Malformed::Utf8)?;
        Ok(Some(text))
    }

    /// A string.
    ///
    /// # Errors
    /// As [`Reader::nullable_string`]; [`Malformed::Length`] if it is null.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        self.nullable_string()?.ok_or(Malformed::Length)
    }

    /// Bytes that may be null.
    ///
    /// # Errors
    /// A wrong length.
    pub fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let length = if self.flexible { self.compact_length()? } else { length(self.i32()?)? };
        length.map(|bytes| self.take(bytes)).transpose()
    }

    /// The number of an array's elements, `None` for null. Each takes at least one byte, so there
    /// can't be more than bytes are left.
    ///
    /// # Errors
    /// [`Malformed::Length`].
    pub fn array_length(&mut self) -> Result<Option<usize>, Malformed> {
        let count = if self.flexible { self.compact_length()? } else { length(self.i32()?)? };
        match count {
            Some(count) if count > self.left() => Err(Malformed::Length),
            count => Ok(count),
        }
    }

    /// Skips the tagged fields at the end of a structure, where there are any.
    ///
    /// # Errors
    /// A wrong length.
    pub fn skip_tagged_fields(&mut self) -> Result<(), Malformed> {
        if !self.flexible {
            return Ok(());
        }
        for _ in 0..self.unsigned_varint()? {
            let _tag = self.unsigned_varint()?;
            let bytes = self.unsigned_varint()?;
            self.take(bytes as usize)?;
        }
        Ok(())
    }

    /// One more than the length, or 0 for null.
    fn compact_length(&mut self) -> Result<Option<usize>, Malformed> {
        Ok((self.unsigned_varint()? as usize).checked_sub(1))
    }
}

/// A length where -1 is null.
fn length(value: i32) -> Result<Option<usize>, Malformed> {
    match value {
        -1 => Ok(None),
        value => usize::try_from(value).map(Some).map_err(|_| Malformed::Length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_the_message_cannot_hold_is_refused() {
        let mut old = Reader::new(&[0x7f, 0xff, 0xff, 0xff, 1, 2], false);
        assert_eq!(old.array_length(), Err(Malformed::Length));
        let mut flexible = Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1], true);
        assert_eq!(flexible.array_length(), Err(Malformed::Length));
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xfe], false).array_length(),
            Err(Malformed::Length)
        );
        assert_eq!(Reader::new(&[0xff; 4], false).array_length(), Ok(None));
    }

    #[test]
    fn a_varint_beyond_32_bits_is_refused() {
        let largest = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert_eq!(Reader::new(&largest, true).unsigned_varint(), Ok(u32::MAX));
        let larger = [0xff, 0xff, 0xff, 0xff, 0x1f];
        assert_eq!(Reader::new(&larger, true).unsigned_varint(), Err(Malformed::VarInt));
        assert_eq!(Reader::new(&[0x80; 6], true).unsigned_varint(), Err(Malformed::VarInt));
    }

    #[test]
    fn strings_end_where_the_message_does() {
        assert_eq!(Reader::new(&[0, 3, b'a', b'b'], false).string(), Err(Malformed::Truncated));
        assert_eq!(Reader::new(&[0, 1, 0xff], false).string(), Err(Malformed::Utf8));
        assert_eq!(Reader::new(&[0, 2, b'a', b'b'], false).string(), Ok("ab"));
        assert_eq!(Reader::new(&[3, b'a', b'b'], true).string(), Ok("ab"));
        assert_eq!(Reader::new(&[0], true).nullable_string(), Ok(None));
    }
}
