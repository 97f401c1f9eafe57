//! The largest number of players that a server holds: trials of some seconds each, and what they add up to. Starts no
//! server: [`crate::hosted`] does.

mod page;
mod search;
mod table;

use protocol::CloseCode;
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
    /// True if the room was full before all had a seat.
    pub room_full: bool,
    /// Why it did not hold, and what the swarm's own trouble was; none if there is nothing to say.
    pub why: Option<String>,
}

impl Trial {
    /// Judges a run with `players`.
    pub fn of(players: u32, report: &Report, first_failure: Option<&str>) -> Trial {
        let hz = f64::from(report.ticks_per_second.max(1));
        let delivered_percent = round(100.0 * report.snapshots.per_second_per_client / hz);
        let interval_p99_ms = report.interval_ms.p99;
        let (failed, dropped) = (report.bots.failed, report.disconnects.values().sum::<u32>());
        let mut why = Vec::new();
        if failed > 0 {
            why.push(format!("{failed} got no seat: {}", first_failure.unwrap_or("nobody knows why")));
        } else if report.bots.connected < players {
            why.push(format!("only {} came", report.bots.connected));
        }
        if dropped > 0 {
            let codes: Vec<_> = report.disconnects.iter().map(|(code, n)| format!("{n} by {code}")).collect();
            why.push(format!("{dropped} lost their seats, {}", codes.join(", ")));
        }
        if report.reconnects.ok > 0 {
            why.push(format!("{} lost their seats for a while", report.reconnects.ok));
        }
        if report.protocol_errors > 0 {
            why.push(format!("the server broke the protocol {} times", report.protocol_errors));
        }
        // A figure of nothing is NaN and keeps no limit.
        if delivered_percent.is_nan() || delivered_percent < LEAST_DELIVERED {
            why.push(format!("delivered less than {LEAST_DELIVERED} %"));
        }
        if interval_p99_ms.is_nan() || interval_p99_ms > LONGEST_INTERVAL * 1000.0 / hz {
            why.push(format!("interval p99 over {LONGEST_INTERVAL} ticks"));
        }
        let held = why.is_empty();
        let busy = report.generator.cpu_percent.filter(|&cpu| cpu > BUSY);
        if let Some(cpu) = busy {
            why.push(format!("the swarm itself took {cpu:.0} % of a core"));
        }
        if !report.valid {
            why.push("the swarm itself was late".into());
        }
        let full = format!("closed by the server with {}", CloseCode::RoomFull.code());
        Trial {
            players,
            delivered_percent,
            interval_p99_ms,
            latency_p99_ms: report.latency_ms.p99,
            cpu_us_per_player_tick: report.server.cpu_us_per_player_tick,
            lost: failed + report.seats_lost(),
            held,
            generator_limited: !report.valid || busy.is_some(),
            room_full: failed > 0 && first_failure.is_some_and(|why| why.contains(&full)),
            why: (!why.is_empty()).then(|| why.join("; ")),
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
    /// The room was full: the server may hold more in a larger one.
    Room,
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
    /// The smallest number that failed twice; none if none did.
    pub failed: Option<u32>,
    /// What ends the line there.
    pub limit: Limit,
    /// Length of a tick, ms.
    pub tick_ms: f64,
    /// In the order that they were made.
    pub trials: Vec<Trial>,
    /// Why the search ended before its end, so that the knee is only that so far; none if it did not.
    pub stopped: Option<String>,
    /// Where and how.
    pub environment: Environment,
}

impl Capacity {
    /// What `search` and its trials add up to.
    pub fn new(search: &Search, trials: Vec<Trial>, hz: u8) -> Capacity {
        let limit = match end(&trials, search.failed()) {
            None => Limit::NotTried,
            Some(trial) if trial.room_full => Limit::Room,
            Some(trial) if trial.generator_limited => Limit::Generator,
            Some(_) => Limit::Server,
        };
        Capacity {
            schema: "drift-capacity/2",
            knee: search.knee(),
            failed: search.failed(),
            limit,
            tick_ms: round(1000.0 / f64::from(hz.max(1))),
            trials,
            stopped: None,
            environment: Environment::default(),
        }
    }

    /// The trial that ends the line; none if nothing failed twice.
    fn end(&self) -> Option<&Trial> {
        end(&self.trials, self.failed)
    }
}

/// The smallest number that failed ends the line, by its last trial.
fn end(trials: &[Trial], failed: Option<u32>) -> Option<&Trial> {
    trials.iter().rev().find(|trial| !trial.held && Some(trial.players) == failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Closed, Error};

    fn report(players: u32, per_second: f64, p99: f64) -> Report {
        let mut report = Report { ticks_per_second: 30, ..Report::empty() };
        report.bots.connected = players;
        report.snapshots.per_second_per_client = per_second;
        report.interval_ms.p99 = p99;
        report
    }

    #[test]
    fn a_trial_holds_if_all_are_served_in_time() {
        let held = |report: &Report| Trial::of(100, report, None).held;
        assert!(held(&report(100, 30.0, 34.0)) && held(&report(100, 28.6, 49.9)));
        assert!(!held(&report(100, 28.4, 34.0)), "too few snapshots");
        assert!(!held(&report(100, 30.0, 50.1)), "too late");
        assert!(!held(&report(99, 30.0, 34.0)), "one has no seat");
        let mut lossy = report(100, 30.0, 34.0);
        lossy.disconnects.insert(4003, 1);
        assert!(!held(&lossy));
        let mut back = report(100, 30.0, 34.0);
        back.reconnects.ok = 1;
        let wrong = Report { protocol_errors: 1, ..report(100, 30.0, 34.0) };
        assert!(!held(&back) && !held(&wrong), "it was not only slow");
        let mut busy = report(100, 30.0, 60.0);
        assert!(!Trial::of(100, &busy, None).generator_limited);
        busy.generator.cpu_percent = Some(97.0);
        assert!(Trial::of(100, &busy, None).generator_limited);
        busy = Report { valid: false, ..report(100, 30.0, 34.0) };
        assert!(Trial::of(100, &busy, None).generator_limited);
    }

    #[test]
    fn a_trial_says_why() {
        let why =
            |report: &Report, first: Option<&str>| Trial::of(100, report, first).why.unwrap_or_default();
        assert_eq!(why(&report(100, 30.0, 34.0), None), "");
        let slow = why(&report(100, 20.0, 60.0), None);
        assert_eq!(slow, "delivered less than 95 %; interval p99 over 1.5 ticks");
        let mut full = report(90, 30.0, 34.0);
        full.bots.failed = 10;
        full.disconnects.insert(4003, 2);
        let refused = Error::Closed(Closed { code: 4005, reason: "room_full".into() }).to_string();
        let refused = Some(refused.as_str());
        let text = Trial::of(100, &full, refused).to_string();
        assert!(text.contains("does not hold: 10 got no seat: closed by the server with 4005"), "{text}");
        assert!(text.contains("2 lost their seats, 2 by 4003"), "{text}");
        let room_full = |first| Trial::of(100, &full, first).room_full;
        assert!(room_full(refused) && !room_full(Some("no seat within 10 s")) && !room_full(None));
        let mut busy = Report { valid: false, ..report(100, 30.0, 34.0) };
        busy.generator.cpu_percent = Some(97.0);
        let text = Trial::of(100, &busy, None).to_string();
        assert!(
            text.contains("holds: the swarm itself took 97 % of a core; the swarm itself was late"),
            "{text}"
        );
        let nothing = Trial::of(100, &Report { ticks_per_second: 30, ..Report::empty() }, None);
        assert!(!nothing.held && nothing.to_string().contains("only 0 came"), "{nothing}");
    }

    /// Searches with a swarm that is late from so many bots on, against a server that holds so many.
    fn found(server: u32, swarm: u32) -> Capacity {
        let (mut search, mut trials) = (Search::new(100, 4000), Vec::new());
        while let Some(players) = search.next() {
            let p99 = if players > server.min(swarm) { 80.0 } else { 34.0 };
            let report = Report { valid: players <= swarm, ..report(players, 30.0, p99) };
            let trial = Trial::of(players, &report, None);
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
        assert!(text.contains("generator limit, not the server's") && text.contains("was late"), "{text}");
        let text = of_server.to_string();
        assert!(text.contains("did not hold: interval p99 over 1.5 ticks"), "{text}");
        let all = found(9000, 9000);
        assert_eq!((all.limit, all.knee), (Limit::NotTried, Some(4000)));
        assert!(all.to_string().contains("more was not tried"), "{all}");
        assert!(found(0, 9000).to_string().contains("not even 1"));
    }

    #[test]
    fn a_room_that_is_full_is_no_limit_of_the_server() {
        let (mut search, mut trials) = (Search::new(100, 4000), Vec::new());
        while let Some(players) = search.next() {
            let mut report = report(players.min(300), 30.0, 34.0);
            report.bots.failed = players.saturating_sub(300);
            let trial = Trial::of(players, &report, Some("closed by the server with 4005 (room_full)"));
            search.tell(players, trial.held);
            trials.push(trial);
        }
        let found = Capacity::new(&search, trials, 30);
        assert_eq!((found.limit, found.knee), (Limit::Room, Some(300)));
        assert!(found.to_string().contains("the room's size, not the server's"), "{found}");
    }

    #[test]
    fn a_search_that_was_stopped_says_what_it_had_found() {
        let stopped = |held: &[u32]| {
            let (mut search, mut trials) = (Search::new(100, 4000), Vec::new());
            for &players in held {
                search.tell(players, true);
                trials.push(Trial::of(players, &report(players, 30.0, 34.0), None));
            }
            let stopped = Some("interrupted".into());
            Capacity { stopped, ..Capacity::new(&search, trials, 30) }
        };
        let text = stopped(&[100, 200]).to_string();
        assert!(text.contains("none so far; 200 players held once"), "{text}");
        assert!(text.ends_with("the search ended early: interrupted"), "{text}");
        let text = stopped(&[100, 200, 200]).to_string();
        assert!(text.contains("200 players so far"), "{text}");
        let one = page(&stopped(&[130]));
        assert!(one.contains("ended early") && !one.contains("NaN"), "{one}");
        assert_eq!(one.matches(">130</text>").count(), 1, "one place, one label");
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
        assert_eq!((&json["schema"], &json["limit"]), (&"drift-capacity/2".into(), &"server".into()));
    }
}
