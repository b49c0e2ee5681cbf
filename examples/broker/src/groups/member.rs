//! A member of a group, and what it asks for.

use std::time::Duration;

use bytes::Bytes;
use roundhouse::Monotonic;

/// Names a request that is answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A way of assigning partitions that a member knows, with what it wants to say about itself there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// Of no meaning to the broker.
    pub metadata: Bytes,
}

/// A request to join.
#[derive(Debug, Clone)]
pub struct Join {
    /// Names it.
    pub ticket: Ticket,
    /// Who, or empty for somebody new.
    pub member_id: String,
    /// A name that stays the same when the member restarts.
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// How long it may be silent.
    pub session_timeout: Duration,
    /// How long the group waits for it to join again.
    pub rebalance_timeout: Duration,
    /// What kind of group it wants.
    pub protocol_type: String,
    /// The ways of assigning it knows, the preferred one first.
    pub protocols: Vec<Protocol>,
    /// Whether somebody new is to be told a name first (KIP-394).
    pub needs_known_id: bool,
    /// The name to give somebody new: not given before.
    pub new_member_id: String,
}

/// The answer to who joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The generation that began.
    pub generation: i32,
    /// The kind of group.
    pub protocol_type: String,
    /// The way of assigning that all know.
    pub protocol: String,
    /// Who assigns.
    pub leader: String,
    /// Who was answered.
    pub member_id: String,
    /// For the leader: everybody.
    pub members: Vec<MemberInfo>,
}

/// A member, as the leader wants to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberInfo {
    /// Its name.
    pub member_id: String,
    /// Its lasting name.
    pub instance_id: Option<String>,
    /// What it says about itself under the chosen protocol.
    pub metadata: Bytes,
}

/// The answer to who asked for its assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The kind of group.
    pub protocol_type: String,
    /// The way of assigning.
    pub protocol: String,
    /// What the leader assigned.
    pub assignment: Bytes,
}

/// A member of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its lasting name.
    pub instance_id: Option<String>,
    /// What the client calls itself.
    pub client_id: String,
    /// Where it is.
    pub client_host: String,
    /// The ways of assigning it knows.
    pub protocols: Vec<Protocol>,
    /// What it was assigned.
    pub assignment: Bytes,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// When it has been silent for too long; it is not while it waits for the others.
    pub(super) deadline: Monotonic,
    /// Its request to join that waits for the others.
    pub(super) joining: Option<Ticket>,
    /// Its request for its assignment that waits for the leader.
    pub(super) syncing: Option<Ticket>,
}

impl Member {
    pub(super) fn new(now: Monotonic, join: &Join) -> Member {
        let mut member = Member {
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            protocols: Vec::new(),
            assignment: Bytes::new(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            deadline: now + join.session_timeout,
            joining: None,
            syncing: None,
        };
        member.renew(now, join);
        member
    }

    /// Takes over what a new request to join says.
    pub(super) fn renew(&mut self, now: Monotonic, join: &Join) {
        self.protocols.clone_from(&join.protocols);
        self.session_timeout = join.session_timeout;
        self.rebalance_timeout = join.rebalance_timeout;
        self.touch(now);
    }

    /// It was heard of.
    pub(super) fn touch(&mut self, now: Monotonic) {
        self.deadline = now + self.session_timeout;
    }

    pub(super) fn knows(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|known| known.name == protocol)
    }

    pub(super) fn is_late(&self, now: Monotonic) -> bool {
        self.joining.is_none() && self.syncing.is_none() && self.deadline <= now
    }

    /// What it says about itself under a protocol.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|known| known.name == protocol);
        found.map(|known| known.metadata.clone()).unwrap_or_default()
    }
}
