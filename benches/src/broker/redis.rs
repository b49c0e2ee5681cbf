//! Redis streams.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};

use super::child::Server;
use super::resp::Connection;
use super::{Durability, ProduceLoad};

/// XADD.
pub(super) struct Produce(pub(super) ProduceLoad);

impl Subject for Produce {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        let fsync = fsync(self.0.durability);
        format!(
            "7.0; appendonly with appendfsync {fsync}; XADD in pipelines, a stream a connection"
        )
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let redis = Redis::start(stage, self.0.durability)?;
        self.add(&redis, stage, stage.warm_up())?;
        let meter = redis.server.meter(stage)?;
        let watch = stage.watch();
        let latency = self.add(&redis, stage, stage.duration)?;
        let messages = latency.count() * self.0.batch as u64;
        let rate = messages as f64 / watch.elapsed().as_secs_f64();
        let measured = Measurement::new("messages/s", rate).latency(&latency);
        Ok(vec![meter.cost(measured, messages)?])
    }
}

impl Produce {
    /// Adds messages over all connections for a while; how long batches took.
    fn add(
        &self,
        redis: &Redis,
        stage: &Stage,
        duration: Duration,
    ) -> Result<LatencyHistogram, MeasureError> {
        let watch = stage.watch();
        let one = |number: usize| {
            let mut connection = Connection::open(redis.address)?;
            let batch = batch_of(number, self.0.bytes).repeat(self.0.batch);
            let mut latency = LatencyHistogram::new();
            let mut sent = std::collections::VecDeque::new();
            while watch.elapsed() < duration || !sent.is_empty() {
                while watch.elapsed() < duration && sent.len() < self.0.in_flight {
                    sent.push_back(watch.elapsed());
                    connection.send(&batch)?;
                }
                let Some(begun) = sent.pop_front() else { break };
                connection.receive(self.0.batch)?;
                latency.record(watch.elapsed().saturating_sub(begun));
            }
            Ok::<_, MeasureError>(latency)
        };
        std::thread::scope(|scope| {
            let start = |number| scope.spawn(move || one(number));
            let running: Vec<_> = (0..self.0.connections).map(start).collect();
            let mut all = LatencyHistogram::new();
            for thread in running {
                all.merge(&thread.join().map_err(|_| "a producer panicked")??);
            }
            Ok(all)
        })
    }
}

/// XRANGE.
pub(super) struct Consume;

impl Subject for Consume {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> String {
        "7.0; XRANGE of 1,000 messages again and again, over 2 connections".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let redis = Redis::start(stage, Durability::EverySecond)?;
        let mut connections = [Connection::open(redis.address)?, Connection::open(redis.address)?];
        connections[0].send(&batch_of(0, 1024).repeat(PAGE))?;
        connections[0].receive(PAGE)?;
        let meter = redis.server.meter(stage)?;
        let watch = stage.watch();
        let mut pages = 0;
        let ask = command(&[b"XRANGE", b"stream-0", b"-", b"+", b"COUNT", b"1000"]);
        while watch.elapsed() < stage.duration {
            for connection in &mut connections {
                connection.send(&ask)?;
            }
            for connection in &mut connections {
                connection.receive(1)?;
                pages += 1;
            }
        }
        let messages = pages * PAGE as u64;
        let rate = messages as f64 / watch.elapsed().as_secs_f64();
        Ok(vec![meter.cost(Measurement::new("messages/s", rate), messages)?])
    }
}

struct Redis {
    server: Server,
    address: SocketAddr,
}

impl Redis {
    fn start(stage: &Stage, durability: Durability) -> Result<Redis, MeasureError> {
        let dir = stage.path("redis");
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir_all(&dir)?;
        // A port that was free a moment ago.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", fsync(durability)]);
        // Rewriting the file would be measured with the rest.
        command.args(["--auto-aof-rewrite-percentage", "0"]).arg("--dir").arg(&dir);
        let mut server = Server::start(&mut command)?;
        server.line_with("Ready to accept connections")?;
        Ok(Redis { server, address })
    }
}

fn fsync(durability: Durability) -> &'static str {
    match durability {
        Durability::Always => "always",
        Durability::EverySecond => "everysec",
    }
}

fn batch_of(number: usize, bytes: usize) -> Vec<u8> {
    let stream = format!("stream-{number}");
    command(&[b"XADD", stream.as_bytes(), b"*", b"m", &vec![b'x'; bytes]])
}

fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

const NAME: &str = "redis-streams";
/// Messages of one answer.
const PAGE: usize = 1000;
