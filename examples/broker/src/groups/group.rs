//! One group: generations, and what is allowed when.
//!
//! ```text
//! Empty ──join──▶ PreparingRebalance ──all joined, or time is up──▶ CompletingRebalance
//!   ▲                  ▲       ▲                                        │        │
//!   └── nobody left ───┘       └── somebody new, gone or late ──────────┘   leader assigned
//!                              └──────────────────── Stable ◀────────────────────┘
//! ```
//!
//! The protocol is Apache Kafka's (KIP-62, KIP-345 for static members, KIP-394 for names given first).
//! Nothing here does I/O or reads a clock: requests and the time come in, answers go out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use roundhouse::Monotonic;

use super::member::{Joined, Member, MemberInfo, Synced, Ticket};

/// A group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    pub(super) state: GroupState,
    pub(super) generation: i32,
    pub(super) protocol_type: String,
    pub(super) protocol: String,
    pub(super) leader: Option<String>,
    pub(super) members: BTreeMap<String, Member>,
    /// Names that were given, and until when somebody may come with them.
    pub(super) promised: BTreeMap<String, Monotonic>,
    /// When the others, or the leader, are not waited for any longer.
    pub(super) deadline: Option<Monotonic>,
    /// Until when a group that begins waits for more than its first member.
    pub(super) gathering_until: Option<Monotonic>,
}

/// What a group is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GroupState {
    /// Nobody is in it.
    #[default]
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// The leader is assigning.
    CompletingRebalance,
    /// Everybody knows what to do.
    Stable,
}

impl GroupState {
    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
        }
    }
}

/// An answer to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// To a request to join; an error comes with the name the client is to use.
    Join(Ticket, Result<Joined, (ResponseError, String)>),
    /// To a request for an assignment.
    Sync(Ticket, Result<Synced, ResponseError>),
}

impl Group {
    /// What it is doing.
    pub fn state(&self) -> GroupState {
        self.state
    }

    /// The kind of group, empty before the first member.
    pub fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    /// The way of assigning in use.
    pub fn protocol(&self) -> &str {
        &self.protocol
    }

    /// Its members by name.
    pub fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// Whether there is nothing to remember of it.
    pub fn is_idle(&self) -> bool {
        self.members.is_empty() && self.promised.is_empty()
    }

    /// A member asks for its assignment; the leader brings everybody's.
    pub fn sync(
        &mut self,
        now: Monotonic,
        ticket: Ticket,
        who: (&str, Option<&str>, i32),
        assignments: Vec<(String, Bytes)>,
    ) -> Vec<Output> {
        let (member_id, instance_id, generation) = who;
        if let Err(error) = self.check(member_id, instance_id, generation) {
            return vec![Output::Sync(ticket, Err(error))];
        }
        match self.state {
            GroupState::Empty => vec![Output::Sync(ticket, Err(ResponseError::UnknownMemberId))],
            GroupState::PreparingRebalance => {
                vec![Output::Sync(ticket, Err(ResponseError::RebalanceInProgress))]
            }
            GroupState::Stable => vec![Output::Sync(ticket, Ok(self.synced(member_id)))],
            GroupState::CompletingRebalance => {
                if let Some(member) = self.members.get_mut(member_id) {
                    member.touch(now);
                    member.syncing = Some(ticket);
                }
                if self.leader.as_deref() != Some(member_id) {
                    return Vec::new();
                }
                self.assign(now, assignments)
            }
        }
    }

    /// A member says that it is there.
    ///
    /// # Errors
    /// [`ResponseError::RebalanceInProgress`] if it should join again; it is not known, or is of an
    /// earlier generation.
    pub fn heartbeat(
        &mut self,
        now: Monotonic,
        who: (&str, Option<&str>, i32),
    ) -> Result<(), ResponseError> {
        self.check(who.0, who.1, who.2)?;
        if let Some(member) = self.members.get_mut(who.0) {
            member.touch(now);
        }
        match self.state {
            GroupState::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    /// Whether somebody may commit offsets. Outside of any generation (below 0) that is allowed while
    /// nobody is in the group: such consumers assign themselves.
    ///
    /// # Errors
    /// Why not.
    pub fn check_commit(
        &mut self,
        now: Monotonic,
        who: (&str, Option<&str>, i32),
    ) -> Result<(), ResponseError> {
        if who.2 < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.check(who.0, who.1, who.2)?;
        if let Some(member) = self.members.get_mut(who.0) {
            member.touch(now);
        }
        match self.state {
            GroupState::CompletingRebalance => Err(ResponseError::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    /// Whether somebody is who it says, and of the present generation.
    fn check(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), ResponseError> {
        self.check_instance(member_id, instance_id)?;
        if !self.members.contains_key(member_id) {
            return Err(ResponseError::UnknownMemberId);
        }
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        Ok(())
    }

    /// Whether nobody else has taken a lasting name over.
    pub(super) fn check_instance(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ResponseError> {
        match instance_id.map(|instance| self.holder_of(instance)) {
            Some(Some(holder)) if holder != member_id => Err(ResponseError::FencedInstanceId),
            Some(None) => Err(ResponseError::UnknownMemberId),
            _ => Ok(()),
        }
    }

    /// Who has a lasting name.
    pub(super) fn holder_of(&self, instance_id: &str) -> Option<&str> {
        let is_it = |member: &Member| member.instance_id.as_deref() == Some(instance_id);
        self.members.iter().find(|(_, member)| is_it(member)).map(|(id, _)| id.as_str())
    }

    /// Begins to gather members again. Whoever waits for the leader is told.
    pub(super) fn prepare_rebalance(&mut self, now: Monotonic) -> Vec<Output> {
        let told = self.members.values_mut().filter_map(|member| {
            let ticket = member.syncing.take()?;
            // While it waited it could not say that it is there.
            member.touch(now);
            Some(ticket)
        });
        let told = told.map(|ticket| Output::Sync(ticket, Err(ResponseError::RebalanceInProgress)));
        let outputs = told.collect();
        self.state = GroupState::PreparingRebalance;
        let longest = self.members.values().map(|member| member.rebalance_timeout).max();
        self.deadline = Some(now + longest.unwrap_or_default());
        outputs
    }

    /// Begins a generation with those who have joined, if that is everybody.
    pub(super) fn complete_if_all_joined(&mut self, now: Monotonic) -> Vec<Output> {
        let is_complete = self.state == GroupState::PreparingRebalance
            && self.gathering_until.is_none_or(|until| until <= now)
            && self.promised.is_empty()
            && self.members.values().all(|member| member.joining.is_some());
        if is_complete { self.begin_generation(now) } else { Vec::new() }
    }

    /// Begins a generation.
    pub(super) fn begin_generation(&mut self, now: Monotonic) -> Vec<Output> {
        self.generation += 1;
        (self.deadline, self.gathering_until) = (None, None);
        if self.members.is_empty() {
            (self.state, self.leader) = (GroupState::Empty, None);
            return Vec::new();
        }
        self.protocol = self.vote();
        self.state = GroupState::CompletingRebalance;
        let has_joined = |id: &String| self.members.get(id).is_some_and(|m| m.joining.is_some());
        let leader = self.leader.take().filter(has_joined);
        let first = || self.members.iter().find(|(_, member)| member.joining.is_some());
        self.leader = leader.or_else(|| first().map(|(id, _)| id.clone()));
        let longest = self.members.values().map(|member| member.rebalance_timeout).max();
        self.deadline = Some(now + longest.unwrap_or_default());
        let ids: Vec<String> = self.members.keys().cloned().collect();
        let answered = ids.into_iter().filter_map(|id| {
            let member = self.members.get_mut(&id)?;
            member.touch(now);
            let ticket = member.joining.take()?;
            Some(Output::Join(ticket, Ok(self.joined(&id))))
        });
        answered.collect()
    }

    /// What a member is told about the present generation.
    pub(super) fn joined(&self, member_id: &str) -> Joined {
        let leader = self.leader.clone().unwrap_or_default();
        let info = |(id, member): (&String, &Member)| MemberInfo {
            member_id: id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(&self.protocol),
        };
        let is_leader = leader == member_id;
        let members = self.members.iter().filter(|_| is_leader).map(info).collect();
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader,
            member_id: member_id.to_owned(),
            members,
        }
    }

    /// The leader has assigned: everybody who waits is told.
    fn assign(&mut self, now: Monotonic, assignments: Vec<(String, Bytes)>) -> Vec<Output> {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        (self.state, self.deadline) = (GroupState::Stable, None);
        let ids: Vec<String> = self.members.keys().cloned().collect();
        let answered = ids.into_iter().filter_map(|id| {
            let member = self.members.get_mut(&id)?;
            let ticket = member.syncing.take()?;
            member.touch(now);
            Some(Output::Sync(ticket, Ok(self.synced(&id))))
        });
        answered.collect()
    }

    fn synced(&self, member_id: &str) -> Synced {
        let assignment = self.members.get(member_id).map(|member| member.assignment.clone());
        Synced {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: assignment.unwrap_or_default(),
        }
    }

    /// The protocols that every member knows.
    pub(super) fn shared_protocols(&self) -> BTreeSet<&str> {
        let mut members = self.members.values();
        let Some(first) = members.next() else { return BTreeSet::new() };
        let mut shared: BTreeSet<&str> = first.protocols.iter().map(|p| p.name.as_str()).collect();
        for member in members {
            shared.retain(|name| member.knows(name));
        }
        shared
    }

    /// The protocol most members prefer among those that all know.
    fn vote(&self) -> String {
        let shared = self.shared_protocols();
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let names = member.protocols.iter().map(|protocol| protocol.name.as_str());
            if let Some(preferred) = names.into_iter().find(|name| shared.contains(name)) {
                *votes.entry(preferred).or_default() += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
        most.map_or_else(String::new, |(name, _)| name.to_owned())
    }
}
