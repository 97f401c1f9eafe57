//! What a swarm measures while it plays, as histograms and counts. Prints nothing: see [`super::report`].

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use protocol::snapshot::Ledger;

use super::page::{self, Charts, Second};
use crate::predict::{self, Misprediction};
use crate::session::Tally;

/// Durations in µs up to a minute with three digits. More is recorded as a minute.
const LONGEST_US: u64 = 60_000_000;

/// Everything measured, of all bots together.
#[derive(Debug, Clone)]
pub struct Stats {
    /// Bots that got a seat.
    pub connected: u32,
    /// Bots that did not.
    pub failed: u32,
    /// Why the first of those did not.
    pub first_failure: Option<String>,
    /// Bots that got one and whose figures are in the report.
    pub measured: u32,
    /// From dialling to the end of the WebSocket handshake, µs.
    pub handshake: Micros,
    /// From there to the `Welcome`, µs.
    pub welcome: Micros,
    /// From the first dialling to the arrival of the last bot that got a seat.
    pub ramp: Duration,
    /// Ticks a second, as the server said.
    pub hz: u8,
    /// Times that the server broke the protocol.
    pub protocol_errors: u32,
    /// The first of those.
    pub first_protocol_error: Option<String>,
    /// Bots that an error of this program ended.
    pub broken: u32,
    /// Bots that have a seat now.
    pub playing: u32,
    /// Time that bots spent playing inside the measurement window, added up.
    pub bot_time: Duration,
    /// Time that bots of all profiles had their seats inside that window, added up.
    pub seat_time: Duration,
    /// What became of the bots that come and go.
    pub visits: Visits,
    /// From the scheduled send time of an input to the first snapshot that has it, µs; inputs that a late swarm never
    /// sent are in it.
    pub latency: Micros,
    /// The same from the real send time, and only of those that were sent.
    pub latency_raw: Micros,
    /// Between two snapshots of one bot, µs.
    pub interval: Micros,
    /// How far that is from the time between the two ticks, µs.
    pub jitter: Micros,
    /// Latency and interval of the second that is under way.
    pub second: (Micros, Micros),
    /// The seconds before it.
    pub seconds: Vec<Second>,
    /// How unsteady the intervals are.
    pub instability: Instability,
    /// From the scheduled to the real send time of an input, µs: the generator's own share of the latency.
    pub schedule_lag: Micros,
    /// Length of a snapshot message, bytes.
    pub snapshot_bytes: Micros,
    /// What the whole view would have weighed where a sample was taken, bytes.
    pub whole_view_bytes: Micros,
    /// Snapshots that say that the bot's input for their tick had not arrived in time.
    pub missing_inputs: u64,
    /// Bytes of the measured snapshots' bodies, by section.
    pub sections: Ledger,
    /// Ticks between two snapshots of one bot for which none came.
    pub skipped: u64,
    /// Times that it was more than one tick.
    pub long_gaps: u64,
    /// Snapshots that could not be read, from the bots' joining on.
    pub resyncs: u64,
    /// What became of predictions, from the bots' joining on.
    pub predictions: predict::Tally,
    /// The first ship that was not as predicted.
    pub first_misprediction: Option<Misprediction>,
    /// Bytes received by all, WebSocket headers included.
    pub down: u64,
    /// Bytes sent by all, WebSocket headers included.
    pub up: u64,
    /// Messages received by all.
    pub messages_down: u64,
    /// Messages sent by all.
    pub messages_up: u64,
    /// What the bots achieved.
    pub tally: Tally,
    /// What became of seats that were dropped on purpose.
    pub resumes: Returns,
    /// From dialling to the first snapshot on a resumed seat, µs.
    pub resume_time: Micros,
    /// What became of seats that the server gave up, or that a cut took.
    pub reconnects: Returns,
    /// From the loss to the new seat, µs.
    pub reconnect_time: Micros,
    /// Bots that have lost their seats and are on their way back.
    pub returning: u32,
    /// Seats lost for good before the end, by close code.
    pub disconnects: BTreeMap<u16, u32>,
}

/// What became of bots that come and go, from the first joining on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Visits {
    /// Stays that are over.
    pub made: u32,
    /// Of those the server ended so many: all that talk garbage, as it should; others only if it stops, or by a cut. See
    /// [`Stats::disconnects`].
    pub ended_by_server: u32,
    /// Times that one who came back got no seat.
    pub refused: u32,
    /// Of those, who did not talk garbage: the server had no reason.
    pub shut_out: u32,
}

/// What became of bots that wanted their seats back, or new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Returns {
    /// Seats that were lost or dropped.
    pub tried: u32,
    /// Bots that were back.
    pub ok: u32,
    /// Bots that were not, or not as they had been.
    pub lost: u32,
}

/// A histogram of µs (or of anything else with a similar range).
#[derive(Debug, Clone)]
pub struct Micros(Histogram<u64>);

impl Default for Micros {
    fn default() -> Micros {
        Micros::new()
    }
}

impl Micros {
    fn new() -> Micros {
        Micros(Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are valid"))
    }

    /// Records a duration.
    pub fn record(&mut self, duration: Duration) {
        self.record_value(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Records a number.
    pub fn record_value(&mut self, value: u64) {
        self.0.saturating_record(value);
    }

    /// The value that the share `q` of all does not exceed; 0 when nothing was recorded.
    pub fn quantile(&self, q: f64) -> u64 {
        self.0.value_at_quantile(q)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.reset();
    }

    /// How many there are from each multiple of `width` up to the next, without empty ones.
    pub fn bars(&self, width: u64) -> Vec<(u64, u64)> {
        let bars =
            self.0.iter_linear(width).map(|bar| (bar.value_iterated_to(), bar.count_since_last_iteration()));
        let bars = bars.map(|(end, count)| ((end + 1).saturating_sub(width), count));
        bars.filter(|&(_, count)| count > 0).collect()
    }

    /// The largest.
    pub fn max(&self) -> u64 {
        self.0.max()
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.0.mean()
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}

/// The instability ratio of Meterstick (ICPE 2023), seen from the client: intervals between snapshots stand where the
/// paper has durations of ticks.
///
/// ```text
/// ISR = sum over i of |max(b, t[i]) - max(b, t[i-1])| / (Ne * 2 b)
/// ```
///
/// `t[i]` is the i-th interval of one bot, `b` the length of a tick, and `Ne` how many ticks the time of all the intervals
/// has. 0 is perfectly steady; 1 would be intervals that swing between nothing and without bound. Intervals that are
/// too short count as `b`: they only catch up.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Instability {
    changes: Duration,
    time: Duration,
}

impl Instability {
    /// Takes in an interval, and the one before it of the same bot, if there was one.
    pub fn record(&mut self, before: Option<Duration>, interval: Duration, tick: Duration) {
        self.time += interval;
        if let Some(before) = before {
            self.changes += interval.max(tick).abs_diff(before.max(tick));
        }
    }

    /// The ratio; NaN when nothing was recorded.
    pub fn ratio(&self) -> f64 {
        // Ne * 2 b, with Ne = time / b.
        self.changes.as_secs_f64() / (2.0 * self.time.as_secs_f64())
    }
}

impl Stats {
    /// Takes in the time between two snapshots of a bot that are `ticks` of length `tick` apart, and the interval before it.
    pub(super) fn record_interval(
        &mut self,
        before: Option<Duration>,
        interval: Duration,
        ticks: u32,
        tick: Duration,
    ) {
        self.interval.record(interval);
        self.second.1.record(interval);
        self.jitter.record(interval.abs_diff(tick * ticks));
        self.instability.record(before, interval, tick);
        // By number, or by time in whole ticks.
        self.long_gaps += u64::from(ticks > 2 || interval >= tick * 5 / 2);
    }

    /// The same for one that no snapshot has ended, which counts if one was overdue: leaving it out would hide a server that
    /// stands still.
    pub(super) fn record_open_interval(&mut self, before: Option<Duration>, open: Duration, tick: Duration) {
        if open >= tick * 3 / 2 {
            self.record_interval(before, open, 1, tick);
        }
    }

    /// Ends a second, `at` after the window opened.
    pub(super) fn end_second(&mut self, at: Duration) {
        let (latency, interval) = &mut self.second;
        let ms = |us: &Micros, q| if us.count() > 0 { us.quantile(q) as f64 / 1000.0 } else { f64::NAN };
        self.seconds.push(Second {
            at: at.as_secs_f64(),
            latency_p50: ms(latency, 0.5),
            latency_p99: ms(latency, 0.99),
            interval_p99: ms(interval, 0.99),
        });
        latency.clear();
        interval.clear();
    }

    /// What can be drawn of it.
    pub(super) fn charts(&self) -> Charts {
        let intervals = self.interval.bars(page::BAR_US).into_iter();
        Charts {
            latency: page::curve(&self.latency),
            latency_raw: page::curve(&self.latency_raw),
            seconds: self.seconds.clone(),
            intervals: intervals.map(|(us, count)| (us as f64 / 1000.0, count)).collect(),
        }
    }
}

impl Default for Stats {
    fn default() -> Stats {
        Stats {
            connected: 0,
            failed: 0,
            measured: 0,
            handshake: Micros::new(),
            welcome: Micros::new(),
            ramp: Duration::ZERO,
            hz: 0,
            protocol_errors: 0,
            first_protocol_error: None,
            first_failure: None,
            broken: 0,
            playing: 0,
            bot_time: Duration::ZERO,
            seat_time: Duration::ZERO,
            visits: Visits::default(),
            latency: Micros::new(),
            latency_raw: Micros::new(),
            interval: Micros::new(),
            second: (Micros::new(), Micros::new()),
            seconds: Vec::new(),
            jitter: Micros::new(),
            instability: Instability::default(),
            schedule_lag: Micros::new(),
            snapshot_bytes: Micros::new(),
            whole_view_bytes: Micros::new(),
            missing_inputs: 0,
            sections: Ledger::default(),
            skipped: 0,
            long_gaps: 0,
            resyncs: 0,
            predictions: predict::Tally::default(),
            first_misprediction: None,
            down: 0,
            up: 0,
            messages_down: 0,
            messages_up: 0,
            tally: Tally::default(),
            resumes: Returns::default(),
            resume_time: Micros::new(),
            reconnects: Returns::default(),
            reconnect_time: Micros::new(),
            returning: 0,
            disconnects: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instability_is_what_the_paper_says() {
        let (tick, ms) = (Duration::from_millis(50), Duration::from_millis);
        let ratio = |intervals: &[u64]| {
            let mut instability = Instability::default();
            let mut before = None;
            for &interval in intervals {
                instability.record(before.replace(ms(interval)), ms(interval), tick);
            }
            instability.ratio()
        };
        assert!(ratio(&[]).is_nan());
        assert_eq!(ratio(&[50, 50, 50]), 0.0);
        assert_eq!(ratio(&[80, 80, 80]), 0.0, "late, but steady");
        assert_eq!(ratio(&[20, 50, 40]), 0.0, "catching up is no fault");
        // |150 - 50| twice, over the time of six ticks: 200 / (6 * 2 * 50).
        assert!((ratio(&[50, 150, 50, 50]) - 200.0 / 600.0).abs() < 1e-9);
    }

    #[test]
    fn a_histogram_keeps_three_digits_and_clips_what_is_absurd() {
        let mut us = Micros::new();
        for ms in 1..=1000 {
            us.record(Duration::from_millis(ms));
        }
        assert_eq!(us.count(), 1000);
        for (q, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.999, 999_000.0)] {
            let off = us.quantile(q) as f64 / expected - 1.0;
            assert!(off.abs() < 0.002, "{q}: {}", us.quantile(q));
        }
        let bars = us.bars(100_000);
        assert_eq!((bars[0].0, bars.iter().map(|bar| bar.1).sum::<u64>()), (0, 1000));
        assert!((99..=101).contains(&bars[3].1) && bars[3].0 == 300_000, "{bars:?}");
        us.record(Duration::from_secs(3600));
        assert!(us.max() >= LONGEST_US);
        assert_eq!(Micros::new().quantile(0.5), 0);
    }
}
