//! A swarm's results: figures per client from the raw counts, as a table for people and as JSON for scripts.

use std::collections::BTreeMap;
use std::fmt;

use protocol::CloseCode;
use serde::Serialize;

use super::environment::Environment;
use super::server::Server;
use super::stats::{Micros, Stats, Visits};

/// What a swarm found out. Its JSON is stable: `schema` changes with it.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Names this layout.
    pub schema: &'static str,
    /// Where the bots played.
    pub url: String,
    /// False if the swarm itself was too late for its figures to be the server's: see [`MOST_LAG_MS`].
    pub valid: bool,
    /// Bots by outcome.
    pub bots: Bots,
    /// How they got in.
    pub connect: Connect,
    /// Length of the measurement window, s.
    pub window_seconds: f64,
    /// Rate of snapshots.
    pub snapshots: Snapshots,
    /// From the scheduled send time of an input to the first snapshot that has it, inputs included that the swarm was
    /// too late to send: corrected for coordinated omission.
    pub latency_ms: Latency,
    /// The same from the real send time, and only of inputs that were sent: what a naive tester would report.
    pub latency_raw_ms: Latency,
    /// Between two snapshots of one client.
    pub interval_ms: Interval,
    /// How far that is from the time between the two ticks.
    pub jitter_ms: Interval,
    /// Meterstick's, of the intervals: see [`super::stats::Instability`].
    pub instability_ratio: f64,
    /// Length of a snapshot message, without the WebSocket header.
    pub snapshot_bytes: Sizes,
    /// What such a message would weigh if each said the whole quantised view, sampled once a second and bot.
    pub whole_view_bytes: Sizes,
    /// Mean length of each section of a snapshot's body.
    pub snapshot_sections: Sections,
    /// Per client, WebSocket headers included, TCP/IP excluded.
    pub bytes_per_second: Rates,
    /// Per client.
    pub messages_per_second: Rates,
    /// Share of snapshots whose tick had no input of the client's in time.
    pub late_percent: f64,
    /// Snapshots that could not be read, so that a full one had to be asked for, since the bots joined. Expected: 0.
    pub resyncs: u64,
    /// Snapshots that a predicted ship was compared in, since the bots joined.
    pub predicted_snapshots: u64,
    /// Those in which it was elsewhere, though nothing had acted on it from outside. Expected: 0.
    pub mispredictions: u64,
    /// Pulses fired.
    pub shots_per_bot_minute: f64,
    /// Ships destroyed.
    pub kills_per_bot_minute: f64,
    /// Things picked up.
    pub pickups_per_bot_minute: f64,
    /// Bots that come and go: profiles join-storm and garbage.
    pub visits: Visits,
    /// Seats lost before the end, by close code; visits are not in it.
    pub disconnects: BTreeMap<u16, u32>,
    /// Times that the server broke the protocol: what is no WebSocket, no message, or no answer to a `Hello`.
    pub protocol_errors: u32,
    /// How well the swarm itself kept time.
    pub generator: Generator,
    /// What the server says of itself.
    pub server: Server,
    /// Where and how it was measured.
    pub environment: Environment,
}

/// A swarm that sends more than one input in a hundred later than this is measuring itself, ms.
pub const MOST_LAG_MS: f64 = 5.0;

/// Bots by outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Bots {
    /// Got a seat.
    pub connected: u32,
    /// Did not.
    pub failed: u32,
}

/// How bots got in.
#[derive(Debug, Clone, Serialize)]
pub struct Connect {
    /// Seats taken a second, while bots came.
    pub per_second: f64,
    /// From dialling to the end of the WebSocket handshake.
    pub handshake_ms: Interval,
    /// From there to the `Welcome`.
    pub welcome_ms: Interval,
}

/// Rate of snapshots.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshots {
    /// Mean over clients and the window.
    pub per_second_per_client: f64,
    /// Ticks that clients were sent no snapshot for.
    pub skipped: u64,
    /// Times that two snapshots were more than two ticks apart.
    pub long_gaps: u64,
}

/// Quantiles of a latency, ms.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Latency {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Quantiles of an interval, ms.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Interval {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

/// Quantiles of a length, bytes.
#[derive(Debug, Clone, Serialize)]
#[allow(missing_docs)]
pub struct Sizes {
    pub mean: f64,
    pub p50: u64,
    pub p99: u64,
}

/// Mean bytes of a snapshot by section.
#[derive(Debug, Clone, Serialize)]
pub struct Sections {
    /// The own ship.
    pub own: f64,
    /// Ships that leave the view or change.
    pub updates: f64,
    /// Ships that come into view.
    pub enters: f64,
    /// Pulses and hits.
    pub pulses: f64,
    /// Pickups.
    pub pickups: f64,
    /// Explosions, beams and the check.
    pub events: f64,
}

/// Something a second.
#[derive(Debug, Clone, Serialize)]
pub struct Rates {
    /// From the server.
    pub down: f64,
    /// To the server.
    pub up: f64,
}

/// How well the swarm itself kept time.
#[derive(Debug, Clone, Serialize)]
pub struct Generator {
    /// From the scheduled to the real send time of inputs: contained in the latency.
    pub schedule_lag_ms: Interval,
}

impl Report {
    /// The figures of a swarm that measured for `window_seconds`.
    pub fn new(url: String, window_seconds: f64, stats: &Stats) -> Report {
        let seconds = stats.bot_time.as_secs_f64();
        let per_second = |n: u64| if seconds > 0.0 { round(n as f64 / seconds) } else { 0.0 };
        let per_minute = |n: u32| if seconds > 0.0 { round(f64::from(n) * 60.0 / seconds) } else { 0.0 };
        let bytes = &stats.snapshot_bytes;
        let per_snapshot = |n: u64| round(n as f64 / bytes.count().max(1) as f64);
        let sections = &stats.sections;
        Report {
            schema: "drift-swarm/1",
            url,
            valid: ms(&stats.schedule_lag, 0.99) <= MOST_LAG_MS,
            bots: Bots { connected: stats.connected, failed: stats.failed },
            connect: Connect {
                per_second: round(f64::from(stats.connected) / stats.ramp.as_secs_f64().max(0.001)),
                handshake_ms: interval(&stats.handshake),
                welcome_ms: interval(&stats.welcome),
            },
            window_seconds: round(window_seconds),
            snapshots: Snapshots {
                per_second_per_client: per_second(bytes.count()),
                skipped: stats.skipped,
                long_gaps: stats.long_gaps,
            },
            latency_ms: latency(&stats.latency),
            latency_raw_ms: latency(&stats.latency_raw),
            interval_ms: interval(&stats.interval),
            jitter_ms: interval(&stats.jitter),
            instability_ratio: round(stats.instability.ratio()),
            snapshot_bytes: sizes(bytes),
            whole_view_bytes: sizes(&stats.whole_view_bytes),
            snapshot_sections: Sections {
                own: per_snapshot(sections.own),
                updates: per_snapshot(sections.updates),
                enters: per_snapshot(sections.enters),
                pulses: per_snapshot(sections.pulses),
                pickups: per_snapshot(sections.pickups),
                events: per_snapshot(sections.events),
            },
            bytes_per_second: Rates { down: per_second(stats.down), up: per_second(stats.up) },
            messages_per_second: Rates {
                down: per_second(stats.messages_down),
                up: per_second(stats.messages_up),
            },
            late_percent: per_snapshot(100 * stats.missing_inputs),
            resyncs: stats.resyncs,
            predicted_snapshots: stats.predictions.compared,
            mispredictions: stats.predictions.mispredictions,
            shots_per_bot_minute: per_minute(stats.tally.shots),
            kills_per_bot_minute: per_minute(stats.tally.kills),
            pickups_per_bot_minute: per_minute(stats.tally.pickups),
            visits: stats.visits,
            disconnects: stats.disconnects.clone(),
            protocol_errors: stats.protocol_errors,
            generator: Generator { schedule_lag_ms: interval(&stats.schedule_lag) },
            server: Server::default(),
            environment: Environment::default(),
        }
    }

    /// A report of nothing: it has all the numbers that one can have.
    pub fn empty() -> Report {
        Report::new(String::new(), 0.0, &Stats::default())
    }

    /// True if every bot got a seat and kept it to the end.
    pub fn is_clean(&self) -> bool {
        self.bots.failed == 0 && self.disconnects.is_empty()
    }
}

fn sizes(bytes: &Micros) -> Sizes {
    Sizes { mean: round(bytes.mean()), p50: bytes.quantile(0.5), p99: bytes.quantile(0.99) }
}

fn latency(us: &Micros) -> Latency {
    Latency { p50: ms(us, 0.5), p90: ms(us, 0.9), p99: ms(us, 0.99), p999: ms(us, 0.999), max: ms(us, 1.0) }
}

fn interval(us: &Micros) -> Interval {
    Interval { p50: ms(us, 0.5), p99: ms(us, 0.99), max: ms(us, 1.0) }
}

fn ms(us: &Micros, quantile: f64) -> f64 {
    round(us.quantile(quantile) as f64 / 1000.0)
}

/// Three digits after the point say all there is to say.
pub(super) fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p90, p99, p999, max } = self.latency_ms;
        let gap = &self.interval_ms;
        let lag = &self.generator.schedule_lag_ms;
        writeln!(f, "bots             {} connected, {} failed", self.bots.connected, self.bots.failed)?;
        let Connect { per_second, handshake_ms, welcome_ms } = &self.connect;
        writeln!(
            f,
            "connecting       {per_second:.0} /s, handshake p99 {:.1}, welcome p99 {:.1} ms",
            handshake_ms.p99, welcome_ms.p99
        )?;
        writeln!(f, "window           {:.1} s", self.window_seconds)?;
        let Snapshots { per_second_per_client: rate, skipped, long_gaps } = self.snapshots;
        writeln!(
            f,
            "snapshots        {rate:.2} /s per client, {skipped} skipped, {long_gaps} gaps > 2 ticks"
        )?;
        writeln!(
            f,
            "input→snapshot   p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms"
        )?;
        let raw = &self.latency_raw_ms;
        writeln!(
            f,
            "  uncorrected    p50 {:.1}  p90 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1} ms",
            raw.p50, raw.p90, raw.p99, raw.p999, raw.max
        )?;
        writeln!(
            f,
            "  own lateness   p50 {:.1}  p99 {:.1}  max {:.1} ms (contained)",
            lag.p50, lag.p99, lag.max
        )?;
        writeln!(f, "inputs late      {:.2} % of ticks", self.late_percent)?;
        writeln!(f, "snapshot gap     p50 {:.1}  p99 {:.1}  max {:.1} ms", gap.p50, gap.p99, gap.max)?;
        let jitter = &self.jitter_ms;
        writeln!(
            f,
            "  jitter         p50 {:.1}  p99 {:.1}  max {:.1} ms, instability ratio {:.3}",
            jitter.p50, jitter.p99, jitter.max, self.instability_ratio
        )?;
        let size = &self.snapshot_bytes;
        writeln!(f, "snapshot size    mean {:.0}  p50 {}  p99 {} B", size.mean, size.p50, size.p99)?;
        let whole = &self.whole_view_bytes;
        let times = whole.mean / size.mean.max(1.0);
        writeln!(
            f,
            "  whole view     mean {:.0}  p50 {}  p99 {} B ({times:.1} × as much)",
            whole.mean, whole.p50, whole.p99
        )?;
        let Sections { own, updates, enters, pulses, pickups, events } = self.snapshot_sections;
        writeln!(
            f,
            "  sections       own {own:.1}  updates {updates:.1}  enters {enters:.1}  pulses {pulses:.1}  pickups {pickups:.1}  events {events:.1} B"
        )?;
        let rate = &self.bytes_per_second;
        let messages = &self.messages_per_second;
        writeln!(
            f,
            "traffic          down {:.0}  up {:.0} B/s, {:.1} and {:.1} messages/s per client",
            rate.down, rate.up, messages.down, messages.up
        )?;
        let (shots, kills) = (self.shots_per_bot_minute, self.kills_per_bot_minute);
        let pickups = self.pickups_per_bot_minute;
        writeln!(
            f,
            "play             {shots:.1} shots  {kills:.2} kills  {pickups:.1} pickups per bot and minute"
        )?;
        let (wrong, all) = (self.mispredictions, self.predicted_snapshots);
        writeln!(f, "mispredictions   {wrong} of {all} predicted snapshots")?;
        writeln!(f, "resyncs          {}", self.resyncs)?;
        if self.server.metrics.is_some() {
            writeln!(f, "{}", self.server)?;
        }
        if self.protocol_errors > 0 {
            writeln!(f, "protocol errors  {}", self.protocol_errors)?;
        }
        let Visits { made, ended_by_server, refused } = self.visits;
        if made + refused > 0 {
            let ended = format!("{ended_by_server} ended by the server");
            writeln!(f, "visits           {made}, of which {ended}; {refused} refused")?;
        }
        write!(f, "disconnects      ")?;
        if self.disconnects.is_empty() {
            write!(f, "none")?;
        }
        for (i, (&code, count)) in self.disconnects.iter().enumerate() {
            let label = CloseCode::from_code(code).map_or("cut", CloseCode::label);
            write!(f, "{}{count} × {code} {label}", if i == 0 { "" } else { ", " })?;
        }
        if !self.valid {
            write!(
                f,
                "\nINVALID          the swarm itself was late by {:.1} ms (p99, at most {MOST_LAG_MS}): ",
                lag.p99
            )?;
            write!(f, "it measured its own machine; fewer bots, or more --threads or cores")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::session::Tally;

    fn stats() -> Stats {
        let mut stats = Stats { connected: 2, bot_time: Duration::from_secs(20), ..Stats::default() };
        for _ in 0..600 {
            stats.snapshot_bytes.record_value(200);
            stats.interval.record(Duration::from_micros(33_333));
            stats.latency.record(Duration::from_millis(12));
        }
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
            "/server/cpu_us_per_player_tick",
            "/server/rss_bytes",
            "/server/missed_ticks",
            "/server/tick_ms/p50",
            "/server/tick_ms/p99",
            "/server/tick_ms/max",
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
    }

    #[test]
    fn nothing_measured_is_zero_and_not_a_crash() {
        let report = Report::new(String::new(), 0.0, &Stats::default());
        assert_eq!(report.latency_ms.p50, 0.0);
        assert!(report.to_string().contains("none"));
    }
}
