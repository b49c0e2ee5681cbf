//! The groups of a shard: keeps their time and delivers their answers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::time::Duration;

use futures_channel::oneshot;
use kafka_protocol::ResponseError;
use roundhouse::{Monotonic, Shard};

use super::group::{Group, Output};
use super::member::{Join, Joined, Synced, Ticket};
use super::membership::GroupLimits;
use super::offsets::Offsets;

/// The groups that a shard coordinates.
#[derive(Debug)]
pub struct Coordinator {
    shard: Shard,
    limits: GroupLimits,
    /// Committed offsets.
    pub offsets: Offsets,
    groups: RefCell<HashMap<String, Group>>,
    next_ticket: Cell<u64>,
    joins: RefCell<HashMap<Ticket, oneshot::Sender<JoinAnswer>>>,
    syncs: RefCell<HashMap<Ticket, oneshot::Sender<Result<Synced, ResponseError>>>>,
}

type JoinAnswer = Result<Joined, (ResponseError, String)>;

impl Coordinator {
    /// A coordinator without groups; its clock runs while it is there.
    pub fn new(shard: &Shard, offsets: Offsets, limits: GroupLimits) -> Rc<Coordinator> {
        let coordinator = Rc::new(Coordinator {
            shard: shard.clone(),
            limits,
            offsets,
            groups: RefCell::default(),
            next_ticket: Cell::default(),
            joins: RefCell::default(),
            syncs: RefCell::default(),
        });
        shard.spawn(keep_time(shard.clone(), Rc::downgrade(&coordinator))).detach();
        coordinator
    }

    /// Joins a group. The answer comes when the others have joined.
    ///
    /// # Errors
    /// Why it may not, with the name it is to come back with.
    pub fn join<F: FnOnce(Ticket, String) -> Join>(
        &self,
        group: &str,
        make: F,
    ) -> impl Future<Output = JoinAnswer> + use<F> {
        let (ticket, answer) = (self.ticket(), oneshot::channel());
        self.joins.borrow_mut().insert(ticket, answer.0);
        let join = make(ticket, self.new_member_name());
        let (now, limits) = (self.now(), self.limits);
        let outputs = {
            let mut groups = self.groups.borrow_mut();
            groups.entry(group.to_owned()).or_default().join(now, join, &limits)
        };
        self.deliver(outputs);
        async move {
            let gone = (ResponseError::CoordinatorNotAvailable, String::new());
            answer.1.await.unwrap_or(Err(gone))
        }
    }

    /// Asks for an assignment. The answer comes when the leader has assigned.
    ///
    /// # Errors
    /// See [`Group::sync`].
    pub fn sync(
        &self,
        group: &str,
        who: (&str, Option<&str>, i32),
        assignments: Vec<(String, bytes::Bytes)>,
    ) -> impl Future<Output = Result<Synced, ResponseError>> + use<> {
        let (ticket, answer) = (self.ticket(), oneshot::channel());
        self.syncs.borrow_mut().insert(ticket, answer.0);
        let now = self.now();
        let unknown = || vec![Output::Sync(ticket, Err(ResponseError::UnknownMemberId))];
        let outputs = {
            let mut groups = self.groups.borrow_mut();
            let found = groups.get_mut(group);
            found.map_or_else(unknown, |group| group.sync(now, ticket, who, assignments))
        };
        self.deliver(outputs);
        async move { answer.1.await.unwrap_or(Err(ResponseError::CoordinatorNotAvailable)) }
    }

    /// A member says that it is there.
    ///
    /// # Errors
    /// See [`Group::heartbeat`].
    pub fn heartbeat(
        &self,
        group: &str,
        who: (&str, Option<&str>, i32),
    ) -> Result<(), ResponseError> {
        let mut groups = self.groups.borrow_mut();
        let group = groups.get_mut(group).ok_or(ResponseError::UnknownMemberId)?;
        group.heartbeat(self.now(), who)
    }

    /// A member leaves.
    ///
    /// # Errors
    /// See [`Group::leave`].
    pub fn leave(
        &self,
        group: &str,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ResponseError> {
        let left = {
            let mut groups = self.groups.borrow_mut();
            let group = groups.get_mut(group).ok_or(ResponseError::UnknownMemberId)?;
            group.leave(self.now(), member_id, instance_id)
        };
        self.deliver(left?);
        Ok(())
    }

    /// Whether somebody may commit offsets.
    ///
    /// # Errors
    /// See [`Group::check_commit`].
    pub fn check_commit(
        &self,
        group: &str,
        who: (&str, Option<&str>, i32),
    ) -> Result<(), ResponseError> {
        match self.groups.borrow_mut().get_mut(group) {
            Some(group) => group.check_commit(self.now(), who),
            None if who.2 < 0 => Ok(()),
            None => Err(ResponseError::UnknownMemberId),
        }
    }

    /// A group as it is now; `None` if nobody is in it.
    pub fn group(&self, name: &str) -> Option<Group> {
        self.groups.borrow().get(name).cloned()
    }

    /// The names of all groups somebody is in.
    pub fn names(&self) -> Vec<String> {
        self.groups.borrow().keys().cloned().collect()
    }

    fn now(&self) -> Monotonic {
        self.shard.now()
    }

    fn ticket(&self) -> Ticket {
        let ticket = self.next_ticket.get();
        self.next_ticket.set(ticket + 1);
        Ticket(ticket)
    }

    fn new_member_name(&self) -> String {
        format!("member-{:016x}{:016x}", self.shard.random(), self.shard.random())
    }

    fn tick(&self) {
        let now = self.now();
        let mut outputs = Vec::new();
        self.groups.borrow_mut().retain(|_, group| {
            outputs.extend(group.tick(now));
            !group.is_idle()
        });
        self.deliver(outputs);
    }

    fn deliver(&self, outputs: Vec<Output>) {
        for output in outputs {
            // Whoever asked may have gone away.
            match output {
                Output::Join(ticket, answer) => {
                    let asked = self.joins.borrow_mut().remove(&ticket);
                    if let Some(asked) = asked {
                        drop(asked.send(answer));
                    }
                }
                Output::Sync(ticket, answer) => {
                    let asked = self.syncs.borrow_mut().remove(&ticket);
                    drop(asked.map(|asked| asked.send(answer)));
                }
            }
        }
    }
}

/// Looks at all groups now and then, until the coordinator is gone.
async fn keep_time(shard: Shard, coordinator: Weak<Coordinator>) {
    loop {
        shard.sleep(TICK).await;
        let Some(coordinator) = coordinator.upgrade() else { return };
        coordinator.tick();
    }
}

/// How exactly times are kept: sessions are seconds long.
const TICK: Duration = Duration::from_millis(50);
