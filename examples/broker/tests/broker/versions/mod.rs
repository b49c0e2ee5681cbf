//! Every kind of request in every version that is advertised: what clients nobody here has may send. Each is
//! answered in its own shape, both where all is well and where it is refused.

mod administration;
mod groups;
mod records;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use broker::Config;
use broker::protocol::api::{APIS, Api};
use kafka_protocol::messages::GroupId;
use kafka_protocol::protocol::{Request, StrBytes};
use uuid::Uuid;

use crate::client::{Client, Sender, batch};
use crate::server::Server;

/// A client that remembers which kinds it has asked.
pub(super) struct Tour {
    client: Client,
    asked: BTreeSet<i16>,
}

impl Tour {
    /// Asks in every version, and has each answer looked at.
    fn ask<Q: Request>(
        &mut self,
        request: impl Fn(i16) -> Q,
        mut look: impl FnMut(i16, Q::Response),
    ) {
        for version in self.versions::<Q>() {
            let answer = self.client.call(version, &request(version));
            look(version, answer);
        }
    }

    /// The versions that are advertised and that the generated code knows, too.
    fn versions<Q: Request>(&mut self) -> RangeInclusive<i16> {
        self.asked.insert(Q::KEY);
        let api = Api::of(Q::KEY).expect("it is in the table");
        api.min.max(Q::VERSIONS.min)..=api.max
    }
}

/// A topic that is there, or one that can't be.
#[derive(Clone, Copy)]
pub(super) struct Place {
    name: &'static str,
    id: Uuid,
    is_there: bool,
}

impl Place {
    /// Holds an error code against what there is.
    #[track_caller]
    fn check(self, version: i16, error: i16) {
        assert_eq!(error == 0, self.is_there, "{}: error {error} in version {version}", self.name);
    }
}

fn name(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

fn group(text: impl Into<String>) -> GroupId {
    GroupId(name(text))
}

#[test]
fn every_kind_is_answered_in_every_version_that_is_advertised() {
    let config = Config { group_initial_delay: Duration::ZERO, ..Config::default() };
    let server = Server::with(config);
    let mut client = Client::connect(server.address());
    client.metadata(&["t"]);
    client.produce("t", 0, batch(Sender::NOBODY, &["a", "b"]));
    let mut tour = Tour { client, asked: BTreeSet::new() };
    let id = records::identity(&mut tour);
    let there = Place { name: "t", id, is_there: true };
    let impossible = Place { name: "a/b", id: Uuid::from_u128(7), is_there: false };
    for place in [there, impossible] {
        records::everything(&mut tour, place);
        administration::of_settings(&mut tour, place);
    }
    groups::everything(&mut tour);
    administration::of_topics(&mut tour);
    administration::of_the_broker(&mut tour);
    let all: BTreeSet<i16> = APIS.iter().map(|api| api.key as i16).collect();
    assert_eq!(tour.asked, all);
    server.stop();
}
