//! The broker as a program.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who ran it"
)]

use std::process::ExitCode;

use broker::{Broker, Config};
use roundhouse::{Engine, block_on};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("broker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut signals = signal_hook::iterator::Signals::new(signal_hook::consts::TERM_SIGNALS)?;
    let config = Config::default();
    block_on(async {
        let engine = Engine::builder("broker-data").open().await?;
        let broker = Broker::start(engine.clone(), config).await?;
        let address = broker.address();
        println!("Listening on {address}. Try: echo hello | kcat -b {address} -t greetings -P");
        // The shards have threads of their own; this one has nothing else to do.
        signals.forever().next();
        broker.shut_down().await;
        engine.close().await?;
        Ok(())
    })
}
