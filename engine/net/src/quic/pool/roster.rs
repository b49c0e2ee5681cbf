//! The connections of a pool to one server.

use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use roundhouse_base::Monotonic;

use crate::quic::connection::Connection;
use crate::quic::values::Code;

/// Who uses which connection, and who waits for one.
#[derive(Default)]
pub(super) struct Roster {
    members: Vec<Member>,
    next_id: u64,
    /// Places reserved for connections whose handshake is under way.
    opening: usize,
    waiting: Vec<Waker>,
}

struct Member {
    id: u64,
    connection: Connection,
    users: usize,
    used_at: Monotonic,
}

/// What to do for someone who wants a connection.
pub(super) enum Choice {
    /// This one, which now has a user more; it was used last at the given time.
    Use(u64, Connection, Monotonic),
    /// Open one; its place is reserved.
    Open,
    /// Those that are being opened are all there may be: wait for one.
    Wait,
}

impl Roster {
    /// Chooses the one with the fewest users, or a new one rather than one that is in use.
    pub(super) fn choose(&mut self, max: usize) -> Choice {
        let may_open = self.members.len() + self.opening < max;
        let least = self.members.iter_mut().min_by_key(|member| member.users);
        match least {
            Some(member) if member.users == 0 || !may_open => {
                member.users += 1;
                Choice::Use(member.id, member.connection.clone(), member.used_at)
            }
            None if !may_open => Choice::Wait,
            _ => {
                self.opening += 1;
                Choice::Open
            }
        }
    }

    /// Reserves a place if fewer than `count` are taken or reserved.
    pub(super) fn begin_opening_below(&mut self, count: usize) -> bool {
        let may_open = self.members.len() + self.opening < count;
        self.opening += usize::from(may_open);
        may_open
    }

    /// Gives a reserved place back.
    pub(super) fn end_opening(&mut self) {
        self.opening -= 1;
        self.wake();
    }

    /// A new connection with one user. Returns what it is called here.
    pub(super) fn add(&mut self, connection: Connection, now: Monotonic) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.members.push(Member { id, connection, users: 1, used_at: now });
        self.wake();
        id
    }

    /// One user fewer. True if nobody uses the connection any more, and it still is here.
    pub(super) fn release(&mut self, id: u64, now: Monotonic) -> bool {
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else {
            return false;
        };
        member.users -= 1;
        member.used_at = now;
        member.users == 0
    }

    /// Forgets a connection; whoever uses it goes on.
    pub(super) fn remove(&mut self, id: u64) {
        self.members.retain(|member| member.id != id);
        self.wake();
    }

    /// Forgets connections that ended, and says how many.
    pub(super) fn remove_ended(&mut self) -> usize {
        let before = self.members.len();
        self.members.retain(|member| member.connection.error().is_none());
        before - self.members.len()
    }

    /// Closes connections that nobody used for `idle_time`: how many, and when the next is due.
    pub(super) fn close_unused(
        &mut self,
        now: Monotonic,
        idle_time: Duration,
    ) -> (usize, Option<Monotonic>) {
        let before = self.members.len();
        self.members.retain(|member| {
            let is_due = member.users == 0 && member.used_at + idle_time <= now;
            if is_due {
                member.connection.close(Code::default(), Bytes::new());
            }
            !is_due
        });
        let unused = self.members.iter().filter(|member| member.users == 0);
        let next = unused.map(|member| member.used_at + idle_time).min();
        (before - self.members.len(), next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.opening == 0 && self.waiting.is_empty()
    }

    /// Wakes the task at the next change.
    pub(super) fn wait(&mut self, waker: &Waker) {
        if !self.waiting.iter().any(|known| known.will_wake(waker)) {
            self.waiting.push(waker.clone());
        }
    }

    fn wake(&mut self) {
        self.waiting.drain(..).for_each(Waker::wake);
    }
}
