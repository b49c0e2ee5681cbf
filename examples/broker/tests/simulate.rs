//! The broker in the simulator: a client that sends each batch until it is acknowledged, over a network
//! that loses packets, to a broker that loses its power. `SEED=N cargo test -p broker --test simulate`
//! runs one world.

#![allow(clippy::print_stderr, reason = "the seed of a failure must be known")]

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use broker::protocol::batch::{BATCH_HEADER_BYTES, BatchInfo};
use broker::{Broker, Config};
use bytes::{BufMut, Bytes, BytesMut};
use roundhouse::net::{TcpOptions, TcpStream};
use roundhouse::sim::{Cluster, Node, Outcome, RunLimits, World, WorldOptions};
use roundhouse::{Engine, ShardHandle, ShardId};

const BATCHES: i32 = 40;
const TOPIC: &[u8] = b"t";

#[test]
fn what_was_acknowledged_is_there_once_and_in_order_after_loss_and_power_failure() {
    let seeds = match seed_wanted() {
        Some(seed) => seed..seed + 1,
        None => 0..8,
    };
    for seed in seeds {
        eprintln!("seed {seed}");
        live(seed);
    }
}

#[test]
fn a_seed_gives_the_same_life_each_time() {
    assert_eq!(live(3), live(3));
}

/// One life of the world. Returns its trace.
fn live(seed: u64) -> u64 {
    let world = World::new(seed, WorldOptions::default());
    world.change_links(|link| link.loss = 0.03);
    let (server, client) = (world.node("server"), world.node("client"));
    let mut cluster = Cluster::new(world.clone());
    let listen = SocketAddr::new(server.address(), 9092);

    let engine = open(&mut cluster, &server);
    let broker = start(&mut cluster, &engine, listen);
    let sender = open(&mut cluster, &client);
    let offsets = Rc::new(RefCell::new(Vec::new()));
    // Between threads in type only.
    let (told, tell) = std::sync::mpsc::channel();
    let program = async move |shard: ShardHandle| Sender::new(shard, listen, told).send_all().await;
    let mut sending = pin!(sender.spawn_on(ShardId(0), program));
    // When the power fails is up to the seed, too.
    let steps = 200 + world.random().below(1500);
    let is_early = run(&mut cluster, steps, sending.as_mut()).is_none();
    if is_early {
        cluster.crash(&server);
        drop((broker, engine));
        let engine = open(&mut cluster, &server);
        let _broker = start(&mut cluster, &engine, listen);
        run(&mut cluster, u64::MAX, sending).expect("it comes to an end").expect("nobody stops it");
        check(&mut cluster, seed, &sender, listen);
    } else {
        check(&mut cluster, seed, &sender, listen);
    }
    offsets.borrow_mut().extend(tell.try_iter());
    let offsets = offsets.take();
    assert_eq!(offsets, (0..BATCHES).map(i64::from).collect::<Vec<_>>(), "seed {seed}");
    world.trace_hash()
}

/// Fetches everything: each batch once, in order, at the offset that was acknowledged.
fn check(cluster: &mut Cluster, seed: u64, engine: &Engine, to: SocketAddr) {
    let reading = engine.spawn_on(ShardId(0), async move |shard: ShardHandle| {
        let mut asking = Asking::new(shard, to);
        let answer = asking.ask(&fetch()).await;
        records(&answer)
    });
    let stored = run(cluster, u64::MAX, reading).expect("it comes to an end").expect("it is open");
    let wanted: Vec<_> = (0..BATCHES).map(|number| (i64::from(number), number)).collect();
    assert_eq!(stored, wanted, "seed {seed}: offsets and sequences");
}

/// A connection that is made again whenever it fails.
struct Asking {
    shard: ShardHandle,
    to: SocketAddr,
    stream: Option<TcpStream>,
}

impl Asking {
    fn new(shard: ShardHandle, to: SocketAddr) -> Asking {
        Asking { shard, to, stream: None }
    }

    /// Asks until there is an answer.
    async fn ask(&mut self, request: &Bytes) -> BytesMut {
        loop {
            if let Ok(answer) = self.try_ask(request).await {
                return answer;
            }
            self.stream = None;
            self.shard.runtime().sleep(Duration::from_millis(100)).await;
        }
    }

    async fn try_ask(&mut self, request: &Bytes) -> io::Result<BytesMut> {
        if self.stream.is_none() {
            let read_timeout = Some(Duration::from_secs(2));
            let options = TcpOptions { read_timeout, ..TcpOptions::default() };
            self.stream = Some(self.shard.tcp_connector(options).connect(self.to).await?);
        }
        let stream = self.stream.as_mut().expect("connected above");
        stream.write(request.clone()).await?;
        let mut answer = BytesMut::new();
        loop {
            let part = stream.read().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
            answer.extend_from_slice(&part);
            let length = answer.first_chunk().map(|length| u32::from_be_bytes(*length) as usize);
            if length.is_some_and(|length| answer.len() >= 4 + length) {
                return Ok(answer.split_off(4));
            }
        }
    }
}

/// An idempotent producer, one batch after the other.
struct Sender {
    asking: Asking,
    acknowledged: std::sync::mpsc::Sender<i64>,
}

impl Sender {
    fn new(
        shard: ShardHandle,
        to: SocketAddr,
        acknowledged: std::sync::mpsc::Sender<i64>,
    ) -> Sender {
        Sender { asking: Asking::new(shard, to), acknowledged }
    }

    async fn send_all(mut self) {
        self.asking.ask(&metadata()).await;
        for number in 0..BATCHES {
            let offset = self.produce(number).await;
            self.acknowledged.send(offset).expect("the test listens");
        }
    }

    /// Sends a batch until it is acknowledged, and returns its offset.
    async fn produce(&mut self, number: i32) -> i64 {
        let request = produce(number);
        loop {
            let answer = self.asking.ask(&request).await;
            // Correlation, one topic, its name, one partition and its number are before the error.
            let at = 4 + 4 + 2 + TOPIC.len() + 4 + 4;
            let error = i16::from_be_bytes(*answer[at..].first_chunk().expect("an error code"));
            if error == 0 {
                return i64::from_be_bytes(*answer[at + 2..].first_chunk().expect("an offset"));
            }
            self.asking.shard.runtime().sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Metadata 4 of the topic, which creates it.
fn metadata() -> Bytes {
    request(3, 4, |body| {
        body.put_i32(1);
        put_topic(body);
        body.put_u8(1);
    })
}

/// Produce 7 of one batch with one record.
fn produce(number: i32) -> Bytes {
    let batch = batch(number);
    request(0, 7, |body| {
        body.put_i16(-1); // no transaction
        body.put_i16(-1); // acks=all
        body.put_i32(1000);
        body.put_i32(1);
        put_topic(body);
        body.put_i32(1);
        body.put_i32(0);
        body.put_i32(batch.len() as i32);
        body.put_slice(&batch);
    })
}

/// Fetch 4 of the first partition from its beginning.
fn fetch() -> Bytes {
    request(1, 4, |body| {
        for number in [-1, 0, 0, 1 << 20] {
            body.put_i32(number); // replica, wait, bytes at least and at most
        }
        body.put_u8(0);
        body.put_i32(1);
        put_topic(body);
        body.put_i32(1);
        body.put_i32(0);
        body.put_i64(0);
        body.put_i32(1 << 20);
    })
}

fn request(key: i16, version: i16, body: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut request = BytesMut::new();
    request.put_i32(0);
    request.put_i16(key);
    request.put_i16(version);
    request.put_i32(1);
    request.put_i16(-1); // no client id
    body(&mut request);
    let length = request.len() as u32 - 4;
    request[..4].copy_from_slice(&length.to_be_bytes());
    request.freeze()
}

fn put_topic(body: &mut BytesMut) {
    body.put_i16(TOPIC.len() as i16);
    body.put_slice(TOPIC);
}

/// A batch with one record of no meaning, number `number` of its producer.
fn batch(number: i32) -> BytesMut {
    let record = [7u8 << 1, 0, 0, 0, 1, 1 << 1, b'v', 0];
    let mut batch = BytesMut::new();
    batch.put_i64(0);
    batch.put_i32((BATCH_HEADER_BYTES - 12 + record.len()) as i32);
    batch.put_i32(-1);
    batch.put_i8(2);
    batch.put_u32(0);
    batch.put_i16(0);
    batch.put_i32(0); // the last offset's distance
    batch.put_i64(1000);
    batch.put_i64(1000);
    batch.put_i64(77); // the producer, its epoch, the sequence
    batch.put_i16(0);
    batch.put_i32(number);
    batch.put_i32(1);
    batch.put_slice(&record);
    // Stamping renews the checksum; the time is the one it had.
    let attributes = batch[21..23].to_vec();
    broker::protocol::batch::stamp(&mut batch, 1000);
    assert_ne!(batch[21..23], attributes[..], "stamping says so");
    batch
}

/// The offset and sequence of each batch in a Fetch response.
fn records(answer: &[u8]) -> Vec<(i64, i32)> {
    // Correlation, throttling, one topic, its name, one partition: its number, error, two offsets, no
    // aborted transactions, the length of the records.
    let mut rest = &answer[4 + 4 + 4 + 2 + TOPIC.len() + 4 + 4 + 2 + 8 + 8 + 4 + 4..];
    let mut found = Vec::new();
    while let Some(header) = rest.first_chunk::<BATCH_HEADER_BYTES>() {
        let base = i64::from_be_bytes(*header.first_chunk().expect("it is longer"));
        let length = u32::from_be_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let info = BatchInfo::check(&rest[..12 + length]).expect("it is as it was accepted");
        found.push((base, info.base_sequence));
        rest = &rest[12 + length..];
    }
    found
}

fn start(cluster: &mut Cluster, engine: &Engine, listen: SocketAddr) -> Broker {
    let config = Config { listen, default_partitions: 2, ..Config::default() };
    let starting = Broker::start(engine.clone(), config);
    run(cluster, u64::MAX, starting).expect("it comes to an end").expect("it starts")
}

/// Starts two shards on a node and opens the engine that they are.
fn open(cluster: &mut Cluster, node: &Node) -> Engine {
    let options = [("shards", "2"), ("slot_size", "1MiB"), ("zero_slots", "false")];
    let builder =
        options.into_iter().fold(Engine::builder(Path::new("/data")), |all, (key, value)| {
            all.option(key, value).expect("it is in its range")
        });
    let (opening, seeds) = builder.seeds().expect("the options are complete");
    for seed in seeds {
        let shard = seed.id();
        let shard_loop = seed.start_on(Box::new(node.driver(shard)));
        cluster.start(node, shard, Box::new(shard_loop));
    }
    run(cluster, u64::MAX, opening).expect("it comes to an end").expect("the store opens")
}

/// Runs the world for so many steps, or until a future that lives outside of it is ready.
fn run<T>(cluster: &mut Cluster, steps_max: u64, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut output = None;
    let outcome = cluster.run_until(RunLimits { steps_max, ..RunLimits::default() }, || {
        if let Poll::Ready(ready) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            output = Some(ready);
        }
        output.is_some()
    });
    assert_ne!(outcome, Outcome::Deadlock, "nothing can happen any more");
    output
}

#[expect(clippy::disallowed_methods, reason = "which world is run is the tester's choice")]
fn seed_wanted() -> Option<u64> {
    std::env::var("SEED").ok()?.parse().ok()
}
