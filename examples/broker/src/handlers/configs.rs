//! Settings: DescribeConfigs, AlterConfigs, IncrementalAlterConfigs.

use std::rc::Rc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, alter_configs_response,
    incremental_alter_configs_request, incremental_alter_configs_response,
};
use kafka_protocol::protocol::StrBytes;

use super::topics::{self, ConfigChange};
use super::{BROKER_ID, Call};
use crate::node::Node;
use crate::topics::ConfigEntry;

/// A resource that is a topic.
const TOPIC: i8 = 2;
/// A resource that is a broker.
const BROKER: i8 = 4;

/// A setting of a topic that somebody set.
const SOURCE_TOPIC: i8 = 1;
/// A setting of the broker's own configuration.
const SOURCE_BROKER: i8 = 4;
/// A setting that nobody set.
const SOURCE_DEFAULT: i8 = 5;

/// DescribeConfigs.
pub async fn describe(
    node: Rc<Node>,
    call: Call,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let with_help = request.include_documentation && call.version >= 3;
    let results = request.resources.into_iter().map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        match entries(&node, &resource) {
            Ok(entries) => {
                let told = entries.into_iter().map(|entry| tell(entry, call.version, with_help));
                result.with_configs(told.collect())
            }
            Err(error) => result.with_error_code(error.code()),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

/// A setting and where it comes from.
type Sourced = (ConfigEntry, i8);

/// The settings of a resource, as far as they are asked for.
fn entries(node: &Node, resource: &DescribeConfigsResource) -> Result<Vec<Sourced>, ResponseError> {
    let all: Vec<Sourced> = match resource.resource_type {
        TOPIC => {
            let topics = node.topics.borrow();
            let topic = topics.get(&resource.resource_name);
            let topic = topic.ok_or(ResponseError::UnknownTopicOrPartition)?;
            let sourced = topic.config.entries().map(|entry| {
                let source = if entry.is_default { SOURCE_DEFAULT } else { SOURCE_TOPIC };
                (entry, source)
            });
            sourced.collect()
        }
        BROKER if *resource.resource_name == *BROKER_ID.to_string() => {
            node.config.entries().map(|entry| (entry, SOURCE_BROKER)).collect()
        }
        _ => return Err(ResponseError::InvalidRequest),
    };
    let Some(wanted) = &resource.configuration_keys else { return Ok(all) };
    let is_wanted = |entry: &ConfigEntry| wanted.iter().any(|name| **name == *entry.name);
    Ok(all.into_iter().filter(|(entry, _)| is_wanted(entry)).collect())
}

fn tell((entry, source): Sourced, version: i16, with_help: bool) -> DescribeConfigsResourceResult {
    let told = DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(entry.name))
        .with_value(Some(StrBytes::from_string(entry.value)))
        .with_read_only(source == SOURCE_BROKER)
        .with_config_source(source);
    if version < 3 {
        return told;
    }
    let help = with_help.then(|| StrBytes::from_static_str(entry.help));
    told.with_config_type(entry.kind).with_documentation(help)
}

/// AlterConfigs: what is not named gets its default back.
pub async fn replace(
    node: Rc<Node>,
    _: Call,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let changes = resource.configs.into_iter();
        let changes = changes
            .map(|config| (config.name.to_string(), config.value.map(|value| value.to_string())));
        let place = (resource.resource_type, resource.resource_name.clone());
        let changed = change(&node, &place, Ok(changes.collect()), true, request.validate_only);
        let (error, message) = changed.await;
        let response = alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
            .with_error_code(error)
            .with_error_message(message);
        responses.push(response);
    }
    AlterConfigsResponse::default().with_responses(responses)
}

/// IncrementalAlterConfigs: only what is named changes.
pub async fn change_some(
    node: Rc<Node>,
    _: Call,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        let changes = resource.configs.into_iter().map(change_of).collect();
        let place = (resource.resource_type, resource.resource_name.clone());
        let changed = change(&node, &place, changes, false, request.validate_only);
        let (error, message) = changed.await;
        let response = incremental_alter_configs_response::AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
            .with_error_code(error)
            .with_error_message(message);
        responses.push(response);
    }
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

/// Sets a setting.
const SET: i8 = 0;
/// Gives a setting its default back.
const DELETE: i8 = 1;

fn change_of(
    config: incremental_alter_configs_request::AlterableConfig,
) -> Result<ConfigChange, ResponseError> {
    match config.config_operation {
        SET => Ok((config.name.to_string(), config.value.map(|value| value.to_string()))),
        DELETE => Ok((config.name.to_string(), None)),
        // Appending and subtracting are for lists, of which there is one, and it has one value.
        _ => Err(ResponseError::InvalidConfig),
    }
}

/// Changes the settings of a topic; those of the broker are in its own configuration.
async fn change(
    node: &Rc<Node>,
    (kind, name): &(i8, StrBytes),
    changes: Result<Vec<ConfigChange>, ResponseError>,
    replaces: bool,
    only_check: bool,
) -> (i16, Option<StrBytes>) {
    let changed = match (*kind, changes) {
        (TOPIC, Ok(changes)) => {
            topics::configure(node, name.to_string(), changes, replaces, only_check).await
        }
        (TOPIC, Err(error)) => Err((error, None)),
        _ => Err((ResponseError::InvalidRequest, None)),
    };
    match changed {
        Ok(()) => (0, None),
        Err((error, message)) => (error.code(), message.map(StrBytes::from_string)),
    }
}
