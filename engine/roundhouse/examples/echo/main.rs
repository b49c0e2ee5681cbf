//! Echo over UDP, TCP, TLS or QUIC, both sides, with rate and latency:
//!
//! ```sh
//! cargo run --release --example echo -p roundhouse -- serve --proto quic
//! cargo run --release --example echo -p roundhouse -- call --proto quic --outstanding 64
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `arguments` | the command line |
//! | `serve` | sends back what comes |
//! | `call` | keeps questions on their way over many connections, and measures the answers |
//! | `stream_caller`, `datagram_caller` | one connection of that: bytes in order, or datagrams |
//! | `identity` | certificates: given, or made on the spot |
//! | `report` | what is printed in the end |

#![allow(clippy::print_stdout, reason = "a program that talks to the person who ran it")]

mod arguments;
mod call;
mod datagram_caller;
mod identity;
mod report;
mod serve;
mod stream_caller;
#[cfg(test)]
mod tests;

use std::path::Path;

use clap::Parser;
use roundhouse::net::quic::{MASTER_SECRET_BYTES, Shared};
use roundhouse::{Engine, ShardHandle, ShardId, block_on};

use arguments::{Arguments, EngineArguments, Role};

/// Whatever went wrong, for the person who ran it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    match Arguments::parse().role {
        Role::Serve(serve) => block_on(serve::run(&serve, |address| {
            println!("Echoing {} on {address}; stop with Ctrl-C.", serve.proto);
        })),
        Role::Call(call) => {
            print!("{}", block_on(call::run(&call))?);
            Ok(())
        }
    }
}

/// An engine whose shards carry the sockets. It comes with a store, which stays empty.
async fn open_engine(directory: &Path, arguments: &EngineArguments) -> Result<Engine, Failure> {
    let shards = arguments.shards.to_string();
    let small = [("shards", shards.as_str()), ("slot_size", "1MiB"), ("zero_slots", "false")];
    let mut builder = Engine::builder(directory);
    for (key, value) in small.into_iter().chain(arguments.options()) {
        builder = builder.option(key, value)?;
    }
    Ok(builder.open().await?)
}

/// The keys that the QUIC endpoints of the shards share, good until the program ends.
async fn shared(engine: &Engine) -> Result<Shared, Failure> {
    let shards = engine.shards();
    let draw = async move |shard: ShardHandle| {
        let mut master = [0; MASTER_SECRET_BYTES];
        for bytes in master.as_chunks_mut().0 {
            *bytes = shard.runtime().random().to_le_bytes();
        }
        Shared::new(&master, shard.runtime().wall(), shards)
    };
    Ok(engine.spawn_on(ShardId(0), draw).await?)
}
