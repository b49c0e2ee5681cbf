//! The suite of the broker: Kafka's protocol over the loopback address, beside Redis streams.
//!
//! Brokers are processes of their own, so is the generator of Kafka's requests: the programs
//! `broker` and `broker-load`, beside this one. CPU time and memory are the broker's alone.

mod child;
mod floor;
mod kafka;
mod kcat;
mod rdkafka;
mod redis;
mod resp;

use roundhouse_measure::{Case, Subject, Suite};

/// All cases with everybody who can do them.
pub(crate) fn broker() -> Suite {
    let mut cases: Vec<Case> = PRODUCES.iter().map(produce_case).collect();
    cases.push(Case {
        name: "consume-1k",
        about: "Messages of 1 KiB that are there already, by 2 consumers, just produced.",
        subjects: vec![
            Box::new(kafka::Consume::Produced),
            Box::new(redis::Consume),
            Box::new(rdkafka::Consume),
        ],
    });
    cases.push(Case {
        name: "consume-1k-live",
        about: "Messages of 1 KiB by 2 consumers, while 2 producers produce them durably.",
        subjects: vec![Box::new(kafka::Consume::Live)],
    });
    cases.push(Case {
        name: "consume-1k-cold",
        about: "Messages of 1 KiB that are on the disk, of a broker that was just started.",
        subjects: vec![Box::new(kafka::Consume::Cold)],
    });
    cases.push(Case {
        name: "end-to-end-50k",
        about: "From the time a message was due until a waiting consumer has it; 1 KiB, 50,000 a \
                second, durable.",
        subjects: vec![Box::new(floor::Floor), Box::new(kafka::EndToEnd)],
    });
    cases.push(Case {
        name: "held-10k-partitions",
        about: "1,000 connections to a broker with 10 topics of 1,000 partitions each.",
        subjects: vec![Box::new(kafka::Held)],
    });
    Suite {
        name: "broker",
        about: "Brokers of messages, as processes, load and broker on the same cores.",
        cases,
    }
}

/// Messages that are produced as fast as they are acknowledged.
#[derive(Clone, Copy)]
struct ProduceLoad {
    name: &'static str,
    about: &'static str,
    connections: usize,
    /// Requests of each that wait for their answer.
    in_flight: usize,
    batch: usize,
    bytes: usize,
    durability: Durability,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Durability {
    Always,
    /// Every second, which is what Redis has.
    EverySecond,
}

const PRODUCES: &[ProduceLoad] = &[
    ProduceLoad {
        name: "produce-1k-1000",
        about: "2 producers of durable batches of 1,000 messages of 1 KiB, 4 on their way each.",
        connections: 2,
        in_flight: 4,
        batch: 1000,
        bytes: 1024,
        durability: Durability::Always,
    },
    ProduceLoad {
        name: "produce-1k-100",
        about: "64 producers of durable batches of 100 messages of 1 KiB, 4 on their way each.",
        connections: 64,
        in_flight: 4,
        batch: 100,
        bytes: 1024,
        durability: Durability::Always,
    },
    ProduceLoad {
        name: "produce-1k-1",
        about: "64 producers of single durable messages of 1 KiB, 4 on their way each.",
        connections: 64,
        in_flight: 4,
        batch: 1,
        bytes: 1024,
        durability: Durability::Always,
    },
    ProduceLoad {
        name: "produce-1k-1-alone",
        about: "64 producers of single durable messages of 1 KiB, one on its way each.",
        connections: 64,
        in_flight: 1,
        batch: 1,
        bytes: 1024,
        durability: Durability::Always,
    },
    ProduceLoad {
        name: "produce-100-interval",
        about: "2 producers of batches of 1,000 messages of 100 bytes, durable every second.",
        connections: 2,
        in_flight: 4,
        batch: 1000,
        bytes: 100,
        durability: Durability::EverySecond,
    },
];

fn produce_case(load: &ProduceLoad) -> Case {
    let mut subjects: Vec<Box<dyn Subject>> =
        vec![Box::new(kafka::Produce(*load)), Box::new(redis::Produce(*load))];
    if load.name == PRODUCES[0].name {
        subjects.push(Box::new(kcat::Produce(*load)));
        subjects.push(Box::new(rdkafka::Produce(*load)));
    }
    Case { name: load.name, about: load.about, subjects }
}
