//! Small values that connections, streams and their errors speak of.

use std::fmt;

use quinn_proto::{Dir, VarInt};

/// An application's error code on the wire: below 2^62 (RFC 9000 section 20.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(u64);

impl Code {
    /// The largest code that can be sent.
    pub const MAX: Code = Code((1 << 62) - 1);

    /// A code; `None` if it is larger than [`Code::MAX`].
    pub const fn new(code: u64) -> Option<Code> {
        if code <= Code::MAX.0 { Some(Code(code)) } else { None }
    }

    /// The number itself.
    pub const fn value(self) -> u64 {
        self.0
    }

    pub(crate) fn to_wire(self) -> VarInt {
        VarInt::from_u64(self.0).expect("a code is below 2^62")
    }

    pub(crate) fn from_wire(code: VarInt) -> Code {
        Code(code.into_inner())
    }
}

impl From<u32> for Code {
    fn from(code: u32) -> Code {
        Code(code.into())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a stream within its connection, as on the wire (RFC 9000 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

impl StreamId {
    /// The number itself.
    pub fn value(self) -> u64 {
        self.0
    }

    /// Whether both sides can send on it.
    pub fn direction(self) -> Direction {
        if self.0 & 0x2 == 0 { Direction::Bidirectional } else { Direction::Unidirectional }
    }

    pub(crate) fn to_wire(self) -> quinn_proto::StreamId {
        VarInt::from_u64(self.0).expect("stream IDs come from the wire's type").into()
    }

    pub(crate) fn from_wire(id: quinn_proto::StreamId) -> StreamId {
        StreamId(id.into())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who can send on a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Both sides.
    Bidirectional,
    /// Only the side that opened it.
    Unidirectional,
}

impl Direction {
    pub(crate) fn to_wire(self) -> Dir {
        match self {
            Direction::Bidirectional => Dir::Bi,
            Direction::Unidirectional => Dir::Uni,
        }
    }

    pub(crate) fn from_wire(direction: Dir) -> Direction {
        match direction {
            Dir::Bi => Direction::Bidirectional,
            Dir::Uni => Direction::Unidirectional,
        }
    }
}
