//! What the measured server says of itself: its `/metrics` before and after, wherever it runs. All of it is optional: a
//! server that says nothing leaves nulls.

mod metrics;

use std::fmt;

use serde::Serialize;
use tokio::time::Instant;

use super::report::round;
use metrics::Counts;
pub use metrics::Target;

/// The server's own figures for the window. Null where it does not say.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Server {
    /// Where they come from.
    pub metrics: Option<String>,
    /// CPU time of the process, all in, by player and tick, µs; assumes that the bots are the only players.
    pub cpu_us_per_player_tick: Option<f64>,
    /// CPU time of the process, s.
    pub cpu_seconds: Option<f64>,
    /// Resident memory at the end, bytes.
    pub rss_bytes: Option<u64>,
    /// What it grew by for each bot that got a seat, bytes; 0 if the server had the memory from earlier guests.
    pub rss_bytes_per_connection: Option<u64>,
    /// Ticks of all rooms.
    pub ticks: Option<u64>,
    /// Those that began a whole tick late, or were given up.
    pub missed_ticks: Option<u64>,
    /// What a tick took.
    pub tick_ms: TickMs,
    /// What its parts took.
    pub tick_parts_ms: TickParts,
}

/// What ticks or parts of them took in the last 10 s of the window, ms, as the server measured it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[allow(missing_docs)]
pub struct TickMs {
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// The parts of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct TickParts {
    /// Joins and inputs come in.
    pub listen: TickMs,
    /// The world steps.
    pub step: TickMs,
    /// Snapshots are made.
    pub publish: TickMs,
}

impl fmt::Display for TickMs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |x: Option<f64>| x.map_or_else(|| "?".into(), |x| format!("{x:.2}"));
        let TickMs { p50, p99, max } = *self;
        write!(f, "p50 {:>5}  p99 {:>5}  max {:>5} ms", or_unknown(p50), or_unknown(p99), or_unknown(max))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "server tick      {} (of the last 10 s)", self.tick_ms)?;
        let TickParts { listen, step, publish } = self.tick_parts_ms;
        for (name, part) in [("listen", listen), ("step", step), ("publish", publish)] {
            writeln!(f, "  {name:<13}  {part}")?;
        }
        match self.missed_ticks.zip(self.ticks) {
            Some((missed, ticks)) => {
                // No share: those that were late are among those that were made, and those that were given up are not.
                write!(f, "  missed         {missed} ticks, late or given up; {ticks} were made")?;
            }
            None => write!(f, "  missed         not known: the server was started anew meanwhile")?,
        }
        let Some(rss) = self.rss_bytes else { return Ok(()) };
        write!(f, "\nserver process   ")?;
        if let Some(us) = self.cpu_us_per_player_tick {
            write!(f, "{us:.1} µs CPU per player and tick, ")?;
        }
        write!(f, "{:.1} MiB resident", rss as f64 / f64::from(1 << 20))?;
        if let Some(each) = self.rss_bytes_per_connection {
            write!(f, ", {:.1} KiB more per connection", each as f64 / 1024.0)?;
        }
        Ok(())
    }
}

/// Asks a server now and then.
#[derive(Debug)]
pub(super) struct Probe {
    target: Target,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    at: Instant,
    counts: Counts,
}

impl Probe {
    pub(super) fn new(target: Target) -> Probe {
        Probe { target }
    }

    /// None if the server does not answer, or not with the figures of this game.
    pub(super) async fn sample(&self) -> Option<Sample> {
        let counts = self.target.ask().await?;
        Some(Sample { at: Instant::now(), counts })
    }

    /// What happened from `opened` to `ended`, with a mean of `players` at `hz`. `before` is from before the bots came.
    pub(super) fn report(
        &self,
        before: Option<&Sample>,
        (opened, ended): (&Sample, &Sample),
        players: f64,
        hz: u8,
        connected: u32,
    ) -> Server {
        let (then, now) = (&opened.counts, &ended.counts);
        let same = now.is_of_the_process_of(then);
        let since = |then: u64, now: u64| now.checked_sub(then).filter(|_| same);
        let spent = then.cpu_us.zip(now.cpu_us).and_then(|(then, now)| since(then, now));
        let player_ticks = players * f64::from(hz) * (ended.at - opened.at).as_secs_f64();
        let idle = before.map(|sample| &sample.counts).filter(|idle| now.is_of_the_process_of(idle));
        let grown = idle.and_then(|idle| idle.rss_bytes).zip(now.rss_bytes);
        Server {
            metrics: Some(self.target.to_string()),
            cpu_us_per_player_tick: spent
                .filter(|_| player_ticks >= 1.0)
                .map(|us| round(us as f64 / player_ticks)),
            cpu_seconds: spent.map(|us| round(us as f64 / 1e6)),
            rss_bytes: now.rss_bytes,
            rss_bytes_per_connection: grown
                .filter(|_| connected > 0)
                .map(|(before, after)| after.saturating_sub(before) / u64::from(connected)),
            ticks: since(then.ticks, now.ticks),
            missed_ticks: since(then.missed, now.missed),
            tick_ms: now.tick,
            tick_parts_ms: now.parts,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn text(ticks: u64, ms: [f64; 3], missed: u64) -> String {
        let [p50, p99, max] = ms;
        format!(
            "# TYPE drift_ticks counter\ndrift_ticks_total {ticks}\ndrift_missed_ticks_total {missed}\n\
             drift_tick_ms{{phase=\"tick\",quantile=\"0.5\"}} {p50}\n\
             drift_tick_ms{{phase=\"tick\",quantile=\"0.99\"}} {p99}\n\
             drift_tick_ms{{phase=\"tick\",quantile=\"1\"}} {max}\n\
             drift_tick_ms{{phase=\"publish\",quantile=\"0.99\"}} 1.25\n# EOF\n"
        )
    }

    fn sample(at: Instant, text: &str) -> Sample {
        Sample { at, counts: Counts::read(text).unwrap() }
    }

    /// What it says of its process.
    fn process(started: u64, cpu: f64, mib: u64) -> String {
        format!(
            "process_start_time_seconds {started}\nprocess_cpu_seconds_total {cpu}\n\
             process_resident_memory_bytes {}\n",
            mib << 20
        )
    }

    fn probe() -> Probe {
        Probe::new("http://127.0.0.1:1".parse().unwrap())
    }

    #[test]
    fn only_what_happened_in_the_window_counts() {
        let start = Instant::now();
        let before = sample(start, &(text(0, [0.0; 3], 0) + &process(1, 0.0, 10)));
        let opened = sample(start, &(text(100, [1.0; 3], 7) + &process(1, 5.0, 20)));
        let later = start + Duration::from_secs(10);
        let ended = sample(later, &(text(400, [0.75, 2.0, 3.5], 9) + &process(1, 6.5, 30)));
        let server = probe().report(Some(&before), (&opened, &ended), 500.0, 30, 1000);
        assert_eq!((server.ticks, server.missed_ticks), (Some(300), Some(2)));
        // 1.5 s of CPU for 500 players and 300 ticks.
        assert_eq!((server.cpu_seconds, server.cpu_us_per_player_tick), (Some(1.5), Some(10.0)));
        assert_eq!((server.rss_bytes, server.rss_bytes_per_connection), (Some(30 << 20), Some(20_971)));
        assert_eq!(server.tick_ms, TickMs { p50: Some(0.75), p99: Some(2.0), max: Some(3.5) });
        assert_eq!(server.tick_parts_ms.publish, TickMs { p99: Some(1.25), ..TickMs::default() });
        assert!(server.to_string().contains("p50  0.75  p99  2.00  max  3.50 ms"), "{server}");
        assert!(
            server.to_string().contains("missed         2 ticks, late or given up; 300 were made"),
            "{server}"
        );
    }

    #[test]
    fn what_is_not_said_is_null() {
        let now = Instant::now();
        let idle = sample(now, &("drift_ticks_total 5\n".to_owned() + &process(0, 0.0, 0)));
        let server = probe().report(None, (&idle, &idle), 10.0, 30, 10);
        assert_eq!((server.tick_ms.p50, server.cpu_seconds, server.rss_bytes), (None, None, None));
        assert_eq!(server.missed_ticks, Some(0));
    }

    #[test]
    fn a_server_that_was_started_anew_has_no_figures_of_the_window() {
        let now = Instant::now();
        let of = |ticks, started| sample(now, &(text(ticks, [1.0; 3], 7) + &process(started, 1.5, 20)));
        let probe = probe();
        let report = |then: &Sample, now: &Sample| probe.report(None, (then, now), 10.0, 30, 10);
        assert_eq!(report(&of(100, 1_000), &of(160, 1_000)).missed_ticks, Some(0));
        for other in [of(160, 1_005), of(44, 1_000)] {
            let server = report(&of(100, 1_000), &other);
            assert_eq!((server.ticks, server.missed_ticks, server.cpu_seconds), (None, None, None));
            assert!(server.to_string().contains("missed         not known"), "{server}");
        }
        // And one that was started anew before the window has no memory from before the bots came.
        let window = (&of(100, 1_005), &of(160, 1_005));
        let grown = |before| probe.report(Some(&before), window, 10.0, 30, 10).rss_bytes_per_connection;
        assert_eq!((grown(of(5, 1_000)), grown(of(5, 1_005))), (None, Some(0)));
    }
}
