//! The task that moves datagrams between an endpoint's socket and its machine.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use roundhouse_base::Monotonic;
use roundhouse_runtime::Sleep;

use super::hub::Hub;
use crate::limits::{QUIC_ARRIVALS_PER_PASS, QUIC_ROUNDS_BEFORE_SENDING};
use crate::udp::UdpSocket;

/// One pass at a time: takes in what arrived, lets the tasks run that it concerns, then sends what
/// all of them, and the protocol, have to send.
pub(super) struct Pump {
    hub: Rc<Hub>,
    socket: Rc<UdpSocket>,
    /// The timer that is set, and when for.
    sleep: Option<(Monotonic, Sleep)>,
    /// How often the tasks that this pass concerns have had their turn.
    rounds: u8,
}

impl Pump {
    pub(super) fn new(hub: Rc<Hub>, socket: Rc<UdpSocket>) -> Pump {
        Pump { hub, socket, sleep: None, rounds: 0 }
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

    /// Sends until there is nothing left or no room. True if there is more.
    fn transmit(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.hub.now();
        loop {
            if self.socket.poll_send_ready(context).is_pending() {
                return false;
            }
            let mut outlet = self.hub.outlet.borrow_mut();
            let train = self.hub.look(|machine| machine.transmit(now, &mut outlet.buffer));
            let Some(train) = train else { break };
            if !outlet.send(train) {
                // There was room a moment ago, and nobody else uses the socket.
                return true;
            }
        }
        self.hub.look(|machine| machine.has_to_send())
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

    /// Whether to let the tasks run that this pass concerns, and once more those that they woke.
    fn lets_others_run(&mut self, has_woken: bool) -> bool {
        let is_first = self.rounds == 0;
        let lets = if is_first { has_woken } else { self.hub.shard.has_runnable_tasks() };
        let lets = lets && self.rounds < QUIC_ROUNDS_BEFORE_SENDING;
        self.rounds += u8::from(lets);
        lets
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
        hub.forward_misfits();
        let has_woken = hub.deliver();
        if pump.lets_others_run(has_woken) {
            // Their answers and our acknowledgements then share datagrams.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        pump.rounds = 0;
        has_more |= pump.transmit(context);
        hub.deliver();
        if pump.is_done() {
            hub.leave_exchange();
            return Poll::Ready(());
        }
        if pump.sleep(context) || has_more {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}
