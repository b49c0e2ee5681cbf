//! An echo: a client that is the same for all, and a server that is measured by it.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use roundhouse_base::metrics::LatencyHistogram;
use roundhouse_measure::{MeasureError, Measurement, Stage, Subject};

use crate::cores::{Start, meet};

/// A way for messages to travel, with its client.
pub(super) trait Way: 'static {
    /// Asks again and again, and says how long the answers took.
    fn call(server: SocketAddr, start: Start) -> Result<LatencyHistogram, MeasureError>;
}

/// Something that sends back what comes by a way.
pub(super) trait EchoServer<W>: Copy + Send + 'static {
    fn name(&self) -> &'static str;
    fn about(&self) -> String;

    /// Serves until the client of the way has had enough.
    fn serve(self, address: Sender<SocketAddr>) -> Result<(), MeasureError>;
}

/// A server as a subject.
pub(super) struct Echo<W, S> {
    server: S,
    way: PhantomData<fn() -> W>,
}

impl<W: Way, S: EchoServer<W>> Echo<W, S> {
    pub(super) fn of(server: S) -> Box<dyn Subject> {
        Box::new(Echo { server, way: PhantomData })
    }
}

impl<W: Way, S: EchoServer<W>> Subject for Echo<W, S> {
    fn name(&self) -> &str {
        self.server.name()
    }

    fn about(&self) -> String {
        self.server.about()
    }

    fn measure(&self, stage: &Stage) -> Result<Vec<Measurement>, MeasureError> {
        let server = self.server;
        let met = meet(stage, move |address| server.serve(address), W::call)?;
        let rate = Measurement::rate("round trips/s", met.called.count(), &met.spent);
        Ok(vec![rate.latency(&met.called)])
    }
}
