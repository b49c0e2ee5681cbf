//! A broker in this process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::{Broker, Config};
use roundhouse::{Engine, block_on};
use tempfile::TempDir;

/// A running broker with a directory of its own.
pub(crate) struct Server {
    engine: Engine,
    broker: Broker,
    directory: Arc<TempDir>,
    config: Config,
    options: Vec<(&'static str, &'static str)>,
}

impl Server {
    /// Starts a broker in a fresh directory.
    pub(crate) fn start() -> Server {
        Server::with(Config::default())
    }

    /// The same with another configuration.
    pub(crate) fn with(config: Config) -> Server {
        Server::with_options(config, &[])
    }

    /// The same with options of the engine's.
    pub(crate) fn with_options(config: Config, options: &[(&'static str, &'static str)]) -> Server {
        Server::start_in(Arc::new(tempfile::tempdir().unwrap()), config, options.to_vec())
    }

    /// Starts a broker in a fresh directory within another.
    pub(crate) fn within(parent: &Path, options: &[(&'static str, &'static str)]) -> Server {
        let directory = Arc::new(tempfile::tempdir_in(parent).unwrap());
        Server::start_in(directory, Config::default(), options.to_vec())
    }

    /// Stops the broker in order and starts it again on the same directory.
    pub(crate) fn restart(self) -> Server {
        let (directory, config) = (self.directory.clone(), self.config.clone());
        let options = self.options.clone();
        self.stop();
        Server::start_in(directory, config, options)
    }

    /// Stops the broker in order.
    pub(crate) fn stop(self) {
        block_on(async {
            self.broker.shut_down().await;
            self.engine.close().await.unwrap();
        });
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.broker.address()
    }

    /// Where it serves HTTP.
    pub(crate) fn http_address(&self) -> SocketAddr {
        self.broker.http_address().expect("the configuration asks for it")
    }

    fn start_in(
        directory: Arc<TempDir>,
        config: Config,
        options: Vec<(&'static str, &'static str)>,
    ) -> Server {
        let data: PathBuf = directory.path().join("data");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let running = Config { listen, ..config.clone() };
        let (engine, broker) = block_on(async {
            // Small, for an ordinary user's limits, and quick to open.
            let small = [("shards", "2"), ("memory", "64MiB"), ("zero_slots", "false")];
            let mut builder = Engine::builder(data);
            for (key, value) in small.iter().chain(&options) {
                builder = builder.option(key, value).unwrap();
            }
            let engine = builder.open().await.unwrap();
            let broker = Broker::start(engine.clone(), running).await.unwrap();
            (engine, broker)
        });
        Server { engine, broker, directory, config, options }
    }
}
