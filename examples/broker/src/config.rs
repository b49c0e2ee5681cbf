//! What an operator chooses.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use roundhouse::Durability;

use crate::limits;
use crate::topics::ConfigEntry;

/// The configuration of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect; port 0 for one that is free.
    pub listen: SocketAddr,
    /// Name or address that clients are told to connect to; that of `listen` if not set.
    pub advertised_host: Option<String>,
    /// Where metrics and health are served over HTTP; nowhere if not set.
    pub http: Option<SocketAddr>,
    /// Whether asking for a topic creates it.
    pub auto_create_topics: bool,
    /// Partitions of a topic that does not say how many it wants.
    pub default_partitions: i32,
    /// When a batch is acknowledged, for topics that do not say.
    pub durability: Durability,
    /// Members of one consumer group.
    pub members_per_group: usize,
    /// How long a consumer group that begins waits for more than its first member.
    pub group_initial_delay: Duration,
    /// How long committed offsets are kept after their group was last seen with members.
    pub offsets_retention: Duration,
    /// Connections of one shard.
    pub connections_per_shard: usize,
    /// Bytes of one request.
    pub request_bytes_max: usize,
    /// Requests of one connection that are being answered.
    pub in_flight_requests: usize,
    /// Bytes of those.
    pub in_flight_bytes: usize,
    /// How long a connection may be silent.
    pub idle_timeout: Duration,
    /// How long a client may take for a part of a response.
    pub write_timeout: Duration,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9092)),
            advertised_host: None,
            http: None,
            auto_create_topics: true,
            default_partitions: 4,
            durability: Durability::Always,
            members_per_group: limits::MEMBERS_PER_GROUP,
            group_initial_delay: Duration::from_millis(200),
            offsets_retention: Duration::from_hours(7 * 24),
            connections_per_shard: limits::CONNECTIONS_PER_SHARD,
            request_bytes_max: limits::REQUEST_BYTES_MAX,
            in_flight_requests: limits::IN_FLIGHT_REQUESTS,
            in_flight_bytes: limits::IN_FLIGHT_BYTES,
            idle_timeout: Duration::from_mins(10),
            write_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The settings that clients may look at, by Kafka's names.
    pub fn entries(&self) -> impl Iterator<Item = ConfigEntry> + use<> {
        let told = [
            ("auto.create.topics.enable", self.auto_create_topics.to_string(), BOOLEAN),
            ("num.partitions", self.default_partitions.to_string(), INT),
            ("message.max.bytes", limits::MESSAGE_BYTES_MAX.to_string(), INT),
            ("socket.request.max.bytes", self.request_bytes_max.to_string(), INT),
            ("group.max.size", self.members_per_group.to_string(), INT),
            ("offsets.retention.minutes", (self.offsets_retention.as_secs() / 60).to_string(), INT),
        ];
        let help = "Set in the broker's configuration.";
        told.into_iter().map(move |(name, value, kind)| ConfigEntry {
            name,
            value,
            is_default: false,
            help,
            kind,
        })
    }
}

/// Types of settings, by the protocol's numbers.
const BOOLEAN: i8 = 1;
const INT: i8 = 3;
