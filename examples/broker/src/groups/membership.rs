//! Members coming, going and being late.

use std::time::Duration;

use kafka_protocol::ResponseError;
use roundhouse::Monotonic;

use super::group::{Group, GroupState, Output};
use super::member::{Join, Member, Ticket};

/// What a coordinator allows its groups.
#[derive(Debug, Clone, Copy)]
pub struct GroupLimits {
    /// Members of one group.
    pub members: usize,
    /// How long a group that begins waits for more than its first member.
    pub initial_delay: Duration,
}

impl Group {
    /// Somebody wants to join, or to join again.
    pub fn join(&mut self, now: Monotonic, join: Join, limits: &GroupLimits) -> Vec<Output> {
        if let Err(error) = self.check_join(&join, limits) {
            return vec![refused(&join, error)];
        }
        if let Some(holder) = join.instance_id.as_deref().and_then(|name| self.holder_of(name)) {
            let holder = holder.to_owned();
            if join.member_id.is_empty() {
                return self.replace(now, &holder, &join);
            }
            return self.rejoin(now, &join);
        }
        if join.member_id.is_empty() && join.needs_known_id && join.instance_id.is_none() {
            self.promised.insert(join.new_member_id.clone(), now + join.session_timeout);
            let error = (ResponseError::MemberIdRequired, join.new_member_id);
            return vec![Output::Join(join.ticket, Err(error))];
        }
        if self.members.contains_key(&join.member_id) {
            return self.rejoin(now, &join);
        }
        self.admit(now, &join, limits)
    }

    /// Somebody leaves, by name or by lasting name.
    ///
    /// # Errors
    /// It is not there, or no longer who it says.
    pub fn leave(
        &mut self,
        now: Monotonic,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<Vec<Output>, ResponseError> {
        let holder = instance_id.and_then(|instance| self.holder_of(instance)).map(str::to_owned);
        let leaving = if let (Some(holder), "") = (holder, member_id) {
            holder
        } else {
            self.check_instance(member_id, instance_id)?;
            member_id.to_owned()
        };
        if self.promised.remove(&leaving).is_some() {
            return Ok(self.complete_if_all_joined(now));
        }
        if !self.members.contains_key(&leaving) {
            return Err(ResponseError::UnknownMemberId);
        }
        Ok(self.remove(now, &[leaving]))
    }

    /// Does what time demands: who was silent for too long goes, who is not waited for any longer too.
    pub fn tick(&mut self, now: Monotonic) -> Vec<Output> {
        self.promised.retain(|_, until| *until > now);
        let late: Vec<String> = self.ids(|member| member.is_late(now));
        let mut outputs = self.remove(now, &late);
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            outputs.extend(self.end_waiting(now));
        }
        outputs.extend(self.complete_if_all_joined(now));
        outputs
    }

    fn check_join(&self, join: &Join, limits: &GroupLimits) -> Result<(), ResponseError> {
        let is_known = self.members.contains_key(&join.member_id);
        let is_promised = self.promised.contains_key(&join.member_id);
        let is_new = join.member_id.is_empty();
        if let Some(holder) = join.instance_id.as_deref().and_then(|name| self.holder_of(name)) {
            if !is_new && holder != join.member_id {
                return Err(ResponseError::FencedInstanceId);
            }
        } else if !is_new && !is_known && !is_promised {
            return Err(ResponseError::UnknownMemberId);
        }
        if join.protocols.is_empty() || join.protocol_type.is_empty() {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        if !self.members.is_empty() && !self.is_compatible(join) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let count = self.members.len() + self.promised.len();
        if is_new && count >= limits.members {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        Ok(())
    }

    /// Whether everybody could agree with who joins on a protocol.
    fn is_compatible(&self, join: &Join) -> bool {
        if join.protocol_type != self.protocol_type {
            return false;
        }
        let is_alone = self.members.len() == 1 && self.members.contains_key(&join.member_id);
        let shared = self.shared_protocols();
        is_alone || join.protocols.iter().any(|protocol| shared.contains(protocol.name.as_str()))
    }

    /// Takes somebody new in.
    fn admit(&mut self, now: Monotonic, join: &Join, limits: &GroupLimits) -> Vec<Output> {
        let is_nameless = join.member_id.is_empty();
        let id = if is_nameless { join.new_member_id.clone() } else { join.member_id.clone() };
        self.promised.remove(&id);
        let is_first = self.members.is_empty();
        if is_first {
            self.protocol_type.clone_from(&join.protocol_type);
            self.gathering_until = Some(now + limits.initial_delay);
        }
        let mut member = Member::new(now, join);
        member.joining = Some(join.ticket);
        self.members.insert(id, member);
        let mut outputs = Vec::new();
        if self.state != GroupState::PreparingRebalance {
            outputs = self.prepare_rebalance(now);
        }
        outputs.extend(self.complete_if_all_joined(now));
        outputs
    }

    /// A member joins again: with news or as the leader that begins a rebalance; otherwise it has only
    /// missed the answer.
    fn rejoin(&mut self, now: Monotonic, join: &Join) -> Vec<Output> {
        let is_leader = self.leader.as_ref() == Some(&join.member_id);
        let Some(member) = self.members.get_mut(&join.member_id) else { return Vec::new() };
        let has_news = member.protocols != join.protocols;
        member.renew(now, join);
        let is_repeated = match self.state {
            GroupState::CompletingRebalance => !has_news,
            GroupState::Stable => !has_news && !is_leader,
            GroupState::Empty | GroupState::PreparingRebalance => false,
        };
        if is_repeated {
            return vec![Output::Join(join.ticket, Ok(self.joined(&join.member_id)))];
        }
        let superseded = member.joining.replace(join.ticket);
        let mut outputs: Vec<Output> = superseded.map(supersede).into_iter().collect();
        if self.state != GroupState::PreparingRebalance {
            outputs.extend(self.prepare_rebalance(now));
        }
        outputs.extend(self.complete_if_all_joined(now));
        outputs
    }

    /// A static member came back under a new name. If nothing else is new, it goes on where it was
    /// and the others need not know (KIP-345).
    fn replace(&mut self, now: Monotonic, holder: &str, join: &Join) -> Vec<Output> {
        let Some(mut member) = self.members.remove(holder) else { return Vec::new() };
        let new_id = join.new_member_id.clone();
        let mut outputs: Vec<Output> = member.joining.take().map(fence_join).into_iter().collect();
        outputs.extend(member.syncing.take().map(fence_sync));
        let has_news = member.protocols != join.protocols;
        member.renew(now, join);
        self.members.insert(new_id.clone(), member);
        if self.leader.as_deref() == Some(holder) {
            self.leader = Some(new_id.clone());
        }
        if self.state == GroupState::Stable && !has_news {
            outputs.push(Output::Join(join.ticket, Ok(self.joined(&new_id))));
            return outputs;
        }
        outputs.extend(self.rejoin_changed(now, &new_id, join.ticket));
        outputs
    }

    fn rejoin_changed(&mut self, now: Monotonic, id: &str, ticket: Ticket) -> Vec<Output> {
        if let Some(member) = self.members.get_mut(id) {
            member.joining = Some(ticket);
        }
        let mut outputs = Vec::new();
        if self.state != GroupState::PreparingRebalance {
            outputs = self.prepare_rebalance(now);
        }
        outputs.extend(self.complete_if_all_joined(now));
        outputs
    }

    /// Takes members out; the others divide their work.
    fn remove(&mut self, now: Monotonic, ids: &[String]) -> Vec<Output> {
        let mut outputs = Vec::new();
        let before = self.members.len();
        for id in ids {
            let Some(member) = self.members.remove(id) else { continue };
            let joining = member.joining.map(|ticket| {
                Output::Join(ticket, Err((ResponseError::UnknownMemberId, id.clone())))
            });
            outputs.extend(joining);
            let unknown = |ticket| Output::Sync(ticket, Err(ResponseError::UnknownMemberId));
            outputs.extend(member.syncing.map(unknown));
        }
        if self.members.len() == before {
            return outputs;
        }
        if matches!(self.state, GroupState::Stable | GroupState::CompletingRebalance) {
            outputs.extend(self.prepare_rebalance(now));
        }
        if self.members.is_empty() {
            outputs.extend(self.begin_generation(now));
        }
        outputs.extend(self.complete_if_all_joined(now));
        outputs
    }

    /// Time is up for those who should have joined, or have asked for their assignment. Static members
    /// stay until their session ends.
    fn end_waiting(&mut self, now: Monotonic) -> Vec<Output> {
        match self.state {
            GroupState::PreparingRebalance => {
                self.promised.clear();
                let is_missing =
                    |member: &Member| member.joining.is_none() && member.instance_id.is_none();
                let missing = self.ids(is_missing);
                for id in &missing {
                    self.members.remove(id);
                }
                let nobody_joined = self.members.values().all(|member| member.joining.is_none());
                if nobody_joined && !self.members.is_empty() {
                    return self.prepare_rebalance(now);
                }
                self.begin_generation(now)
            }
            GroupState::CompletingRebalance => {
                let missing = self.ids(|member| member.syncing.is_none());
                self.remove(now, &missing)
            }
            GroupState::Empty | GroupState::Stable => {
                self.deadline = None;
                Vec::new()
            }
        }
    }

    fn ids(&self, is_wanted: impl Fn(&Member) -> bool) -> Vec<String> {
        let wanted = self.members.iter().filter(|(_, member)| is_wanted(member));
        wanted.map(|(id, _)| id.clone()).collect()
    }
}

fn refused(join: &Join, error: ResponseError) -> Output {
    Output::Join(join.ticket, Err((error, join.member_id.clone())))
}

/// The client asked again: nobody waits for the first answer any more.
fn supersede(ticket: Ticket) -> Output {
    Output::Join(ticket, Err((ResponseError::RebalanceInProgress, String::new())))
}

fn fence_join(ticket: Ticket) -> Output {
    Output::Join(ticket, Err((ResponseError::FencedInstanceId, String::new())))
}

fn fence_sync(ticket: Ticket) -> Output {
    Output::Sync(ticket, Err(ResponseError::FencedInstanceId))
}
