//! Topics: what they are, how they may be called, and where they are written down.

mod catalogue;
mod config;
mod name;
mod topic;

pub use catalogue::{Catalogue, configure_logs, create_logs, delete_logs};
pub use config::{ConfigEntry, ConfigError, TopicConfig};
pub use name::{check_name, log_name, shard_of};
pub use topic::{Topic, TopicSet};
