//! The command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Sends messages back, or sends messages and measures how they come back.
#[derive(Debug, Parser)]
#[command(name = "echo")]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) role: Role,
}

#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Send back whatever comes, until stopped
    Serve(Serve),
    /// Call a server for a while; print the rate and the latencies
    Call(Call),
}

/// What carries the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Proto {
    /// One datagram each; those that are lost are counted
    Udp,
    /// A stream for each connection
    Tcp,
    /// The same, encrypted by TLS 1.3
    Tls,
    /// A connection with one stream
    Quic,
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Proto::Udp => "UDP",
            Proto::Tcp => "TCP",
            Proto::Tls => "TLS",
            Proto::Quic => "QUIC",
        };
        f.write_str(name)
    }
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// What carries the messages
    #[arg(long, value_enum)]
    pub(super) proto: Proto,
    /// Address to listen on, of every shard; port 0 for one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4433")]
    pub(super) listen: SocketAddr,
    /// Certificate chain (PEM) for tls and quic; without it one for `localhost` is made
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// The private key (PEM) of the certificate
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub(super) key: Option<PathBuf>,
    /// Where the certificate that was made is written, for callers to trust
    #[arg(long, value_name = "FILE", default_value_os_t = default_certificate())]
    pub(super) publish: PathBuf,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
}

#[derive(Args, Debug)]
pub(super) struct Call {
    /// What carries the messages
    #[arg(long, value_enum)]
    pub(super) proto: Proto,
    /// Address of the server
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4433")]
    pub(super) to: SocketAddr,
    /// Bytes of a message; over UDP at most 65507, over IPv6 or longer ways fewer
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = size)]
    pub(super) size: usize,
    /// Messages that each connection has on their way
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count)]
    pub(super) outstanding: usize,
    /// Connections, spread over the shards
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = count)]
    pub(super) connections: usize,
    /// For how long, after all connections stand
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub(super) seconds: Duration,
    /// Certificates (PEM) to trust, for tls and quic: by default what the server published here
    #[arg(long, value_name = "FILE", default_value_os_t = default_certificate())]
    pub(super) trust: PathBuf,
    /// The name that the server's certificate must have
    #[arg(long, default_value = "localhost")]
    pub(super) name: String,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
}

#[derive(Args, Debug)]
pub(super) struct EngineArguments {
    /// Shards, each one thread with one ring
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub(super) shards: u16,
    /// An option of the engine, such as `spin=never`; docs/options.md has them all
    #[arg(long = "option", short = 'o', value_name = "KEY=VALUE", value_parser = option)]
    options: Vec<(String, String)>,
}

impl EngineArguments {
    pub(super) fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.options.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Room for the number that tells one datagram from another.
pub(super) const SIZE_MIN: usize = 8;
/// A message is held in memory for each that is on its way.
const SIZE_MAX: usize = 1 << 20;
const COUNT_MAX: usize = 1 << 16;

fn size(text: &str) -> Result<usize, String> {
    within(text, SIZE_MIN, SIZE_MAX)
}

fn count(text: &str) -> Result<usize, String> {
    within(text, 1, COUNT_MAX)
}

fn within(text: &str, min: usize, max: usize) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "a whole number is wanted".to_owned())?;
    let is_within = (min..=max).contains(&number);
    is_within.then_some(number).ok_or_else(|| format!("it must lie between {min} and {max}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map_err(|_| "a number is wanted".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    let is_within = !time.is_zero() && time <= Duration::from_hours(24);
    is_within.then_some(time).ok_or_else(|| "more than 0, at most a day".to_owned())
}

fn option(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("KEY=VALUE is wanted")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn default_certificate() -> PathBuf {
    std::env::temp_dir().join("roundhouse-echo.pem")
}
