//! One client's connection.
//!
//! | file | what it holds |
//! |---|---|
//! | `connection` | [`Connection`]: bytes in, requests, responses in order, bytes out |
//! | `dispatch` | which handler a request goes to |
//! | `response` | what comes back |

#[expect(clippy::module_inception, reason = "the type the folder is named after")]
mod connection;
mod dispatch;
mod response;

pub use connection::Connection;
pub use response::Response;
