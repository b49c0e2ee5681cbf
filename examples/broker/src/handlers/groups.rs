//! Looking at groups: DescribeGroups, ListGroups, DeleteGroups.

use std::collections::BTreeMap;
use std::rc::Rc;

use futures_util::future::join_all;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    GroupId, ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::Call;
use crate::errors;
use crate::groups::{Group, GroupState};
use crate::node::Node;

/// The kind of every group here, as opposed to those of KIP-848.
const CLASSIC: &str = "classic";
/// The state of a group that is not there.
const DEAD: &str = "Dead";

/// DescribeGroups.
pub async fn describe(
    node: Rc<Node>,
    call: Call,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let described = request.groups.into_iter().map(|id| {
        let name = id.to_string();
        let shard = node.shard_of_group(&name);
        let found = node.call(shard, move |node| async move {
            let has_offsets = !node.coordinator.offsets.of_group(&name).is_empty();
            (node.coordinator.group(&name), has_offsets)
        });
        async move {
            match found.await {
                Ok((group, has_offsets)) => describe_one(id, group, has_offsets, call.version),
                Err(error) => {
                    DescribedGroup::default().with_group_id(id).with_error_code(error.code())
                }
            }
        }
    });
    DescribeGroupsResponse::default().with_groups(join_all(described).await)
}

fn describe_one(
    id: GroupId,
    group: Option<Group>,
    has_offsets: bool,
    version: i16,
) -> DescribedGroup {
    let described = DescribedGroup::default().with_group_id(id);
    let Some(group) = group else {
        let state = if has_offsets { GroupState::Empty.name() } else { DEAD };
        // From version 6 on, a group that is not there is an error (KIP-1043).
        let is_missing = !has_offsets && version >= 6;
        let error = if is_missing { ResponseError::GroupIdNotFound.code() } else { 0 };
        return described.with_group_state(StrBytes::from_static_str(state)).with_error_code(error);
    };
    let members = group.members().iter().map(|(id, member)| {
        let instance_id = member.instance_id.clone().filter(|_| version >= 4);
        DescribedGroupMember::default()
            .with_member_id(StrBytes::from_string(id.clone()))
            .with_group_instance_id(instance_id.map(StrBytes::from_string))
            .with_client_id(StrBytes::from_string(member.client_id.clone()))
            .with_client_host(StrBytes::from_string(member.client_host.clone()))
            .with_member_metadata(member.metadata(group.protocol()))
            .with_member_assignment(member.assignment.clone())
    });
    described
        .with_group_state(StrBytes::from_static_str(group.state().name()))
        .with_protocol_type(StrBytes::from_string(group.protocol_type().to_owned()))
        .with_protocol_data(StrBytes::from_string(group.protocol().to_owned()))
        .with_members(members.collect())
}

/// ListGroups: those somebody is in, and those that have committed offsets.
pub async fn list(node: Rc<Node>, call: Call, request: ListGroupsRequest) -> ListGroupsResponse {
    let found = node.call_all(|node| async move {
        let coordinator = &node.coordinator;
        let kept = coordinator.offsets.groups().into_iter();
        let mut groups: BTreeMap<String, (String, &'static str)> =
            kept.map(|name| (name, (String::new(), GroupState::Empty.name()))).collect();
        for name in coordinator.names() {
            if let Some(group) = coordinator.group(&name) {
                groups.insert(name, (group.protocol_type().to_owned(), group.state().name()));
            }
        }
        groups
    });
    let groups = match found.await {
        Ok(groups) => groups.into_iter().flatten(),
        Err(error) => return ListGroupsResponse::default().with_error_code(error.code()),
    };
    let is_wanted = |wanted: &[StrBytes], value: &str| {
        wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let listed = groups
        .filter(|(_, (_, state))| is_wanted(&request.states_filter, state))
        .filter(|_| is_wanted(&request.types_filter, CLASSIC))
        .map(|(name, (protocol_type, state))| {
            let listed = ListedGroup::default()
                .with_group_id(GroupId(StrBytes::from_string(name)))
                .with_protocol_type(StrBytes::from_string(protocol_type));
            let state = if call.version >= 4 { state } else { "" };
            let kind = if call.version >= 5 { CLASSIC } else { "" };
            listed
                .with_group_state(StrBytes::from_static_str(state))
                .with_group_type(StrBytes::from_static_str(kind))
        });
    ListGroupsResponse::default().with_groups(listed.collect())
}

/// DeleteGroups: their offsets, if nobody is in them.
pub async fn delete(node: Rc<Node>, _: Call, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let results = request.groups_names.into_iter().map(|id| {
        let name = id.to_string();
        let shard = node.shard_of_group(&name);
        let deleted = node.call(shard, move |node| async move { delete_here(&node, &name).await });
        async move {
            let error = deleted.await.flatten().err().map_or(0, |error| error.code());
            DeletableGroupResult::default().with_group_id(id).with_error_code(error)
        }
    });
    DeleteGroupsResponse::default().with_results(join_all(results).await)
}

async fn delete_here(node: &Node, name: &str) -> Result<(), ResponseError> {
    let coordinator = &node.coordinator;
    if coordinator.group(name).is_some_and(|group| !group.is_idle()) {
        return Err(ResponseError::NonEmptyGroup);
    }
    let committed = coordinator.offsets.of_group(name);
    if committed.is_empty() {
        return Err(ResponseError::GroupIdNotFound);
    }
    let places: Vec<_> = committed.into_iter().map(|(at, _)| at).collect();
    let forgotten = coordinator.offsets.forget(name, &places).await;
    forgotten.map_err(|error| errors::of_append(&error))
}
