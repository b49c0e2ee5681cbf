//! Data to send that lies in several places.

use bytes::Bytes;

/// Bytes to send, in one piece or in several that go out one after the other without being copied
/// together first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// One piece.
    One(Bytes),
    /// Several pieces, at most [`PIECES_MAX`](Pieces::PIECES_MAX).
    Many(Vec<Bytes>),
}

impl Pieces {
    /// Pieces of one operation; the kernel takes no more (`IOV_MAX`), and answers `EMSGSIZE`.
    pub const PIECES_MAX: usize = 1024;

    /// The pieces.
    pub fn as_slice(&self) -> &[Bytes] {
        match self {
            Pieces::One(piece) => std::slice::from_ref(piece),
            Pieces::Many(pieces) => pieces,
        }
    }

    /// Bytes of all pieces together.
    pub fn bytes(&self) -> usize {
        self.as_slice().iter().map(Bytes::len).sum()
    }
}

impl From<Bytes> for Pieces {
    fn from(piece: Bytes) -> Pieces {
        Pieces::One(piece)
    }
}

impl From<Vec<Bytes>> for Pieces {
    fn from(pieces: Vec<Bytes>) -> Pieces {
        Pieces::Many(pieces)
    }
}
