//! Which requests the broker answers, in which versions.

use kafka_protocol::messages::ApiKey;

use super::schema::{self, Request};

/// One kind of request.
#[derive(Debug)]
pub struct Api {
    /// Its key.
    pub key: ApiKey,
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
        Api { key, min, max, request }
    }
}

/// Everything that is answered, by key. The upper versions are those of the schemas in Kafka 4.1.
pub static APIS: &[Api] = &[
    // Clients built on librdkafka before 2.8.1 do without gzip, snappy and lz4 unless version 0 is
    // advertised (KAFKA-18659). Versions 0 to 2 can't carry batches of today, so each is refused.
    Api::new(ApiKey::Produce, 0, 13, schema::PRODUCE),
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
    Api::new(ApiKey::CreateTopics, 2, 7, schema::CREATE_TOPICS),
    Api::new(ApiKey::DeleteTopics, 1, 6, schema::DELETE_TOPICS),
    Api::new(ApiKey::DeleteRecords, 0, 2, schema::DELETE_RECORDS),
    Api::new(ApiKey::InitProducerId, 0, 5, schema::INIT_PRODUCER_ID),
    Api::new(ApiKey::OffsetForLeaderEpoch, 2, 4, schema::OFFSET_FOR_LEADER_EPOCH),
    Api::new(ApiKey::DescribeConfigs, 1, 4, schema::DESCRIBE_CONFIGS),
    Api::new(ApiKey::AlterConfigs, 0, 2, schema::ALTER_CONFIGS),
    Api::new(ApiKey::CreatePartitions, 0, 3, schema::CREATE_PARTITIONS),
    Api::new(ApiKey::DeleteGroups, 0, 2, schema::DELETE_GROUPS),
    Api::new(ApiKey::IncrementalAlterConfigs, 0, 1, schema::INCREMENTAL_ALTER_CONFIGS),
    Api::new(ApiKey::OffsetDelete, 0, 0, schema::OFFSET_DELETE),
    Api::new(ApiKey::DescribeCluster, 0, 2, schema::DESCRIBE_CLUSTER),
];

#[cfg(test)]
mod tests {
    use kafka_protocol::messages as m;
    use kafka_protocol::protocol::Request;

    use super::*;

    /// Holds a shape against what the generated code writes, in every version that is understood.
    fn compare<Q: Request + Default>(request: impl Fn(i16) -> Q) {
        let api = Api::of(Q::KEY).unwrap();
        assert!(Q::VERSIONS.min <= api.min && api.max <= Q::VERSIONS.max, "{:?}", api.key);
        for version in api.min..=api.max {
            let header = Q::header_version(version);
            assert_eq!(api.request.is_flexible(version), header >= 2, "{:?} {version}", api.key);
            let mut body = bytes::BytesMut::new();
            request(version).encode(&mut body, version).unwrap();
            assert_eq!(api.request.check(&body, version), Ok(()), "{:?} {version}", api.key);
            for end in 0..body.len() {
                let checked = api.request.check(&body[..end], version);
                assert!(checked.is_err(), "{:?} {version}: cut off at {end}", api.key);
            }
        }
    }

    fn name(text: &'static str) -> kafka_protocol::protocol::StrBytes {
        kafka_protocol::protocol::StrBytes::from_static_str(text)
    }

    #[test]
    fn shapes_with_nothing_in_them_are_those_of_the_generated_code() {
        compare(|_| m::ApiVersionsRequest::default());
        compare(|_| m::ListOffsetsRequest::default());
        compare(|_| m::OffsetCommitRequest::default());
        compare(|_| m::FindCoordinatorRequest::default());
        compare(|_| m::HeartbeatRequest::default());
        compare(|_| m::LeaveGroupRequest::default());
        compare(|_| m::ListGroupsRequest::default());
        compare(|_| m::InitProducerIdRequest::default());
        compare(|_| m::DescribeClusterRequest::default());
        compare(|_| m::DeleteRecordsRequest::default());
        compare(|_| m::OffsetForLeaderEpochRequest::default());
        compare(|_| m::AlterConfigsRequest::default());
        compare(|_| m::IncrementalAlterConfigsRequest::default());
        compare(|_| m::OffsetDeleteRequest::default());
    }

    #[test]
    fn shapes_of_nested_structures_are_those_of_the_generated_code() {
        use m::{create_topics_request as create, join_group_request as join};
        use m::{describe_configs_request as describe, metadata_request as metadata};
        compare(|_| {
            let topic = metadata::MetadataRequestTopic::default();
            let topic = topic.with_name(Some(m::TopicName(name("t"))));
            m::MetadataRequest::default().with_topics(Some(vec![topic; 2]))
        });
        compare(|_| {
            let known = join::JoinGroupRequestProtocol::default().with_name(name("range"));
            m::JoinGroupRequest::default().with_protocols(vec![known; 2])
        });
        compare(|_| {
            let config = create::CreatableTopicConfig::default().with_name(name("retention.ms"));
            let place = create::CreatableReplicaAssignment::default();
            let place = place.with_broker_ids(vec![1.into(), 2.into()]);
            let topic = create::CreatableTopic::default().with_configs(vec![config; 2]);
            m::CreateTopicsRequest::default().with_topics(vec![topic.with_assignments(vec![place])])
        });
        compare(|_| {
            let resource = describe::DescribeConfigsResource::default();
            let resource = resource.with_configuration_keys(Some(vec![name("a"), name("b")]));
            m::DescribeConfigsRequest::default().with_resources(vec![resource])
        });
        compare(|version| {
            let request = m::DeleteTopicsRequest::default();
            match version {
                6.. => request.with_topics(vec![Default::default(); 2]),
                _ => request.with_topic_names(vec![m::TopicName(name("t")); 2]),
            }
        });
        compare(|version| {
            let request = m::OffsetFetchRequest::default();
            match version {
                8.. => request.with_groups(vec![Default::default(); 2]),
                _ => request.with_topics(Some(vec![Default::default(); 2])),
            }
        });
    }
}
