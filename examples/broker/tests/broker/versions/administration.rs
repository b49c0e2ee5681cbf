//! Topics and their settings, and the broker itself.

use broker::protocol::api::APIS;
use kafka_protocol::messages::alter_configs_request as replaced;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::incremental_alter_configs_request as changed;
use kafka_protocol::messages::{
    AlterConfigsRequest, ApiVersionsRequest, CreatePartitionsRequest, CreateTopicsRequest,
    DeleteRecordsRequest, DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest,
    IncrementalAlterConfigsRequest,
};

use super::{Place, Tour, name};
use crate::client::topic_name;

/// A resource that is a topic.
const TOPIC: i8 = 2;

pub(super) fn of_settings(tour: &mut Tour, place: Place) {
    let replace = |_| {
        let config = replaced::AlterableConfig::default().with_name(name("retention.ms"));
        let resource = replaced::AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(name(place.name))
            .with_configs(vec![config.with_value(Some(name("-1")))]);
        AlterConfigsRequest::default().with_resources(vec![resource])
    };
    tour.ask(replace, |version, answer| place.check(version, answer.responses[0].error_code));
    let change = |_| {
        let config = changed::AlterableConfig::default().with_name(name("flush.ms"));
        let resource = changed::AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(name(place.name))
            .with_configs(vec![config.with_value(Some(name("7")))]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    };
    tour.ask(change, |version, answer| place.check(version, answer.responses[0].error_code));
    let describe = |version| {
        let resource = DescribeConfigsResource::default().with_resource_type(TOPIC);
        let resource = resource.with_resource_name(name(place.name)).with_configuration_keys(None);
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        request.with_include_synonyms(true).with_include_documentation(version >= 3)
    };
    tour.ask(describe, |version, answer| {
        let result = &answer.results[0];
        place.check(version, result.error_code);
        let seen = result.configs.iter().find(|config| *config.name == *"flush.ms");
        let seen = seen.and_then(|config| config.value.clone());
        assert_eq!(seen, place.is_there.then(|| name("7")), "version {version}");
    });
    let trim = |_| {
        let partition = DeleteRecordsPartition::default().with_offset(1);
        let topic = DeleteRecordsTopic::default().with_name(topic_name(place.name));
        let topic = topic.with_partitions(vec![partition]);
        DeleteRecordsRequest::default().with_topics(vec![topic])
    };
    tour.ask(trim, |version, answer| {
        let result = &answer.topics[0].partitions[0];
        place.check(version, result.error_code);
        assert_eq!(result.low_watermark, if place.is_there { 1 } else { -1 });
    });
}

/// Creates, grows and deletes a topic in each version: `new-2` and so on.
pub(super) fn of_topics(tour: &mut Tour) {
    let create = |version| {
        let topics = [format!("new-{version}"), "a/b".to_owned()].map(|name| {
            let topic = CreatableTopic::default().with_name(topic_name(&name));
            topic.with_num_partitions(1).with_replication_factor(1)
        });
        CreateTopicsRequest::default().with_topics(topics.to_vec()).with_timeout_ms(60_000)
    };
    tour.ask(create, |version, answer| {
        let [created, refused] = &answer.topics[..] else { panic!("{answer:?}") };
        assert_eq!(created.error_code, 0, "version {version}");
        assert_ne!(refused.error_code, 0, "version {version}");
        assert_eq!(created.num_partitions, if version >= 5 { 1 } else { -1 });
        assert_eq!(created.topic_id.is_nil(), version < 7);
    });
    let grow = |version| {
        let topics = [format!("new-{}", version + 2), "a/b".to_owned()].map(|name| {
            let topic = CreatePartitionsTopic::default().with_name(topic_name(&name));
            topic.with_count(2).with_assignments(None)
        });
        CreatePartitionsRequest::default().with_topics(topics.to_vec())
    };
    tour.ask(grow, |version, answer| {
        let [grown, refused] = &answer.results[..] else { panic!("{answer:?}") };
        assert_eq!(grown.error_code, 0, "version {version}");
        assert_ne!(refused.error_code, 0, "version {version}");
    });
    let delete = |version| {
        let names =
            [format!("new-{}", version + 1), "a/b".to_owned()].map(|name| topic_name(&name));
        let request = DeleteTopicsRequest::default();
        let by_name = |name| DeleteTopicState::default().with_name(Some(name));
        match version {
            6.. => request.with_topics(names.map(by_name).to_vec()),
            _ => request.with_topic_names(names.to_vec()),
        }
    };
    tour.ask(delete, |version, answer| {
        let [deleted, refused] = &answer.responses[..] else { panic!("{answer:?}") };
        assert_eq!(deleted.error_code, 0, "version {version}");
        assert_ne!(refused.error_code, 0, "version {version}");
    });
}

pub(super) fn of_the_broker(tour: &mut Tour) {
    let versions = |version| match version {
        3.. => ApiVersionsRequest::default()
            .with_client_software_name(name("test"))
            .with_client_software_version(name("1")),
        _ => ApiVersionsRequest::default(),
    };
    tour.ask(versions, |version, answer| {
        assert_eq!((answer.error_code, answer.api_keys.len()), (0, APIS.len()), "{version}");
    });
    let cluster = |_| DescribeClusterRequest::default();
    tour.ask(cluster, |version, answer| {
        assert_eq!((answer.error_code, answer.brokers.len()), (0, 1), "version {version}");
    });
}
