//! Stories of groups, in virtual time.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use roundhouse::Monotonic;

use super::group::{Group, GroupState, Output};
use super::member::{Join, Joined, Protocol, Ticket};
use super::membership::GroupLimits;

const LIMITS: GroupLimits = GroupLimits { members: 3, initial_delay: Duration::ZERO };
const SESSION: Duration = Duration::from_secs(10);

/// A group and a clock.
struct Story {
    group: Group,
    now: Monotonic,
    tickets: u64,
}

impl Story {
    fn begin() -> Story {
        Story { group: Group::default(), now: Monotonic(0), tickets: 0 }
    }

    fn wait(&mut self, time: Duration) -> Vec<Output> {
        self.now = self.now + time;
        self.group.tick(self.now)
    }

    fn request(&mut self, member_id: &str) -> Join {
        self.tickets += 1;
        Join {
            ticket: Ticket(self.tickets),
            member_id: member_id.to_owned(),
            instance_id: None,
            client_id: String::new(),
            client_host: String::new(),
            session_timeout: SESSION,
            rebalance_timeout: 3 * SESSION,
            protocol_type: "consumer".to_owned(),
            protocols: vec![protocol("range"), protocol("roundrobin")],
            needs_known_id: false,
            new_member_id: format!("member-{}", self.tickets),
        }
    }

    fn join(&mut self, join: Join) -> Vec<Output> {
        self.group.join(self.now, join, &LIMITS)
    }

    fn sync(&mut self, id: &str, assignments: &[(&str, &'static str)]) -> Vec<Output> {
        self.tickets += 1;
        let assignments = assignments
            .iter()
            .map(|(id, assigned)| ((*id).to_owned(), Bytes::from_static(assigned.as_bytes())));
        let who = (id, None, self.group.generation);
        self.group.sync(self.now, Ticket(self.tickets), who, assignments.collect())
    }

    fn heartbeat(&mut self, id: &str) -> Result<(), ResponseError> {
        self.group.heartbeat(self.now, (id, None, self.group.generation))
    }

    /// Two members that know what to do: the first is the leader.
    fn of_two() -> (Story, String, String) {
        let mut story = Story::begin();
        let first = story.request("");
        let first = joined(&story.join(first))[0].member_id.clone();
        let second = story.request("");
        assert!(story.join(second).is_empty(), "it waits for the first to join again");
        let again = story.request(&first);
        let both = story.join(again);
        let second = joined(&both).iter().find(|j| j.member_id != first).unwrap().member_id.clone();
        assert!(story.sync(&second, &[]).is_empty(), "it waits for the leader");
        let told = story.sync(&first, &[(&first, "a"), (&second, "b")]);
        assert_eq!(assigned(&told), ["a", "b"]);
        assert_eq!(story.group.state(), GroupState::Stable);
        (story, first, second)
    }
}

fn protocol(name: &str) -> Protocol {
    Protocol { name: name.to_owned(), metadata: Bytes::from(name.to_owned()) }
}

fn joined(outputs: &[Output]) -> Vec<&Joined> {
    let joined = outputs.iter().filter_map(|output| match output {
        Output::Join(_, Ok(joined)) => Some(joined),
        _ => None,
    });
    joined.collect()
}

fn assigned(outputs: &[Output]) -> Vec<String> {
    let assigned = outputs.iter().filter_map(|output| match output {
        Output::Sync(_, Ok(synced)) => Some(String::from_utf8_lossy(&synced.assignment).into()),
        _ => None,
    });
    let mut assigned: Vec<String> = assigned.collect();
    assigned.sort_unstable();
    assigned
}

fn refusals(outputs: &[Output]) -> Vec<ResponseError> {
    let refused = outputs.iter().filter_map(|output| match output {
        Output::Join(_, Err((error, _))) | Output::Sync(_, Err(error)) => Some(*error),
        _ => None,
    });
    refused.collect()
}

#[test]
fn a_generation_begins_when_all_have_joined_and_the_leader_knows_everybody() {
    let (story, first, _) = Story::of_two();
    assert_eq!(story.group.generation, 2);
    assert_eq!(story.group.protocol(), "range", "the one both prefer");
    assert_eq!(story.group.leader.as_ref(), Some(&first));
    assert_eq!(story.group.joined(&first).members.len(), 2);
}

#[test]
fn a_member_that_falls_silent_is_missed_and_the_others_join_again() {
    let (mut story, first, second) = Story::of_two();
    story.wait(SESSION / 2);
    assert_eq!(story.heartbeat(&first), Ok(()));
    story.wait(SESSION / 2);
    assert_eq!(story.heartbeat(&second), Err(ResponseError::UnknownMemberId));
    assert_eq!(story.heartbeat(&first), Err(ResponseError::RebalanceInProgress));
    let again = story.request(&first);
    let alone = story.join(again);
    assert_eq!(joined(&alone)[0].members.len(), 1);
}

#[test]
fn who_does_not_join_again_in_time_is_left_behind() {
    let (mut story, first, second) = Story::of_two();
    let third = story.request("");
    assert!(story.join(third).is_empty());
    let again = story.request(&first);
    assert!(story.join(again).is_empty());
    let mut outputs = Vec::new();
    for _ in 0..7 {
        // It lives, but does not join.
        let _ = story.heartbeat(&second);
        outputs.extend(story.wait(SESSION / 2));
    }
    assert_eq!(joined(&outputs).len(), 2);
    assert!(!story.group.members().contains_key(&second));
}

#[test]
fn a_leader_that_does_not_assign_in_time_is_replaced() {
    let (mut story, first, second) = Story::of_two();
    for id in [&first, &second] {
        let again = story.request(id);
        story.join(again);
    }
    assert_eq!(story.group.state(), GroupState::CompletingRebalance);
    story.sync(&second, &[]);
    let mut outputs = Vec::new();
    for _ in 0..7 {
        let _ = story.heartbeat(&first);
        outputs.extend(story.wait(SESSION / 2));
    }
    assert_eq!(refusals(&outputs), [ResponseError::RebalanceInProgress]);
    assert_eq!(story.heartbeat(&second), Err(ResponseError::RebalanceInProgress));
    let again = story.request(&second);
    assert_eq!(joined(&story.join(again))[0].leader, second);
}

#[test]
fn a_protocol_that_nobody_shares_is_refused() {
    let (mut story, _, _) = Story::of_two();
    let mut other = story.request("");
    other.protocols = vec![protocol("sticky")];
    assert_eq!(refusals(&story.join(other)), [ResponseError::InconsistentGroupProtocol]);
    let mut kind = story.request("");
    kind.protocol_type = "connect".to_owned();
    assert_eq!(refusals(&story.join(kind)), [ResponseError::InconsistentGroupProtocol]);
    assert_eq!(story.group.state(), GroupState::Stable, "the others do not notice");
}

#[test]
fn names_are_given_first_and_wait_only_so_long() {
    let mut story = Story::begin();
    let mut nameless = story.request("");
    nameless.needs_known_id = true;
    let told = story.join(nameless);
    let [Output::Join(_, Err((error, name)))] = &told[..] else { panic!("{told:?}") };
    assert_eq!(*error, ResponseError::MemberIdRequired);
    let named = story.request(name);
    assert_eq!(joined(&story.join(named))[0].member_id, *name);
    let stranger = story.request("stranger");
    assert_eq!(refusals(&story.join(stranger)), [ResponseError::UnknownMemberId]);

    let mut late = story.request("");
    late.needs_known_id = true;
    let told = story.join(late);
    let [Output::Join(_, Err((_, name)))] = &told[..] else { panic!("{told:?}") };
    let name = name.clone();
    story.wait(SESSION);
    let late = story.request(&name);
    assert_eq!(refusals(&story.join(late)), [ResponseError::UnknownMemberId]);
}

#[test]
fn a_static_member_comes_back_without_disturbing_the_others() {
    let mut story = Story::begin();
    let mut first = story.request("");
    first.instance_id = Some("one".to_owned());
    let before = joined(&story.join(first))[0].member_id.clone();
    story.sync(&before, &[(&before, "work")]);
    let mut again = story.request("");
    again.instance_id = Some("one".to_owned());
    let after = joined(&story.join(again))[0].clone();
    assert_ne!(after.member_id, before);
    assert_eq!((after.generation, story.group.state()), (1, GroupState::Stable));
    assert_eq!(assigned(&story.sync(&after.member_id, &[])), ["work"]);
    let who = (&before[..], Some("one"), 1);
    assert_eq!(story.group.heartbeat(story.now, who), Err(ResponseError::FencedInstanceId));
}

#[test]
fn a_full_group_takes_nobody() {
    let (mut story, _, _) = Story::of_two();
    let third = story.request("");
    story.join(third);
    let fourth = story.request("");
    assert_eq!(refusals(&story.join(fourth)), [ResponseError::GroupMaxSizeReached]);
}

#[test]
fn only_members_of_this_generation_commit_and_anybody_while_nobody_is_in() {
    let (mut story, first, second) = Story::of_two();
    let now = story.now;
    assert_eq!(story.group.check_commit(now, (&first, None, 2)), Ok(()));
    let old = story.group.check_commit(now, (&first, None, 1));
    assert_eq!(old, Err(ResponseError::IllegalGeneration));
    let outsider = story.group.check_commit(now, ("", None, -1));
    assert_eq!(outsider, Err(ResponseError::UnknownMemberId));
    for id in [&first, &second] {
        story.group.leave(now, id, None).unwrap();
    }
    assert_eq!(story.group.state(), GroupState::Empty);
    assert_eq!(story.group.check_commit(now, ("", None, -1)), Ok(()));
}

#[test]
fn a_group_that_begins_waits_a_little_for_others() {
    let mut story = Story::begin();
    let limits = GroupLimits { initial_delay: Duration::from_secs(1), ..LIMITS };
    for _ in 0..2 {
        let join = story.request("");
        assert!(story.group.join(story.now, join, &limits).is_empty());
    }
    assert_eq!(joined(&story.wait(Duration::from_secs(1))).len(), 2);
    assert_eq!(story.group.generation, 1, "one generation for both");
}
