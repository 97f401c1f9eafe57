//! The largest number of players that a server holds: trials of some seconds each, and what they add up to. Starts no
//! server: [`crate::hosted`] does.

mod page;
mod search;
mod table;

use std::time::Duration;

use serde::Serialize;

use super::environment::Environment;
use super::report::{Report, round};
pub use page::page;
pub use search::Search;

/// Least share of the ticks' snapshots that has to arrive, %.
pub const LEAST_DELIVERED: f64 = 95.0;
/// Longest that the 99th percentile of the intervals between snapshots may be, ticks.
pub const LONGEST_INTERVAL: f64 = 1.5;
/// A swarm that takes more than this of its core is at its own limit, %.
const BUSY: f64 = 92.0;

/// One number of players, tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// How many players were asked for.
    pub players: u32,
    /// Share of the ticks that a player got a snapshot of, %.
    pub delivered_percent: f64,
    /// Between two snapshots of one player, 99th percentile, ms.
    pub interval_p99_ms: f64,
    /// From an input to its snapshot, 99th percentile, ms.
    pub latency_p99_ms: f64,
    /// The server's CPU time by player and tick, µs, if it is known.
    pub cpu_us_per_player_tick: Option<f64>,
    /// Players without a seat, or who lost it.
    pub lost: u32,
    /// True if it held.
    pub held: bool,
    /// True if the swarm itself was late, or had no core left.
    pub generator_limited: bool,
}

impl Trial {
    /// Judges a run with `players`.
    pub fn of(players: u32, report: &Report) -> Trial {
        let hz = f64::from(report.ticks_per_second.max(1));
        let delivered_percent = round(100.0 * report.snapshots.per_second_per_client / hz);
        let interval_p99_ms = report.interval_ms.p99;
        let lost = report.bots.failed + report.disconnects.values().sum::<u32>();
        let in_time = interval_p99_ms <= LONGEST_INTERVAL * 1000.0 / hz;
        Trial {
            players,
            delivered_percent,
            interval_p99_ms,
            latency_p99_ms: report.latency_ms.p99,
            cpu_us_per_player_tick: report.server.cpu_us_per_player_tick,
            lost,
            held: lost == 0
                && report.bots.connected == players
                && delivered_percent >= LEAST_DELIVERED
                && in_time,
            generator_limited: !report.valid || report.generator.cpu_percent.is_some_and(|cpu| cpu > BUSY),
        }
    }
}

/// What ends the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The server does not hold more.
    Server,
    /// The swarm that made the load was at its own limit: the server may hold more.
    Generator,
    /// More was not tried.
    NotTried,
}

/// What a search found. Its JSON is stable: `schema` changes with it.
#[derive(Debug, Clone, Serialize)]
pub struct Capacity {
    /// Names this layout.
    pub schema: &'static str,
    /// The largest number that held twice before it failed twice; none if none did.
    pub knee: Option<u32>,
    /// What ends the line there.
    pub limit: Limit,
    /// Length of a tick, ms.
    pub tick_ms: f64,
    /// In the order that they were made.
    pub trials: Vec<Trial>,
    /// Where and how.
    pub environment: Environment,
}

impl Capacity {
    /// What `search` and its trials add up to.
    pub fn new(search: &Search, trials: Vec<Trial>, hz: u8) -> Capacity {
        // The smallest that failed ends the line, by its last trial.
        let failed = search.failed();
        let end = trials.iter().rev().find(|trial| !trial.held && Some(trial.players) == failed);
        let limit = match end {
            None => Limit::NotTried,
            Some(trial) if trial.generator_limited => Limit::Generator,
            Some(_) => Limit::Server,
        };
        Capacity {
            schema: "drift-capacity/1",
            knee: search.knee(),
            limit,
            tick_ms: round(1000.0 / f64::from(hz.max(1))),
            trials,
            environment: Environment::default(),
        }
    }
}

/// How long one trial measures, and how fast its bots come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// The window.
    pub duration: Duration,
    /// Bots a second.
    pub rate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(players: u32, per_second: f64, p99: f64) -> Report {
        let mut report = Report { ticks_per_second: 30, ..Report::empty() };
        report.bots.connected = players;
        report.snapshots.per_second_per_client = per_second;
        report.interval_ms.p99 = p99;
        report
    }

    #[test]
    fn a_trial_holds_if_all_are_served_in_time() {
        let held = |report: &Report| Trial::of(100, report).held;
        assert!(held(&report(100, 30.0, 34.0)) && held(&report(100, 28.6, 49.9)));
        assert!(!held(&report(100, 28.4, 34.0)), "too few snapshots");
        assert!(!held(&report(100, 30.0, 50.1)), "too late");
        assert!(!held(&report(99, 30.0, 34.0)), "one has no seat");
        let mut lossy = report(100, 30.0, 34.0);
        lossy.disconnects.insert(4003, 1);
        assert!(!held(&lossy));
        let mut busy = report(100, 30.0, 60.0);
        assert!(!Trial::of(100, &busy).generator_limited);
        busy.generator.cpu_percent = Some(97.0);
        assert!(Trial::of(100, &busy).generator_limited);
        busy = Report { valid: false, ..report(100, 30.0, 34.0) };
        assert!(Trial::of(100, &busy).generator_limited);
    }

    /// Searches with a swarm that is late from so many bots on, against a server that holds so many.
    fn found(server: u32, swarm: u32) -> Capacity {
        let (mut search, mut trials) = (Search::new(100, 4000), Vec::new());
        while let Some(players) = search.next() {
            let p99 = if players > server.min(swarm) { 80.0 } else { 34.0 };
            let report = Report { valid: players <= swarm, ..report(players, 30.0, p99) };
            let trial = Trial::of(players, &report);
            search.tell(players, trial.held);
            trials.push(trial);
        }
        Capacity::new(&search, trials, 30)
    }

    #[test]
    fn whose_limit_it_is_is_said() {
        let of_server = found(1000, 3000);
        assert_eq!(of_server.limit, Limit::Server);
        assert!((940..=1000).contains(&of_server.knee.unwrap()));
        let of_swarm = found(3000, 1000);
        assert_eq!(of_swarm.limit, Limit::Generator);
        let text = of_swarm.to_string();
        assert!(text.contains("generator limit, not the server's"), "{text}");
        let all = found(9000, 9000);
        assert_eq!((all.limit, all.knee), (Limit::NotTried, Some(4000)));
        assert!(all.to_string().contains("more was not tried"), "{all}");
        assert!(found(0, 9000).to_string().contains("not even 1"));
    }

    #[test]
    fn the_plot_has_a_line_for_each_number_and_a_mark_at_the_limit() {
        let capacity = found(1000, 3000);
        let text = capacity.to_string();
        let rows: Vec<_> = text.lines().filter(|line| line.contains('┊') || line.contains('▌')).collect();
        let mut numbers: Vec<_> = capacity.trials.iter().map(|trial| trial.players).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(rows.len(), numbers.len(), "{text}");
        assert!(rows[0].contains("100 ") && rows[0].contains("34.0 ms"), "{text}");
        assert!(rows[0].contains('┊'), "the limit is beyond a good bar: {text}");
        assert!(page(&capacity).matches("<svg").count() == 1 && page(&capacity).starts_with("<!doctype"));
        let json = serde_json::to_value(&capacity).unwrap();
        assert_eq!((&json["schema"], &json["limit"]), (&"drift-capacity/1".into(), &"server".into()));
    }
}
