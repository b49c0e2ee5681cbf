//! The suite of QUIC: a client and a server over the loopback address, on a core each.

mod client;
mod flood;
mod identity;
mod idle;
mod load;
mod machines;
mod pair;
#[cfg(feature = "peers")]
mod quinn;
#[cfg(feature = "heavy-peers")]
mod s2n;
mod sessions;
mod sharded;
mod shards;
mod simulated;

use std::time::Duration;

use roundhouse_measure::{CEILING, Case, ROUNDHOUSE, Subject, Suite};
use roundhouse_runtime::SpinOptions;

use idle::Idle;
use load::{LOADS, Load};
use machines::Machines;
use sessions::Sessions;
use sharded::Sharded;
use shards::Shards;

pub(crate) use simulated::echo;

/// All loads with everybody who carries QUIC.
pub(crate) fn quic() -> Suite {
    let idle: Vec<Box<dyn Subject>> =
        vec![Box::new(Idle { name: ROUNDHOUSE }), Box::new(Sessions { name: "tls-alone" })];
    let idle = Case {
        name: "idle-10000",
        about: "10,000 connections on which nothing happens.",
        subjects: idle,
    };
    let loads = LOADS.iter().map(|load| Case {
        name: load.name,
        about: load.about,
        subjects: subjects(*load),
    });
    Suite {
        name: "quic",
        about: "QUIC over the loopback address, client and server on a core each.",
        cases: loads.chain([shards(), idle]).collect(),
    }
}

fn shards() -> Case {
    let counts = [(ROUNDHOUSE, 2), (sharded::ONE_SHARD, 1)];
    let subjects =
        counts.map(|(name, shards)| Box::new(Sharded { name, shards }) as Box<dyn Subject>);
    Case { name: sharded::LOAD.name, about: sharded::LOAD.about, subjects: subjects.into() }
}

fn subjects(load: Load) -> Vec<Box<dyn Subject>> {
    let shards = |name, spin| Box::new(Shards { name, load, spin }) as Box<dyn Subject>;
    let mut subjects = Vec::new();
    if load.connections == 1 && load.strangers_per_second == 0 {
        subjects.push(Box::new(Machines { name: CEILING, load }) as Box<dyn Subject>);
    }
    subjects.push(shards(ROUNDHOUSE, SpinOptions::Adaptive(SPIN)));
    subjects.push(shards("roundhouse-no-spin", SpinOptions::Never));
    #[cfg(feature = "peers")]
    subjects.push(Box::new(quinn::Quinn { load }));
    #[cfg(feature = "heavy-peers")]
    subjects.push(Box::new(s2n::S2n { load }));
    subjects
}

const SPIN: Duration = Duration::from_micros(50);
