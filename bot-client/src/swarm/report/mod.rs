//! A swarm's results: figures per client from the raw counts, as JSON for scripts; `table.rs` prints them for people.

pub(super) mod table;

use std::collections::BTreeMap;

use serde::Serialize;

use super::environment::Environment;
use super::server::Server;
use super::stats::{Micros, Stats, Visits};

/// What a swarm found out. Its JSON is stable: keys may come, and when one goes or means something else, `schema` changes. A figure of nothing, such as the latency where no
/// bot was measured, is NaN, and null in JSON.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Names this layout.
    pub schema: &'static str,
    /// Where the bots played.
    pub url: String,
    /// False if the swarm itself was too late for its figures to be the server's (see [`MOST_LAG_MS`]), or broke.
    pub valid: bool,
    /// Bots by outcome.
    pub bots: Bots,
    /// How they got in.
    pub connect: Connect,
    /// Ticks a second, as the server said; 0 if no bot got a seat.
    pub ticks_per_second: u8,
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
    /// What such a message would weigh if each said the whole quantised view, sampled once a second of some 200 bots.
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
    /// Seats of resumers that were dropped on purpose and asked for again.
    pub resumes: Resumes,
    /// Seats that a stopping server or a cut took, and that were taken again.
    pub reconnects: Reconnects,
    /// Seats lost for good before the end, by close code. A visit counts if the server ended it, but for one by garbage, a stop
    /// or a cut.
    pub disconnects: BTreeMap<u16, u32>,
    /// Times that the server broke the protocol: what is no WebSocket, no message, no answer to a `Hello`, or no snapshot that
    /// can be read.
    pub protocol_errors: u32,
    /// How well the swarm itself kept time.
    pub generator: Generator,
    /// What the server says of itself.
    pub server: Server,
    /// Where and how it was measured.
    pub environment: Environment,
}

/// A swarm that sends more than one input in a hundred, or reads more than one snapshot in a hundred, later than this is
/// measuring itself, ms.
pub const MOST_LAG_MS: f64 = 5.0;

/// Bots by outcome.
#[derive(Debug, Clone, Serialize)]
pub struct Bots {
    /// Got a seat.
    pub connected: u32,
    /// Did not.
    pub failed: u32,
    /// Got one and are of a profile whose figures these are: rates, latencies, intervals, sizes. See
    /// [`super::profile::Profile::is_measured`].
    pub measured: u32,
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
    pub p50: f64,
    pub p99: f64,
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

/// What became of seats that were dropped on purpose.
#[derive(Debug, Clone, Serialize)]
pub struct Resumes {
    /// Times that a connection was dropped without a word, and its seat asked for again.
    pub tried: u32,
    /// Those that gave back the same slot with its score.
    pub ok: u32,
    /// Those that gave a new seat or none, or another score. Expected: 0.
    pub lost: u32,
    /// From dialling to the first snapshot on the seat that is back.
    pub ms: Interval,
}

/// What became of seats that the server gave up, or that a cut took.
#[derive(Debug, Clone, Serialize)]
pub struct Reconnects {
    /// Seats lost in a way that a client comes back from by itself: 1001, 1012, 4006, or no close at all.
    pub tried: u32,
    /// Bots that were back; those that never were count as disconnects.
    pub ok: u32,
    /// From the loss to the new seat, the wait that the server asked for included.
    pub ms: Interval,
}

/// How well the swarm itself kept time.
#[derive(Debug, Clone, Serialize)]
pub struct Generator {
    /// From the scheduled to the real send time of inputs: contained in the latency.
    pub schedule_lag_ms: Interval,
    /// Bots that an error of this program ended. Expected: 0.
    pub broken: u32,
    /// CPU time of the swarm during the window, % of one core; null where the system does not say.
    pub cpu_percent: Option<f64>,
    /// The same by bot and tick, µs.
    pub cpu_us_per_bot_tick: Option<f64>,
}

impl Report {
    /// The figures of a swarm that measured for `window_seconds`.
    pub fn new(url: String, window_seconds: f64, stats: &Stats) -> Report {
        let seconds = stats.bot_time.as_secs_f64();
        let per_second = |n: u64| round(n as f64 / seconds);
        let per_minute = |n: u32| round(f64::from(n) * 60.0 / seconds);
        let bytes = &stats.snapshot_bytes;
        let per_snapshot = |n: u64| round(n as f64 / bytes.count() as f64);
        let sections = &stats.sections;
        Report {
            schema: "drift-swarm/1",
            url,
            // Bots that send no inputs are not late with them.
            valid: stats.schedule_lag.quantile(0.99) as f64 / 1000.0 <= MOST_LAG_MS && stats.broken == 0,
            bots: Bots { connected: stats.connected, failed: stats.failed, measured: stats.measured },
            connect: Connect {
                per_second: round(f64::from(stats.connected) / stats.ramp.as_secs_f64().max(0.001)),
                handshake_ms: interval(&stats.handshake),
                welcome_ms: interval(&stats.welcome),
            },
            ticks_per_second: stats.hz,
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
            resumes: Resumes {
                tried: stats.resumes.tried,
                ok: stats.resumes.ok,
                lost: stats.resumes.lost,
                ms: interval(&stats.resume_time),
            },
            reconnects: Reconnects {
                tried: stats.reconnects.tried,
                ok: stats.reconnects.ok,
                ms: interval(&stats.reconnect_time),
            },
            disconnects: stats.disconnects.clone(),
            protocol_errors: stats.protocol_errors,
            generator: Generator {
                schedule_lag_ms: interval(&stats.schedule_lag),
                broken: stats.broken,
                cpu_percent: None,
                cpu_us_per_bot_tick: None,
            },
            server: Server::default(),
            environment: Environment::default(),
        }
    }

    /// A report of nothing: it has all the numbers that one can have.
    pub fn empty() -> Report {
        Report::new(String::new(), 0.0, &Stats::default())
    }

    /// Adds what CPU time the swarm itself took during the window, µs, for bots that held seats for so many ticks.
    #[must_use]
    pub(super) fn with_own_cpu(mut self, us: Option<u64>, bot_ticks: f64) -> Report {
        let share = |us: u64| us as f64 / 1e4 / self.window_seconds.max(0.001);
        self.generator.cpu_percent = us.map(|us| round(share(us)));
        self.generator.cpu_us_per_bot_tick =
            us.filter(|_| bot_ticks > 0.0).map(|us| round(us as f64 / bot_ticks));
        self
    }

    /// Seats lost before the end, for good or for a while.
    pub fn seats_lost(&self) -> u32 {
        self.disconnects.values().sum::<u32>() + self.reconnects.ok
    }

    /// Why the figures are not the server's; none if they are.
    pub fn why_invalid(&self) -> Option<String> {
        let Generator { broken, schedule_lag_ms, .. } = &self.generator;
        if self.valid {
            None
        } else if *broken > 0 {
            Some(format!("the swarm itself broke: {broken} of its bots ended by an error"))
        } else {
            Some(format!(
                "the swarm itself was late by {:.1} ms (p99, at most {MOST_LAG_MS}): it measured its own machine; fewer \
                 bots, or more --threads or cores",
                schedule_lag_ms.p99
            ))
        }
    }

    /// True if every bot got a seat and kept it to the end, or got it back, as resumers do, or a new one, as those that
    /// come and go; if any snapshot came, and if the server kept to the protocol.
    pub fn is_clean(&self) -> bool {
        let lost = self.resumes.lost + self.visits.shut_out + self.generator.broken;
        let nothing_came = self.snapshots.per_second_per_client == 0.0;
        let kept = self.bots.failed == 0 && self.disconnects.is_empty() && lost == 0;
        kept && !nothing_came && self.protocol_errors == 0
    }
}

fn sizes(bytes: &Micros) -> Sizes {
    let any = bytes.count() > 0;
    let known = |x: f64| if any { round(x) } else { f64::NAN };
    let quantile = |q| known(bytes.quantile(q) as f64);
    Sizes { mean: known(bytes.mean()), p50: quantile(0.5), p99: quantile(0.99) }
}

fn latency(us: &Micros) -> Latency {
    Latency { p50: ms(us, 0.5), p90: ms(us, 0.9), p99: ms(us, 0.99), p999: ms(us, 0.999), max: ms(us, 1.0) }
}

fn interval(us: &Micros) -> Interval {
    Interval { p50: ms(us, 0.5), p99: ms(us, 0.99), max: ms(us, 1.0) }
}

fn ms(us: &Micros, quantile: f64) -> f64 {
    if us.count() > 0 { round(us.quantile(quantile) as f64 / 1000.0) } else { f64::NAN }
}

/// Three digits after the point say all there is to say.
pub(super) fn round(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests;
