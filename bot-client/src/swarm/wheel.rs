//! A wheel of due times: who is to be woken when, in slots of half a millisecond. Knows no players, only their keys.

use std::time::Duration;

use tokio::time::Instant;

/// Length of a slot: what somebody is woken too late at most.
const SLOT: Duration = Duration::from_micros(500);
/// Slots of one round: 64 ms. Whoever is to be woken later is woken at its end, too.
const SLOTS: u64 = 128;

/// Keys by due time. Turns are counted in slots, from the beginning on.
pub(super) struct Wheel {
    slots: Vec<Vec<usize>>,
    begun: Instant,
    /// The turn that is served next.
    turn: u64,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Wheel {
        Wheel { slots: (0..SLOTS).map(|_| Vec::new()).collect(), begun: now, turn: 0 }
    }

    /// Enters a key to be taken at a time or, if that is far away, before it. Returns its turn.
    pub(super) fn enter(&mut self, key: usize, at: Instant) -> u64 {
        let turn = self.turn_of(at);
        self.slots[(turn % SLOTS) as usize].push(key);
        turn
    }

    /// Moves keys that are due to `keys`, so many at most, all of the turn that is returned. None if none is due.
    pub(super) fn take(&mut self, now: Instant, most: usize, keys: &mut Vec<usize>) -> Option<u64> {
        let present = turns(now.saturating_duration_since(self.begun));
        while self.turn <= present {
            let slot = &mut self.slots[(self.turn % SLOTS) as usize];
            if !slot.is_empty() {
                keys.extend(slot.drain(slot.len().saturating_sub(most)..));
                return Some(self.turn);
            }
            self.turn += 1;
        }
        None
    }

    /// When something is due next, or may be.
    pub(super) fn next(&self) -> Option<Instant> {
        let ahead = (0..SLOTS).find(|n| !self.slots[((self.turn + n) % SLOTS) as usize].is_empty())?;
        Some(self.begun + SLOT * (self.turn + ahead) as u32)
    }

    /// The turn that comes at a time or right after it, within this round.
    fn turn_of(&self, at: Instant) -> u64 {
        let turn = turns(at.saturating_duration_since(self.begun) + SLOT - Duration::from_nanos(1));
        turn.clamp(self.turn, self.turn + SLOTS - 1)
    }
}

fn turns(time: Duration) -> u64 {
    time.as_micros() as u64 / SLOT.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_when_they_are_due_and_far_ones_early() {
        let begun = Instant::now();
        let at = |us: u64| begun + Duration::from_micros(us);
        let mut wheel = Wheel::new(begun);
        let mut keys = Vec::new();
        let turn = wheel.enter(1, at(1200));
        assert_eq!((wheel.enter(2, at(1300)), wheel.next()), (turn, Some(at(1500))));
        assert_eq!(wheel.take(at(1400), 9, &mut keys), None);
        assert_eq!((wheel.take(at(1500), 1, &mut keys), keys.len()), (Some(turn), 1), "in helpings");
        assert_eq!((wheel.take(at(1500), 9, &mut keys), keys.len()), (Some(turn), 2));
        assert_eq!(wheel.take(at(1600), 9, &mut keys), None);
        let far = wheel.enter(3, at(10_000_000));
        assert_eq!(wheel.take(at(70_000), 9, &mut keys), Some(far));
        assert_eq!((keys, wheel.next()), (vec![2, 1, 3], None));
    }
}
