//! The load on stream sockets.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::MeasureError;
use roundhouse_net::tcp::{TcpConnector, TcpOptions, TcpStream};
use roundhouse_runtime::{Shard, SpinOptions};

use super::echo::Way;
use super::{CONNECTIONS, MESSAGE_BYTES};
use crate::cores::{Start, on_shard};

/// Streams: a server accepts [`CONNECTIONS`] and serves them until all have ended.
pub(super) struct Tcp;

impl Way for Tcp {
    fn call(server: SocketAddr, start: Start) -> Result<LatencyHistogram, MeasureError> {
        on_shard(SpinOptions::Adaptive(SPIN), |shard| async move {
            let connector = TcpConnector::new(&shard, TcpOptions::default());
            let connect = (0..CONNECTIONS).map(|_| connector.connect(server));
            let mut streams = try_join_all(connect).await?;
            ask_on_all(&shard, &mut streams, start.warm_up).await?;
            ask_on_all(&shard, &mut streams, start.wait()?).await
        })
    }
}

async fn ask_on_all(
    shard: &Shard,
    streams: &mut [TcpStream],
    duration: Duration,
) -> Result<LatencyHistogram, MeasureError> {
    let latency = RefCell::new(LatencyHistogram::new());
    let end = shard.now() + duration;
    let asking = streams.iter_mut().map(async |stream| {
        let message = Bytes::from_static(&[0x55; MESSAGE_BYTES]);
        let mut now = shard.now();
        while now < end {
            stream.write(message.clone()).await?;
            let mut missing = MESSAGE_BYTES;
            while missing > 0 {
                let data = stream.read().await?.ok_or("the server ended a stream")?;
                missing = missing.checked_sub(data.len()).ok_or("more came back than was sent")?;
            }
            let after = shard.now();
            latency.borrow_mut().record(after.since(now));
            now = after;
        }
        Ok::<_, MeasureError>(())
    });
    try_join_all(asking).await?;
    Ok(latency.into_inner())
}

const SPIN: Duration = Duration::from_micros(50);
