//! Connections on which nothing happens, and what each costs.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{join, try_join_all};
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject, machine};
use roundhouse_net::quic::tls::ClientTls;
use roundhouse_net::quic::{ClientConfig, Code, Connection, Endpoint, ServerConfig};
use roundhouse_net::udp::{UdpOptions, UdpSocket};
use roundhouse_runtime::{Shard, SpinOptions, TurnCounters};

use super::identity::{Identity, NAME, PROTOCOL};
use super::shards::{options, server_tls};
use crate::cores::on_counted_shard;

/// Both ends of many connections on one shard.
pub(super) struct Idle {
    pub(super) name: &'static str,
}

pub(super) const CONNECTIONS: usize = 10_000;
/// Handshakes at once.
const AT_ONCE: usize = 100;
/// After this the path MTU is found, and spare connection IDs were exchanged.
const SETTLING: Duration = Duration::from_secs(5);

impl Subject for Idle {
    fn name(&self) -> &str {
        self.name
    }

    fn about(&self) -> String {
        "resident memory of both ends of a connection, halved, TLS included".to_owned()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let duration = stage.duration;
        let identity = Identity::new()?;
        on_counted_shard(SpinOptions::Never, move |shard, turns| async move {
            let ends = Ends::open(&shard, &identity)?;
            // What the first ones cost once and for all.
            let mut held = ends.connect(AT_ONCE).await?;
            let before = machine::resident_mib().ok_or(NO_FIGURE)?;
            for _ in 1..CONNECTIONS / AT_ONCE {
                held.extend(ends.connect(AT_ONCE).await?);
            }
            shard.sleep(SETTLING).await;
            let after = machine::resident_mib().ok_or(NO_FIGURE)?;
            let woken = wake_ups(&shard, &turns, duration).await;
            let ends_made = 2 * (CONNECTIONS - AT_ONCE);
            let memory =
                Measurement::new("KiB/connection", (after - before) * 1024.0 / ends_made as f64);
            let wake_ups = Measurement::new("wake-ups a second", woken)
                .note(format!("with {} ends", held.len()));
            drop(held);
            ends.end().await;
            Ok(vec![memory, wake_ups])
        })
    }
}

/// How often the shard woke up in a second.
async fn wake_ups(shard: &Shard, turns: &TurnCounters, duration: Duration) -> f64 {
    let before = turns.sleeps.load();
    shard.sleep(duration).await;
    // The last one ended this very sleep.
    let woken = (turns.sleeps.load() - before).saturating_sub(1);
    woken as f64 / duration.as_secs_f64()
}

struct Ends {
    client: Endpoint,
    server: Endpoint,
    listener: roundhouse_net::quic::Listener,
    trust: ClientConfig,
}

impl Ends {
    fn open(shard: &Shard, identity: &Identity) -> Result<Ends, MeasureError> {
        let open = || {
            let mut options = options();
            // Each is promised a quarter of a mebibyte, and uses nothing of it.
            options.limits.shard_bytes = u64::MAX;
            let local = UdpOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)));
            let shared = options.shared.clone();
            let endpoint = Endpoint::open(shard, UdpSocket::bind(shard, &local)?, options)?;
            Ok::<_, MeasureError>((endpoint, shared))
        };
        let ((client, shared), (server, servers)) = (open()?, open()?);
        let listener = server.listen(&ServerConfig::new(&server_tls(identity)?, &servers)?);
        let tls = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
        let trust = ClientConfig::new(&tls, &shared)?;
        Ok(Ends { client, server, listener, trust })
    }

    /// Both ends of `count` new connections.
    async fn connect(&self, count: usize) -> Result<Vec<Connection>, MeasureError> {
        let to = self.server.local_address();
        let accept = async {
            let mut accepted = Vec::new();
            for _ in 0..count {
                accepted.push(self.listener.accept().await.ok_or("the listener ended")?);
            }
            Ok::<_, MeasureError>(try_join_all(accepted).await?)
        };
        let connect = async {
            let begun: Result<Vec<_>, _> =
                (0..count).map(|_| self.client.connect(&self.trust, to, NAME)).collect();
            Ok::<_, MeasureError>(try_join_all(begun?).await?)
        };
        let (accepted, connected) = join(accept, connect).await;
        let mut both = accepted?;
        both.extend(connected?);
        Ok(both)
    }

    async fn end(self) {
        for endpoint in [self.client, self.server] {
            endpoint.close(Code::default(), &Bytes::new());
            endpoint.drained().await;
        }
    }
}

pub(super) const NO_FIGURE: &str = "the kernel does not say how much memory is resident";
