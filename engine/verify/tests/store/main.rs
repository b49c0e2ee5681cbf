//! The store on a simulated disk, story by story.

mod damage;
mod displaced_head;
mod lies;
mod lost_head;
mod lost_name;
mod other_history;
mod refusals;
mod retention;
mod stories;
mod superblock;
mod unreadable;
