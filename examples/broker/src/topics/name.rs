//! Names of topics, and of what belongs to their partitions.

use kafka_protocol::ResponseError;
use roundhouse::ShardId;

use crate::limits::TOPIC_NAME_BYTES_MAX;

/// Checks a name by Kafka's rules: 1 to 249 letters, digits, dots, underscores and hyphens, but not
/// `.` or `..`. So a name is never a path.
///
/// # Errors
/// [`ResponseError::InvalidTopicException`].
pub fn check_name(name: &str) -> Result<(), ResponseError> {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let fits = (1..=TOPIC_NAME_BYTES_MAX).contains(&name.len());
    if fits && name.bytes().all(is_legal) && name != "." && name != ".." {
        return Ok(());
    }
    Err(ResponseError::InvalidTopicException)
}

/// The engine's log that holds a partition. No topic's name has a slash.
pub fn log_name(topic: &str, partition: i32) -> String {
    format!("{topic}/{partition}")
}

/// The shard a partition lives on, always the same: those of a topic are dealt out in turn, from a
/// shard that its name decides (FNV-1a).
pub fn shard_of(topic: &str, partition: i32, shards: u16) -> ShardId {
    let hash = topic.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    ShardId((hash.wrapping_add(partition as u64) % u64::from(shards)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas_and_never_paths() {
        for name in ["a", "orders.v2_eu-west", "__consumer_offsets", &"x".repeat(249)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a/b", "../a", "a b", "ä", "a\0", &"x".repeat(250)] {
            assert_eq!(check_name(name), Err(ResponseError::InvalidTopicException), "{name}");
        }
    }

    #[test]
    fn partitions_of_a_topic_are_spread_evenly() {
        let mut counts = [0; 4];
        for partition in 0..40 {
            counts[usize::from(shard_of("orders", partition, 4).0)] += 1;
        }
        assert_eq!(counts, [10; 4]);
    }
}
