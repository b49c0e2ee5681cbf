//! The store on a simulated disk, story by story.

mod damage;
mod displaced_head;
mod lost_head;
mod other_history;
mod refusals;
mod retention;
mod stories;
mod superblock;
