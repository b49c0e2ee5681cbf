//! A fixed number of messages between two simulated nodes.

use roundhouse::sim::{Cluster, Node, World, WorldOptions};
use roundhouse_base::ShardId;
use roundhouse_measure::MeasureError;
use roundhouse_net::quic::tls::ClientTls;
use roundhouse_net::quic::{ClientConfig, Connection, ServerConfig};
use roundhouse_runtime::{Shard, ShardLoop, SpinOptions};

use super::client::Client;
use super::identity::{Identity, NAME, PROTOCOL};
use super::load::{LOADS, MESSAGE_BYTES};
use super::shards::{accept, open, options, server_tls};
use crate::fixed::{SEED, drive};

/// Sends messages on one stream and takes their echo, `outstanding` on their way.
pub(crate) fn echo(outstanding: usize, messages: u64) -> Result<(), MeasureError> {
    let world = World::new(SEED, WorldOptions::default());
    let (server, client) = (world.node("server"), world.node("client"));
    let mut cluster = Cluster::new(world);
    let (at_server, at_client) = (start(&mut cluster, &server), start(&mut cluster, &client));
    let identity = Identity::new()?;

    let settings = options();
    let config = ServerConfig::new(&server_tls(&identity)?, &settings.shared)?;
    let endpoint = open(&at_server, server.address(), settings)?;
    let address = endpoint.local_address();
    let accepting = accept(at_server.clone(), endpoint.listen(&config), LOADS[0]);
    at_server.spawn(accepting).detach();

    let settings = options();
    let trust = ClientTls::new(identity.roots.clone(), vec![PROTOCOL.to_vec()]);
    let config = ClientConfig::new(&trust, &settings.shared)?;
    let endpoint = open(&at_client, client.address(), settings)?;
    let calling = at_client.spawn(async move {
        let connection = endpoint.connect(&config, address, NAME)?.await?;
        call(&connection, outstanding, messages).await
    });
    drive(&mut cluster, calling)?
}

async fn call(
    connection: &Connection,
    outstanding: usize,
    messages: u64,
) -> Result<(), MeasureError> {
    let (mut sending, mut receiving) = Client::open(connection).await?;
    let data = vec![7; outstanding * MESSAGE_BYTES];
    for _ in 0..messages / outstanding as u64 {
        sending.write_all(&data).await?;
        let mut missing = data.len();
        while missing > 0 {
            let back = receiving.read_chunk(usize::MAX).await?;
            missing -= back.ok_or("the server ended the stream")?.len();
        }
    }
    Ok(())
}

fn start(cluster: &mut Cluster, node: &Node) -> Shard {
    let driver = Box::new(node.driver(ShardId(0)));
    let shard_loop = ShardLoop::new(ShardId(0), driver, SpinOptions::Never);
    let shard = shard_loop.shard();
    cluster.start(node, ShardId(0), Box::new(shard_loop));
    shard
}
