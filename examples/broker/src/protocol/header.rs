//! What a request begins with.

use super::api::Api;
use super::reader::{Malformed, Reader};

/// The header of a request: versions 1 and 2 (version 0 was only ever ControlledShutdown's).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The kind of request.
    pub key: i16,
    /// Its version.
    pub version: i16,
    /// What the response is to be marked with.
    pub correlation: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
    /// Bytes of the header, if the key and version are known, so that it was read to its end.
    pub bytes: Option<usize>,
}

impl RequestHeader {
    /// Reads the header of a request. Of a key or version that is not known, only as much as is the
    /// same in all.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn read(frame: &[u8]) -> Result<RequestHeader, Malformed> {
        let mut reader = Reader::new(frame, false);
        let (key, version, correlation) = (reader.i16()?, reader.i16()?, reader.i32()?);
        let api = Api::of(key).filter(|api| api.knows(version));
        let mut header = RequestHeader { key, version, correlation, client_id: None, bytes: None };
        if let Some(api) = api {
            // The client's name has an old length in flexible versions, too.
            header.client_id = reader.nullable_string()?.map(str::to_owned);
            reader.set_flexible(api.request.is_flexible(version));
            reader.skip_tagged_fields()?;
            header.bytes = Some(reader.at());
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_to_its_end_only_where_its_version_is_known() {
        let flexible = [0, 3, 0, 9, 0, 0, 0, 7, 0, 1, b'c', 1, 5, 2, 0xaa, 0xbb, 0xff];
        let header = RequestHeader::read(&flexible).unwrap();
        assert_eq!((header.key, header.version, header.correlation), (3, 9, 7));
        assert_eq!((header.client_id.as_deref(), header.bytes), (Some("c"), Some(16)));
        let unknown = [0, 3, 0, 99, 0, 0, 0, 7];
        assert_eq!(RequestHeader::read(&unknown).unwrap().bytes, None);
        assert_eq!(RequestHeader::read(&unknown[..7]), Err(Malformed::Truncated));
    }
}
