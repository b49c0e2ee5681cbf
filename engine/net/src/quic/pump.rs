//! The task that moves datagrams between an endpoint's socket and its machine.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use roundhouse_base::Monotonic;
use roundhouse_runtime::Sleep;
use roundhouse_runtime::socket::{Pieces, Transmit};

use super::hub::Hub;
use super::machine::{Machine, Train};
use crate::limits::QUIC_ARRIVALS_PER_PASS;
use crate::udp::UdpSocket;

/// One pass at a time: takes in what arrived, lets the tasks run that it concerns, then sends what
/// all of them, and the protocol, have to send.
pub(super) struct Pump {
    hub: Rc<Hub>,
    socket: Rc<UdpSocket>,
    /// The timer that is set, and when for.
    sleep: Option<(Monotonic, Sleep)>,
    /// Datagrams are written here first.
    buffer: Vec<u8>,
    /// The tasks that this pass concerns have had their turn.
    has_let_run: bool,
}

/// Trains up to this are copied into memory of their size, so that the buffer, which is as large as
/// the longest train, serves the next one; longer ones take it with them.
const COPIED_BYTES_MAX: usize = 8 * 1024;

impl Pump {
    pub(super) fn new(hub: Rc<Hub>, socket: Rc<UdpSocket>) -> Pump {
        Pump { hub, socket, sleep: None, buffer: Vec::new(), has_let_run: false }
    }

    /// Takes in what arrived. True if there may be more.
    fn receive(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.hub.now();
        for _ in 0..QUIC_ARRIVALS_PER_PASS {
            let forwarded = self.hub.forwarded.borrow_mut().pop_front();
            if let Some(arrival) = forwarded {
                self.hub.look(|machine| machine.receive(now, arrival));
                continue;
            }
            match self.socket.poll_receive(context) {
                Poll::Ready(Ok(arrival)) => {
                    self.hub.look(|machine| machine.receive(now, arrival));
                }
                // Nothing is lost by it, and the next call receives again.
                Poll::Ready(Err(errno)) => {
                    tracing::warn!(%errno, "receiving datagrams failed; trying again");
                    return true;
                }
                Poll::Pending => return false,
            }
        }
        true
    }

    fn forward(&self) {
        let mut forward = self.hub.forward.borrow_mut();
        while let Some(misfit) = self.hub.look(Machine::next_misfit) {
            if let Some(forward) = forward.as_mut() {
                forward(misfit);
            }
        }
    }

    /// Sends until there is nothing left or no room. True if there is more.
    fn transmit(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.hub.now();
        loop {
            if self.socket.poll_send_ready(context).is_pending() {
                return false;
            }
            let train = self.hub.look(|machine| machine.transmit(now, &mut self.buffer));
            let Some(train) = train else { break };
            let transmit = self.take_transmit(train);
            if self.socket.try_send(transmit).is_err() {
                // There was room a moment ago, and nobody else uses the socket.
                return true;
            }
        }
        self.hub.look(|machine| machine.has_to_send())
    }

    fn take_transmit(&mut self, train: Train) -> Transmit {
        let data = if self.buffer.len() <= COPIED_BYTES_MAX {
            Bytes::copy_from_slice(&self.buffer)
        } else {
            Bytes::from(std::mem::take(&mut self.buffer))
        };
        let Train { destination, source, ecn, segment_bytes } = train;
        Transmit { destination, source, ecn, data: Pieces::from(data), segment_bytes }
    }

    /// Arranges to be woken at the machine's deadline. True if it has come.
    fn sleep(&mut self, context: &mut Context<'_>) -> bool {
        let Some(deadline) = self.hub.look(|machine| machine.next_deadline()) else {
            self.sleep = None;
            return false;
        };
        if self.sleep.as_ref().is_none_or(|(set, _)| *set != deadline) {
            self.sleep = Some((deadline, self.hub.shard.sleep_until(deadline)));
        }
        let (_, sleep) = self.sleep.as_mut().expect("it was just set");
        let has_come = Pin::new(sleep).poll(context).is_ready();
        if has_come {
            self.sleep = None;
        }
        has_come
    }

    /// Whether nobody needs the endpoint any more.
    fn is_done(&self) -> bool {
        self.hub.is_closed.get()
            && self.hub.look(|machine| machine.connections() == 0 && !machine.has_to_send())
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let pump = &mut *self;
        let hub = pump.hub.clone();
        hub.set_pump(context);
        hub.look(|machine| machine.set_wall(hub.shard.wall()));
        let mut has_more = pump.receive(context);
        hub.look(|machine| {
            machine.expire(hub.now());
            machine.settle(hub.now());
        });
        pump.forward();
        if hub.deliver() && !std::mem::replace(&mut pump.has_let_run, true) {
            // Their answers and our acknowledgements then share datagrams.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        pump.has_let_run = false;
        has_more |= pump.transmit(context);
        hub.deliver();
        if pump.is_done() {
            return Poll::Ready(());
        }
        if pump.sleep(context) || has_more {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
