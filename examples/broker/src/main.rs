//! The broker as a program.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that talks to the person who ran it"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use broker::notify::{Notifier, State, watchdog_interval};
use broker::{Broker, Settings};
use clap::Parser;
use roundhouse::{Engine, block_on};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
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
    raise_file_limit();
    // Before anything is started, so that no signal is missed.
    let mut signals = signal_hook::iterator::Signals::new(signal_hook::consts::TERM_SIGNALS)?;
    let notifier =
        std::env::var_os("NOTIFY_SOCKET").map(|name| Notifier::new(&name)).transpose()?;
    broker::doors::check_free(settings.broker.listen)?;
    block_on(async {
        let engine = Engine::builder(&arguments.data).options(settings.engine).open().await?;
        let broker = Broker::start(engine.clone(), settings.broker).await?;
        let address = broker.address();
        println!("Listening on {address}. Try: echo hello | kcat -b {address} -t greetings -P");
        let broker = Arc::new(broker);
        let watchdog = notifier.as_ref().and_then(|_| watch(&broker));
        tell(notifier.as_ref(), State::Ready);
        // The shards have threads of their own; this one has nothing else to do.
        signals.forever().next();
        tell(notifier.as_ref(), State::Stopping);
        drop(watchdog);
        broker.shut_down().await;
        engine.close().await?;
        Ok(())
    })
}

/// Tells the service manager, if there is one.
fn tell(notifier: Option<&Notifier>, state: State) {
    if let Some(Err(error)) = notifier.map(|notifier| notifier.tell(state)) {
        tracing::warn!(%error, ?state, "the service manager could not be told");
    }
}

/// Feeds the service manager's watchdog as long as every shard answers; ends when what it returns is
/// dropped. `None` if there is no watchdog.
fn watch(broker: &Arc<Broker>) -> Option<Sender<()>> {
    let variable = |name| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let (usec, pid) = (variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"));
    let interval = watchdog_interval(usec.as_deref(), pid.as_deref())?;
    let notifier = Notifier::new(&std::env::var_os("NOTIFY_SOCKET")?).ok()?;
    let (end, ended) = channel();
    let broker = broker.clone();
    std::thread::spawn(move || {
        while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            if block_on(broker.is_alive()) {
                tell(Some(&notifier), State::Watchdog);
            }
        }
    });
    Some(end)
}

/// As many files as the system lets this user have: each connection is one.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays at {:?}", limit.current);
    }
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
