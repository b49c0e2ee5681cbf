//! Being in groups, how far they are, and looking at them.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::{Tour, group, name};
use crate::client::topic_name;

pub(super) fn everything(tour: &mut Tour) {
    find(tour);
    let members = join(tour);
    take_part(tour, &members[0]);
    look(tour);
    leave(tour, &members);
    commit_and_fetch(tour);
    forget(tour);
}

fn find(tour: &mut Tour) {
    let request = |version| match version {
        4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![name("g")]),
        _ => FindCoordinatorRequest::default().with_key(name("g")),
    };
    tour.ask(request, |version, answer| {
        let (error, port) = match answer.coordinators.first() {
            Some(place) => (place.error_code, place.port),
            None => (answer.error_code, answer.port),
        };
        assert!(error == 0 && port > 0, "version {version}: {answer:?}");
    });
}

/// Joins a group in each version: `joined-0` and so on. Returns the members' names.
fn join(tour: &mut Tour) -> Vec<StrBytes> {
    let mut members = Vec::new();
    for version in tour.versions::<JoinGroupRequest>() {
        let protocol = JoinGroupRequestProtocol::default().with_name(name("range"));
        let request = JoinGroupRequest::default()
            .with_group_id(group(format!("joined-{version}")))
            .with_session_timeout_ms(600_000)
            .with_rebalance_timeout_ms(if version == 0 { -1 } else { 600_000 })
            .with_protocol_type(name("consumer"))
            .with_protocols(vec![protocol]);
        let mut answer = tour.client.call(version, &request);
        if version >= 4 {
            let wanted = ResponseError::MemberIdRequired.code();
            assert_eq!(answer.error_code, wanted, "version {version}");
            answer = tour.client.call(version, &request.with_member_id(answer.member_id));
        }
        assert_eq!((answer.error_code, answer.generation_id), (0, 1), "version {version}");
        assert_eq!((&answer.leader, answer.members.len()), (&answer.member_id, 1));
        members.push(answer.member_id);
    }
    members
}

/// The member of the first group is told its part, and says that it is there.
fn take_part(tour: &mut Tour, member: &StrBytes) {
    let sync = |_| {
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(member.clone())
            .with_assignment(Bytes::from_static(b"work"));
        SyncGroupRequest::default()
            .with_group_id(group("joined-0"))
            .with_generation_id(1)
            .with_member_id(member.clone())
            .with_assignments(vec![assignment])
    };
    tour.ask(sync, |version, answer| {
        assert_eq!((answer.error_code, &answer.assignment[..]), (0, &b"work"[..]), "{version}");
    });
    let heartbeat = |_| {
        let request = HeartbeatRequest::default().with_group_id(group("joined-0"));
        request.with_generation_id(1).with_member_id(member.clone())
    };
    tour.ask(heartbeat, |version, answer| assert_eq!(answer.error_code, 0, "version {version}"));
}

fn look(tour: &mut Tour) {
    let describe = |_| DescribeGroupsRequest::default().with_groups(vec![group("joined-0")]);
    tour.ask(describe, |version, answer| {
        let described = &answer.groups[0];
        let seen = (described.error_code, &*described.group_state, described.members.len());
        assert_eq!(seen, (0, "Stable", 1), "version {version}");
    });
    let list = |_| ListGroupsRequest::default();
    tour.ask(list, |version, answer| {
        assert_eq!((answer.error_code, answer.groups.len()), (0, 10), "version {version}");
    });
}

fn leave(tour: &mut Tour, members: &[StrBytes]) {
    let request = |version: i16| {
        let member = members[version as usize].clone();
        let request = LeaveGroupRequest::default();
        let request = request.with_group_id(group(format!("joined-{version}")));
        match version {
            3.. => request.with_members(vec![MemberIdentity::default().with_member_id(member)]),
            _ => request.with_member_id(member),
        }
    };
    tour.ask(request, |version, answer| {
        let of_member = answer.members.first().map_or(0, |member| member.error_code);
        assert_eq!((answer.error_code, of_member), (0, 0), "version {version}");
    });
}

/// Commits for a group in each version, `committed-2` and so on, and asks how far the last is.
fn commit_and_fetch(tour: &mut Tour) {
    let commit = |version| {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(5);
        let partition = partition.with_committed_metadata(Some(name("note")));
        let topic = OffsetCommitRequestTopic::default().with_name(topic_name("t"));
        OffsetCommitRequest::default()
            .with_group_id(group(format!("committed-{version}")))
            .with_generation_id_or_member_epoch(-1)
            .with_topics(vec![topic.with_partitions(vec![partition])])
    };
    tour.ask(commit, |version, answer| {
        assert_eq!(answer.topics[0].partitions[0].error_code, 0, "version {version}");
    });
    let fetch = |version| {
        let request = OffsetFetchRequest::default();
        if version < 8 {
            let topic = OffsetFetchRequestTopic::default().with_name(topic_name("t"));
            let topics = Some(vec![topic.with_partition_indexes(vec![0])]);
            return request.with_group_id(group("committed-9")).with_topics(topics);
        }
        let topic = OffsetFetchRequestTopics::default().with_name(topic_name("t"));
        let topics = Some(vec![topic.with_partition_indexes(vec![0])]);
        let wanted = OffsetFetchRequestGroup::default().with_group_id(group("committed-9"));
        request.with_groups(vec![wanted.with_topics(topics)])
    };
    tour.ask(fetch, |version, answer| {
        let of_one = answer.topics.first().map(|topic| {
            let found = &topic.partitions[0];
            (found.committed_offset, found.metadata.clone())
        });
        let of_several = answer.groups.first().map(|group| {
            let found = &group.topics[0].partitions[0];
            (found.committed_offset, found.metadata.clone())
        });
        let found = of_one.or(of_several).expect("one of both has it");
        assert_eq!(found, (5, Some(name("note"))), "version {version}");
    });
}

/// Forgets groups, and how far one is.
fn forget(tour: &mut Tour) {
    let delete = |version| {
        let wanted = group(format!("committed-{}", version + 2));
        DeleteGroupsRequest::default().with_groups_names(vec![wanted])
    };
    tour.ask(delete, |version, answer| {
        assert_eq!(answer.results[0].error_code, 0, "version {version}");
    });
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(0);
    let topic = OffsetDeleteRequestTopic::default().with_name(topic_name("t"));
    let topic = topic.with_partitions(vec![partition]);
    let request = OffsetDeleteRequest::default().with_group_id(group("committed-9"));
    let request = request.with_topics(vec![topic]);
    tour.ask(
        |_| request.clone(),
        |_, answer| {
            let of_partition = answer.topics[0].partitions[0].error_code;
            assert_eq!((answer.error_code, of_partition), (0, 0));
        },
    );
}
