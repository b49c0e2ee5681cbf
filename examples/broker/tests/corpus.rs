//! The corpus of the fuzz target `requests`: every input, and changes of each at every byte, are read.
//! `UPDATE_CORPUS=1 cargo test -p broker --test corpus` makes the first inputs anew; what fuzzing adds is
//! kept.

use std::fs;
use std::path::PathBuf;

use broker::protocol::api::APIS;
use bytes::{BufMut, BytesMut};
use kafka_protocol::messages as m;
use kafka_protocol::protocol::{Encodable, Request, StrBytes};

#[test]
fn whatever_a_client_sends_is_read_or_refused() {
    if is_update() {
        for (name, seed) in seeds() {
            fs::write(directory().join(name), seed).unwrap();
        }
    }
    let mut inputs = 0;
    for entry in fs::read_dir(directory()).unwrap() {
        let path = entry.unwrap().path();
        let input = fs::read(&path).unwrap();
        inputs += 1;
        for changed in changes(&input) {
            let run = std::panic::AssertUnwindSafe(|| broker::fuzz::requests(&changed));
            let is_fine = std::panic::catch_unwind(run).is_ok();
            assert!(is_fine, "{}: {changed:02x?}", path.display());
        }
    }
    assert!(inputs >= APIS.len(), "only {inputs} inputs");
}

/// The input itself, cut off at every byte, and with every byte replaced by some others.
fn changes(input: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..=input.len()).map(|end| input[..end].to_vec());
    let replaced = (0..input.len()).flat_map(|at| {
        [0, 1, 0x7f, 0x80, 0xff].map(|value| {
            let mut changed = input.to_vec();
            changed[at] = value;
            changed
        })
    });
    cut.chain(replaced)
}

/// A request of each kind, in the oldest and the newest version.
fn seeds() -> Vec<(String, BytesMut)> {
    let mut seeds = vec![
        of(&m::ApiVersionsRequest::default()),
        of(&m::ListOffsetsRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::MetadataRequest::default().with_topics(Some(Vec::new()))),
        of(&m::OffsetCommitRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::OffsetFetchRequest::default()),
        of(&m::FindCoordinatorRequest::default()),
        of(&m::JoinGroupRequest::default().with_protocols(vec![Default::default(); 2])),
        of(&m::HeartbeatRequest::default()),
        of(&m::LeaveGroupRequest::default()),
        of(&m::SyncGroupRequest::default().with_assignments(vec![Default::default(); 2])),
        of(&m::DescribeGroupsRequest::default().with_groups(vec![Default::default(); 2])),
        of(&m::ListGroupsRequest::default()),
        of(&m::CreateTopicsRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::DeleteTopicsRequest::default()),
        of(&m::DeleteRecordsRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::InitProducerIdRequest::default()),
        of(&m::OffsetForLeaderEpochRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::DescribeConfigsRequest::default().with_resources(vec![Default::default(); 2])),
        of(&m::AlterConfigsRequest::default().with_resources(vec![Default::default(); 2])),
        of(&m::CreatePartitionsRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::DeleteGroupsRequest::default().with_groups_names(vec![Default::default(); 2])),
        of(&m::IncrementalAlterConfigsRequest::default()
            .with_resources(vec![Default::default(); 2])),
        of(&m::OffsetDeleteRequest::default().with_topics(vec![Default::default(); 2])),
        of(&m::DescribeClusterRequest::default()),
        of(&m::FetchRequest::default().with_topics(vec![Default::default(); 2])),
    ]
    .concat();
    seeds.extend(of(&m::ProduceRequest::default().with_topic_data(vec![produced()])));
    seeds
}

/// A topic with a batch of two records.
fn produced() -> m::produce_request::TopicProduceData {
    use kafka_protocol::records::{Compression, RecordBatchEncoder, RecordEncodeOptions};
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, &[record(0), record(1)], &options).unwrap();
    let data = m::produce_request::PartitionProduceData::default();
    let data = data.with_records(Some(batch.freeze()));
    m::produce_request::TopicProduceData::default().with_partition_data(vec![data])
}

fn record(offset: i64) -> kafka_protocol::records::Record {
    kafka_protocol::records::Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: 3,
        producer_epoch: 0,
        timestamp_type: kafka_protocol::records::TimestampType::Creation,
        offset,
        sequence: offset as i32,
        timestamp: 1000 + offset,
        key: None,
        value: Some(bytes::Bytes::from_static(b"v")),
        headers: Default::default(),
    }
}

fn of<Q: Request>(request: &Q) -> Vec<(String, BytesMut)> {
    let api = broker::protocol::api::Api::of(Q::KEY).unwrap();
    // The generated code has no older ones.
    let oldest = api.min.max(Q::VERSIONS.min);
    let seed = |version: i16| {
        let header = m::RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(StrBytes::from_static_str("c")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        let mut stream = BytesMut::new();
        stream.put_u32(frame.len() as u32);
        stream.put_slice(&frame);
        (format!("seed-{:02}-{version:02}", Q::KEY), stream)
    };
    vec![seed(oldest), seed(api.max)]
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/requests")
}

#[expect(clippy::disallowed_methods, reason = "how the corpus is made is the tester's choice")]
fn is_update() -> bool {
    std::env::var("UPDATE_CORPUS").is_ok()
}
