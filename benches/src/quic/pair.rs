//! What carries QUIC, measured with an end on a core each.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use futures_channel::oneshot;
use roundhouse_measure::{MeasureError, Measurement, Spent, Stage};

use super::client::Done;
use super::flood::Flood;
use super::identity::Identity;
use super::load::{Load, Shape};
use crate::cores::{Start, meet};

/// Something that carries QUIC, at both ends.
pub(super) trait Ends: Clone + Send + 'static {
    /// Serves until `stop` says so: echoes streams that both sides send on, or, for bulk data, only
    /// ends them.
    fn serve(
        self,
        identity: &Identity,
        load: Load,
        address: Sender<SocketAddr>,
        stop: oneshot::Receiver<()>,
    ) -> Result<(), MeasureError>;

    /// Puts the load on the server: first to warm up, then in earnest.
    fn call(
        self,
        identity: &Identity,
        load: Load,
        server: SocketAddr,
        start: Start,
    ) -> Result<Done, MeasureError>;
}

/// Measures a load between the two ends.
pub(super) fn measure(
    ends: &impl Ends,
    load: Load,
    stage: &Stage,
) -> Result<Vec<Measurement>, MeasureError> {
    let identity = Identity::new()?;
    let (stop, stopped) = oneshot::channel();
    let (serving, shown) = (ends.clone(), identity.clone());
    let calling = ends.clone();
    let met = meet(
        stage,
        move |address| serving.serve(&shown, load, address, stopped),
        move |server, start| {
            let flood = match load.strangers_per_second {
                0 => None,
                packets => Some(Flood::start(&identity, server, packets)?),
            };
            let done = calling.call(&identity, load, server, start);
            drop(flood);
            // It may have stopped by itself, which its own result tells.
            stop.send(()).ok();
            done
        },
    )?;
    Ok(vec![figure(&met.called, load, &met.spent)])
}

/// What a load did, in its unit.
pub(super) fn figure(done: &Done, load: Load, spent: &Spent) -> Measurement {
    match load.shape {
        Shape::Bulk => Measurement::bandwidth(done.bytes, done.operations, spent),
        Shape::Messages | Shape::Calls => {
            Measurement::rate("round trips/s", done.operations, spent).latency(&done.latency)
        }
    }
}
