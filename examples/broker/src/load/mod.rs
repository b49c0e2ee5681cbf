//! Load for a broker, and what it makes of it: raw requests with batches encoded beforehand, so that the
//! generator takes as little of the machine as it can, by the protocol alone, so that any broker of
//! Kafka's protocol can be put under it.
//!
//! | what | which question |
//! |---|---|
//! | [`produce`] | how many messages a second are acknowledged, and how long a request takes |
//! | [`consume`] | how many are delivered, and whether all are there |
//! | [`paced`] | how long a message takes from its producer to a waiting consumer, at a rate |
//! | [`floor`] | how long it would take with nothing but a socket and a file in between |
//! | [`hold`] | what connections that do little cost |
//!
//! One thread per load drives all its connections by `poll`. What it reads of requests in flight is
//! bounded by their number; see the fields of each load.

mod batch;
mod consume;
mod floor;
mod hold;
mod link;
mod paced;
mod produce;
mod requests;
mod stopwatch;

pub use consume::{ConsumeLoad, Consumed, consume};
pub use floor::floor;
pub use hold::{Held, hold};
pub use paced::{Paced, PacedLoad, paced};
pub use produce::{ProduceLoad, Produced, produce};
pub use requests::{LoadTopic, create_topic};

/// Why a load could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A connection could not be made, or broke.
    #[error("a connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The broker answered something else than was asked for.
    #[error("the broker's answer makes no sense: {0}")]
    Answer(&'static str),
    /// The broker refused.
    #[error("the broker refused with error {0} of the protocol")]
    Refused(i16),
    /// Nothing came for two minutes.
    #[error("the broker does not answer")]
    Silent,
}

impl From<crate::protocol::reader::Malformed> for LoadError {
    fn from(_: crate::protocol::reader::Malformed) -> LoadError {
        LoadError::Answer("it does not follow the protocol")
    }
}
