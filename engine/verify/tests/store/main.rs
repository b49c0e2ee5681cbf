//! The store on a simulated disk, story by story.

mod damage;
mod displaced_head;
mod lost_head;
mod refusals;
mod stories;
mod superblock;
