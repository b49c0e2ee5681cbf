//! Requests that are not answered otherwise: `UNSUPPORTED_VERSION`, and the connection goes on.

use kafka_protocol::ResponseError;
use kafka_protocol::messages as m;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Encodable, HeaderVersion};

use crate::connection::Response;
use crate::protocol::header::RequestHeader;
use crate::protocol::writer::Writer;

/// The error, in all of them.
const ERROR: i16 = ResponseError::UnsupportedVersion.code();

/// Refuses a request whose key or version this broker does not have.
///
/// A kind of request that Kafka has is answered in its own shape, if that has a place for an error of the
/// whole request. Of everything else nobody knows the shape of the answer, so it has what all begin with and
/// the error: the request's number and the code. No client sends either after it was told the versions.
pub fn refuse(header: &RequestHeader) -> Response {
    let RequestHeader { key, version, correlation, .. } = *header;
    tracing::warn!(key, version, "a request is not known");
    let shape = SHAPES.iter().find(|shape| shape.key as i16 == key);
    if let Some(shape) = shape.filter(|shape| (shape.min..=shape.max).contains(&version)) {
        return (shape.answer)(correlation, version);
    }
    let mut answer = Writer::new(false);
    answer.i32(correlation);
    answer.i16(ERROR);
    Response::Send(answer.finish())
}

/// A kind of request that is refused in its own shape.
struct Shape {
    key: ApiKey,
    /// The first version whose answer has a place for the error.
    min: i16,
    max: i16,
    answer: fn(i32, i16) -> Response,
}

const fn shape(key: ApiKey, min: i16, max: i16, answer: fn(i32, i16) -> Response) -> Shape {
    Shape { key, min, max, answer }
}

/// What clients of a Kafka with transactions, authentication, quotas, several brokers or the groups of KIP-848
/// and KIP-932 may send; the versions are those of Kafka 4.1.
const SHAPES: [Shape; 16] = [
    shape(ApiKey::SaslHandshake, 0, 1, |at, version| {
        say(at, version, &m::SaslHandshakeResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::AddPartitionsToTxn, 4, 5, |at, version| {
        say(at, version, &m::AddPartitionsToTxnResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::AddOffsetsToTxn, 0, 4, |at, version| {
        say(at, version, &m::AddOffsetsToTxnResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::EndTxn, 0, 5, |at, version| {
        say(at, version, &m::EndTxnResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::DescribeAcls, 1, 3, |at, version| {
        say(at, version, &m::DescribeAclsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::DescribeLogDirs, 3, 4, |at, version| {
        say(at, version, &m::DescribeLogDirsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::SaslAuthenticate, 0, 2, |at, version| {
        say(at, version, &m::SaslAuthenticateResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::ElectLeaders, 1, 2, |at, version| {
        say(at, version, &m::ElectLeadersResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::AlterPartitionReassignments, 0, 1, |at, version| {
        say(at, version, &m::AlterPartitionReassignmentsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::ListPartitionReassignments, 0, 0, |at, version| {
        say(at, version, &m::ListPartitionReassignmentsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::DescribeClientQuotas, 0, 1, |at, version| {
        say(at, version, &m::DescribeClientQuotasResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::ListTransactions, 0, 2, |at, version| {
        say(at, version, &m::ListTransactionsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::ConsumerGroupHeartbeat, 0, 1, |at, version| {
        say(at, version, &m::ConsumerGroupHeartbeatResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::GetTelemetrySubscriptions, 0, 0, |at, version| {
        say(at, version, &m::GetTelemetrySubscriptionsResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::PushTelemetry, 0, 0, |at, version| {
        say(at, version, &m::PushTelemetryResponse::default().with_error_code(ERROR))
    }),
    shape(ApiKey::ShareGroupHeartbeat, 1, 1, |at, version| {
        say(at, version, &m::ShareGroupHeartbeatResponse::default().with_error_code(ERROR))
    }),
];

fn say<M: Encodable + HeaderVersion>(correlation: i32, version: i16, answer: &M) -> Response {
    Response::message(correlation, version, answer)
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn every_shape_can_be_written_and_none_is_of_a_kind_that_is_answered() {
        for shape in &SHAPES {
            assert!(crate::protocol::api::Api::of(shape.key as i16).is_none(), "{:?}", shape.key);
            for version in shape.min..=shape.max {
                let Response::Send(pieces) = (shape.answer)(7, version) else {
                    panic!("{:?} {version} can't be written", shape.key)
                };
                let mut said = pieces.concat().into_iter().collect::<bytes::Bytes>();
                assert_eq!(said.get_u32() as usize, said.len(), "{:?} {version}", shape.key);
                assert_eq!(said.get_i32(), 7);
                let code = ERROR.to_be_bytes();
                let has_error = said.windows(2).any(|pair| pair == code);
                assert!(has_error, "{:?} {version}: {said:?}", shape.key);
            }
        }
    }
}
