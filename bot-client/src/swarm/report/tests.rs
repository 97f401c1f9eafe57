use std::time::Duration;

use super::*;
use crate::client::Closed;
use crate::session::Tally;
use crate::swarm::page::{Charts, page};
use crate::swarm::thresholds::Thresholds;

fn stats() -> Stats {
    let mut stats =
        Stats { connected: 2, measured: 2, bot_time: Duration::from_secs(20), ..Stats::default() };
    for _ in 0..600 {
        stats.snapshot_bytes.record_value(200);
        stats.interval.record(Duration::from_micros(33_333));
        stats.latency.record(Duration::from_millis(12));
        stats.latency_raw.record(Duration::from_millis(11));
        stats.jitter.record(Duration::from_micros(40));
        stats.instability.record(None, Duration::from_micros(33_333), Duration::from_micros(33_333));
    }
    let once = Duration::from_millis(1);
    for figure in [&mut stats.handshake, &mut stats.welcome, &mut stats.schedule_lag] {
        figure.record(once);
    }
    stats.whole_view_bytes.record_value(900);
    stats.down = 600 * 204;
    stats.up = 600 * 15;
    stats.tally = Tally { shots: 40, kills: 2, deaths: 1, pickups: 10 };
    stats
}

#[test]
fn rates_are_per_client_and_window() {
    let report = Report::new("ws://x:1/ws".into(), 10.0, &stats());
    assert_eq!(report.snapshots.per_second_per_client, 30.0);
    assert_eq!((report.bytes_per_second.down, report.bytes_per_second.up), (6120.0, 450.0));
    let play = (report.shots_per_bot_minute, report.kills_per_bot_minute, report.pickups_per_bot_minute);
    assert_eq!(play, (120.0, 6.0, 30.0));
    assert!(report.is_clean());
}

#[test]
fn the_json_has_the_names_that_scripts_read() {
    let mut stats = stats();
    stats.disconnects.insert(4003, 2);
    let report = Report::new("ws://x:1/ws".into(), 10.0, &stats);
    assert!(!report.is_clean());
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["schema"], "drift-swarm/1");
    assert_eq!(json["disconnects"]["4003"], 2);
    for path in [
        "/bots/connected",
        "/bots/failed",
        "/bots/measured",
        "/snapshots/per_second_per_client",
        "/latency_ms/p50",
        "/latency_ms/p90",
        "/latency_ms/p99",
        "/latency_ms/p999",
        "/latency_ms/max",
        "/latency_raw_ms/p99",
        "/jitter_ms/p99",
        "/instability_ratio",
        "/connect/per_second",
        "/connect/handshake_ms/p99",
        "/connect/welcome_ms/p99",
        "/messages_per_second/down",
        "/messages_per_second/up",
        "/protocol_errors",
        "/visits/made",
        "/resumes/tried",
        "/resumes/ok",
        "/resumes/lost",
        "/reconnects/tried",
        "/reconnects/ok",
        "/environment/unix_time",
        "/interval_ms/p50",
        "/interval_ms/p99",
        "/interval_ms/max",
        "/snapshot_bytes/mean",
        "/snapshot_bytes/p50",
        "/snapshot_bytes/p99",
        "/whole_view_bytes/mean",
        "/whole_view_bytes/p50",
        "/whole_view_bytes/p99",
        "/snapshot_sections/own",
        "/snapshot_sections/updates",
        "/snapshot_sections/enters",
        "/snapshot_sections/pulses",
        "/snapshot_sections/pickups",
        "/snapshot_sections/events",
        "/late_percent",
        "/resyncs",
        "/predicted_snapshots",
        "/mispredictions",
        "/snapshots/skipped",
        "/snapshots/long_gaps",
        "/bytes_per_second/down",
        "/bytes_per_second/up",
        "/shots_per_bot_minute",
        "/kills_per_bot_minute",
        "/pickups_per_bot_minute",
        "/generator/schedule_lag_ms/p99",
    ] {
        assert!(json.pointer(path).is_some_and(serde_json::Value::is_number), "{path}");
    }
    for path in [
        "/resumes/ms/p99",
        "/reconnects/ms/max",
        "/server/cpu_us_per_player_tick",
        "/server/rss_bytes",
        "/server/missed_ticks",
        "/server/tick_ms/p50",
        "/server/tick_ms/p99",
        "/server/tick_ms/max",
        "/generator/cpu_percent",
        "/generator/cpu_us_per_bot_tick",
        "/environment/commit",
        "/environment/cpu",
        "/environment/kernel",
    ] {
        assert!(json.pointer(path).is_some_and(serde_json::Value::is_null), "{path}");
    }
    let table = report.to_string();
    assert!(table.contains("2 × 4003 too_slow") && !table.contains("server"), "{table}");
}

#[test]
fn a_late_swarm_says_that_it_measured_itself() {
    let mut stats = stats();
    (0..98).for_each(|_| stats.schedule_lag.record(Duration::from_millis(1)));
    let report = |stats: &Stats| Report::new("ws://x:1/ws".into(), 10.0, stats);
    assert!(report(&stats).valid);
    (0..2).for_each(|_| stats.schedule_lag.record(Duration::from_millis(6)));
    let late = report(&stats);
    assert!(!late.valid && late.to_string().contains("INVALID"), "{late}");
    assert!(late.to_string().contains("late by 6.0 ms"), "{late}");
    let broken = report(&Stats { broken: 3, ..self::stats() });
    assert!(!broken.valid && broken.to_string().ends_with("3 of its bots ended by an error"), "{broken}");
}

#[test]
fn what_was_not_measured_is_not_zero() {
    let stats = Stats { connected: 9, ..Stats::default() };
    let report = Report::new(String::new(), 5.0, &stats);
    assert!(report.valid && report.is_clean());
    let json = serde_json::to_value(&report).unwrap();
    for path in ["/latency_ms/p99", "/interval_ms/p99", "/snapshots/per_second_per_client", "/late_percent"] {
        assert!(json.pointer(path).is_some_and(serde_json::Value::is_null), "{path}");
    }
    let limits: Thresholds = "latency_ms.p99<=90, bots.failed==0".parse().unwrap();
    assert_eq!(limits.violations(&json), ["latency_ms.p99<=90: not known in this run"]);
    let table = report.to_string();
    assert!(table.contains("measured         none") && !table.contains("NaN"), "{table}");
}

#[test]
fn what_is_not_known_is_a_dash() {
    let nothing = Stats { connected: 2, measured: 2, ..Stats::default() };
    // Ended in the ramp, before any time went by; and a server that stood still for the whole window.
    let mut ramp = Report::new(String::new(), 0.0, &nothing);
    ramp.connect.per_second = f64::INFINITY;
    let frozen = Stats { bot_time: Duration::from_secs(20), ..nothing.clone() };
    let mut weighed = frozen.clone();
    weighed.whole_view_bytes.record_value(900);
    // What came before the first bot's time was up.
    let early = Stats { down: 600, messages_down: 3, bot_time: Duration::ZERO, ..stats() };
    let mut nobody_back = stats();
    (nobody_back.reconnects.tried, nobody_back.resumes.tried) = (50, 3);
    for stats in [frozen, weighed, early, nobody_back] {
        let report = Report::new(String::new(), 10.0, &stats);
        unknown_is_a_dash(&report);
    }
    unknown_is_a_dash(&ramp);
    let mut empty = Report::empty();
    empty.bots.measured = 1;
    unknown_is_a_dash(&empty);
}

#[track_caller]
fn unknown_is_a_dash(report: &Report) {
    for text in [report.to_string(), page(report, &Charts::default())] {
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}

#[test]
fn only_a_cut_is_called_one() {
    let mut report = Report::empty();
    report.disconnects.extend([(Closed::CUT, 2), (1013, 3), (4003, 1)]);
    let table = report.to_string();
    assert!(table.ends_with("disconnects      2 × 1006 cut, 3 × 1013, 1 × 4003 too_slow"), "{table}");
}

#[test]
fn who_is_kept_out_without_a_reason_is_lost() {
    let mut stats = stats();
    (stats.visits.made, stats.visits.refused) = (9, 2);
    let report = |stats: &Stats| Report::new(String::new(), 10.0, stats);
    assert!(report(&stats).is_clean(), "those that talk garbage may be");
    stats.visits.shut_out = 1;
    assert!(!report(&stats).is_clean());
}
