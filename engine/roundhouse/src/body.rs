//! What can be appended.

use bytes::Bytes;

/// The body of a record. On the shard that owns the log it is copied into the frame straight away;
/// from anywhere else it travels there as shared bytes.
pub trait RecordBody {
    /// The bytes to store.
    fn as_bytes(&self) -> &[u8];

    /// The same as shared bytes; copies unless it owns them.
    fn into_bytes(self) -> Bytes;
}

impl RecordBody for Bytes {
    fn as_bytes(&self) -> &[u8] {
        self
    }

    fn into_bytes(self) -> Bytes {
        self
    }
}

impl RecordBody for &Bytes {
    fn as_bytes(&self) -> &[u8] {
        self
    }

    fn into_bytes(self) -> Bytes {
        self.clone()
    }
}

/// Bodies that own their memory, which is handed over.
macro_rules! owned_body {
    ($($body:ty),+) => {$(
        impl RecordBody for $body {
            fn as_bytes(&self) -> &[u8] {
                self.as_ref()
            }

            fn into_bytes(self) -> Bytes {
                self.into()
            }
        }
    )+};
}

/// Bodies that borrow their memory, which is copied.
macro_rules! borrowed_body {
    ($($body:ty),+) => {$(
        impl RecordBody for $body {
            fn as_bytes(&self) -> &[u8] {
                self.as_ref()
            }

            fn into_bytes(self) -> Bytes {
                Bytes::copy_from_slice(self.as_ref())
            }
        }
    )+};
}

owned_body!(Vec<u8>, String, Box<[u8]>);
borrowed_body!(&[u8], &str, &Vec<u8>, &String);

impl<const N: usize> RecordBody for &[u8; N] {
    fn as_bytes(&self) -> &[u8] {
        self.as_slice()
    }

    fn into_bytes(self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}
