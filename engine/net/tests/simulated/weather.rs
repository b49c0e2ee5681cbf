//! Classes of faults, by name.

use std::time::Duration;

use roundhouse_runtime::sim::LinkOptions;

/// A network with one thing wrong.
pub(crate) struct Weather {
    pub(crate) name: &'static str,
    pub(crate) set: fn(&mut LinkOptions),
}

/// Every class, each strong enough to happen in a short exchange, then all together.
pub(crate) const ALL: &[Weather] = &[
    Weather { name: "fine", set: |_| () },
    Weather { name: "far away", set: |link| link.latency = Duration::from_millis(150) },
    Weather { name: "jitter", set: |link| link.jitter = Duration::from_millis(20) },
    Weather {
        name: "narrow",
        set: |link| {
            link.bandwidth = Some(250_000);
            link.queue_bytes = 30_000;
        },
    },
    Weather { name: "loss", set: |link| link.loss = 0.05 },
    Weather { name: "duplication", set: |link| link.duplication = 0.1 },
    Weather { name: "reordering", set: |link| link.reordering = 0.1 },
    Weather { name: "corruption", set: |link| link.corruption = 0.05 },
    Weather { name: "small packets", set: |link| link.path_mtu_bytes = 1280 },
    Weather {
        name: "storm",
        set: |link| {
            link.jitter = Duration::from_millis(5);
            link.bandwidth = Some(2_500_000);
            link.queue_bytes = 60_000;
            link.loss = 0.03;
            link.duplication = 0.03;
            link.reordering = 0.03;
            link.corruption = 0.03;
            link.path_mtu_bytes = 1400;
        },
    },
];
