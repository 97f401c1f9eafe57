//! A report as a table for people.

use std::fmt;

use protocol::CloseCode;

use super::{
    Bots, Connect, Generator, Interval, Latency, Reconnects, Report, Resumes, Sections, Sizes, Snapshots,
};
use crate::client::Closed;
use crate::swarm::stats::Visits;

/// A figure, or a dash where it is not known, as the latency where nothing was answered.
pub(in crate::swarm) struct Known(pub(in crate::swarm) f64);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_finite() { self.0.fmt(f) } else { f.write_str("–") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bots { connected, failed, measured } = self.bots;
        writeln!(f, "bots             {connected} connected, {failed} failed")?;
        let Connect { per_second, handshake_ms, welcome_ms } = &self.connect;
        write!(f, "connecting       {:.0} /s", Known(*per_second))?;
        if !welcome_ms.p99.is_nan() {
            let (handshake, welcome) = (Known(handshake_ms.p99), Known(welcome_ms.p99));
            write!(f, ", handshake p99 {handshake:.1}, welcome p99 {welcome:.1} ms")?;
        }
        writeln!(f)?;
        writeln!(f, "window           {:.1} s", self.window_seconds)?;
        if measured > 0 {
            self.write_measured(f)?;
        } else {
            writeln!(f, "measured         none of the bots: only those that play, idle, fight or crowd are")?;
        }
        let Generator { schedule_lag_ms: lag, cpu_percent, cpu_us_per_bot_tick, .. } = &self.generator;
        if !lag.p99.is_nan() {
            writeln!(f, "own lateness     {lag} (contained in the latency)")?;
        }
        if let (Some(percent), Some(us)) = (cpu_percent, cpu_us_per_bot_tick) {
            writeln!(f, "own CPU          {percent:.0} % of a core, {us:.1} µs per bot and tick")?;
        }
        let (wrong, all) = (self.mispredictions, self.predicted_snapshots);
        writeln!(f, "mispredictions   {wrong} of {all} predicted snapshots")?;
        writeln!(f, "resyncs          {}", self.resyncs)?;
        if self.server.metrics.is_some() {
            writeln!(f, "{}", self.server)?;
        }
        if self.protocol_errors > 0 {
            writeln!(f, "protocol errors  {}", self.protocol_errors)?;
        }
        self.write_returns(f)?;
        self.write_disconnects(f)?;
        if let Some(why) = self.why_invalid() {
            write!(f, "\nINVALID          {why}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { p50, p90, p99, p999, max } = *self;
        let [p50, p90, p99, p999, max] = [p50, p90, p99, p999, max].map(Known);
        write!(f, "p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1} ms")
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Interval { p50, p99, max } = *self;
        let [p50, p99, max] = [p50, p99, max].map(Known);
        write!(f, "p50 {p50:.1}  p99 {p99:.1}  max {max:.1} ms")
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sizes { mean, p50, p99 } = *self;
        write!(f, "mean {:.0}  p50 {}  p99 {} B", Known(mean), Known(p50), Known(p99))
    }
}

impl Report {
    /// The figures of those bots that are measured.
    fn write_measured(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Snapshots { per_second_per_client: rate, skipped, long_gaps } = self.snapshots;
        writeln!(
            f,
            "snapshots        {:.2} /s per client, {skipped} skipped, {long_gaps} gaps > 2 ticks",
            Known(rate)
        )?;
        writeln!(f, "input→snapshot   {}", self.latency_ms)?;
        writeln!(f, "  uncorrected    {}", self.latency_raw_ms)?;
        writeln!(f, "inputs late      {:.2} % of ticks", Known(self.late_percent))?;
        writeln!(f, "snapshot gap     {}", self.interval_ms)?;
        if !self.instability_ratio.is_nan() {
            let (jitter, ratio) = (&self.jitter_ms, self.instability_ratio);
            writeln!(f, "  jitter         {jitter}, instability ratio {ratio:.3}")?;
        }
        let size = &self.snapshot_bytes;
        writeln!(f, "snapshot size    {size}")?;
        let whole = &self.whole_view_bytes;
        if whole.mean > 0.0 {
            writeln!(f, "  whole view     {whole} ({:.1} × as much)", Known(whole.mean / size.mean))?;
        }
        let Sections { own, updates, enters, pulses, pickups, events } = self.snapshot_sections;
        let [own, updates, enters, pulses, pickups, events] =
            [own, updates, enters, pulses, pickups, events].map(Known);
        writeln!(
            f,
            "  sections       own {own:.1}  updates {updates:.1}  enters {enters:.1}  pulses {pulses:.1}  pickups {pickups:.1}  events {events:.1} B"
        )?;
        let rate = &self.bytes_per_second;
        let messages = &self.messages_per_second;
        writeln!(
            f,
            "traffic          down {:.0}  up {:.0} B/s, {:.1} and {:.1} messages/s per client",
            Known(rate.down),
            Known(rate.up),
            Known(messages.down),
            Known(messages.up)
        )?;
        let (shots, kills) = (Known(self.shots_per_bot_minute), Known(self.kills_per_bot_minute));
        let pickups = Known(self.pickups_per_bot_minute);
        writeln!(
            f,
            "play             {shots:.1} shots  {kills:.2} kills  {pickups:.1} pickups per bot and minute"
        )
    }

    /// Those that came and went, and those that came back.
    fn write_returns(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Visits { made, ended_by_server, refused, .. } = self.visits;
        if made + refused > 0 {
            let ended = format!("{ended_by_server} ended by the server");
            writeln!(f, "visits           {made}, of which {ended}; {refused} refused")?;
        }
        let Resumes { tried, ok, lost, ms } = &self.resumes;
        if *tried > 0 {
            writeln!(f, "resumes          {ok} of {tried} seats back, {lost} lost{}", times(ms))?;
        }
        let Reconnects { tried, ok, ms } = &self.reconnects;
        if *tried > 0 {
            writeln!(f, "reconnects       {ok} of {tried}{}", times(ms))?;
        }
        Ok(())
    }

    /// Seats lost for good. The only line without an end.
    fn write_disconnects(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "disconnects      ")?;
        if self.disconnects.is_empty() {
            write!(f, "none")?;
        }
        for (i, (&code, count)) in self.disconnects.iter().enumerate() {
            write!(f, "{}{count} × {code}", if i == 0 { "" } else { ", " })?;
            let cut = (code == Closed::CUT).then_some("cut");
            if let Some(label) = CloseCode::from_code(code).map(CloseCode::label).or(cut) {
                write!(f, " {label}")?;
            }
        }
        Ok(())
    }
}

/// What it took, where it came to that.
fn times(ms: &Interval) -> String {
    if ms.p50.is_nan() { String::new() } else { format!("; {ms}") }
}
