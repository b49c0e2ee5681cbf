//! Claims that hold for every row of the table, and the ways to fill options in.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use roundhouse_base::{ByteSize, limits};

use super::*;

#[test]
fn every_default_is_within_its_bounds_and_reads_back() {
    assert_eq!(Options::default().check(), Ok(()));
    for info in Options::table() {
        let mut options = Options::default();
        options.set(info.key, &info.default_value()).expect(info.key);
        assert_eq!(options, Options::default(), "{}", info.key);
    }
}

#[test]
fn every_option_is_documented_in_one_line_and_more() {
    let keys: BTreeSet<_> = Options::table().iter().map(|info| info.key).collect();
    assert_eq!(keys.len(), Options::table().len(), "keys differ");
    for info in Options::table() {
        assert!(info.summary().ends_with('.'), "{}: the summary is a sentence", info.key);
        assert!(!info.details().is_empty(), "{}: there is more to know", info.key);
        assert!(!info.allowed().ends_with('.'), "{}: allowed is a phrase", info.key);
    }
    let primary = Options::table().iter().filter(|info| info.rank == Rank::Primary);
    assert!(primary.filter(|info| info.key != PRESET_KEY).count() <= 12, "at most a dozen");
}

/// Per option: values at the edges of what it takes, and values just beyond them or of other types.
const EDGES: &[(&str, &[&str], &[&str])] = &[
    ("preset", &["balanced", "latency", "throughput"], &["", "fast", "Latency"]),
    ("shards", &["0", "1", "256", " 7 "], &["257", "65536", "-1", "1.5", "two", ""]),
    ("memory", &["8MiB", "16T", "8388609"], &["8388607", "17T", "none", "lots"]),
    ("capacity", &["none", "768KiB", "262144TiB"], &["767KiB", "262145TiB", "never"]),
    ("slot_size", &["256KiB", "1GiB", "260KiB"], &["252KiB", "1028MiB", "262145", "none"]),
    (
        "durability",
        &["always", "never", "interval:1ms", "interval:1h"],
        &["interval", "interval:", "interval:999us", "interval:61min", "always:1ms", "none"],
    ),
    ("sync_method", &["probe", "dsync", "fdatasync"], &["fsync", "DSYNC"]),
    ("anchor_delay", &["none", "10ms", "1h"], &["9ms", "3601s", "250", "0s"]),
    ("zero_slots", &["true", "false"], &["yes", "1", ""]),
    (
        "spin",
        &["never", "adaptive:1us", "always:1ms"],
        &["adaptive", "always", "always:1001us", "adaptive:0us", "never:1us"],
    ),
    ("pin", &["true", "false"], &["on", "TRUE"]),
    ("mailbox", &["16", "32768"], &["15", "32769", "4k"]),
    ("append_memory", &["1MiB", "1TiB"], &["1048575", "1025GiB", "none"]),
    ("ring_entries", &["32", "4096"], &["31", "4097"]),
    ("datagram_memory", &["1MiB", "1GiB"], &["1048575", "1025MiB", "none"]),
    ("stream_memory", &["1MiB", "1GiB"], &["1048575", "1025MiB", "none"]),
];

#[test]
fn every_option_takes_its_edges_and_refuses_what_is_beyond() {
    let tested: Vec<_> = EDGES.iter().map(|(key, ..)| *key).collect();
    let keys: Vec<_> = Options::table().iter().map(|info| info.key).collect();
    assert_eq!(tested.iter().collect::<BTreeSet<_>>(), keys.iter().collect::<BTreeSet<_>>());
    for (key, allowed, refused) in EDGES {
        for value in *allowed {
            let mut options = Options::default();
            assert_eq!(options.set(key, value), Ok(()), "{key} = {value}");
        }
        for value in *refused {
            let mut options = Options::default();
            let error = options.set(key, value).expect_err(&format!("{key} = {value}"));
            assert!(matches!(error, OptionsError::Value { key: named, .. } if named == *key));
            assert!(error.to_string().starts_with(&format!("{key} cannot be {value:?}; allowed")));
            assert_eq!(options, Options::default(), "a refused value changes nothing");
        }
    }
}

#[test]
fn a_refusal_says_what_is_allowed() {
    let refusal = |key, value| Options::default().set(key, value).unwrap_err().to_string();
    assert_eq!(
        refusal("shards", "257"),
        r#"shards cannot be "257"; allowed: a whole number from 0 to 256"#
    );
    assert_eq!(
        refusal("slot_size", "1"),
        "slot_size cannot be \"1\"; allowed: a size from 256KiB to 1GiB, a multiple of 4KiB \
         (bytes, or a number with K, M, G or T)"
    );
    assert_eq!(
        refusal("anchor_delay", "250"),
        "anchor_delay cannot be \"250\"; allowed: none, or a time from 10ms to 1h \
         (a number with ns, us, ms, s, min or h)"
    );
}

#[test]
fn an_unknown_key_names_the_nearest() {
    for (typo, meant) in [
        ("memry", "memory"),
        ("slot-size", "slot_size"),
        ("shard", "shards"),
        ("sync", "sync_method"),
        ("SPIN", "spin"),
        ("durable", "durability"),
        ("pim", "pin"),
    ] {
        let expected = OptionsError::UnknownKey { key: typo.to_owned(), nearest: meant };
        assert_eq!(Options::default().set(typo, "1"), Err(expected.clone()));
        assert_eq!(Options::default().value(typo), Err(expected));
    }
    let error = Options::default().value("memry").unwrap_err();
    assert_eq!(error.to_string(), r#"there is no option "memry"; the nearest is "memory""#);
}

#[test]
fn presets_decide_how_a_shard_waits() {
    assert_eq!(Options::for_preset(Preset::Balanced), Options::default());
    for (preset, spin) in
        [("balanced", "adaptive:20us"), ("latency", "always:50us"), ("throughput", "never")]
    {
        let mut options = Options::default();
        options.set("preset", preset).unwrap();
        assert_eq!(options.value("preset").unwrap(), preset);
        assert_eq!(options.value("spin").unwrap(), spin);
        assert_eq!(options, Options::for_preset(options.preset()));
        assert_eq!(options.check(), Ok(()));
    }
}

#[test]
fn a_preset_overwrites_only_what_presets_decide() {
    let mut options =
        Options { memory: ByteSize(1 << 30), spin: Spin::Never, ..Options::default() };
    options.apply_preset(Preset::Latency);
    assert_eq!(options.memory, ByteSize(1 << 30));
    assert_eq!(options.spin, Spin::Always(Duration::from_micros(50)));
}

#[test]
fn fields_assigned_out_of_bounds_are_found_by_the_check() {
    let wrong = Options { slot_size: ByteSize(5000), ..Options::default() };
    assert!(matches!(wrong.check(), Err(OptionsError::Value { key: "slot_size", .. })));
    let wrong = Options { slot_size: ByteSize(0), ..Options::default() };
    assert!(matches!(wrong.check(), Err(OptionsError::Value { key: "slot_size", .. })));
    let wrong = Options { spin: Spin::Always(Duration::from_secs(1)), ..Options::default() };
    assert!(matches!(wrong.check(), Err(OptionsError::Value { key: "spin", .. })));
}

#[test]
fn every_shard_needs_its_share() {
    let base = Options { shards: 4, ..Options::default() };
    let memory = |mib: u64| Options { memory: ByteSize(mib << 20), ..base.clone() };
    assert_eq!(memory(32).check(), Ok(()));
    assert_eq!(
        memory(31).check().unwrap_err().to_string(),
        "memory = 31MiB is too little for 4 shards: each needs 8MiB; raise memory or lower shards"
    );
    let capacity = |mib: u64| Options { capacity: Some(ByteSize(mib << 20)), ..base.clone() };
    assert_eq!(capacity(4 * 3 * 64).check(), Ok(()));
    assert_eq!(
        capacity(4 * 3 * 64 - 1).check().unwrap_err().to_string(),
        "capacity = 767MiB is too little for 4 shards: each needs 3 slots of 64MiB; \
         raise capacity, or lower shards or slot_size"
    );
    assert_eq!(capacity(256 << 20).check(), Ok(()));
    assert!(matches!(capacity(257 << 20).check(), Err(OptionsError::CapacityTooLarge { .. })));
}

#[test]
fn the_machine_decides_the_shards_within_memory_and_capacity() {
    let mut options = Options::default();
    assert_eq!(options.shards_on(0), 1);
    assert_eq!(options.shards_on(8), 8);
    assert_eq!(options.shards_on(64), 32, "256MiB gives 32 shards their 8MiB");
    options.memory = ByteSize(1 << 40);
    assert_eq!(usize::from(options.shards_on(1000)), limits::SHARDS_MAX);
    options.capacity = Some(ByteSize(1 << 30));
    assert_eq!(options.shards_on(64), 5, "1GiB gives 5 shards their 3 slots");
    assert_eq!(options.capacity_per_shard(4), Some(ByteSize(256 << 20)));
    options.shards = 7;
    assert_eq!(options.shards_on(64), 7);
}

proptest! {
    #[test]
    fn written_options_read_back(options in any_options()) {
        let mut copy = Options::default();
        for info in Options::table() {
            copy.set(info.key, &info.value_in(&options)).unwrap();
        }
        prop_assert_eq!(&copy, &options);
        prop_assert_eq!(Options::from_toml(&options.to_toml()), Ok(options.clone()));
        let variables = Options::table().iter().map(|i| (i.env_name(), i.value_in(&options)));
        let mut copy = Options::default();
        copy.apply_env(variables).unwrap();
        prop_assert_eq!(copy, options);
    }

    #[test]
    fn shards_the_machine_decides_have_their_minimum(
        options in any_options(), cpus in 0..2000_usize,
    ) {
        let options = Options { shards: 0, ..options };
        if options.check().is_ok() {
            let checked = options.check_for(options.shards_on(cpus));
            let too_few_cpus = matches!(checked, Err(OptionsError::CapacityTooLarge { .. }));
            prop_assert!(checked.is_ok() || too_few_cpus, "{:?}", checked);
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,40}") {
        for info in Options::table() {
            let _ = Options::default().set(info.key, &text);
        }
        let _ = Options::from_toml(&text);
    }
}

/// Options within the bounds of each row, whether they fit together or not.
fn any_options() -> impl Strategy<Value = Options> {
    let preset = proptest::sample::select(Preset::ALL.to_vec());
    let socket_memory = (1 << 20)..=(1_u64 << 30);
    let sizes = (
        limits::MEMORY_BYTES_MIN..=16 << 40,
        64..=262_144_u64,
        socket_memory.clone(),
        socket_memory,
        (1 << 20)..=(1_u64 << 40),
    );
    let capacity = proptest::option::of((768_u64 << 10)..=1 << 58);
    let times =
        (any_durability(), any_spin(), proptest::option::of(time(10_000_000, 3_600_000_000_000)));
    let flags = any::<(bool, bool)>();
    let counts = (0..=256_u16, 16..=32_768_u16, 32..=4096_u16);
    let sync = proptest::sample::select(vec![
        SyncChoice::Probe,
        SyncChoice::Fixed(SyncMethod::Dsync),
        SyncChoice::Fixed(SyncMethod::Fdatasync),
    ]);
    (preset, sizes, capacity, times, flags, counts, sync).prop_map(
        |(preset, sizes, capacity, times, flags, counts, sync_method)| Options {
            preset,
            memory: ByteSize(sizes.0),
            slot_size: ByteSize(sizes.1 * limits::BLOCK_BYTES as u64),
            capacity: capacity.map(ByteSize),
            durability: times.0,
            spin: times.1,
            anchor_delay: times.2,
            zero_slots: flags.0,
            pin: flags.1,
            shards: counts.0,
            mailbox: counts.1,
            append_memory: ByteSize(sizes.4),
            ring_entries: counts.2,
            sync_method,
            datagram_memory: ByteSize(sizes.2),
            stream_memory: ByteSize(sizes.3),
        },
    )
}

fn any_durability() -> impl Strategy<Value = Durability> {
    prop_oneof![
        Just(Durability::Always),
        Just(Durability::Never),
        time(1_000_000, 1_000_000_000).prop_map(Durability::Interval),
    ]
}

fn any_spin() -> impl Strategy<Value = Spin> {
    prop_oneof![
        Just(Spin::Never),
        time(1_000, 1_000_000).prop_map(Spin::Adaptive),
        time(1_000, 1_000_000).prop_map(Spin::Always),
    ]
}

fn time(min_ns: u64, max_ns: u64) -> impl Strategy<Value = Duration> {
    (min_ns..=max_ns).prop_map(Duration::from_nanos)
}
