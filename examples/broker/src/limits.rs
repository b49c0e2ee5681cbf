//! Bounds in one place: what each limits, and what happens at it. Those an operator may want to move
//! are in the configuration, with these as defaults.

/// Connections of one shard; beyond them new ones are reset.
pub const CONNECTIONS_PER_SHARD: usize = 10_000;
/// Connections to the HTTP port; more are reset.
pub const HTTP_CONNECTIONS: usize = 64;
/// Bytes of one request; a longer one ends its connection, for nobody can tell where it ends.
pub const REQUEST_BYTES_MAX: usize = 100 << 20;
/// Bytes of a request that carries no records. Its decoded form may take a hundred times as much.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 4 << 20;
/// Produce requests of one connection that are being answered; at this bound it is not read from.
pub const IN_FLIGHT_REQUESTS: usize = 64;
/// Bytes of those requests; at this bound the connection is not read from.
pub const IN_FLIGHT_BYTES: usize = 64 << 20;
/// Bytes of responses that wait to be sent; at this bound no more requests are taken.
pub const UNSENT_BYTES: usize = 4 << 20;
/// Bytes of one write to a client.
pub const WRITE_BYTES: usize = 1 << 20;
/// Bytes of one batch, as Kafka has it (`message.max.bytes`).
pub const MESSAGE_BYTES_MAX: u32 = 1_048_588;
/// The most that can be chosen for it: an eighth of a slot, which the engine takes in one record.
pub const MESSAGE_BYTES_LIMIT: u32 = 8 << 20;
/// Bytes of records in one Fetch response, whatever the client allows (`fetch.max.bytes`).
pub const FETCH_BYTES_MAX: usize = 55 << 20;
/// How long a Fetch waits at most, whatever the client allows, in ms.
pub const FETCH_WAIT_MS_MAX: i32 = 60_000;
/// Partitions of one topic; asking for more is refused.
pub const PARTITIONS_PER_TOPIC: i32 = 10_000;
/// Logs being created, changed or deleted at once for topics; the others wait.
pub const LOG_CHANGES_AT_ONCE: usize = 256;
/// Topics of one request that are created together; the others follow.
pub const TOPICS_AT_ONCE: usize = 256;
/// Longest name of a topic, as Kafka has it.
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Readers a partition keeps for those who come back where they left off; the oldest goes first.
pub const READERS_PER_PARTITION: usize = 8;
/// Time in-flight requests have to end when the broker is shut down, in s; then they are cut off.
pub const SHUTDOWN_SECONDS: u64 = 10;
/// Members of one consumer group; more are refused.
pub const MEMBERS_PER_GROUP: usize = 10_000;
/// Shortest session a member may ask for, in ms.
pub const SESSION_MS_MIN: i32 = 1_000;
/// Longest session a member may ask for, in ms.
pub const SESSION_MS_MAX: i32 = 1_800_000;
/// Bytes a consumer may store with a committed offset; more are refused.
pub const COMMIT_METADATA_BYTES_MAX: usize = 4096;
/// Idempotent producers a partition knows; the one that was silent for longest is forgotten, as if its
/// batches had been trimmed.
pub const PRODUCERS_PER_PARTITION: usize = 2_000;
/// Bytes of idempotent batches after which a partition's producers are written down: at most about this
/// much is read again after a restart.
pub const PRODUCER_REPLAY_BYTES: usize = 64 << 20;
