//! When a room's ticks are due.

use std::time::Duration;

use protocol::TICK_HZ;
use tokio::time::Instant;

/// A room more ticks behind than this gives up catching up and starts a new count of deadlines.
pub(super) const GIVE_UP_TICKS: u32 = 5;

/// Absolute deadlines: the n-th is `anchor + n / 30 s`, so that no rounding and no late tick adds up.
#[derive(Debug)]
pub(super) struct Metronome {
    anchor: Instant,
    beats: u64,
}

/// How a tick began.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Beat {
    /// Ticks that did not begin in their time: this one if it is a whole tick late or more, and all whose deadlines
    /// were given up.
    pub missed: u64,
    /// So late that the deadlines were given up.
    pub reanchored: bool,
}

impl Metronome {
    pub(super) fn new(now: Instant) -> Metronome {
        Metronome { anchor: now, beats: 1 }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.anchor + Duration::from_nanos(self.beats * 1_000_000_000 / u64::from(TICK_HZ))
    }

    pub(super) fn begin(&mut self, now: Instant) -> Beat {
        let late = now.saturating_duration_since(self.deadline());
        let tick = Duration::from_secs(1) / u32::from(TICK_HZ);
        let reanchored = late > tick * GIVE_UP_TICKS;
        if reanchored {
            *self = Metronome::new(now);
        } else {
            self.beats += 1;
        }
        let behind = u64::try_from(late.as_nanos() / tick.as_nanos()).unwrap_or(u64::MAX);
        Beat { missed: if reanchored { behind } else { behind.min(1) }, reanchored }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);

    #[test]
    fn deadlines_do_not_drift() {
        let start = Instant::now();
        let mut metronome = Metronome::new(start);
        for n in 1..=30u32 {
            assert!(metronome.deadline() - start - TICK * n < Duration::from_micros(1));
            // Each tick begins a bit late; the next deadline does not care.
            let now = metronome.deadline() + Duration::from_millis(3);
            assert_eq!(metronome.begin(now), Beat { missed: 0, reanchored: false });
        }
        assert_eq!(metronome.deadline() - start, Duration::from_nanos(31_000_000_000 / 30));
    }

    #[test]
    fn a_late_room_catches_up_or_starts_anew() {
        let start = Instant::now();
        let mut metronome = Metronome::new(start);
        let stall = start + TICK * 4;
        assert_eq!(metronome.begin(stall), Beat { missed: 1, reanchored: false });
        assert!(metronome.deadline() < stall, "the missed ticks follow at once");
        let stall = start + TICK * 20;
        assert_eq!(metronome.begin(stall), Beat { missed: 18, reanchored: true });
        assert_eq!(metronome.deadline(), stall + TICK, "given up");
    }
}
