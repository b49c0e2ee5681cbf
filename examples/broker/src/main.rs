//! The broker as a program.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who ran it"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use broker::{Broker, Settings};
use clap::Parser;
use roundhouse::{Engine, block_on};
use tracing::level_filters::LevelFilter;

/// A broker for Kafka's clients, on the Roundhouse engine.
///
/// Settings come from the file, then the environment (ROUNDHOUSE_BROKER_LISTEN and the like for the
/// broker, ROUNDHOUSE_MEMORY and the like for the engine), then flags; the last one counts.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Where the data is; created if missing.
    #[arg(long, default_value = "broker-data")]
    data: PathBuf,
    /// A file with settings; see config/ beside the source for three to begin with.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Where clients connect, as `--set listen=ADDRESS`.
    #[arg(long)]
    listen: Option<String>,
    /// Sets a setting; those of the engine as engine.KEY=VALUE.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Prints all settings as they would be used, and ends.
    #[arg(long)]
    print_config: bool,
    /// What is logged to standard error: off, error, warn, info, debug or trace.
    #[arg(long, default_value = "warn")]
    log: LevelFilter,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("broker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let settings = settings(arguments)?;
    if arguments.print_config {
        print!("{}", settings.to_toml());
        return Ok(());
    }
    tracing_subscriber::fmt().with_max_level(arguments.log).with_writer(std::io::stderr).init();
    // Before anything is started, so that no signal is missed.
    let mut signals = signal_hook::iterator::Signals::new(signal_hook::consts::TERM_SIGNALS)?;
    block_on(async {
        let engine = Engine::builder(&arguments.data).options(settings.engine).open().await?;
        let broker = Broker::start(engine.clone(), settings.broker).await?;
        let address = broker.address();
        println!("Listening on {address}. Try: echo hello | kcat -b {address} -t greetings -P");
        // The shards have threads of their own; this one has nothing else to do.
        signals.forever().next();
        broker.shut_down().await;
        engine.close().await?;
        Ok(())
    })
}

fn settings(arguments: &Arguments) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    if let Some(file) = &arguments.config {
        let text = std::fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        settings.apply_toml(&text)?;
    }
    settings.apply_environment(std::env::vars())?;
    for pair in &arguments.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("{pair}: KEY=VALUE is wanted"))?;
        settings.set(key, value)?;
    }
    if let Some(listen) = &arguments.listen {
        settings.set("listen", listen)?;
    }
    Ok(settings)
}
