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

    /// Takes the first `at` bytes off the front, without copying any.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn split_to(&mut self, at: usize) -> Pieces {
        let pieces = match self {
            Pieces::One(piece) => return Pieces::One(piece.split_to(at)),
            Pieces::Many(pieces) => pieces,
        };
        let mut left = at;
        let whole = pieces.iter().take_while(|piece| {
            let fits = piece.len() <= left;
            left -= if fits { piece.len() } else { 0 };
            fits
        });
        let whole = whole.count();
        let mut front: Vec<Bytes> = pieces.drain(..whole).collect();
        if left > 0 {
            front.push(pieces.first_mut().expect("as many bytes as are taken").split_to(left));
        }
        Pieces::Many(front)
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
    fn from(mut pieces: Vec<Bytes>) -> Pieces {
        match (pieces.len(), pieces.pop()) {
            // The kernel sends one with less ado.
            (1, Some(piece)) => Pieces::One(piece),
            (_, last) => {
                pieces.extend(last);
                Pieces::Many(pieces)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting_keeps_every_byte_in_order() {
        let data = Bytes::from((0..20).collect::<Vec<u8>>());
        for at in 0..=20 {
            let parts = vec![data.slice(..5), Bytes::new(), data.slice(5..6), data.slice(6..)];
            for mut rest in [Pieces::Many(parts), Pieces::One(data.clone())] {
                let front = rest.split_to(at);
                assert_eq!((front.bytes(), rest.bytes()), (at, 20 - at));
                assert_eq!([front.as_slice().concat(), rest.as_slice().concat()].concat(), data);
            }
        }
    }
}
