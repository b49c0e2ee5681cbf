//! What a request came to.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::protocol::{Encodable, HeaderVersion};

/// What a request came to.
#[derive(Debug)]
pub enum Response {
    /// To be sent, with its length in front.
    Send(Vec<Bytes>),
    /// Nothing is to be sent.
    Nothing,
    /// The connection is to be ended: what came can't be answered, or not be trusted.
    Close(String),
}

impl Response {
    /// A message of the generated code.
    pub fn message<M: Encodable + HeaderVersion>(
        correlation: i32,
        version: i16,
        message: &M,
    ) -> Response {
        let mut buffer = BytesMut::new();
        buffer.put_i32(0);
        buffer.put_i32(correlation);
        if M::header_version(version) >= 1 {
            let tagged_fields = 0;
            buffer.put_u8(tagged_fields);
        }
        if let Err(error) = message.encode(&mut buffer, version) {
            return Response::Close(format!("a response could not be encoded: {error}"));
        }
        let length = (buffer.len() - 4) as u32;
        buffer[..4].copy_from_slice(&length.to_be_bytes());
        Response::Send(vec![buffer.freeze()])
    }

    /// Bytes to send.
    pub fn bytes(&self) -> usize {
        match self {
            Response::Send(pieces) => pieces.iter().map(Bytes::len).sum(),
            Response::Nothing | Response::Close(_) => 0,
        }
    }
}
