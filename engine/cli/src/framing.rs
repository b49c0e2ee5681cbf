//! Where records begin and end in a stream of bytes.

use std::io::{self, Write};
use std::ops::Range;

use roundhouse_base::limits::RECORD_BYTES_MAX;

/// How records follow one another in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Framing {
    /// One record a line; the newline is not part of it
    Lines,
    /// Each record after its length in bytes, 32 bits, little-endian
    Len32,
}

/// A record found at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Framed {
    /// The record's own bytes.
    pub(crate) body: Range<usize>,
    /// Bytes it takes up with its framing.
    pub(crate) bytes: usize,
}

/// Why a stream can't be cut into records.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FramingError {
    /// A record is longer than any store takes.
    TooLong,
    /// The stream ends within a record.
    CutOff,
}

impl Framing {
    /// The first record in `bytes`, if all of it is there.
    ///
    /// # Errors
    /// [`FramingError::TooLong`].
    pub(crate) fn first(self, bytes: &[u8]) -> Result<Option<Framed>, FramingError> {
        match self {
            Framing::Lines => match bytes.iter().position(|byte| *byte == b'\n') {
                Some(end) if end > RECORD_BYTES_MAX => Err(FramingError::TooLong),
                Some(end) => Ok(Some(Framed { body: 0..end, bytes: end + 1 })),
                None if bytes.len() > RECORD_BYTES_MAX => Err(FramingError::TooLong),
                None => Ok(None),
            },
            Framing::Len32 => {
                let Some((prefix, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
                    return Ok(None);
                };
                let length = u32::from_le_bytes(*prefix) as usize;
                if length > RECORD_BYTES_MAX {
                    return Err(FramingError::TooLong);
                }
                let end = LENGTH_BYTES + length;
                let framed = Framed { body: LENGTH_BYTES..end, bytes: end };
                Ok((rest.len() >= length).then_some(framed))
            }
        }
    }

    /// What the bytes behind the last whole record are, at the end of the stream: a line may lack
    /// its newline.
    ///
    /// # Errors
    /// [`FramingError::CutOff`].
    pub(crate) fn last(self, bytes: &[u8]) -> Result<Option<Framed>, FramingError> {
        match self {
            _ if bytes.is_empty() => Ok(None),
            Framing::Lines => Ok(Some(Framed { body: 0..bytes.len(), bytes: bytes.len() })),
            Framing::Len32 => Err(FramingError::CutOff),
        }
    }

    /// Writes a record so that [`Framing::first`] finds it.
    ///
    /// # Errors
    /// The writer's.
    pub(crate) fn write(self, out: &mut impl Write, body: &[u8]) -> io::Result<()> {
        match self {
            Framing::Lines => {
                out.write_all(body)?;
                out.write_all(b"\n")
            }
            Framing::Len32 => {
                // No store holds a record near this length.
                let length = u32::try_from(body.len()).map_err(io::Error::other)?;
                out.write_all(&length.to_le_bytes())?;
                out.write_all(body)
            }
        }
    }
}

impl std::fmt::Display for FramingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FramingError::TooLong => {
                let max = roundhouse::ByteSize(RECORD_BYTES_MAX as u64);
                write!(f, "is longer than {max}, the most any store takes")
            }
            FramingError::CutOff => f.write_str("is cut off by the end of the input"),
        }
    }
}

/// Bytes of a length prefix.
const LENGTH_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_found_only_when_all_of_it_is_there() {
        for framing in [Framing::Lines, Framing::Len32] {
            let mut stream = Vec::new();
            framing.write(&mut stream, b"four").unwrap();
            for cut in 0..stream.len() {
                assert_eq!(framing.first(&stream[..cut]), Ok(None), "{framing:?} {cut}");
            }
            let framed = framing.first(&stream).unwrap().unwrap();
            assert_eq!((&stream[framed.body], framed.bytes), (&b"four"[..], stream.len()));
        }
    }

    #[test]
    fn the_end_of_the_input_ends_a_line_and_cuts_a_prefixed_record_off() {
        let framed = Framed { body: 0..3, bytes: 3 };
        assert_eq!(Framing::Lines.last(b"abc"), Ok(Some(framed)));
        assert_eq!(Framing::Len32.last(b"abc"), Err(FramingError::CutOff));
        assert_eq!(Framing::Len32.last(b""), Ok(None));
    }

    #[test]
    fn a_length_no_store_takes_is_refused_before_its_bytes_are_there() {
        let prefix = (RECORD_BYTES_MAX as u32 + 1).to_le_bytes();
        assert_eq!(Framing::Len32.first(&prefix), Err(FramingError::TooLong));
    }
}
