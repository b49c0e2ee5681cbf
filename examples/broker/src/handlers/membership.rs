//! Being in a consumer group: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, FindCoordinator.

use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::find_coordinator_response::Coordinator as CoordinatorPlace;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{BROKER_ID, Call};
use crate::groups::{Join, Joined, Protocol, Ticket};
use crate::limits::{SESSION_MS_MAX, SESSION_MS_MIN};
use crate::node::Node;

/// FindCoordinator's key is a group's name; others are of transactions, which there are none of.
const KEY_TYPE_GROUP: i8 = 0;

/// FindCoordinator: the only broker is everybody's.
pub async fn find(
    node: Rc<Node>,
    call: Call,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let is_group = request.key_type == KEY_TYPE_GROUP;
    let refusal = ResponseError::TransactionalIdAuthorizationFailed.code();
    let error = if is_group { 0 } else { refusal };
    let (host, port) = node.advertised.clone();
    let (host, port) = (StrBytes::from_string(host), i32::from(port));
    if call.version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(error)
            .with_node_id(BROKER_ID.into())
            .with_host(host)
            .with_port(port);
    }
    let places = request.coordinator_keys.into_iter().map(|key| {
        CoordinatorPlace::default()
            .with_key(key)
            .with_error_code(error)
            .with_node_id(BROKER_ID.into())
            .with_host(host.clone())
            .with_port(port)
    });
    FindCoordinatorResponse::default().with_coordinators(places.collect())
}

/// JoinGroup: answered when the others have joined, too.
pub async fn join(node: Rc<Node>, call: Call, request: JoinGroupRequest) -> JoinGroupResponse {
    let group = request.group_id.to_string();
    let version = call.version;
    if let Err(error) = check_join(&request) {
        return refuse_join(error, request.member_id, version);
    }
    let shard = node.shard_of_group(&group);
    let joined = node.call(shard, move |node| {
        let joined =
            node.coordinator.join(&group, |ticket, name| new_join(call, request, ticket, &name));
        async move {
            futures_util::select_biased! {
                joined = Box::pin(joined).fuse() => joined,
                _ = node.stopping() => Err((ResponseError::CoordinatorNotAvailable, String::new())),
            }
        }
    });
    match joined.await {
        Ok(Ok(joined)) => tell_joined(joined, version),
        Ok(Err((error, id))) => refuse_join(error, StrBytes::from_string(id), version),
        Err(error) => refuse_join(error, StrBytes::new(), version),
    }
}

fn check_join(request: &JoinGroupRequest) -> Result<(), ResponseError> {
    if request.group_id.is_empty() {
        return Err(ResponseError::InvalidGroupId);
    }
    if !(SESSION_MS_MIN..=SESSION_MS_MAX).contains(&request.session_timeout_ms) {
        return Err(ResponseError::InvalidSessionTimeout);
    }
    Ok(())
}

fn new_join(call: Call, request: JoinGroupRequest, ticket: Ticket, new_name: &str) -> Join {
    let session_timeout = Duration::from_millis(request.session_timeout_ms.max(0) as u64);
    // Version 0 has but one time limit.
    let rebalance_timeout = match request.rebalance_timeout_ms {
        ms if ms > 0 => Duration::from_millis(ms as u64),
        _ => session_timeout,
    };
    let protocols = request.protocols.into_iter();
    let protocols =
        protocols.map(|known| Protocol { name: known.name.to_string(), metadata: known.metadata });
    let client_id = call.client_id.unwrap_or_default();
    Join {
        ticket,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|name| name.to_string()),
        new_member_id: format!("{client_id}-{new_name}"),
        client_id,
        client_host: call.client_host,
        session_timeout,
        rebalance_timeout,
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
        needs_known_id: call.version >= 4,
    }
}

fn tell_joined(joined: Joined, version: i16) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|member| {
        let told = JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_string(member.member_id))
            .with_metadata(member.metadata);
        let instance_id = member.instance_id.filter(|_| version >= 5);
        told.with_group_instance_id(instance_id.map(StrBytes::from_string))
    });
    let response = JoinGroupResponse::default()
        .with_generation_id(joined.generation)
        .with_protocol_name(Some(StrBytes::from_string(joined.protocol)))
        .with_leader(StrBytes::from_string(joined.leader))
        .with_member_id(StrBytes::from_string(joined.member_id))
        .with_members(members.collect());
    match version {
        7.. => response.with_protocol_type(Some(StrBytes::from_string(joined.protocol_type))),
        _ => response,
    }
}

fn refuse_join(error: ResponseError, member_id: StrBytes, version: i16) -> JoinGroupResponse {
    let response = JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_member_id(member_id);
    // A missing name is null only in newer versions.
    if version >= 7 { response } else { response.with_protocol_name(Some(StrBytes::new())) }
}

/// SyncGroup: answered when the leader has assigned.
pub async fn sync(node: Rc<Node>, call: Call, request: SyncGroupRequest) -> SyncGroupResponse {
    let group = request.group_id.to_string();
    let shard = node.shard_of_group(&group);
    let synced = node.call(shard, move |node| {
        let assignments = request.assignments.into_iter();
        let assignments =
            assignments.map(|assigned| (assigned.member_id.to_string(), assigned.assignment));
        let who =
            (&*request.member_id, request.group_instance_id.as_deref(), request.generation_id);
        let synced = node.coordinator.sync(&group, who, assignments.collect());
        async move {
            futures_util::select_biased! {
                synced = Box::pin(synced).fuse() => synced,
                _ = node.stopping() => Err(ResponseError::CoordinatorNotAvailable),
            }
        }
    });
    match synced.await.flatten() {
        Ok(synced) => {
            let response = SyncGroupResponse::default().with_assignment(synced.assignment);
            match call.version {
                5.. => response
                    .with_protocol_type(Some(StrBytes::from_string(synced.protocol_type)))
                    .with_protocol_name(Some(StrBytes::from_string(synced.protocol))),
                _ => response,
            }
        }
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    }
}

/// Heartbeat.
pub async fn heartbeat(node: Rc<Node>, _: Call, request: HeartbeatRequest) -> HeartbeatResponse {
    let group = request.group_id.to_string();
    let shard = node.shard_of_group(&group);
    let alive = node.call(shard, move |node| async move {
        let who =
            (&*request.member_id, request.group_instance_id.as_deref(), request.generation_id);
        node.coordinator.heartbeat(&group, who)
    });
    let error = alive.await.flatten().err().map_or(0, |error| error.code());
    HeartbeatResponse::default().with_error_code(error)
}

/// LeaveGroup: of one member before version 3, of several from then on.
pub async fn leave(node: Rc<Node>, call: Call, request: LeaveGroupRequest) -> LeaveGroupResponse {
    let group = request.group_id.to_string();
    let shard = node.shard_of_group(&group);
    let is_one = call.version < 3;
    let mut leaving = request.members;
    if is_one {
        leaving = vec![MemberIdentity::default().with_member_id(request.member_id)];
    }
    let left = node.call(shard, move |node| async move {
        let leave = |member: MemberIdentity| {
            let instance = member.group_instance_id.as_deref();
            let left = node.coordinator.leave(&group, &member.member_id, instance);
            let error = left.err().map_or(0, |error| error.code());
            MemberResponse::default()
                .with_member_id(member.member_id.clone())
                .with_group_instance_id(member.group_instance_id.clone())
                .with_error_code(error)
        };
        leaving.into_iter().map(leave).collect::<Vec<_>>()
    });
    match left.await {
        Ok(left) if is_one => {
            let error = left.first().map_or(0, |member| member.error_code);
            LeaveGroupResponse::default().with_error_code(error)
        }
        Ok(left) => LeaveGroupResponse::default().with_members(left),
        Err(error) => LeaveGroupResponse::default().with_error_code(error.code()),
    }
}
