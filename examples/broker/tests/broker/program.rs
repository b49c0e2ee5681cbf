//! The program, as whoever runs it sees it: what it prints, what it tells a service manager, and how it ends.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use broker::Settings;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::{Client, Sender, batch, values};

/// The program with a directory for its data and whatever else it is given.
fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_broker"));
    command.args(["--listen", "127.0.0.1:0", "--data"]).arg(directory.join("data"));
    // Small, for an ordinary user's limits, quick to open, and beside other tests.
    for setting in ["shards=2", "memory=64MiB", "zero_slots=false", "pin=false"] {
        command.args(["--set", &format!("engine.{setting}")]);
    }
    command.stdout(Stdio::piped());
    command
}

/// Starts it, and returns it with the address that it prints.
fn start(command: &mut Command) -> (Child, SocketAddr) {
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
    let address = said.strip_prefix("Listening on ").and_then(|rest| rest.split_once(". "));
    let (address, hint) = address.unwrap_or_else(|| panic!("it said: {said}"));
    assert_eq!(hint, format!("Try: echo hello | kcat -b {address} -t greetings -P\n"));
    (child, address.parse().unwrap())
}

/// Asks it to end.
fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).unwrap();
}

/// Waits until it has ended, and checks that it ended well.
fn wait(mut child: Child) {
    let ended = child.wait().unwrap();
    assert!(ended.success(), "{ended}");
}

#[test]
fn it_tells_the_service_manager_and_ends_in_order_when_it_is_told_to() {
    let directory = TempDir::new().unwrap();
    let manager = directory.path().join("notify");
    let told = UnixDatagram::bind(&manager).unwrap();
    told.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    let next = || {
        let mut text = [0; 64];
        let bytes = told.recv(&mut text).expect("it tells something in time");
        String::from_utf8_lossy(&text[..bytes]).into_owned()
    };
    let watched = [("WATCHDOG_USEC", "200000")];
    let mut command = program(directory.path());
    let (child, address) = start(command.env("NOTIFY_SOCKET", &manager).envs(watched));
    assert_eq!(next(), "READY=1\n");
    assert_eq!(next(), "WATCHDOG=1\n");
    let mut client = Client::connect(address);
    client.metadata(&["t"]);
    assert_eq!(client.produce("t", 0, batch(Sender::NOBODY, &["a"])).error_code, 0);
    terminate(&child);
    // Read before it has ended, for what is told waits in a short queue.
    let last = std::iter::repeat_with(next).find(|told| told != "WATCHDOG=1\n");
    assert_eq!(last.as_deref(), Some("STOPPING=1\n"));
    wait(child);

    let (child, address) = start(&mut program(directory.path()));
    let mut client = Client::connect(address);
    assert_eq!(values(&client.fetch("t", 0, 0)), [(0, "a".to_owned())]);
    terminate(&child);
    wait(child);
}

#[test]
fn what_it_prints_of_its_configuration_is_what_it_was_told() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("broker.toml");
    std::fs::write(&file, "default_partitions = 3\ndurability = \"never\"\n").unwrap();
    let mut command = program(directory.path());
    command.args(["--set", "idle_timeout_ms=7000", "--print-config", "--config"]).arg(&file);
    let printed = command.env("ROUNDHOUSE_BROKER_DURABILITY", "interval:50").output().unwrap();
    assert!(printed.status.success());
    let mut settings = Settings::default();
    settings.apply_toml(&String::from_utf8(printed.stdout).unwrap()).unwrap();
    let told = settings.broker;
    assert_eq!(told.default_partitions, 3, "from the file");
    let durability = roundhouse::Durability::Interval(Duration::from_millis(50));
    assert_eq!(told.durability, durability, "from the environment, over the file");
    assert_eq!(told.idle_timeout, Duration::from_secs(7), "from a flag");
    assert!(!directory.path().join("data").exists(), "nothing is started");
}
