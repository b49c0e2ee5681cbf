//! A partition on the shard that owns its log.
//!
//! | file | what it holds |
//! |---|---|
//! | `partition` | [`Partition`]: appending and reading |
//! | `producers` | which batches of idempotent producers are there |
//! | `memory` | the same, found again after a restart |
//! | `growth` | waiting until partitions have grown |

mod growth;
mod memory;
#[expect(clippy::module_inception, reason = "the type the folder is named after")]
mod partition;
mod producers;

pub use growth::Growth;
pub use partition::{Batch, Partition, PartitionParts, Placed};
