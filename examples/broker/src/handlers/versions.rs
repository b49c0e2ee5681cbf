//! ApiVersions, and requests that are not known.

use std::rc::Rc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};

use super::{Call, refusals};
use crate::connection::Response;
use crate::node::Node;
use crate::protocol::api::APIS;
use crate::protocol::header::RequestHeader;

/// ApiVersions.
pub async fn answer(_: Rc<Node>, call: Call, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    if call.version >= 3 && !names.iter().all(|name| is_software_name(name)) {
        let error = ResponseError::InvalidRequest.code();
        return ApiVersionsResponse::default().with_error_code(error);
    }
    supported()
}

/// A request whose key or version is not known: `UNSUPPORTED_VERSION`, and the connection goes on.
///
/// ApiVersions is answered in version 0, which every client can read (KIP-511); others see
/// [`refusals`].
pub fn unsupported(header: &RequestHeader) -> Response {
    if header.key == ApiKey::ApiVersions as i16 {
        let error = ResponseError::UnsupportedVersion.code();
        return Response::message(header.correlation, 0, &supported().with_error_code(error));
    }
    refusals::refuse(header)
}

fn supported() -> ApiVersionsResponse {
    let keys = APIS.iter().map(|api| {
        let version = ApiVersion::default().with_api_key(api.key as i16);
        version.with_min_version(api.min).with_max_version(api.max)
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}

/// By KIP-511: letters, digits, and in between also hyphens and dots.
fn is_software_name(name: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    is_end(bytes.first()) && is_end(bytes.last()) && bytes.iter().all(is_inner)
}
