//! Kafka's wire protocol: what the broker reads and writes, without any I/O.
//!
//! | file | what it holds |
//! |---|---|
//! | `reader`, `writer` | primitive types; responses as pieces |
//! | `frame` | requests cut out of a stream |
//! | `header` | what a request begins with |
//! | `api`, `schema` | the requests that are answered, and their shapes, which guard the decoders |
//! | `batch` | the header of a record batch |
//! | `produce`, `fetch` | the two requests that carry records, by hand |
//! | `control` | the others, by the generated code behind a guard |
//!
//! All other messages are read and written by the generated code of `kafka-protocol`.

pub mod api;
pub mod batch;
pub mod control;
pub mod fetch;
pub mod frame;
pub mod header;
pub mod produce;
pub mod reader;
pub mod schema;
pub mod topic_ref;
pub mod writer;
