//! QUIC.
//!
//! | file | what it holds |
//! |---|---|
//! | `endpoint` | where connections begin |
//! | `settings` | what can be chosen about it |
//! | `connection` | streams and datagrams of a connection |
//! | `end` | what becomes of a connection, and how it is ended |
//! | `pool` | connections that clients share and keep |

mod connection;
mod end;
mod endpoint;
mod pool;
mod settings;

pub use connection::*;
pub use end::*;
pub use endpoint::*;
pub use pool::*;
pub use settings::*;
