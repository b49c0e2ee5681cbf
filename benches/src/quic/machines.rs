//! The ceiling: the protocol at both ends, on one thread and with nothing between them.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use roundhouse_base::{Monotonic, Random, WallTime};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject, Watch};
use roundhouse_net::quic::machine::{ConnectionKey, Event, Machine, ReadOutcome};
use roundhouse_net::quic::tls::ClientTls;
use roundhouse_net::quic::{ClientConfig, Direction, ReadError, ServerConfig, StreamId};
use roundhouse_runtime::socket::Arrival;

use super::client::Done;
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{BULK_WRITE_BYTES, Load, MESSAGE_BYTES, Shape};
use super::pair::figure;
use super::shards::{options, server_tls};

/// The state machines of two endpoints that hand each other their datagrams.
pub(super) struct Machines {
    pub(super) name: &'static str,
    pub(super) load: Load,
}

impl Subject for Machines {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        "quinn-proto at both ends, on one core, datagrams handed over in memory".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let mut wire = Wire::new(stage.watch(), self.load)?;
        wire.connect()?;
        wire.run(stage.warm_up())?;
        let watch = stage.watch();
        wire.run(stage.duration)?;
        Ok(vec![figure(&wire.done, self.load, &watch.spent())])
    }
}

struct Wire<'a> {
    clock: Watch<'a>,
    load: Load,
    trust: ClientConfig,
    client: Machine,
    server: Machine,
    /// The client's connection.
    key: ConnectionKey,
    /// The stream of loads with one, and when its messages were sent.
    stream: Option<StreamId>,
    sent: VecDeque<Duration>,
    /// Bytes that came back of the message that is next.
    partial: usize,
    /// Streams of calls, with when they began.
    calls: HashMap<StreamId, Duration>,
    /// Calls that wait until the server allows more streams.
    held_back: usize,
    done: Done,
    /// One write of bulk data.
    bulk: Vec<u8>,
    buffer: Vec<u8>,
}

impl<'a> Wire<'a> {
    fn new(clock: Watch<'a>, load: Load) -> Result<Wire<'a>, MeasureError> {
        let identity = Identity::new()?;
        let (here, there) = (options(), options());
        here.shared.wall.set(WallTime::from_millis(VALID_AT_MS));
        there.shared.wall.set(WallTime::from_millis(VALID_AT_MS));
        let tls = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
        let trust = ClientConfig::new(&tls, &here.shared)?;
        let shown = ServerConfig::new(&server_tls(&identity)?, &there.shared)?;
        let client = Machine::new(here, Random::new(1))?;
        let mut server = Machine::new(there, Random::new(2))?;
        server.listen(Some(&shown));
        Ok(Wire {
            clock,
            load,
            trust,
            client,
            server,
            key: ConnectionKey { index: 0, generation: 0 },
            stream: None,
            sent: VecDeque::new(),
            partial: 0,
            calls: HashMap::new(),
            held_back: 0,
            done: Done::default(),
            bulk: vec![7; BULK_WRITE_BYTES],
            buffer: Vec::new(),
        })
    }

    fn now(&self) -> Monotonic {
        Monotonic(self.clock.elapsed().as_nanos() as u64)
    }

    fn connect(&mut self) -> Result<(), MeasureError> {
        let now = self.now();
        self.key = self.client.connect(now, &self.trust, address(SERVER), NAME)?;
        while !self.client.is_established(self.key) {
            self.pass(false)?;
        }
        Ok(())
    }

    fn run(&mut self, duration: Duration) -> Result<(), MeasureError> {
        self.done = Done::default();
        self.held_back = 0;
        let end = self.clock.elapsed() + duration;
        self.begin()?;
        loop {
            let has_time = self.clock.elapsed() < end;
            self.pass(has_time)?;
            if !has_time && self.sent.is_empty() && self.calls.is_empty() {
                return Ok(());
            }
        }
    }

    fn begin(&mut self) -> Result<(), MeasureError> {
        let now = self.clock.elapsed();
        if self.load.shape == Shape::Calls {
            return (0..self.load.outstanding).try_for_each(|_| self.call(now));
        }
        if self.stream.is_none() {
            self.stream = self.client.open_stream(self.key, Direction::Bidirectional);
        }
        if self.load.shape == Shape::Messages {
            self.send_messages(self.load.outstanding, now)?;
        }
        Ok(())
    }

    fn call(&mut self, now: Duration) -> Result<(), MeasureError> {
        let opened = self.client.open_stream(self.key, Direction::Bidirectional);
        let Some(stream) = opened else {
            self.held_back += 1;
            return Ok(());
        };
        self.client.write(self.key, stream, &[7; MESSAGE_BYTES])?;
        self.client.finish(self.key, stream)?;
        self.calls.insert(stream, now);
        Ok(())
    }

    fn send_messages(&mut self, count: usize, now: Duration) -> Result<(), MeasureError> {
        let stream = self.stream.ok_or("the server allows no stream")?;
        self.client.write(self.key, stream, &vec![7; count * MESSAGE_BYTES])?;
        self.sent.extend(std::iter::repeat_n(now, count));
        Ok(())
    }

    /// One pass of both machines.
    fn pass(&mut self, has_time: bool) -> Result<(), MeasureError> {
        let now = self.now();
        if has_time && self.load.shape == Shape::Bulk {
            self.send_bulk()?;
        }
        hand_over(now, &mut self.client, &mut self.server, CLIENT, &mut self.buffer);
        step(now, &mut self.server);
        while let Some((key, event)) = self.server.next_event() {
            answer(&mut self.server, key, &event, self.load)?;
        }
        hand_over(now, &mut self.server, &mut self.client, SERVER, &mut self.buffer);
        step(now, &mut self.client);
        while let Some((_, event)) = self.client.next_event() {
            match event {
                Event::Readable(stream) => self.take(stream, has_time)?,
                Event::Available(_) if has_time => {
                    let now = self.clock.elapsed();
                    for _ in 0..std::mem::take(&mut self.held_back) {
                        self.call(now)?;
                    }
                }
                Event::Lost(error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    fn send_bulk(&mut self) -> Result<(), MeasureError> {
        let stream = self.stream.ok_or("the server allows no stream")?;
        let taken = self.client.write(self.key, stream, &self.bulk)?;
        self.done.bytes += taken as u64;
        self.done.operations += u64::from(taken > 0);
        Ok(())
    }

    /// Takes in what came back on a stream.
    fn take(&mut self, stream: StreamId, has_time: bool) -> Result<(), MeasureError> {
        loop {
            let now = self.clock.elapsed();
            let read = self.client.read(self.key, stream, usize::MAX);
            if read == Err(ReadError::Finished) {
                return Ok(());
            }
            match read? {
                ReadOutcome::Data(data) if self.load.shape == Shape::Messages => {
                    self.partial += data.len();
                    let answered = self.partial / MESSAGE_BYTES;
                    self.partial %= MESSAGE_BYTES;
                    self.answered(now, answered);
                    if has_time {
                        self.send_messages(answered, now)?;
                    }
                }
                ReadOutcome::Data(_) => {}
                ReadOutcome::End => {
                    let begun = self.calls.remove(&stream).ok_or("an answer to nothing")?;
                    self.sent.push_front(begun);
                    self.answered(now, 1);
                    return if has_time { self.call(now) } else { Ok(()) };
                }
                ReadOutcome::Nothing => return Ok(()),
            }
        }
    }

    fn answered(&mut self, now: Duration, count: usize) {
        self.done.operations += count as u64;
        for sent in self.sent.drain(..count) {
            self.done.latency.record(now.saturating_sub(sent));
        }
    }
}

fn step(now: Monotonic, machine: &mut Machine) {
    machine.expire(now);
    machine.settle(now);
}

fn hand_over(
    now: Monotonic,
    from: &mut Machine,
    to: &mut Machine,
    port: u16,
    buffer: &mut Vec<u8>,
) {
    while let Some(train) = from.transmit(now, buffer) {
        let segment_bytes = train.segment_bytes.map_or(buffer.len(), usize::from);
        let data = BytesMut::from(&buffer[..]);
        let (source, ecn) = (address(port), train.ecn);
        to.receive(now, Arrival { source, destination: None, ecn, data, segment_bytes });
    }
}

/// What a server does.
fn answer(
    server: &mut Machine,
    key: ConnectionKey,
    event: &Event,
    load: Load,
) -> Result<(), MeasureError> {
    match event {
        Event::Incoming => server.accepted(key),
        Event::Opened(direction) => {
            while let Some(stream) = server.accept_stream(key, *direction) {
                echo(server, key, stream, load)?;
            }
        }
        Event::Readable(stream) => echo(server, key, *stream, load)?,
        _ => {}
    }
    Ok(())
}

fn echo(
    server: &mut Machine,
    key: ConnectionKey,
    stream: StreamId,
    load: Load,
) -> Result<(), MeasureError> {
    loop {
        let read = server.read(key, stream, usize::MAX);
        if read == Err(ReadError::Finished) {
            // A stream that ends as soon as it is opened is told of twice.
            return Ok(());
        }
        match read? {
            ReadOutcome::Data(data) if load.shape != Shape::Bulk => {
                let taken = server.write(key, stream, &data)?;
                if taken < data.len() {
                    return Err("the client allows too few bytes".into());
                }
            }
            ReadOutcome::Data(_) => {}
            ReadOutcome::End => return Ok(server.finish(key, stream)?),
            ReadOutcome::Nothing => return Ok(()),
        }
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

const CLIENT: u16 = 1;
const SERVER: u16 = 2;

/// 2030-01-01: any day serves, since the certificate is made on the spot and good for ages.
const VALID_AT_MS: u64 = 1_893_456_000_000;
