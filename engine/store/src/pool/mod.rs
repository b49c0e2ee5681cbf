//! The slot files of a shard: which hold live segments, which may be used next, how new ones come.

mod prepare;
mod slots;

pub(crate) use prepare::{create_slot, prepare_task};
pub(crate) use slots::{Pool, Room, parse_slot_name, slot_path};
