//! What each request does, a file per family.

pub mod cluster;
pub mod commits;
pub mod configs;
pub mod fetch;
pub mod groups;
pub mod membership;
pub mod metadata;
pub mod offsets;
pub mod produce;
pub mod producer_id;
pub mod refusals;
pub mod topic_admin;
pub mod topics;
pub mod versions;

/// What a handler may want to know of a request's header.
#[derive(Debug, Clone)]
pub struct Call {
    /// The request's version.
    pub version: i16,
    /// What the client calls itself.
    pub client_id: Option<String>,
    /// Its address.
    pub client_host: String,
}

/// The only broker's number.
pub const BROKER_ID: i32 = 1;
