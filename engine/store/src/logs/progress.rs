//! How far the appends of one log have come, and who waits for them.

use std::collections::VecDeque;
use std::task::Waker;

use futures_channel::oneshot;
use roundhouse_base::Offset;

use crate::error::AppendError;
use crate::wal::Ticket;

/// The tickets of one log: issued, acknowledged, durable; each never goes back.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    issued: Ticket,
    acknowledged: Ticket,
    durable: Ticket,
    /// The last ticket whose append is acknowledged only when durable.
    strict: Ticket,
    waiting_acknowledged: Waiters,
    waiting_durable: Waiters,
}

/// Who waits for a ticket.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// A task on the shard, which looks again when woken.
    Task(Waker),
    /// A request from elsewhere, answered with the offset it was given.
    Reply(oneshot::Sender<Result<Offset, AppendError>>, Offset),
}

/// Outcomes for requesters on other threads, to be told when the next frame is on its way: each may
/// wake a thread, which takes a microsecond or more, and the device should not idle meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Answers(VecDeque<(oneshot::Sender<Result<Offset, AppendError>>, Offset)>);

impl Answers {
    /// Whether there is nothing to tell.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells up to `max` of them, in order.
    pub(crate) fn tell(&mut self, max: usize) {
        for (reply, offset) in self.0.drain(..max.min(self.0.len())) {
            // A requester that went away wants no answer.
            drop(reply.send(Ok(offset)));
        }
    }
}

impl Progress {
    /// Issues the ticket of the next append.
    pub(crate) fn issue(&mut self, strict: bool) -> Ticket {
        self.issued.0 += 1;
        if strict {
            self.strict = self.issued;
        }
        self.issued
    }

    /// The last ticket issued.
    pub(crate) fn issued(&self) -> Ticket {
        self.issued
    }

    pub(crate) fn is_acknowledged(&self, ticket: Ticket) -> bool {
        ticket <= self.acknowledged
    }

    pub(crate) fn is_durable(&self, ticket: Ticket) -> bool {
        ticket <= self.durable
    }

    /// Takes in that everything up to `ticket` was written. Returns whether that acknowledges it:
    /// not while an append before it must be durable first.
    pub(crate) fn written(&mut self, ticket: Ticket, answers: &mut Answers) -> bool {
        if self.strict > self.durable {
            return false;
        }
        self.acknowledge(ticket, answers);
        true
    }

    /// Takes in that everything up to `ticket` is durable, which acknowledges it in any case.
    pub(crate) fn made_durable(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.durable = self.durable.max(ticket);
        self.waiting_durable.complete(self.durable, answers);
        self.acknowledge(ticket, answers);
    }

    /// Adds someone to tell when `ticket` is acknowledged.
    pub(crate) fn wait_acknowledged(&mut self, ticket: Ticket, waiter: Waiter) {
        self.waiting_acknowledged.add(ticket, waiter);
    }

    /// Adds someone to tell when `ticket` is durable.
    pub(crate) fn wait_durable(&mut self, ticket: Ticket, waiter: Waiter) {
        self.waiting_durable.add(ticket, waiter);
    }

    /// Tells everyone who waits that it came to nothing.
    pub(crate) fn fail(&mut self, error: &AppendError) {
        self.waiting_acknowledged.fail(error);
        self.waiting_durable.fail(error);
    }

    fn acknowledge(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.acknowledged = self.acknowledged.max(ticket);
        self.waiting_acknowledged.complete(self.acknowledged, answers);
    }
}

/// Waiters by ascending ticket.
#[derive(Debug, Default)]
struct Waiters(VecDeque<(Ticket, Waiter)>);

impl Waiters {
    fn add(&mut self, ticket: Ticket, waiter: Waiter) {
        let place = match self.0.back() {
            Some((last, _)) if *last > ticket => {
                self.0.partition_point(|(other, _)| *other <= ticket)
            }
            _ => self.0.len(),
        };
        self.0.insert(place, (ticket, waiter));
    }

    fn complete(&mut self, upto: Ticket, answers: &mut Answers) {
        while self.0.front().is_some_and(|(ticket, _)| *ticket <= upto) {
            match self.0.pop_front() {
                Some((_, Waiter::Task(waker))) => waker.wake(),
                Some((_, Waiter::Reply(reply, offset))) => answers.0.push_back((reply, offset)),
                None => return,
            }
        }
    }

    fn fail(&mut self, error: &AppendError) {
        for (_, waiter) in self.0.drain(..) {
            match waiter {
                Waiter::Task(waker) => waker.wake(),
                Waiter::Reply(reply, _) => drop(reply.send(Err(error.clone()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(
        progress: &mut Progress,
        ticket: Ticket,
    ) -> oneshot::Receiver<Result<Offset, AppendError>> {
        let (sender, receiver) = oneshot::channel();
        progress.wait_acknowledged(ticket, Waiter::Reply(sender, Offset(ticket.0)));
        receiver
    }

    #[test]
    fn waiters_are_told_in_order_and_only_up_to_the_ticket() {
        let (mut progress, mut answers) = (Progress::default(), Answers::default());
        let tickets: Vec<_> = (0..3).map(|_| progress.issue(true)).collect();
        let mut late = reply(&mut progress, tickets[2]);
        let mut early = reply(&mut progress, tickets[0]);

        progress.made_durable(tickets[1], &mut answers);
        assert_eq!(early.try_recv(), Ok(None), "the next frame goes out first");
        answers.tell(usize::MAX);
        assert_eq!(early.try_recv(), Ok(Some(Ok(Offset(1)))));
        assert_eq!(late.try_recv(), Ok(None));
        progress.fail(&AppendError::Closed);
        assert_eq!(late.try_recv(), Ok(Some(Err(AppendError::Closed))));
    }

    #[test]
    fn a_log_made_less_durable_still_waits_for_what_was_promised_before() {
        let (mut progress, answers) = (Progress::default(), &mut Answers::default());
        let strict = progress.issue(true);
        let relaxed = progress.issue(false);
        assert!(!progress.written(relaxed, answers));
        assert!(!progress.is_acknowledged(strict));

        progress.made_durable(strict, answers);
        assert!(progress.written(relaxed, answers));
        assert!(progress.is_acknowledged(relaxed) && !progress.is_durable(relaxed));
    }
}
