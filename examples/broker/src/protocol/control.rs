//! Requests that carry no records: read by the generated code, which believes every length, after all
//! lengths were checked.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::Decodable;

use super::api::Api;
use super::reader::Malformed;
use crate::limits::CONTROL_REQUEST_BYTES_MAX;

/// Reads the body of a request.
///
/// # Errors
/// See [`Malformed`]; a body longer than [`CONTROL_REQUEST_BYTES_MAX`] is one, too.
pub fn read<Q: Decodable>(api: &Api, body: BytesMut, version: i16) -> Result<Q, Malformed> {
    if body.len() > CONTROL_REQUEST_BYTES_MAX {
        return Err(Malformed::Length);
    }
    api.request.check(&body, version)?;
    let mut body: Bytes = body.freeze();
    // What the walk along the shape let pass can still be null where that is not allowed.
    Q::decode(&mut body, version).map_err(|_| Malformed::Length)
}
