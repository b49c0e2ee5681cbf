//! A client that can say anything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    FetchRequest, GroupId, MetadataRequest, MetadataResponse, OffsetCommitRequest, ProduceRequest,
    RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

/// A connection to the broker.
pub(crate) struct Client {
    stream: TcpStream,
    correlation: i32,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        // A broker that does not answer fails the test instead of hanging it.
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, correlation: 0 }
    }

    /// Asks and waits for the answer.
    pub(crate) fn call<Q: Request>(&mut self, version: i16, request: &Q) -> Q::Response {
        self.send(version, request);
        self.receive::<Q>(version)
    }

    /// Only asks.
    pub(crate) fn send<Q: Request>(&mut self, version: i16, request: &Q) {
        let bytes = self.encode(version, request);
        self.send_bytes(&bytes);
    }

    /// A request with its length in front, as the next to be sent.
    pub(crate) fn encode<Q: Request>(&mut self, version: i16, request: &Q) -> Vec<u8> {
        self.correlation += 1;
        let header = RequestHeader::default()
            .with_request_api_key(Q::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation)
            .with_client_id(Some(StrBytes::from_static_str("test")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, Q::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
    }

    /// Waits for the answer to the latest request.
    pub(crate) fn receive<Q: Request>(&mut self, version: i16) -> Q::Response {
        let mut frame = self.receive_frame().expect("the broker answers");
        assert_eq!(frame.split_to(4), self.correlation.to_be_bytes()[..]);
        if Q::Response::header_version(version) >= 1 {
            assert_eq!(frame.split_to(1), [0][..], "tagged fields of the header");
        }
        let response = Q::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "bytes are left over");
        response
    }

    /// Sends a request as it is, behind its length.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_u32(frame.len() as u32);
        bytes.put_slice(frame);
        self.send_bytes(&bytes);
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// A response without its length, or `None` if the broker ended the connection.
    pub(crate) fn receive_frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).ok()?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).ok()?;
        Some(frame.into())
    }

    /// Whether the broker ended the connection without another word.
    pub(crate) fn is_ended(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Asks for topics by name, which may create them.
    pub(crate) fn metadata(&mut self, names: &[&str]) -> MetadataResponse {
        let topics = names
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))));
        self.call(9, &MetadataRequest::default().with_topics(Some(topics.collect())))
    }

    /// Asks for nothing in particular; fails if the broker does not want this connection.
    pub(crate) fn try_metadata(&mut self) -> std::io::Result<()> {
        // Metadata 1 of no topic, number 1, from nobody.
        let frame = [0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0];
        self.stream.write_all(&[&(frame.len() as u32).to_be_bytes()[..], &frame].concat())?;
        self.receive_frame().map(drop).ok_or_else(|| std::io::ErrorKind::ConnectionReset.into())
    }

    /// Produces a batch to a partition.
    pub(crate) fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        batch: impl Into<Bytes>,
    ) -> PartitionProduceResponse {
        let request = produce_request(topic, partition, batch);
        let mut response = self.call(9, &request);
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// Commits how far a group that nobody is in is in the first partition of a topic; the error code.
    pub(crate) fn commit(&mut self, group: &str, topic: &str, offset: i64) -> i16 {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default().with_name(topic_name(topic));
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])]);
        self.call(7, &request).topics[0].partitions[0].error_code
    }

    /// Fetches from a partition without waiting.
    pub(crate) fn fetch(&mut self, topic: &str, partition: i32, offset: i64) -> PartitionData {
        let mut response = self.call(12, &fetch_request(topic, partition, offset));
        response.responses.remove(0).partitions.remove(0)
    }
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

pub(crate) fn produce_request(
    topic: &str,
    partition: i32,
    batch: impl Into<Bytes>,
) -> ProduceRequest {
    let data = PartitionProduceData::default();
    let data = data.with_index(partition).with_records(Some(batch.into()));
    let topic = TopicProduceData::default().with_name(topic_name(topic));
    let topic = topic.with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

pub(crate) fn fetch_request(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_topics(vec![topic])
}

/// Who sends a batch: producer, epoch and the sequence of its first record.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
}

impl Sender {
    /// One that does not count.
    pub(crate) const NOBODY: Sender = Sender { id: -1, epoch: -1, sequence: -1 };
}

/// A batch of records with these values, at times from 1000 ms on.
pub(crate) fn batch(sender: Sender, values: &[&str]) -> Bytes {
    let records: Vec<Record> = values
        .iter()
        .enumerate()
        .map(|(number, value)| Record {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: sender.id,
            producer_epoch: sender.epoch,
            timestamp_type: TimestampType::Creation,
            offset: number as i64,
            sequence: sender.sequence.wrapping_add(number as i32),
            timestamp: 1000 + number as i64,
            key: None,
            value: Some(value.as_bytes().to_vec().into()),
            headers: IndexMap::new(),
        })
        .collect();
    let mut encoded = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut encoded, &records, &options).unwrap();
    encoded.freeze()
}

/// The offsets and values of what was fetched.
pub(crate) fn values(fetched: &PartitionData) -> Vec<(i64, String)> {
    let mut bytes = fetched.records.clone().unwrap_or_default();
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let set = kafka_protocol::records::RecordBatchDecoder::decode(&mut bytes).unwrap();
        values.extend(set.records.into_iter().map(|record| {
            (record.offset, String::from_utf8(record.value.unwrap().to_vec()).unwrap())
        }));
    }
    values
}
