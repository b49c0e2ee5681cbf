//! What the fuzz target does with its bytes: everything that is read before a handler has a say. `fuzz/`
//! feeds it from libFuzzer; `tests/corpus.rs` replays the corpus that is committed there.

use bytes::BytesMut;
use kafka_protocol::messages as m;
use kafka_protocol::protocol::Decodable;

use crate::protocol::api::Api;
use crate::protocol::batch::{BatchInfo, offset_at, place, stamp};
use crate::protocol::control;
use crate::protocol::fetch::FetchRequest;
use crate::protocol::frame::FrameReader;
use crate::protocol::header::RequestHeader;
use crate::protocol::produce::ProduceRequest;
use crate::protocol::reader::Malformed;

/// Reads what a client sent over one connection, up to where it would be ended.
///
/// # Panics
/// If a promise of the decoders is broken: with one that panics, or a batch that passed its checks and
/// then fails them although nothing but its place was changed.
pub fn requests(stream: &[u8]) {
    let mut frames = FrameReader::new(STREAM_BYTES_MAX);
    frames.push(BytesMut::from(stream));
    while let Ok(Some(frame)) = frames.next_frame() {
        if request(frame).is_err() {
            return;
        }
    }
}

fn request(mut frame: BytesMut) -> Result<(), Malformed> {
    let header = RequestHeader::read(&frame)?;
    let Some((api, bytes)) = Api::of(header.key).zip(header.bytes) else { return Ok(()) };
    let (body, version) = (frame.split_off(bytes), header.version);
    use m::ApiKey as Key;
    match api.key {
        Key::Produce => produce(body, version),
        Key::Fetch => FetchRequest::read(&body, version).map(drop),
        Key::ListOffsets => read::<m::ListOffsetsRequest>(api, body, version),
        Key::Metadata => read::<m::MetadataRequest>(api, body, version),
        Key::OffsetCommit => read::<m::OffsetCommitRequest>(api, body, version),
        Key::OffsetFetch => read::<m::OffsetFetchRequest>(api, body, version),
        Key::FindCoordinator => read::<m::FindCoordinatorRequest>(api, body, version),
        Key::JoinGroup => read::<m::JoinGroupRequest>(api, body, version),
        Key::Heartbeat => read::<m::HeartbeatRequest>(api, body, version),
        Key::LeaveGroup => read::<m::LeaveGroupRequest>(api, body, version),
        Key::SyncGroup => read::<m::SyncGroupRequest>(api, body, version),
        Key::DescribeGroups => read::<m::DescribeGroupsRequest>(api, body, version),
        Key::ListGroups => read::<m::ListGroupsRequest>(api, body, version),
        Key::ApiVersions => read::<m::ApiVersionsRequest>(api, body, version),
        Key::CreateTopics => read::<m::CreateTopicsRequest>(api, body, version),
        Key::DeleteTopics => read::<m::DeleteTopicsRequest>(api, body, version),
        Key::DeleteRecords => read::<m::DeleteRecordsRequest>(api, body, version),
        Key::InitProducerId => read::<m::InitProducerIdRequest>(api, body, version),
        Key::OffsetForLeaderEpoch => read::<m::OffsetForLeaderEpochRequest>(api, body, version),
        Key::DescribeConfigs => read::<m::DescribeConfigsRequest>(api, body, version),
        Key::AlterConfigs => read::<m::AlterConfigsRequest>(api, body, version),
        Key::CreatePartitions => read::<m::CreatePartitionsRequest>(api, body, version),
        Key::DeleteGroups => read::<m::DeleteGroupsRequest>(api, body, version),
        Key::IncrementalAlterConfigs => {
            read::<m::IncrementalAlterConfigsRequest>(api, body, version)
        }
        Key::OffsetDelete => read::<m::OffsetDeleteRequest>(api, body, version),
        Key::DescribeCluster => read::<m::DescribeClusterRequest>(api, body, version),
        other => unreachable!("{other:?} is answered, so it is to be fuzzed"),
    }
}

fn read<Q: Decodable>(api: &Api, body: BytesMut, version: i16) -> Result<(), Malformed> {
    control::read::<Q>(api, body, version).map(drop)
}

fn produce(body: BytesMut, version: i16) -> Result<(), Malformed> {
    let request = ProduceRequest::read(body, version)?;
    for partition in request.topics.into_iter().flat_map(|topic| topic.partitions) {
        let Some(mut batch) = partition.batch else { continue };
        let Ok(info) = BatchInfo::check(&batch) else { continue };
        place(&mut batch, 1 << 40);
        assert_eq!(BatchInfo::check(&batch), Ok(info), "its place is no part of its contents");
        // Records are read here only, and may hold anything.
        let _ = offset_at(&batch, info.max_timestamp);
        stamp(&mut batch, 7);
        let stamped = BatchInfo::check(&batch).map(|info| info.max_timestamp);
        assert_eq!(stamped, Ok(7), "the checksum is renewed");
    }
    Ok(())
}

/// Bytes of one request.
const STREAM_BYTES_MAX: usize = 1 << 20;
