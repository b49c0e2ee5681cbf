//! Records in and out, and where they are.

use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    FetchRequest, InitProducerIdRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest,
};
use uuid::Uuid;

use super::{Place, Tour};
use crate::client::{Sender, batch, fetch_request, produce_request, topic_name, values};

/// The identity of the topic `t`.
pub(super) fn identity(tour: &mut Tour) -> Uuid {
    let topic = MetadataRequestTopic::default().with_name(Some(topic_name("t")));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    tour.client.call(12, &request).topics[0].topic_id
}

pub(super) fn everything(tour: &mut Tour, place: Place) {
    describe(tour, place);
    produce_and_fetch(tour, place);
    find(tour, place);
    let look = |_, answer: kafka_protocol::messages::InitProducerIdResponse| {
        assert!(answer.error_code == 0 && answer.producer_id.0 >= 0);
    };
    tour.ask(|_| InitProducerIdRequest::default().with_transactional_id(None), look);
}

fn describe(tour: &mut Tour, place: Place) {
    let by_name = |_| {
        let topic = MetadataRequestTopic::default().with_name(Some(topic_name(place.name)));
        MetadataRequest::default().with_topics(Some(vec![topic]))
    };
    tour.ask(by_name, |version, answer| {
        let topic = &answer.topics[0];
        place.check(version, topic.error_code);
        assert_eq!(topic.name, Some(topic_name(place.name)));
        assert_eq!(topic.partitions.len(), if place.is_there { 4 } else { 0 });
        let id = if version >= 10 && place.is_there { place.id } else { Uuid::nil() };
        assert_eq!(topic.topic_id, id, "version {version}");
    });
    let topic = MetadataRequestTopic::default().with_name(None).with_topic_id(place.id);
    let by_id = MetadataRequest::default().with_topics(Some(vec![topic]));
    for version in 12..=13 {
        let answer = tour.client.call(version, &by_id);
        place.check(version, answer.topics[0].error_code);
    }
}

fn produce_and_fetch(tour: &mut Tour, place: Place) {
    let produce = |version| {
        let mut request = produce_request(place.name, 0, batch(Sender::NOBODY, &["c"]));
        if version >= 13 {
            let topic = &mut request.topic_data[0];
            (topic.name, topic.topic_id) = (topic_name(""), place.id);
        }
        request
    };
    tour.ask::<ProduceRequest>(produce, |version, answer| {
        place.check(version, answer.responses[0].partition_responses[0].error_code);
    });
    let fetch = |version| {
        let mut request = fetch_request(place.name, 0, 0);
        if version >= 13 {
            let topic = &mut request.topics[0];
            (topic.topic, topic.topic_id) = (topic_name(""), place.id);
        }
        request
    };
    tour.ask::<FetchRequest>(fetch, |version, answer| {
        let partition = &answer.responses[0].partitions[0];
        place.check(version, partition.error_code);
        assert_eq!(!values(partition).is_empty(), place.is_there, "version {version}");
    });
}

fn find(tour: &mut Tour, place: Place) {
    let by_time = |_| {
        let partition = ListOffsetsPartition::default().with_timestamp(1001);
        let topic = ListOffsetsTopic::default().with_name(topic_name(place.name));
        let topic = topic.with_partitions(vec![partition]);
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic])
    };
    tour.ask(by_time, |version, answer| {
        let found = &answer.topics[0].partitions[0];
        place.check(version, found.error_code);
        assert_eq!(found.offset, if place.is_there { 1 } else { -1 }, "version {version}");
    });
    let end = |_| {
        let partition = OffsetForLeaderPartition::default().with_leader_epoch(0);
        let topic = OffsetForLeaderTopic::default().with_topic(topic_name(place.name));
        let topic = topic.with_partitions(vec![partition]);
        OffsetForLeaderEpochRequest::default().with_topics(vec![topic])
    };
    tour.ask(end, |version, answer| {
        let found = &answer.topics[0].partitions[0];
        place.check(version, found.error_code);
        assert_eq!(found.end_offset > 2, place.is_there, "version {version}");
    });
}
