//! The simulator keeps its promises: to the programs it runs (what is durable stays), and to the
//! tests that use it (everything else gets lost, and the same seed loses the same).

mod cluster;
mod crashes;
mod datagrams;
mod disk;
mod faults;
mod process;
mod replay;
mod streams;
