//! Store and sockets on the same shards for a while, connections coming and going over UDP, TCP, TLS
//! and QUIC, every request a durable append; in the end nothing may be left, and memory be flat.
//!
//! ```sh
//! cargo run --release --example soak -p roundhouse --features sim -- ring --seconds 60
//! cargo run --release --example soak -p roundhouse --features sim -- sim --seconds 600 --loss 0.01
//! ```
//!
//! `ring` runs on two shards with rings, over the loopback interface. `sim` runs on three simulated
//! nodes with links that lose packets; its seconds are virtual, and one seed decides everything. The
//! very same programs run on both: that is what the simulator is for.
//!
//! | file | what it holds |
//! |---|---|
//! | `round` | servers and clients on every shard, from the start to the end of all of them |
//! | `servers`, `clients` | what runs on a shard |
//! | `exchange` | one request and its answer |
//! | `identity` | a certificate made on the spot |
//! | `ring`, `simulated` | the two worlds, and what must be as before in each |

#![allow(clippy::print_stdout, reason = "a program that talks to the person who ran it")]

mod clients;
mod exchange;
mod identity;
mod ring;
mod round;
mod servers;
mod simulated;

use std::time::Duration;

use clap::{Parser, Subcommand};

/// Whatever went wrong, for the person who ran it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs store and sockets together and checks that nothing is left of it.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    world: World,
}

#[derive(Debug, Subcommand)]
enum World {
    /// Two shards with rings, over the loopback interface.
    Ring {
        /// How long, in seconds.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Three simulated nodes.
    Sim {
        /// How long, in seconds of virtual time.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// What decides everything.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The fraction of packets that disappear.
        #[arg(long, default_value_t = 0.01)]
        loss: f64,
    },
}

fn main() -> Result<(), Failure> {
    match Arguments::parse().world {
        World::Ring { seconds } => ring::run(Duration::from_secs(seconds)),
        World::Sim { seconds, seed, loss } => {
            simulated::run(Duration::from_secs(seconds), seed, loss)
        }
    }
}
