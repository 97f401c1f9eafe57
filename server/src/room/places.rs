//! The places in a room: how many are taken, and by how many who are away. The directory takes them, a room gives them
//! back; who is seated where is the room's business.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the places of one kind in one room.
#[derive(Debug, Default)]
pub struct Places {
    /// Of those who are there, or on their way in.
    present: AtomicUsize,
    /// Of those whose connection is lost: theirs until somebody needs them.
    away: AtomicUsize,
}

/// One place. Dropping it gives the place back.
#[derive(Debug)]
pub struct Reservation {
    places: Arc<Places>,
    away: bool,
}

impl Places {
    /// How many are taken, those of lost connections included.
    pub fn taken(&self) -> usize {
        self.present.load(Ordering::Acquire) + self.away.load(Ordering::Acquire)
    }

    /// Takes a place that is nobody's, if fewer than `capacity` are taken.
    pub fn take_free(self: &Arc<Places>, capacity: usize) -> Option<Reservation> {
        self.take(capacity.saturating_sub(self.away.load(Ordering::Acquire)))
    }

    /// Takes a place, if need be of somebody who is away: if fewer than `capacity` are there. The room then gives up a
    /// seat of a lost connection; should its player come back just before, it is full for the newcomer.
    pub fn take(self: &Arc<Places>, capacity: usize) -> Option<Reservation> {
        let more = |n| (n < capacity).then_some(n + 1);
        self.present.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Reservation { places: self.clone(), away: false })
    }

    fn count(&self, away: bool) -> &AtomicUsize {
        if away { &self.away } else { &self.present }
    }
}

impl Reservation {
    /// The connection is lost, or there is one again.
    pub fn set_away(&mut self, away: bool) {
        if self.away != away {
            // Counted twice for a moment, never not at all: nobody takes what is only changing its kind.
            self.places.count(away).fetch_add(1, Ordering::AcqRel);
            self.places.count(self.away).fetch_sub(1, Ordering::AcqRel);
            self.away = away;
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.places.count(self.away).fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_away_keeps_a_place_until_it_is_needed() {
        let places = Arc::new(Places::default());
        let mut ada = places.take_free(2).expect("the first of two");
        let bob = places.take_free(2).expect("the second");
        assert!(places.take_free(2).is_none() && places.take(2).is_none());
        ada.set_away(true);
        ada.set_away(true);
        assert_eq!(places.taken(), 2);
        assert!(places.take_free(2).is_none(), "none is nobody's");
        let eve = places.take(2).expect("Ada's");
        assert!(places.take(2).is_none(), "nobody else is away");
        // Ada is faster than Eve.
        ada.set_away(false);
        assert_eq!(places.taken(), 3);
        drop(eve);
        assert!(places.take(2).is_none());
        drop(bob);
        assert!(places.take_free(2).is_some());
        ada.set_away(true);
        drop(ada);
        assert_eq!(places.taken(), 0);
    }
}
