//! A broker that speaks Kafka's protocol, on the Roundhouse engine.
//!
//! A connection lives on the shard that accepted it, a partition on the shard that owns its log. What a
//! request wants of other shards travels there by message; see [`node::Node::call`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`protocol`] | the wire protocol, without I/O |
//! | [`broker`], [`doors`] | starting, stopping, accepting |
//! | [`connection`] | one client: bytes in, responses in order, bytes out |
//! | [`handlers`] | what each request does |
//! | [`node`] | the broker on one shard, and the way to the others |
//! | [`topics`], [`partition`] | what there is, and the records in it |
//! | [`groups`] | consumer groups and how far they are |
//! | [`settings`], [`metrics`], [`latency`], [`http`], [`notify`] | what an operator chooses and sees |
//! | [`table`] | a small durable map for everything that is not records |
//! | [`load`] | load for this broker or another, for benches and tests |
//! | [`fuzz`] | everything that reads what clients send, for the fuzz target |

#![forbid(unsafe_code)]

pub mod broker;
pub mod config;
pub mod connection;
pub mod doors;
pub mod errors;
pub mod fuzz;
pub mod groups;
pub mod handlers;
pub mod http;
pub mod latency;
pub mod limits;
pub mod line;
pub mod load;
pub mod metrics;
pub mod node;
pub mod notify;
pub mod partition;
pub mod producer_ids;
pub mod protocol;
pub mod settings;
pub mod table;
pub mod topics;

pub use broker::{Broker, StartError};
pub use config::Config;
pub use settings::{Settings, SettingsError};
