//! How long ticks took in the last ten seconds, by phase. Exact values in a ring a room: noting one takes no lock and
//! no memory, and whoever asks does the work.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use protocol::TICK_HZ;
use tokio::time::Instant;

use crate::room::Part;

/// What "now" means for whoever asks how long ticks take.
const WINDOW: Duration = Duration::from_secs(10);

/// Ticks that a room can take in [`WINDOW`]: a few more than are due, for one that catches up.
const RING: usize = 10 * TICK_HZ as usize + 8;

/// A tick's parts, and the whole of it.
const PHASES: usize = Part::ALL.len() + 1;

/// What one tick took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickTime {
    /// By [`Part`], in their order.
    pub parts: [Duration; Part::ALL.len()],
    /// From its beginning to its end.
    pub whole: Duration,
}

/// The last ticks of one room. Its driver writes, anybody reads.
#[derive(Debug)]
pub struct TickLog {
    born: Instant,
    next: AtomicUsize,
    ring: Box<[Entry]>,
}

/// One tick. A reader may see a part of the next tick in it: one odd value in three hundred for one look.
#[derive(Debug, Default)]
struct Entry {
    /// 0: none; else ms since the log was born, and one.
    at: AtomicU32,
    /// By phase, the whole one last.
    micros: [AtomicU32; PHASES],
}

impl TickLog {
    fn new(now: Instant) -> TickLog {
        let ring = (0..RING).map(|_| Entry::default()).collect();
        TickLog { born: now, next: AtomicUsize::new(0), ring }
    }

    /// A tick that ended `now` took so long. Only the room's driver calls it.
    pub fn note(&self, time: &TickTime, now: Instant) {
        let n = self.next.load(Ordering::Relaxed);
        let entry = &self.ring[n % RING];
        for (phase, took) in entry.micros.iter().zip(time.parts.iter().chain([&time.whole])) {
            phase.store(took.as_micros().try_into().unwrap_or(u32::MAX), Ordering::Relaxed);
        }
        entry.at.store(self.ms(now), Ordering::Release);
        self.next.store((n + 1) % RING, Ordering::Relaxed);
    }

    /// Quantiles of the whole tick over the last ten seconds; none if there was no tick.
    pub fn whole(&self, now: Instant) -> Option<Quantiles> {
        let mut micros = Vec::with_capacity(RING);
        self.collect(PHASES - 1, now, &mut micros);
        Quantiles::of(&mut micros)
    }

    fn collect(&self, phase: usize, now: Instant, micros: &mut Vec<u32>) {
        let (now, window) = (self.ms(now), WINDOW.as_millis() as u32);
        let recent = self.ring.iter().filter(|entry| {
            let at = entry.at.load(Ordering::Acquire);
            at != 0 && now.saturating_sub(at) < window
        });
        micros.extend(recent.map(|entry| entry.micros[phase].load(Ordering::Relaxed)));
    }

    /// Fits for 49 days; a room that is older shows nothing new, so it stays at the last value and all count as recent.
    fn ms(&self, at: Instant) -> u32 {
        let ms = at.saturating_duration_since(self.born).as_millis();
        u32::try_from(ms).unwrap_or(u32::MAX - 1).saturating_add(1)
    }
}

/// What half, 99 in 100 and all of the ticks did not exceed, µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantiles {
    /// The median.
    pub p50: u32,
    /// 99 in 100.
    pub p99: u32,
    /// The longest.
    pub max: u32,
}

impl Quantiles {
    fn of(micros: &mut [u32]) -> Option<Quantiles> {
        micros.sort_unstable();
        // Nearest rank: a value that was measured, none in between.
        let rank =
            |percent: usize| micros.get((micros.len() * percent).div_ceil(100).checked_sub(1)?).copied();
        Some(Quantiles { p50: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }
}

/// The logs of all rooms that are open.
#[derive(Debug, Default)]
pub struct TickLogs(Mutex<Vec<Weak<TickLog>>>);

impl TickLogs {
    /// A log for another room; it is forgotten when the room drops it.
    pub fn open(&self, now: Instant) -> Arc<TickLog> {
        let log = Arc::new(TickLog::new(now));
        let mut logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logs.retain(|log| log.strong_count() > 0);
        logs.push(Arc::downgrade(&log));
        log
    }

    /// The whole tick over all rooms.
    pub fn whole(&self, now: Instant) -> Option<Quantiles> {
        self.quantiles(PHASES - 1, now)
    }

    /// Every phase with its name, over all rooms; those without a tick are left out.
    pub fn phases(&self, now: Instant) -> impl Iterator<Item = (&'static str, Quantiles)> {
        let names = Part::ALL.iter().map(|part| part.label()).chain(["tick"]);
        names.enumerate().filter_map(move |(phase, name)| Some((name, self.quantiles(phase, now)?)))
    }

    fn quantiles(&self, phase: usize, now: Instant) -> Option<Quantiles> {
        // Rooms open and end while this is worked out.
        let logs: Vec<_> = {
            let logs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            logs.iter().filter_map(Weak::upgrade).collect()
        };
        let mut micros = Vec::with_capacity(RING * logs.len());
        for log in &logs {
            log.collect(phase, now, &mut micros);
        }
        Quantiles::of(&mut micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(ms: u64) -> TickTime {
        let parts = [Duration::from_millis(ms), Duration::from_millis(2 * ms), Duration::ZERO];
        TickTime { parts, whole: Duration::from_millis(4 * ms) }
    }

    #[test]
    fn the_last_ten_seconds_of_all_rooms_count() {
        let (logs, start) = (TickLogs::default(), Instant::now());
        let at = |ms: u64| start + Duration::from_millis(ms);
        let (a, b) = (logs.open(start), logs.open(start));
        assert_eq!(logs.whole(start), None);
        a.note(&time(500), at(0));
        for n in 0..99 {
            a.note(&time(1), at(5000 + n));
        }
        b.note(&time(7), at(5000));
        let all = logs.whole(at(9000)).unwrap();
        assert_eq!(all, Quantiles { p50: 4000, p99: 28_000, max: 2_000_000 });
        assert_eq!(a.whole(at(9000)).unwrap().p99, 4000, "of one room");
        let phases: Vec<_> = logs.phases(at(12_000)).map(|(name, q)| (name, q.p50, q.max)).collect();
        let expected =
            [("listen", 1000, 7000), ("step", 2000, 14_000), ("publish", 0, 0), ("tick", 4000, 28_000)];
        assert_eq!(phases, expected, "the long one is past");
        drop(b);
        assert_eq!(logs.whole(at(12_000)).unwrap().max, 4000, "that room has ended");
        assert_eq!(logs.whole(at(60_000)), None);
    }

    #[test]
    fn a_room_that_ticks_for_hours_keeps_the_newest() {
        let (logs, start) = (TickLogs::default(), Instant::now());
        let log = logs.open(start);
        for n in 0..200_000u64 {
            log.note(&time(n % 7), start + Duration::from_millis(n * 1000 / 30));
        }
        let mut micros = Vec::new();
        log.collect(PHASES - 1, start + Duration::from_millis(200_000 * 1000 / 30), &mut micros);
        assert!((298..=300).contains(&micros.len()), "{}", micros.len());
    }
}
