//! Which tick to stamp an input with, and when to send it. Asks for no time itself: `now` is an argument.
//!
//! The server consumes one input per tick, at the tick's boundary. An input that comes later is lost, one that comes
//! earlier only adds delay. So the clock learns when the boundaries are, from the `margin` in each snapshot: how many ms
//! before its tick the client's input for that tick had arrived. For an input that was due at `s` and had margin `m`,
//! `s + m` was the last good moment; its mean and its jitter give the phase that all later inputs are sent at:
//!
//! ```text
//! due(tick) = tick * dt + mean(s + m - tick * dt) - target        target = clamp(4 + 4 * jitter, 8, 80) ms
//! ```
//!
//! Before the first margin it seeks: inputs go ahead of the newest snapshot by a lead that grows while they come too late. It
//! seeks anew when inputs go missing for a second, or as soon as they do behind a server that has stood still.

use std::time::Duration;

use protocol::Tick;
use protocol::message::MARGIN_MISSING;
use tokio::time::Instant;

/// The server takes inputs for this many ticks after the one that it simulated last.
pub const WINDOW: u32 = 12;

/// Smallest, and constant, part of the target, ms; and bounds of the whole.
const TARGET_BASE: f64 = 4.0;
const TARGET_MIN: f64 = 8.0;
const TARGET_MAX: f64 = 80.0;
/// The phase may run this much faster (inputs leave earlier) or slower than time, so that nobody notices.
const SLEW_EARLIER: f64 = 0.05;
const SLEW_LATER: f64 = 0.02;
/// Beyond this error, ms, slewing would take seconds: jump.
const JUMP: f64 = 100.0;
/// Weight of the newest sample in the mean and in the jitter.
const GAIN: f64 = 1.0 / 16.0;
/// Jitter assumed at the first margin, ms.
const FIRST_JITTER: f64 = 2.0;
/// After as many misses in a row the phase is worth nothing: seek again.
const LOST_AFTER: u32 = 30;
/// How many sent inputs are remembered; feedback comes within [`WINDOW`] and one round trip.
const REMEMBERED: usize = 64;

/// An input that is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Due {
    /// The tick to stamp it with.
    pub tick: Tick,
    /// When it should have been sent; how late one is, is one's own delay.
    pub scheduled: Instant,
}

/// Says when to send which tick's input.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Zero of the millisecond scale in here.
    base: Instant,
    /// Length of a tick, ms.
    dt: f64,
    /// An input for tick `t` is due at `phase + t * dt`.
    phase: f64,
    next: Tick,
    /// Tick and due time of what was sent, by tick modulo the length.
    sent: Box<[(Tick, f64); REMEMBERED]>,
    /// Earliest `arrival - tick * dt`: of this second and of the one before.
    earliest: [f64; 2],
    second: f64,
    state: State,
    misses: u32,
    last_slew: f64,
    /// When the phase was last taken at once, ms.
    jumped: f64,
    /// The target is at least so much more than the smallest, ms.
    ahead: f64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// No margin yet: inputs leave `lead` ms ahead of the newest snapshot.
    Seeking { lead: f64 },
    /// Mean and jitter of the last good moments, ms.
    Locked { mean: f64, jitter: f64 },
}

impl Clock {
    /// A clock for a room that simulated `tick` last, as far as one knows at `now`, with `hz` ticks a second.
    pub fn new(tick: Tick, hz: u8, now: Instant) -> Clock {
        let dt = 1000.0 / f64::from(hz.max(1));
        let offset = -f64::from(tick.0) * dt;
        let lead = 1.5 * dt;
        Clock {
            base: now,
            dt,
            phase: offset - lead,
            next: tick.plus(2),
            sent: Box::new([(Tick(u32::MAX), 0.0); REMEMBERED]),
            earliest: [offset; 2],
            second: 0.0,
            state: State::Seeking { lead },
            misses: 0,
            last_slew: 0.0,
            jumped: 0.0,
            ahead: 0.0,
        }
    }

    /// The same for a player whose inputs are to arrive at least so much earlier than need be: where many play from one
    /// machine, all would send in the same millisecond of each tick.
    #[must_use]
    pub fn ahead(mut self, time: Duration) -> Clock {
        self.ahead = time.as_secs_f64() * 1000.0;
        self
    }

    /// Takes the arrival of the snapshot of `tick` with its `margin`.
    pub fn on_snapshot(&mut self, tick: Tick, margin: i8, now: Instant) {
        let now = self.ms(now);
        let offset = now - f64::from(tick.0) * self.dt;
        self.note_arrival(offset, now);
        let (sent_tick, due) = self.sent[tick.0 as usize % REMEMBERED];
        if sent_tick != tick {
            // Nothing was sent for it, so that it is missing says nothing; or so long ago that it is forgotten.
            if margin == MARGIN_MISSING && self.next.since(tick) > REMEMBERED as i64 {
                self.seek(offset, now);
            }
            return;
        }
        let phase_sent = due - f64::from(tick.0) * self.dt;
        if margin == MARGIN_MISSING {
            self.on_miss(phase_sent, offset, now);
        } else {
            self.misses = 0;
            self.on_margin(phase_sent + f64::from(margin), now);
        }
    }

    /// The next input, if one is due. Call until there is none: after a stall several are.
    pub fn due(&mut self, now: Instant) -> Option<Due> {
        let now = self.ms(now);
        self.slew(now);
        // Ticks that are over at the server too are not worth a message.
        let newest = Tick(((now - self.phase) / self.dt).clamp(0.0, f64::from(u32::MAX)) as u32);
        if newest.since(self.next) > i64::from(WINDOW) {
            self.next = newest;
        }
        let due = self.due_at(self.next);
        let tick = self.next;
        if due > now || tick == Tick(u32::MAX) {
            return None; // or there is no tick after it
        }
        // What a jump made due in the past could not leave before the jump.
        let due = due.max(self.jumped);
        // Being late is to be made up for, unless there is time to spare.
        self.sent[tick.0 as usize % REMEMBERED] = (tick, now.min(due + self.ahead));
        self.next = tick.next();
        Some(Due { tick, scheduled: self.instant(due) })
    }

    /// When to call [`Clock::due`] again. Rounded up, so that something is due then: rounded down, a caller on a
    /// paused clock would ask for ever.
    pub fn next_due(&self) -> Instant {
        self.instant(self.due_at(self.next)) + Duration::from_micros(1)
    }

    /// How many ms before its tick an input is meant to arrive.
    pub fn target_ms(&self) -> f64 {
        self.needed_ms().max(TARGET_MIN + self.ahead)
    }

    /// The same without what [`Clock::ahead`] asked for.
    fn needed_ms(&self) -> f64 {
        match self.state {
            State::Seeking { .. } => TARGET_MIN,
            State::Locked { jitter, .. } => (TARGET_BASE + 4.0 * jitter).clamp(TARGET_MIN, TARGET_MAX),
        }
    }

    /// Reads a little of each part that the snapshot of `tick` needs: see [`crate::swarm`]'s player.
    pub(crate) fn touch_at(&self, tick: Tick) -> usize {
        let (sent, _) = self.sent[tick.0 as usize % REMEMBERED];
        let fields = [self.phase > 0.0, self.second > 0.0, self.locked()];
        sent.0 as usize ^ fields.iter().filter(|&&set| set).count()
    }

    /// The same for the next input.
    pub(crate) fn touch_due(&self) -> usize {
        self.touch_at(self.next) ^ usize::from(self.last_slew > 0.0)
    }

    /// True once a margin has come in, until inputs go missing for a second.
    pub fn locked(&self) -> bool {
        matches!(self.state, State::Locked { .. })
    }

    fn on_margin(&mut self, last_good: f64, now: f64) {
        match &mut self.state {
            State::Seeking { .. } => {
                self.state = State::Locked { mean: last_good, jitter: FIRST_JITTER };
                self.jump(now);
            }
            State::Locked { mean, jitter } => {
                let error = last_good - *mean;
                *mean += error * GAIN;
                *jitter += (error.abs() - *jitter) * GAIN;
                if (self.wanted_phase() - self.phase).abs() > JUMP {
                    self.state = State::Locked { mean: last_good, jitter: FIRST_JITTER };
                    self.jump(now);
                }
            }
        }
    }

    fn on_miss(&mut self, phase_sent: f64, offset: f64, now: f64) {
        self.misses += 1;
        // Ticks come later by more than an input may be early: the server stood still, and inputs come too early to be taken.
        let slip = offset - self.earliest[0].min(self.earliest[1]);
        let slipped = slip > f64::from(WINDOW) * self.dt - self.target_ms();
        match &mut self.state {
            State::Seeking { lead } => {
                *lead += self.dt / 2.0;
                // Beyond the window inputs are missing because they come too early: start again.
                if *lead > f64::from(WINDOW - 1) * self.dt {
                    *lead = 1.5 * self.dt;
                }
                self.jump(now);
            }
            // Too late, by how much is unknown: half a tick is a fair guess, and it raises the jitter too.
            State::Locked { .. } if self.misses < LOST_AFTER && !slipped => {
                self.on_margin(phase_sent - self.dt / 2.0, now)
            }
            State::Locked { .. } => self.seek(offset, now),
        }
    }

    /// Begins anew, with a snapshot that has just come.
    fn seek(&mut self, offset: f64, now: f64) {
        self.misses = 0;
        self.earliest = [offset; 2];
        self.state = State::Seeking { lead: 1.5 * self.dt };
        self.jump(now);
    }

    /// Keeps the earliest arrival of the last one to two seconds.
    fn note_arrival(&mut self, offset: f64, now: f64) {
        if now - self.second >= 1000.0 {
            self.second = now;
            self.earliest = [offset, self.earliest[0]];
        }
        self.earliest[0] = self.earliest[0].min(offset);
    }

    fn wanted_phase(&self) -> f64 {
        match self.state {
            State::Seeking { .. } => self.earliest_phase(),
            // Who is ahead has time to spare, and need not move for every delay that comes and goes.
            State::Locked { mean, .. } => self.phase.clamp(self.earliest_phase(), mean - self.needed_ms()),
        }
    }

    fn earliest_phase(&self) -> f64 {
        match self.state {
            State::Seeking { lead } => self.earliest[0].min(self.earliest[1]) - lead,
            State::Locked { mean, .. } => mean - self.target_ms(),
        }
    }

    fn slew(&mut self, now: f64) {
        let elapsed = (now - self.last_slew).max(0.0);
        self.last_slew = now;
        let error = self.wanted_phase() - self.phase;
        // The messages that the phase was taken from were read late, and inputs for ticks that are over get no margins.
        if matches!(self.state, State::Seeking { .. }) && error < -self.dt {
            return self.jump(now);
        }
        self.phase += error.clamp(-SLEW_EARLIER * elapsed, SLEW_LATER * elapsed);
    }

    /// Takes the wanted phase at once. Ticks that were sent too early to be taken are sent again.
    fn jump(&mut self, now: f64) {
        self.phase = self.earliest_phase();
        self.jumped = now;
        let present = ((now - self.phase) / self.dt).ceil().clamp(0.0, f64::from(u32::MAX));
        let present = Tick(present as u32);
        if self.next.since(present) > i64::from(WINDOW) {
            self.next = present;
        }
    }

    fn due_at(&self, tick: Tick) -> f64 {
        self.phase + f64::from(tick.0) * self.dt
    }

    fn ms(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.base).as_secs_f64() * 1000.0
    }

    fn instant(&self, ms: f64) -> Instant {
        self.base + Duration::from_secs_f64((ms / 1000.0).max(0.0))
    }
}

#[cfg(test)]
mod tests;
