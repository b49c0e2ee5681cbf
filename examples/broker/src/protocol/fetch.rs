//! Fetch: requests, and responses whose batches lie where the engine keeps them.

use bytes::Bytes;

use super::api::APIS;
use super::reader::{Malformed, Reader};
use super::topic_ref::TopicRef;
use super::writer::Writer;

/// A Fetch request, versions 4 to 18.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// How long to wait for `min_bytes`, in ms.
    pub max_wait_ms: i32,
    /// Bytes to wait for.
    pub min_bytes: i32,
    /// Bytes that are enough, all partitions together.
    pub max_bytes: i32,
    /// The session it claims to belong to; 0 for none.
    pub session_id: i32,
    /// Its number in the session; 0 opens one, -1 goes without or closes it.
    pub session_epoch: i32,
    /// The topics, in the order in which they are to be served.
    pub topics: Vec<FetchTopic>,
}

/// What is wanted of one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchTopic {
    /// Which.
    pub topic: TopicRef,
    /// Its partitions.
    pub partitions: Vec<FetchPartition>,
}

/// What is wanted of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchPartition {
    /// Its number.
    pub index: i32,
    /// The first offset wanted.
    pub offset: i64,
    /// The client's idea of the leader's epoch, or -1.
    pub leader_epoch: i32,
    /// Bytes that are enough of this one.
    pub max_bytes: i32,
}

/// What there is of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its number.
    pub index: i32,
    /// The protocol's error code; 0 for success.
    pub error: i16,
    /// The offset after the last acknowledged record, or -1.
    pub high_watermark: i64,
    /// Where the partition begins, or -1.
    pub log_start: i64,
    /// Whole batches; the first may begin before the offset asked for.
    pub batches: Vec<Bytes>,
}

impl Fetched {
    /// A refusal.
    pub fn refused(index: i32, error: i16) -> Fetched {
        Fetched { index, error, high_watermark: -1, log_start: -1, batches: Vec::new() }
    }

    /// Bytes of its batches.
    pub fn bytes(&self) -> usize {
        self.batches.iter().map(Bytes::len).sum()
    }
}

impl FetchRequest {
    /// Reads a request; `body` is what follows its header.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn read(body: &[u8], version: i16) -> Result<FetchRequest, Malformed> {
        let mut reader = Reader::new(body, is_flexible(version));
        if version <= 14 {
            let _replica = reader.i32()?;
        }
        let (max_wait_ms, min_bytes, max_bytes) = (reader.i32()?, reader.i32()?, reader.i32()?);
        // Without transactions, everything acknowledged is committed.
        let _isolation = reader.i8()?;
        let (session_id, session_epoch) =
            if version >= 7 { (reader.i32()?, reader.i32()?) } else { (0, -1) };
        let mut topics = Vec::new();
        for _ in 0..reader.array_length()?.ok_or(Malformed::Length)? {
            topics.push(FetchTopic::read(&mut reader, version)?);
        }
        if version >= 7 {
            skip_forgotten(&mut reader, version)?;
        }
        if version >= 11 {
            let _rack = reader.string()?;
        }
        reader.skip_tagged_fields()?;
        Ok(FetchRequest { max_wait_ms, min_bytes, max_bytes, session_id, session_epoch, topics })
    }
}

impl FetchTopic {
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<FetchTopic, Malformed> {
        let topic = TopicRef::read(reader, version >= 13)?;
        let mut partitions = Vec::new();
        for _ in 0..reader.array_length()?.ok_or(Malformed::Length)? {
            partitions.push(FetchPartition::read(reader, version)?);
        }
        reader.skip_tagged_fields()?;
        Ok(FetchTopic { topic, partitions })
    }
}

impl FetchPartition {
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<FetchPartition, Malformed> {
        let index = reader.i32()?;
        let leader_epoch = if version >= 9 { reader.i32()? } else { -1 };
        let offset = reader.i64()?;
        if version >= 12 {
            let _last_fetched_epoch = reader.i32()?;
        }
        if version >= 5 {
            let _followers_log_start = reader.i64()?;
        }
        let max_bytes = reader.i32()?;
        reader.skip_tagged_fields()?;
        Ok(FetchPartition { index, offset, leader_epoch, max_bytes })
    }
}

/// What is to be left out of a session from now on. There are none.
fn skip_forgotten(reader: &mut Reader<'_>, version: i16) -> Result<(), Malformed> {
    for _ in 0..reader.array_length()?.unwrap_or(0) {
        TopicRef::read(reader, version >= 13)?;
        for _ in 0..reader.array_length()?.unwrap_or(0) {
            reader.i32()?;
        }
        reader.skip_tagged_fields()?;
    }
    Ok(())
}

/// Writes a response. `error` is about the request as a whole; versions before 7 have no place for
/// it.
pub fn respond(
    correlation: i32,
    version: i16,
    error: i16,
    topics: &[(TopicRef, Vec<Fetched>)],
) -> Vec<Bytes> {
    let mut writer = Writer::new(is_flexible(version));
    writer.i32(correlation);
    writer.end_structure();
    writer.i32(NOT_THROTTLED);
    if version >= 7 {
        writer.i16(error);
        writer.i32(NO_SESSION);
    }
    writer.array_length(topics.len());
    for (topic, partitions) in topics {
        topic.write(&mut writer);
        writer.array_length(partitions.len());
        for fetched in partitions {
            write_partition(&mut writer, version, fetched);
        }
        writer.end_structure();
    }
    writer.end_structure();
    writer.finish()
}

fn write_partition(writer: &mut Writer, version: i16, fetched: &Fetched) {
    writer.i32(fetched.index);
    writer.i16(fetched.error);
    writer.i64(fetched.high_watermark);
    let last_stable = fetched.high_watermark;
    writer.i64(last_stable);
    if version >= 5 {
        writer.i64(fetched.log_start);
    }
    // No transactions, so none was aborted.
    writer.null_array();
    if version >= 11 {
        writer.i32(NO_PREFERRED_REPLICA);
    }
    writer.bytes_field(&fetched.batches);
    writer.end_structure();
}

fn is_flexible(version: i16) -> bool {
    APIS[1].request.is_flexible(version)
}

/// `throttle_time_ms` of a client that is not slowed down.
const NOT_THROTTLED: i32 = 0;
/// Answered to clients that would like a session (KIP-227): each request stands for itself.
const NO_SESSION: i32 = 0;
/// Read here.
const NO_PREFERRED_REPLICA: i32 = -1;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::messages::fetch_request as generated;
    use kafka_protocol::messages::{self, FetchResponse, TopicName};
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
    use uuid::Uuid;

    use super::*;

    fn encoded(version: i16) -> BytesMut {
        let partition = generated::FetchPartition::default()
            .with_partition(4)
            .with_fetch_offset(1 << 40)
            .with_partition_max_bytes(1000);
        let mut topic = generated::FetchTopic::default().with_partitions(vec![partition]);
        let mut forgotten = generated::ForgottenTopic::default().with_partitions(vec![1, 2]);
        if version >= 13 {
            topic = topic.with_topic_id(Uuid::from_u128(7));
            forgotten = forgotten.with_topic_id(Uuid::from_u128(8));
        } else {
            topic = topic.with_topic(TopicName(StrBytes::from_static_str("a")));
            forgotten = forgotten.with_topic(TopicName(StrBytes::from_static_str("b")));
        }
        let mut request = messages::FetchRequest::default()
            .with_max_wait_ms(500)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_topics(vec![topic]);
        if version >= 7 {
            request = request.with_session_epoch(0).with_forgotten_topics_data(vec![forgotten]);
        }
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        body
    }

    #[test]
    fn requests_of_the_generated_encoder_are_read_in_every_version() {
        for version in 4..=18 {
            let request = FetchRequest::read(&encoded(version), version).unwrap();
            assert_eq!(
                (request.max_wait_ms, request.min_bytes, request.max_bytes),
                (500, 1, 1 << 20)
            );
            assert_eq!(request.session_epoch, if version >= 7 { 0 } else { -1 });
            let wanted =
                FetchPartition { index: 4, offset: 1 << 40, leader_epoch: -1, max_bytes: 1000 };
            assert_eq!(request.topics[0].partitions, [wanted]);
        }
    }

    #[test]
    fn a_request_cut_off_anywhere_is_refused() {
        for version in 4..=18 {
            let whole = encoded(version);
            for end in 0..whole.len() {
                assert!(FetchRequest::read(&whole[..end], version).is_err(), "{version}: {end}");
            }
        }
    }

    #[test]
    fn responses_are_what_the_generated_decoder_expects_in_every_version() {
        let batches = vec![Bytes::from(vec![1; 5000]), Bytes::from_static(b"short")];
        for version in 4..=18 {
            let topic = match version {
                13.. => TopicRef::Id([5; 16]),
                _ => TopicRef::Name("a".to_owned()),
            };
            let whole = Fetched {
                index: 2,
                error: 0,
                high_watermark: 30,
                log_start: 3,
                batches: batches.clone(),
            };
            let empty = Fetched::refused(9, 1);
            let response = respond(7, version, 0, &[(topic, vec![whole, empty])]).concat();
            let header = if version >= 12 { 9 } else { 8 };
            let mut rest = Bytes::from(response).split_off(header);
            let decoded = FetchResponse::decode(&mut rest, version).unwrap();
            assert!(rest.is_empty(), "{version}");
            let partitions = &decoded.responses[0].partitions;
            assert_eq!((partitions[0].partition_index, partitions[0].high_watermark), (2, 30));
            assert_eq!(partitions[0].records.as_deref(), Some(&batches.concat()[..]));
            assert_eq!((partitions[1].partition_index, partitions[1].error_code), (9, 1));
        }
    }
}
