//! What a player measures, from when the window opens to when its seat ends.

use std::time::Duration;

use protocol::message::MARGIN_MISSING;
use protocol::snapshot::Ledger;
use tokio::time::Instant;

use super::{End, Gap, Pending, Player};
use crate::clock::Due;
use crate::flights::flying;
use crate::session::Tally;
use crate::swarm::whole::Whole;

/// An input this old that no snapshot has answered when the bot ends counts with its age: leaving it out would hide the
/// worst latencies.
const UNANSWERED: Duration = Duration::from_millis(250);
/// Inputs that are counted though they were never sent, at most, for one pause of the swarm: ten seconds' worth.
const MOST_OMITTED: u32 = 300;
/// How often a bot that does so works out what its whole view would weigh.
const WEIGH_EVERY: Duration = Duration::from_secs(1);

/// Where the counters stood when this bot's window opened.
pub(super) struct Measuring {
    since: Instant,
    tally: Tally,
    ledger: Ledger,
    traffic: (u64, u64),
    messages: (u64, u64),
}

impl Player {
    /// The clock leaves out ticks that are over: their inputs were due all the same, one tick apart. How many.
    pub(super) fn note_omitted(&mut self, due: Due) -> usize {
        let Some(newest) = self.committed else { return 0 };
        let omitted = u32::try_from(due.tick.since(newest) - 1).unwrap_or(0).min(MOST_OMITTED);
        let before = self.pending.len();
        for back in (1..=omitted).rev() {
            if let Some(scheduled) = due.scheduled.checked_sub(self.tick * back) {
                self.pending.push_back(Pending { tick: due.tick.minus(back), scheduled, sent: None });
            }
        }
        self.pending.len() - before
    }

    /// Takes note of how late the newest input and so many omitted ones before it are, `woke_at` being when the bot last sent
    /// all that was due, or could not. Of all profiles: a swarm that is late is late with all of them.
    pub(super) fn measure_lag(&self, omitted: usize, woke_at: Instant, now: Instant) {
        if self.shared.window.get().is_none() {
            return;
        }
        let mut stats = self.shared.stats();
        let mut newest = self.pending.iter().rev();
        if let Some(sent) = newest.next() {
            stats.schedule_lag.record(now - sent.scheduled.max(woke_at));
        }
        // What was scheduled before that, the clock has left out to catch up with the server: nobody was late with it.
        for late in newest.take(omitted).filter(|pending| pending.scheduled >= woke_at) {
            stats.schedule_lag.record(now - late.scheduled);
        }
    }

    /// The same for inputs that will never be sent: the next one, which was `due`, and those that were after it.
    pub(in crate::swarm) fn measure_overdue(&self, due: Instant, now: Instant) {
        if self.shared.window.get().is_none() {
            return;
        }
        let mut stats = self.shared.stats();
        for n in 0..MOST_OMITTED {
            let scheduled = due + self.tick * n;
            if scheduled > now {
                break;
            }
            if scheduled >= self.woke_at {
                stats.schedule_lag.record(now - scheduled);
            }
        }
    }

    /// Takes note of a snapshot of `len` bytes that the session has just taken, by when it arrived.
    pub(super) fn measure_snapshot(&mut self, len: usize) {
        let arrived = self.arrived;
        let view = self.session.view();
        if view.own.is_some_and(|own| own.hp > 0) {
            self.alive_at = arrived;
        }
        // One without this tick's input cannot show it, nor tell whether those before it came.
        let is_answer = view.margin != MARGIN_MISSING;
        let answered =
            if is_answer { self.pending.partition_point(|pending| pending.tick <= view.tick) } else { 0 };
        let before = self.last_arrival.replace((arrived, view.tick));
        self.knows_arrival = self.stamped;
        if let (None, Some(dropped)) = (before, self.resumed) {
            let time = arrived.saturating_duration_since(dropped.dials_at);
            self.shared.stats().resume_time.record(time);
        }
        let Some(Measuring { since, .. }) = self.measuring else {
            self.pending.drain(..answered);
            return;
        };
        let mut stats = self.shared.stats();
        for Pending { scheduled, sent, .. } in self.pending.drain(..answered).filter(|p| p.scheduled >= since)
        {
            let latency = arrived.saturating_duration_since(scheduled);
            stats.latency.record(latency);
            stats.second.0.record(latency);
            if let Some(sent) = sent {
                stats.latency_raw.record(arrived.saturating_duration_since(sent));
            }
        }
        let (at, tick) = before.filter(|&(at, _)| at >= since).unwrap_or((since, view.tick.minus(1)));
        let (interval, ticks) = (arrived.saturating_duration_since(at), view.tick.since(tick));
        stats.skipped += u64::try_from(ticks - 1).unwrap_or(0);
        let before = self.last_interval.replace(interval);
        stats.record_interval(before, interval, u32::try_from(ticks).unwrap_or(0), self.tick);
        stats.missing_inputs += u64::from(!is_answer);
        stats.snapshot_bytes.record_value(len as u64);
    }

    /// Works out now and then what the whole view would weigh, if this bot does.
    pub(super) fn weigh(&mut self, now: Instant, whole: &mut Whole) {
        let Some(before) = self.weighed_at else { return };
        if self.measuring.is_none() || now - before < WEIGH_EVERY {
            return;
        }
        self.weighed_at = Some(now);
        let (view, map) = (self.session.view(), &self.session.map);
        if let Some(bytes) = whole.len(view, flying(view, map).map(|(pulse, _)| pulse)) {
            self.shared.stats().whole_view_bytes.record_value(bytes as u64);
        }
    }

    /// Notes the counters once the swarm measures.
    pub(super) fn open_window(&mut self, now: Instant) {
        if self.measuring.is_none() && self.profile.is_measured() && self.shared.window.get().is_some() {
            self.measuring = self.begins(now).map(|since| self.measuring_since(since));
        }
    }

    /// The same for one whose last seat was lost against its will: what it missed since counts, as far as it was missed while
    /// the swarm measured.
    pub(in crate::swarm) fn after(mut self, gap: Option<Gap>) -> Player {
        let Some((Gap { since, before }, &opened)) = gap.zip(self.shared.window.get()) else { return self };
        self.measuring = Some(self.measuring_since(since.max(opened)));
        self.last_interval = before;
        self
    }

    fn measuring_since(&self, since: Instant) -> Measuring {
        Measuring {
            since,
            tally: self.session.tally,
            ledger: *self.session.ledger(),
            traffic: self.wire.traffic(),
            messages: self.messages,
        }
    }

    /// Where the bot's time begins: with a snapshot, so that it holds as many ticks as snapshots were due; should one be
    /// overdue, now. None as long as the first one may still come in time of which it is known when it came.
    fn begins(&self, now: Instant) -> Option<Instant> {
        match self.last_arrival {
            Some((at, _)) if self.is_overdue(at, now) => Some(now),
            Some((at, _)) => self.knows_arrival.then_some(at),
            None => self.is_overdue(self.joined, now).then_some(now),
        }
    }

    /// Where it ends, in the same way.
    fn ends(&self, now: Instant) -> Instant {
        self.last_arrival.map(|(at, _)| at).filter(|&at| !self.is_overdue(at, now)).unwrap_or(now)
    }

    /// True if a snapshot should have come since the one of `at`.
    fn is_overdue(&self, at: Instant, now: Instant) -> bool {
        now.saturating_duration_since(at) >= self.tick * 3 / 2
    }

    /// Adds what this bot measured on its seat to the swarm's figures. A seat that was lost ends with its last snapshot:
    /// the time since then is over when there is another seat, or none for good.
    pub(super) fn settle(&mut self, end: &End, now: Instant) {
        let lost = matches!(end, End::Lost(_));
        self.left_at = (lost && self.profile.is_measured()).then_some(now);
        let mut stats = self.shared.stats();
        // No board has told: it does not count.
        stats.resumes.tried -= u32::from(self.resumed.take().is_some());
        if let Some(&opened) = self.shared.window.get() {
            stats.seat_time += now.saturating_duration_since(self.joined.max(opened));
        }
        stats.resyncs += self.session.resyncs;
        if let Some(prediction) = &self.session.prediction {
            let tally = prediction.tally();
            stats.predictions.compared += tally.compared;
            stats.predictions.mispredictions += tally.mispredictions;
            stats.first_misprediction = stats.first_misprediction.or(prediction.first().copied());
        }
        let Some(begin) = &self.measuring else { return };
        add_sections(&mut stats.sections, self.session.ledger(), &begin.ledger);
        let last = self.last_arrival.map_or(begin.since, |(at, _)| at.max(begin.since));
        let ends = if lost { last } else { self.ends(now) };
        stats.bot_time += ends.saturating_duration_since(begin.since);
        if lost {
            self.left_at = Some(last);
        } else {
            stats.record_open_interval(self.last_interval, now - last, self.tick);
        }
        let (down, up) = self.wire.traffic();
        stats.down += down - begin.traffic.0;
        stats.up += up - begin.traffic.1;
        stats.messages_down += self.messages.0 - begin.messages.0;
        stats.messages_up += self.messages.1 - begin.messages.1;
        let (total, tally) = (&mut stats.tally, self.session.tally);
        total.shots += tally.shots - begin.tally.shots;
        total.kills += tally.kills - begin.tally.kills;
        total.deaths += tally.deaths - begin.tally.deaths;
        total.pickups += tally.pickups - begin.tally.pickups;
        for Pending { scheduled, sent, .. } in self.pending.iter().filter(|p| p.scheduled >= begin.since) {
            let age = now.saturating_duration_since(*scheduled);
            if age >= UNANSWERED {
                stats.latency.record(age);
                if let Some(sent) = *sent {
                    stats.latency_raw.record(now.saturating_duration_since(sent));
                }
            }
        }
    }
}

/// Adds what the sections cost between two looks at a ledger.
fn add_sections(sum: &mut Ledger, now: &Ledger, then: &Ledger) {
    sum.own += now.own - then.own;
    sum.updates += now.updates - then.updates;
    sum.enters += now.enters - then.enters;
    sum.pulses += now.pulses - then.pulses;
    sum.pickups += now.pickups - then.pickups;
    sum.events += now.events - then.events;
}
