//! Consumer groups (the classic protocol): who is in one, who gets what, and how far they are.
//!
//! | file | what it holds |
//! |---|---|
//! | `group` | [`Group`]: one group as a state machine without I/O |
//! | `membership` | its members coming, going and being late |
//! | `member` | [`Member`] and what is asked and answered |
//! | `coordinator` | the groups of a shard: keeps time, delivers answers |
//! | `offsets` | committed offsets, durably |
//! | `expiry` | when they are given up |

mod coordinator;
mod expiry;
mod group;
mod member;
mod membership;
mod offsets;
#[cfg(test)]
mod tests;

pub use coordinator::Coordinator;
pub use expiry::Expiry;
pub use group::{Group, GroupState, Output};
pub use member::{Join, Joined, Member, MemberInfo, Protocol, Synced, Ticket};
pub use membership::GroupLimits;
pub use offsets::{CommittedOffset, Offsets, TopicPartition};
