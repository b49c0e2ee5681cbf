//! Strangers who knock and never come in.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use roundhouse_base::{Monotonic, Random};
use roundhouse_measure::MeasureError;
use roundhouse_net::quic::ClientConfig;
use roundhouse_net::quic::machine::Machine;
use roundhouse_net::quic::tls::ClientTls;

use super::identity::{Identity, NAME, PROTOCOL};
use super::shards::options;

/// A thread that sends first packets of clients to a server until it is dropped. Each client is one of
/// its own, from an address that answers nothing, until there are no more and they begin anew.
pub(super) struct Flood {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Clients with keys and connection IDs of their own: more than a server lets handshakes be in
/// progress.
const CLIENTS: usize = 4000;
/// Packets sent without a pause; the sender shares a core with the client that is measured.
const BURST: usize = 20;

impl Flood {
    /// Begins with so many packets a second.
    pub(super) fn start(
        identity: &Identity,
        server: SocketAddr,
        packets_per_second: u32,
    ) -> Result<Flood, MeasureError> {
        let flights = first_flights(identity, server)?;
        let socket = UdpSocket::bind((server.ip(), 0))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let told = is_over.clone();
        let pause = Duration::from_secs(BURST as u64) / packets_per_second;
        let send = move || {
            for burst in flights.chunks(BURST).cycle() {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                for flight in burst {
                    // What the system has no room for is lost, as it may be on the way.
                    drop(socket.send_to(flight, server));
                }
                pause_for(pause);
            }
        };
        let thread = std::thread::Builder::new().name("flood".to_owned()).spawn(send)?;
        Ok(Flood { is_over, thread: Some(thread) })
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn first_flights(identity: &Identity, server: SocketAddr) -> Result<Vec<Vec<u8>>, MeasureError> {
    let mut options = options();
    options.limits.connections = CLIENTS;
    options.limits.shard_bytes = u64::MAX;
    let tls = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
    let trust = ClientConfig::new(&tls, &options.shared)?;
    let mut machine = Machine::new(options, Random::new(3))?;
    let now = Monotonic(0);
    let mut flights = Vec::new();
    for _ in 0..CLIENTS {
        machine.connect(now, &trust, server, NAME)?;
        let mut flight = Vec::new();
        machine.transmit(now, &mut flight).ok_or("a client speaks first")?;
        flights.push(flight);
    }
    Ok(flights)
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own, which nothing drives")]
fn pause_for(pause: Duration) {
    std::thread::sleep(pause);
}
