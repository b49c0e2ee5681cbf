//! Some seeds of every scenario; the binary of this package runs as many as one likes.

use roundhouse_verify::{Report, Scenario, run_seed};

/// The sums over the first `seeds` seeds of `scenario`. Fails with the command that replays the
/// first violation.
fn simulate(scenario: Scenario, seeds: u64) -> Report {
    let mut report = Report::default();
    for seed in 0..seeds {
        match run_seed(seed, Some(scenario)) {
            Ok(more) => report += &more,
            Err(violation) => panic!("{violation}"),
        }
    }
    report
}

#[test]
fn crashes_leave_a_prefix_with_everything_that_was_acknowledged() {
    let report = simulate(Scenario::Crashes, 300);
    assert!(report.cycles > 300 && report.faults.writes_torn > 0, "{report}");
}

#[test]
fn a_store_that_cannot_write_stops_and_loses_nothing_acknowledged() {
    simulate(Scenario::Writing, 100);
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_wrong_data() {
    simulate(Scenario::Reading, 100);
}

#[test]
fn a_full_store_goes_on_after_a_trim() {
    simulate(Scenario::Full, 100);
}

#[test]
fn what_a_lying_disk_took_away_is_noticed_when_anything_tells() {
    let report = simulate(Scenario::Lying, 100);
    assert!(report.refusals > 0, "{report}");
}

#[test]
fn a_crash_at_any_step_of_opening_changes_nothing() {
    simulate(Scenario::Recovery, 30);
}

#[test]
fn damage_is_named_and_repaired_with_a_copy() {
    let report = simulate(Scenario::Damage, 50);
    assert!(report.refusals > 0, "{report}");
}
