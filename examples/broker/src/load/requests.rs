//! The few requests a generator makes, each in one version that old and new brokers have.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::ApiKey;

use super::LoadError;
use super::link::Link;
use super::stopwatch::Stopwatch;
use crate::protocol::reader::Reader;

/// Where a load goes.
#[derive(Debug, Clone)]
pub struct LoadTopic {
    /// The broker.
    pub address: SocketAddr,
    /// The topic's name.
    pub name: String,
    /// Its partitions, at least one.
    pub partitions: i32,
}

/// Creates a topic with settings such as `("retention.bytes", "1000000")`, and waits until all its
/// partitions can be fetched from. One that is there already is left as it is.
///
/// # Errors
/// See [`LoadError`].
pub fn create_topic(topic: &LoadTopic, config: &[(&str, &str)]) -> Result<(), LoadError> {
    let mut link = Link::connect(topic.address, 64 * 1024)?;
    let mut body = request(ApiKey::CreateTopics, 4);
    body.put_i32(1);
    put_string(&mut body, &topic.name);
    body.put_i32(topic.partitions);
    body.put_i16(1);
    let assignments = 0;
    body.put_i32(assignments);
    body.put_i32(config.len() as i32);
    for (key, value) in config {
        put_string(&mut body, key);
        put_string(&mut body, value);
    }
    let (timeout_ms, only_check) = (30_000, 0);
    body.put_i32(timeout_ms);
    body.put_u8(only_check);
    let response = link.call(finish(body))?;
    let mut reader = Reader::new(&response, false);
    let (_correlation, _throttled, _topics) = (reader.i32()?, reader.i32()?, reader.i32()?);
    reader.string()?;
    match reader.i16()? {
        0 | TOPIC_EXISTS => wait_until_led(&mut link, topic),
        error => Err(LoadError::Refused(error)),
    }
}

/// Brokers of several parts have leaders for a topic some time after it was created.
fn wait_until_led(link: &mut Link, topic: &LoadTopic) -> Result<(), LoadError> {
    let began = Stopwatch::start();
    for partition in 0..topic.partitions {
        loop {
            let answer = link.call(fetch(topic, &[(partition, 0)], 1, Duration::ZERO))?;
            match each_fetched(&answer, |_, _| Ok(())) {
                Ok(()) => break,
                Err(LoadError::Refused(_)) if began.elapsed() < LEADER_PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// A Produce request for one partition, as the piece before the batch; the batch follows it.
pub(super) fn produce(topic: &LoadTopic, partition: i32, batch_bytes: usize) -> Bytes {
    let mut head = request(ApiKey::Produce, 7);
    let (no_transaction, acks_all, timeout_ms) = (-1, -1, 30_000);
    head.put_i16(no_transaction);
    head.put_i16(acks_all);
    head.put_i32(timeout_ms);
    head.put_i32(1);
    put_string(&mut head, &topic.name);
    head.put_i32(1);
    head.put_i32(partition);
    head.put_i32(batch_bytes as i32);
    let length = (head.len() - 4 + batch_bytes) as u32;
    head[..4].copy_from_slice(&length.to_be_bytes());
    head.freeze()
}

/// Whether a Produce response says that the batch is there.
pub(super) fn check_produced(response: &[u8]) -> Result<(), LoadError> {
    let mut reader = Reader::new(response, false);
    let (_correlation, _topics) = (reader.i32()?, reader.i32()?);
    reader.string()?;
    let (_partitions, _index) = (reader.i32()?, reader.i32()?);
    match reader.i16()? {
        0 => Ok(()),
        error => Err(LoadError::Refused(error)),
    }
}

/// A Fetch request for partitions with the offsets wanted, which is answered when there is anything.
pub(super) fn fetch(
    topic: &LoadTopic,
    wanted: &[(i32, u64)],
    bytes_max: usize,
    wait: Duration,
) -> Bytes {
    let mut body = request(ApiKey::Fetch, 11);
    let (consumer, bytes_min, uncommitted) = (-1, 1, 0);
    body.put_i32(consumer);
    body.put_i32(wait.as_millis() as i32);
    body.put_i32(bytes_min);
    body.put_i32(bytes_max as i32);
    body.put_i8(uncommitted);
    let (no_session, session_epoch) = (0, -1);
    body.put_i32(no_session);
    body.put_i32(session_epoch);
    body.put_i32(1);
    put_string(&mut body, &topic.name);
    body.put_i32(wanted.len() as i32);
    for (partition, offset) in wanted {
        body.put_i32(*partition);
        body.put_i32(-1);
        body.put_i64(*offset as i64);
        body.put_i64(-1);
        body.put_i32(bytes_max as i32);
    }
    let forgotten = 0;
    body.put_i32(forgotten);
    put_string(&mut body, "");
    finish(body)
}

/// Calls `each` with every partition of a Fetch response and its batches.
pub(super) fn each_fetched(
    response: &[u8],
    mut each: impl FnMut(i32, &[u8]) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let mut reader = Reader::new(response, false);
    let (_correlation, _throttled) = (reader.i32()?, reader.i32()?);
    refuse(reader.i16()?)?;
    let _session = reader.i32()?;
    for _ in 0..reader.array_length()?.unwrap_or(0) {
        reader.string()?;
        for _ in 0..reader.array_length()?.unwrap_or(0) {
            let partition = reader.i32()?;
            refuse(reader.i16()?)?;
            let (_high_watermark, _stable, _start) = (reader.i64()?, reader.i64()?, reader.i64()?);
            for _ in 0..reader.array_length()?.unwrap_or(0) {
                let (_producer, _first) = (reader.i64()?, reader.i64()?);
            }
            let _replica = reader.i32()?;
            each(partition, reader.nullable_bytes()?.unwrap_or_default())?;
        }
    }
    Ok(())
}

/// A Metadata request for no topic.
pub(super) fn ping() -> Bytes {
    let mut body = request(ApiKey::Metadata, 1);
    body.put_i32(0);
    finish(body)
}

/// A request with room for its length, up to where its body begins.
fn request(key: ApiKey, version: i16) -> BytesMut {
    let mut request = BytesMut::new();
    let (length, correlation) = (0, 7);
    request.put_i32(length);
    request.put_i16(key as i16);
    request.put_i16(version);
    request.put_i32(correlation);
    put_string(&mut request, "broker-load");
    request
}

fn finish(mut request: BytesMut) -> Bytes {
    let length = (request.len() - 4) as u32;
    request[..4].copy_from_slice(&length.to_be_bytes());
    request.freeze()
}

fn put_string(out: &mut BytesMut, text: &str) {
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

fn refuse(error: i16) -> Result<(), LoadError> {
    if error == 0 { Ok(()) } else { Err(LoadError::Refused(error)) }
}

/// `TOPIC_ALREADY_EXISTS`.
const TOPIC_EXISTS: i16 = 36;
/// How long partitions may be without a leader.
const LEADER_PATIENCE: Duration = Duration::from_secs(20);
