//! A report as a table for people.

use std::fmt;

use protocol::CloseCode;

use super::{Connect, Latency, MOST_LAG_MS, Reconnects, Report, Resumes, Sections, Snapshots};
use crate::swarm::stats::Visits;

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
        if let (Some(percent), Some(us)) = (self.generator.cpu_percent, self.generator.cpu_us_per_bot_tick) {
            writeln!(f, "  own CPU        {percent:.0} % of a core, {us:.1} µs per bot and tick")?;
        }
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
        let Resumes { tried, ok, lost, ms } = &self.resumes;
        if *tried > 0 {
            writeln!(
                f,
                "resumes          {ok} of {tried} seats back, {lost} lost; p50 {:.1}  p99 {:.1} ms",
                ms.p50, ms.p99
            )?;
        }
        let Reconnects { tried, ok, ms } = &self.reconnects;
        if *tried > 0 {
            writeln!(
                f,
                "reconnects       {ok} of {tried}; p50 {:.0}  p99 {:.0}  max {:.0} ms",
                ms.p50, ms.p99, ms.max
            )?;
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
