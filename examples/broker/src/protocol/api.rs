//! Which requests the broker answers, in which versions.

use kafka_protocol::messages::ApiKey;

use super::schema::{self, Request};

/// One kind of request.
#[derive(Debug)]
pub struct Api {
    /// Its key.
    pub key: ApiKey,
    /// The first version that clients are told of.
    pub advertised_min: i16,
    /// The first version that is understood.
    pub min: i16,
    /// The last version that is understood.
    pub max: i16,
    /// Its shape.
    pub request: Request,
}

impl Api {
    /// The entry of a key.
    pub fn of(key: i16) -> Option<&'static Api> {
        APIS.iter().find(|api| api.key as i16 == key)
    }

    /// Whether a version is understood.
    pub fn knows(&self, version: i16) -> bool {
        (self.min..=self.max).contains(&version)
    }

    const fn new(key: ApiKey, min: i16, max: i16, request: Request) -> Api {
        Api { key, advertised_min: min, min, max, request }
    }
}

/// Everything that is answered, by key. The upper versions are those of the schemas in Kafka 4.1.
pub static APIS: &[Api] = &[
    // Clients built on librdkafka before 2.8.1 do without gzip, snappy and lz4 unless version 0 is
    // advertised (KAFKA-18659); like Kafka 4, the broker does so and refuses versions 0 to 2.
    Api { advertised_min: 0, ..Api::new(ApiKey::Produce, 3, 13, schema::PRODUCE) },
    Api::new(ApiKey::Fetch, 4, 18, schema::FETCH),
    Api::new(ApiKey::ListOffsets, 1, 10, schema::LIST_OFFSETS),
    Api::new(ApiKey::Metadata, 0, 13, schema::METADATA),
    Api::new(ApiKey::OffsetCommit, 2, 9, schema::OFFSET_COMMIT),
    Api::new(ApiKey::OffsetFetch, 1, 9, schema::OFFSET_FETCH),
    Api::new(ApiKey::FindCoordinator, 0, 6, schema::FIND_COORDINATOR),
    Api::new(ApiKey::JoinGroup, 0, 9, schema::JOIN_GROUP),
    Api::new(ApiKey::Heartbeat, 0, 4, schema::HEARTBEAT),
    Api::new(ApiKey::LeaveGroup, 0, 5, schema::LEAVE_GROUP),
    Api::new(ApiKey::SyncGroup, 0, 5, schema::SYNC_GROUP),
    Api::new(ApiKey::DescribeGroups, 0, 6, schema::DESCRIBE_GROUPS),
    Api::new(ApiKey::ListGroups, 0, 5, schema::LIST_GROUPS),
    Api::new(ApiKey::ApiVersions, 0, 4, schema::API_VERSIONS),
    Api::new(ApiKey::InitProducerId, 0, 5, schema::INIT_PRODUCER_ID),
    Api::new(ApiKey::DeleteGroups, 0, 2, schema::DELETE_GROUPS),
    Api::new(ApiKey::OffsetDelete, 0, 0, schema::OFFSET_DELETE),
];
