//! What one bot of the peer's measures, from when the window opens to its end. Knows no socket and no clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{Head, TICK};
use crate::swarm::stats::Stats;

/// An input this old that no snapshot has answered when the bot ends counts with its age: leaving it out would hide the
/// worst latencies.
const UNANSWERED: Duration = Duration::from_millis(250);
/// Inputs that a late swarm never sent are counted up to so many a bot: ten seconds' worth.
const MOST_OMITTED: usize = 300;

/// What a bot has to remember for it.
#[derive(Debug, Default)]
pub(super) struct Measure {
    /// Sequence number, and when it should have been sent and was.
    pending: VecDeque<(u32, Instant, Instant)>,
    /// When the last snapshot came, and its tick.
    last: Option<(Instant, u32)>,
    last_interval: Option<Duration>,
}

impl Measure {
    /// Takes note of an input.
    pub(super) fn sent(&mut self, seq: u32, due: Instant, now: Instant) {
        self.pending.push_back((seq, due, now));
    }

    /// Takes note of a snapshot before the window opens: nothing of it counts.
    pub(super) fn skip(&mut self, head: &Head, now: Instant) {
        self.last = Some((now, head.tick));
        self.pending.drain(..self.answered(head.ack));
    }

    /// Takes note of a snapshot in the window.
    pub(super) fn snapshot(&mut self, head: &Head, now: Instant, opened: Instant, stats: &mut Stats) {
        for (_, due, sent) in self.pending.drain(..self.answered(head.ack)) {
            if due >= opened {
                stats.latency.record(now.saturating_duration_since(due));
                stats.latency_raw.record(now.saturating_duration_since(sent));
            }
        }
        let Some((at, tick)) = self.last.replace((now, head.tick)) else { return };
        // The one that the window opens in counts only if it is too long.
        let interval = now.saturating_duration_since(at.max(opened));
        if at >= opened || is_overdue(interval) {
            let ticks = head.tick.saturating_sub(tick);
            stats.skipped += u64::from(ticks.saturating_sub(1));
            stats.record_interval(self.last_interval.replace(interval), interval, ticks, TICK);
        }
    }

    /// Takes note of what is open at the end: a snapshot that has not come, inputs that were not answered, and those from
    /// `due` on that a late swarm did not send.
    pub(super) fn settle(&self, due: Instant, now: Instant, opened: Instant, stats: &mut Stats) {
        let last = self.last.map_or(opened, |(at, _)| at.max(opened));
        let gap = now.saturating_duration_since(last);
        if is_overdue(gap) {
            stats.record_interval(self.last_interval, gap, 1, TICK);
        }
        for &(_, due, sent) in self.pending.iter().filter(|&&(_, due, _)| due >= opened) {
            let age = now.saturating_duration_since(due);
            if age >= UNANSWERED {
                stats.latency.record(age);
                stats.latency_raw.record(now.saturating_duration_since(sent));
            }
        }
        let omitted = std::iter::successors(Some(due), |&due| Some(due + TICK)).take(MOST_OMITTED);
        for due in omitted.take_while(|&due| due < now).filter(|&due| due >= opened) {
            let late = now - due;
            stats.schedule_lag.record(late);
            if late >= UNANSWERED {
                stats.latency.record(late);
            }
        }
    }

    /// How many inputs at the front are answered by this acknowledgement.
    fn answered(&self, ack: u32) -> usize {
        self.pending.partition_point(|&(seq, ..)| seq <= ack)
    }
}

/// True if a snapshot should have come in that time.
fn is_overdue(gap: Duration) -> bool {
    gap >= TICK * 3 / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays for so many ticks: an input and a snapshot that has it in each.
    fn play(ticks: u32, opened: Instant, stats: &mut Stats) -> (Measure, Instant) {
        let mut measure = Measure::default();
        let at = |tick: u32| opened + TICK * tick;
        for tick in 0..ticks {
            measure.sent(tick, at(tick), at(tick));
            measure.snapshot(&Head { tick, ack: tick }, at(tick) + TICK / 2, opened, stats);
        }
        (measure, at(ticks))
    }

    #[test]
    fn a_server_that_stands_still_to_the_end_does_not_look_perfect() {
        let (opened, mut stats) = (Instant::now(), Stats::default());
        let (mut measure, frozen) = play(30, opened, &mut stats);
        measure.settle(frozen, frozen, opened, &mut stats);
        assert_eq!(
            (stats.interval.count(), stats.long_gaps, stats.latency.count()),
            (29, 0, 30),
            "nothing is open"
        );
        for tick in 30..90 {
            measure.sent(tick, opened + TICK * tick, opened + TICK * tick);
        }
        let end = opened + TICK * 90;
        measure.settle(end, end, opened, &mut stats);
        assert_eq!((stats.interval.count(), stats.long_gaps), (30, 1));
        assert!(stats.interval.max() > 1_900_000 && stats.latency.max() > 1_900_000, "two seconds, in µs");
        // Those of the last quarter of a second may still be answered.
        assert_eq!((stats.latency.count(), stats.latency_raw.count()), (30 + 53, 30 + 53));
        assert_eq!(stats.schedule_lag.count(), 0, "the swarm was in time");
        // The same where not one has come.
        let mut stats = Stats::default();
        Measure::default().settle(end, end, opened, &mut stats);
        assert!(stats.interval.max() > 2_900_000 && stats.long_gaps == 1);
    }

    #[test]
    fn a_swarm_that_is_late_at_the_end_is_late() {
        let (opened, mut stats) = (Instant::now(), Stats::default());
        let (measure, due) = play(30, opened, &mut stats);
        measure.settle(due, due + TICK * 60, opened, &mut stats);
        assert_eq!((stats.schedule_lag.count(), stats.latency_raw.count()), (60, 30));
        assert!(
            stats.schedule_lag.max() > 1_900_000 && stats.latency.max() > 1_900_000,
            "two seconds, in µs"
        );
    }

    #[test]
    fn what_was_before_the_window_does_not_count() {
        let (start, mut stats) = (Instant::now(), Stats::default());
        let mut measure = Measure::default();
        measure.sent(1, start, start);
        measure.skip(&Head { tick: 7, ack: 0 }, start);
        let opened = start + TICK / 2;
        measure.snapshot(&Head { tick: 8, ack: 1 }, start + TICK, opened, &mut stats);
        assert_eq!((stats.latency.count(), stats.interval.count()), (0, 0));
        // A server that stands still while it opens does so in the window, too.
        measure.skip(&Head { tick: 9, ack: 1 }, start + TICK);
        let opened = start + TICK * 2;
        measure.snapshot(&Head { tick: 10, ack: 1 }, start + TICK * 30, opened, &mut stats);
        assert_eq!((stats.interval.count(), stats.long_gaps), (1, 1));
        assert!((900_000..960_000).contains(&stats.interval.max()), "28 ticks, in µs");
    }
}
