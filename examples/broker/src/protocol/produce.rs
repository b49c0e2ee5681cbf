//! Produce: requests taken apart without copying the batches, and their responses.

use bytes::{Buf, Bytes, BytesMut};

use super::api::APIS;
use super::reader::{Malformed, Reader};
use super::topic_ref::TopicRef;
use super::writer::Writer;

/// A Produce request. Versions before [`BATCH_VERSION`] carry formats of before Kafka 0.11.
#[derive(Debug)]
pub struct ProduceRequest {
    /// Whether it is part of a transaction.
    pub is_transactional: bool,
    /// 0: no response; 1 and -1: a response when the records are acknowledged.
    pub acks: i16,
    /// The topics, as they came.
    pub topics: Vec<ProduceTopic>,
}

/// What is for one topic.
#[derive(Debug)]
pub struct ProduceTopic {
    /// Which.
    pub topic: TopicRef,
    /// Its partitions, as they came.
    pub partitions: Vec<ProducePartition>,
}

/// What is for one partition.
#[derive(Debug)]
pub struct ProducePartition {
    /// Its number.
    pub index: i32,
    /// The batch, cut out of the request.
    pub batch: Option<BytesMut>,
}

/// What became of the batch of one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProduceOutcome {
    /// Its number.
    pub index: i32,
    /// The protocol's error code; 0 for success.
    pub error: i16,
    /// The offset of its first record, or -1.
    pub base_offset: i64,
    /// The time the broker gave the records in ms since 1970, or -1 if they keep their own.
    pub append_time_ms: i64,
    /// Where the partition begins, or -1.
    pub log_start: i64,
}

impl ProduceOutcome {
    /// A refusal.
    pub fn refused(index: i32, error: i16) -> ProduceOutcome {
        ProduceOutcome { index, error, base_offset: -1, append_time_ms: -1, log_start: -1 }
    }
}

impl ProduceRequest {
    /// Takes a request apart; `body` is what follows its header.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn read(mut body: BytesMut, version: i16) -> Result<ProduceRequest, Malformed> {
        // Batches are cut out when the reader, which borrows all of it, is done.
        let mut cuts = Vec::new();
        let mut request = ProduceRequest::walk(&body, version, &mut cuts)?;
        let partitions = request.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
        let mut taken = 0;
        for (partition, cut) in partitions.zip(cuts) {
            let Some((start, bytes)) = cut else { continue };
            body.advance(start - taken);
            partition.batch = Some(body.split_to(bytes));
            taken = start + bytes;
        }
        Ok(request)
    }

    fn walk(body: &[u8], version: i16, cuts: &mut Vec<Cut>) -> Result<ProduceRequest, Malformed> {
        let mut reader = Reader::new(body, is_flexible(version));
        let is_transactional = version >= BATCH_VERSION && reader.nullable_string()?.is_some();
        let (acks, _timeout_ms) = (reader.i16()?, reader.i32()?);
        let mut topics = Vec::new();
        for _ in 0..reader.array_length()?.ok_or(Malformed::Length)? {
            topics.push(ProduceTopic::walk(&mut reader, version, cuts)?);
        }
        reader.skip_tagged_fields()?;
        Ok(ProduceRequest { is_transactional, acks, topics })
    }
}

/// Where a batch begins and how many bytes it has.
type Cut = Option<(usize, usize)>;

impl ProduceTopic {
    fn walk(
        reader: &mut Reader<'_>,
        version: i16,
        cuts: &mut Vec<Cut>,
    ) -> Result<ProduceTopic, Malformed> {
        let topic = TopicRef::read(reader, version >= 13)?;
        let mut partitions = Vec::new();
        for _ in 0..reader.array_length()?.ok_or(Malformed::Length)? {
            let index = reader.i32()?;
            let batch = reader.nullable_bytes()?;
            cuts.push(batch.map(|batch| (reader.at() - batch.len(), batch.len())));
            partitions.push(ProducePartition { index, batch: None });
            reader.skip_tagged_fields()?;
        }
        reader.skip_tagged_fields()?;
        Ok(ProduceTopic { topic, partitions })
    }
}

/// Writes a response.
pub fn respond(
    correlation: i32,
    version: i16,
    topics: &[(TopicRef, Vec<ProduceOutcome>)],
) -> Vec<Bytes> {
    let mut writer = Writer::new(is_flexible(version));
    writer.i32(correlation);
    writer.end_structure();
    writer.array_length(topics.len());
    for (topic, outcomes) in topics {
        topic.write(&mut writer);
        writer.array_length(outcomes.len());
        for outcome in outcomes {
            write_outcome(&mut writer, version, outcome);
        }
        writer.end_structure();
    }
    if version >= 1 {
        writer.i32(NOT_THROTTLED);
    }
    writer.end_structure();
    writer.finish()
}

fn write_outcome(writer: &mut Writer, version: i16, outcome: &ProduceOutcome) {
    writer.i32(outcome.index);
    writer.i16(outcome.error);
    writer.i64(outcome.base_offset);
    if version >= 2 {
        writer.i64(outcome.append_time_ms);
    }
    if version >= 5 {
        writer.i64(outcome.log_start);
    }
    if version >= 8 {
        let record_errors = 0;
        writer.array_length(record_errors);
        writer.null_string();
    }
    writer.end_structure();
}

fn is_flexible(version: i16) -> bool {
    APIS[0].request.is_flexible(version)
}

/// The first version whose records are batches as they are stored.
pub const BATCH_VERSION: i16 = 3;
/// `throttle_time_ms` of a client that is not slowed down.
const NOT_THROTTLED: i32 = 0;

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
    use kafka_protocol::messages::{self, ProduceResponse, TopicName};
    use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
    use uuid::Uuid;

    use super::*;

    fn generated(version: i16) -> BytesMut {
        let partition = |index, bytes: &'static [u8]| {
            PartitionProduceData::default().with_index(index).with_records(Some(bytes.into()))
        };
        let topic = |name| TopicName(StrBytes::from_static_str(name));
        let of_topic = |name, number, partitions| {
            let data = TopicProduceData::default().with_partition_data(partitions);
            if version >= 13 {
                return data.with_topic_id(Uuid::from_u128(number));
            }
            data.with_name(topic(name))
        };
        let null = PartitionProduceData::default().with_index(8).with_records(None);
        let request = messages::ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(9)
            .with_topic_data(vec![
                of_topic("a", 1, vec![partition(0, b"first"), null, partition(7, b"second")]),
                of_topic("b", 2, vec![partition(1, b"")]),
            ]);
        let mut body = BytesMut::new();
        request.encode(&mut body, version).unwrap();
        body
    }

    #[test]
    fn requests_of_the_generated_encoder_are_taken_apart_in_every_version() {
        for version in 3..=13 {
            let request = ProduceRequest::read(generated(version), version).unwrap();
            assert_eq!((request.acks, request.is_transactional), (-1, false));
            let first = &request.topics[0];
            let batches: Vec<_> =
                first.partitions.iter().map(|p| (p.index, p.batch.as_deref())).collect();
            let wanted: [(i32, Option<&[u8]>); 3] =
                [(0, Some(b"first")), (8, None), (7, Some(b"second"))];
            assert_eq!(batches, wanted);
            let name = match version {
                13 => TopicRef::Id(2u128.to_be_bytes()),
                _ => TopicRef::Name("b".to_owned()),
            };
            assert_eq!(request.topics[1].topic, name);
        }
    }

    #[test]
    fn a_request_cut_off_anywhere_is_refused() {
        for version in 3..=13 {
            let whole = generated(version);
            for end in 0..whole.len() {
                let part = BytesMut::from(&whole[..end]);
                assert!(ProduceRequest::read(part, version).is_err(), "{version}: {end}");
            }
        }
    }

    #[test]
    fn responses_are_what_the_generated_decoder_expects_in_every_version() {
        for version in 3..=13 {
            let topic = match version {
                13 => TopicRef::Id([5; 16]),
                _ => TopicRef::Name("a".to_owned()),
            };
            let outcome = ProduceOutcome {
                index: 3,
                error: 6,
                base_offset: 11,
                append_time_ms: 12,
                log_start: 2,
            };
            let response = respond(99, version, &[(topic, vec![outcome])]).concat();
            let header = if version >= 9 { 9 } else { 8 };
            assert_eq!(response[4..8], 99i32.to_be_bytes());
            let mut rest = Bytes::from(response).split_off(header);
            let decoded = ProduceResponse::decode(&mut rest, version).unwrap();
            assert!(rest.is_empty());
            let partition = &decoded.responses[0].partition_responses[0];
            assert_eq!((partition.index, partition.error_code), (3, 6));
            assert_eq!((partition.base_offset, partition.log_append_time_ms), (11, 12));
            assert_eq!(partition.log_start_offset, if version >= 5 { 2 } else { -1 });
        }
    }
}
