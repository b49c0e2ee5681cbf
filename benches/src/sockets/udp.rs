//! The loads on datagram sockets.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};

use super::echo::Way;
use super::{ANY_PORT, END_BYTES, MESSAGE_BYTES};
use crate::cores::{Start, meet};

/// Something that sends datagrams, and that takes them.
pub(super) trait Carrier: Copy + Send + 'static {
    fn name(&self) -> &'static str;
    fn about(&self) -> String;

    /// Takes datagrams until one of [`END_BYTES`] comes; gives the bytes of the others.
    fn take(self, address: Sender<SocketAddr>) -> Result<u64, MeasureError>;

    /// Sends datagrams of [`DATAGRAM_BYTES`] for a while, then some of [`END_BYTES`].
    fn send(self, to: SocketAddr, start: Start) -> Result<(), MeasureError>;
}

/// Datagrams and a blocking client: a server sends them back where they came from, until one of
/// [`END_BYTES`] comes.
pub(super) struct Udp;

impl Way for Udp {
    fn call(server: SocketAddr, start: Start) -> Result<LatencyHistogram, MeasureError> {
        let socket = UdpSocket::bind(ANY_PORT)?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(LOST_AFTER))?;
        ask_for(&socket, start.warm_up)?;
        let latency = ask_for(&socket, start.wait()?)?;
        socket.send(&[0; END_BYTES])?;
        Ok(latency)
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement has no shard to ask for the time")]
fn ask_for(socket: &UdpSocket, duration: Duration) -> Result<LatencyHistogram, MeasureError> {
    let mut latency = LatencyHistogram::new();
    let (message, mut answer) = ([0x55; MESSAGE_BYTES], [0; 2 * MESSAGE_BYTES]);
    let begin = Instant::now();
    let mut now = begin.elapsed();
    while now < duration {
        socket.send(&message)?;
        let bytes = socket.recv(&mut answer)?;
        if answer[..bytes] != message {
            return Err("the echo is not what was sent".into());
        }
        let after = begin.elapsed();
        latency.record(after.saturating_sub(now));
        now = after;
    }
    Ok(latency)
}

pub(super) struct OneWay<C>(pub(super) C);

impl<C: Carrier> Subject for OneWay<C> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn about(&self) -> String {
        self.0.about()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let carrier = self.0;
        let take = move |address| carrier.take(address);
        let met = meet(stage, take, move |to, start| carrier.send(to, start))?;
        let datagrams = met.served / DATAGRAM_BYTES as u64;
        Ok(vec![Measurement::bandwidth(met.served, datagrams, &met.spent)])
    }
}

/// How often the end is said, since it may be lost, and how far apart.
pub(super) const ENDS: usize = 20;
pub(super) const BETWEEN_ENDS: Duration = Duration::from_millis(2);
/// What fits the smallest packets of the Internet.
pub(super) const DATAGRAM_BYTES: usize = 1200;
const LOST_AFTER: Duration = Duration::from_secs(5);
