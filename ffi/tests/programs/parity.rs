//! Whatever embedders can do in Rust, they can do in C, or it is said here why not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The public methods of the crate `roundhouse`, each with its function in C.
const IN_C: &[(&str, &str)] = &[
    ("EngineBuilder::options", "rh_engine_open"),
    ("EngineBuilder::option", "rh_options_set"),
    ("EngineBuilder::existing_only", "rh_engine_open"),
    ("EngineBuilder::new_store_shards", "rh_options_set_new_store_shards"),
    ("EngineBuilder::panic_flag", "rh_engine_open"),
    ("EngineBuilder::open", "rh_engine_open"),
    ("EngineBuilder::open_blocking", "rh_engine_open"),
    ("EngineBuilder::seeds", "rh_engine_open_hosted"),
    ("Engine::builder", "rh_engine_open"),
    ("Engine::log", "rh_log_open"),
    ("Engine::log_names", "rh_engine_log_names"),
    ("Engine::shards", "rh_engine_shards"),
    ("Engine::store_id", "rh_engine_store_id"),
    ("Engine::directory", "rh_engine_directory"),
    ("Engine::info", "rh_engine_get_info"),
    ("Engine::metrics", "rh_engine_metrics"),
    ("Engine::close", "rh_engine_close"),
    ("ShardSeed::start", "rh_shard_start"),
    ("HostShard::fd", "rh_shard_fd"),
    ("HostShard::turn", "rh_shard_turn"),
    ("Log::name", "rh_log_name"),
    ("Log::id", "rh_log_get_info"),
    ("Log::shard", "rh_log_get_info"),
    ("Log::append", "rh_log_append"),
    ("Log::append_record", "rh_log_append_spanning"),
    ("Log::append_batch", "rh_log_append"),
    ("Log::read", "rh_log_read"),
    ("Log::reader", "rh_log_follow"),
    ("Log::offset_at", "rh_log_offset_at"),
    ("Log::sync", "rh_log_sync"),
    ("Log::trim_to", "rh_log_trim"),
    ("Log::truncate_after", "rh_log_truncate"),
    ("Log::configure", "rh_log_configure"),
    ("Log::delete", "rh_log_delete"),
    ("Log::info", "rh_log_get_info"),
    ("LogBuilder::durability", "rh_log_open"),
    ("LogBuilder::retention", "rh_log_open"),
    ("LogBuilder::on_shard", "rh_log_open"),
    ("LogBuilder::open", "rh_log_open"),
    ("LogBuilder::create", "rh_log_open"),
    ("LogBuilder::open_or_create", "rh_log_open"),
    ("Reader::batch_bytes", "rh_log_follow"),
    ("Reader::next_batch", "rh_queue_credit"),
    ("OfflineStore::open", "rh_store_shards"),
    ("OfflineStore::shards", "rh_store_shards"),
    ("OfflineStore::verify", "rh_store_verify"),
    ("OfflineStore::inspect", "rh_store_inspect"),
    ("OfflineStore::salvage", "rh_store_salvage"),
    ("OfflineStore::repair", "rh_store_repair"),
    ("Metrics::counter", "rh_metrics_counter"),
    ("Metrics::append_latency", "rh_metrics_append_latency"),
    ("Metrics::to_openmetrics", "rh_metrics_openmetrics"),
    ("ShardMetrics::counter", "rh_metrics_counter"),
    ("Options::table", "rh_options_keys"),
    ("Options::set", "rh_options_set"),
    ("Options::value", "rh_options_get"),
    ("Options::apply_env", "rh_options_load_environment"),
    ("Options::from_toml", "rh_options_load_toml"),
    ("Options::to_toml", "rh_options_to_toml"),
    ("ShardHandle::quic_endpoint", "rh_quic_open"),
    ("ShardHandle::tcp_connector", "rh_tcp_connect"),
    ("ShardHandle::tcp_listener", "rh_tcp_listen"),
    ("ShardHandle::udp_socket", "rh_udp_open"),
];

/// Those that have none, with the reason.
const RUST_ONLY: &[(&str, &str)] = &[
    ("Engine::spawn_on_each_shard", "runs Rust futures on the shards"),
    ("Engine::spawn_on", "runs Rust futures on a shard"),
    ("ShardHandle::id", "for Rust futures on a shard"),
    ("ShardHandle::runtime", "for Rust futures on a shard"),
    ("ShardHandle::spawn", "for Rust futures on a shard"),
    ("ShardHandle::local", "for Rust futures on a shard"),
    ("LocalLog::append", "for Rust futures on a shard"),
    ("LocalLog::append_batch", "for Rust futures on a shard"),
    ("LocalLog::try_append", "for Rust futures on a shard"),
    ("LocalLog::wait_for_room", "for Rust futures on a shard"),
    ("LocalLog::wait_acknowledged", "for Rust futures on a shard"),
    ("LocalLog::wait_durable", "for Rust futures on a shard"),
    ("LocalLog::sync", "for Rust futures on a shard"),
    ("LocalLog::reader", "for Rust futures on a shard"),
    ("LocalLog::info", "for Rust futures on a shard"),
    ("ShardSeed::id", "a shard's handle is at its number in the array"),
    ("ShardSeed::start_on", "for the simulator"),
    ("Reader::next_offset", "each completion says it"),
    ("OfflineStore::list_frames", "for those who work on the format; the command line has it"),
    ("Options::for_preset", "a preset is an option"),
    ("Options::preset", "a preset is an option"),
    ("Options::apply_preset", "a preset is an option"),
    ("Options::check", "opening does it"),
    ("Options::check_for", "opening does it"),
    ("Options::shards_on", "what opening derives from options"),
    ("Options::memory_per_shard", "what opening derives from options"),
    ("Options::capacity_per_shard", "what opening derives from options"),
    ("OptionInfo::env_name", "rh_options_page describes options"),
    ("OptionInfo::summary", "rh_options_page describes options"),
    ("OptionInfo::details", "rh_options_page describes options"),
    ("OptionInfo::allowed", "rh_options_page describes options"),
    ("OptionInfo::default_value", "rh_options_page describes options"),
    ("OptionInfo::value_in", "rh_options_page describes options"),
];

#[test]
fn every_operation_in_rust_is_one_in_c_or_says_why_not() {
    let public = public_methods(Path::new("../engine/roundhouse/src"));
    check_lists(&public, IN_C, RUST_ONLY);
}

/// Checks that the lists have every public method and no others, and that the functions in C are there.
pub(crate) fn check_lists(
    public: &BTreeSet<String>,
    in_c: &[(&str, &str)],
    rust_only: &[(&str, &str)],
) {
    let named: BTreeSet<String> =
        in_c.iter().chain(rust_only).map(|(method, _)| (*method).to_owned()).collect();
    let unnamed: Vec<_> = public.difference(&named).collect();
    assert!(unnamed.is_empty(), "give them a function in C, or a reason here: {unnamed:?}");
    let gone: Vec<_> = named.difference(public).collect();
    assert!(gone.is_empty(), "there are no such methods any more: {gone:?}");
    let exports = include_str!("../../exports.txt");
    for (method, function) in in_c {
        assert!(exports.lines().any(|line| line == *function), "{method}: no {function}");
    }
}

/// The public methods under a directory, but for the blocking twins, as `Type::method`.
pub(crate) fn public_methods(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut public_methods(&path));
        } else if path.file_name().is_some_and(|name| name != "blocking.rs") {
            methods_in(&fs::read_to_string(&path).unwrap(), &mut found);
        }
    }
    found
}

/// Finds `pub fn` in `impl Type` by the way rustfmt indents them.
fn methods_in(text: &str, found: &mut BTreeSet<String>) {
    let mut subject = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("impl") {
            let is_inherent = rest.starts_with(' ') && !rest.contains(" for ");
            subject = is_inherent.then(|| word(rest.trim_start()));
        }
        let method = line.strip_prefix("    pub ").map(|rest| rest.trim_start_matches("async "));
        let method = method.and_then(|rest| rest.trim_start_matches("const ").strip_prefix("fn "));
        if let (Some(subject), Some(method)) = (subject, method) {
            found.insert(format!("{subject}::{}", word(method)));
        }
    }
}

fn word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}
