//! Stores in real files, on real file systems: damaged, copied at a bad moment, killed, and full.

mod content;
mod damage;
mod full_disk;
mod killed;
mod mount;
mod snapshot;
mod superblocks;
