//! How a room calls the connections that it has put something in for: many of one thread at the price of waking it once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which of the connections behind one bell.
pub type Place = usize;

/// Calls connections that one thread serves.
pub struct Bell {
    called: Mutex<Vec<Place>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Bell {
    /// A bell; `wake` wakes whoever answers it.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Bell {
        Bell { called: Mutex::default(), wake: Box::new(wake) }
    }

    fn called(&self) -> MutexGuard<'_, Vec<Place>> {
        self.called.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls one connection, at once.
    pub fn call(&self, place: Place) {
        if self.note(place) {
            (self.wake)();
        }
    }

    /// Notes who is called. True if nobody else was: then somebody has to be woken.
    fn note(&self, place: Place) -> bool {
        let mut called = self.called();
        called.push(place);
        called.len() == 1
    }

    /// Says who has been called since this was asked last, in place of what `called` has.
    pub fn answer(&self, called: &mut Vec<Place>) {
        called.clear();
        std::mem::swap(&mut *self.called(), called);
    }
}

impl fmt::Debug for Bell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bell").field("called", &self.called).finish_non_exhaustive()
    }
}

/// Connections that something was put in for, to be called when all have theirs.
///
/// A connection that is called at once is served at once, on the core that the room needs for the others: they would wait
/// now less, now more. Called together, everybody is served in the same order a tick, at the same distance.
#[derive(Debug, Default)]
pub struct Calls(Vec<(Arc<Bell>, Place)>);

impl Calls {
    /// Adds a connection to those that [`Calls::make`] calls.
    pub fn add(&mut self, bell: &Arc<Bell>, place: Place) {
        self.0.push((bell.clone(), place));
    }

    /// Calls them all, in the order in which they were added.
    pub fn make(&mut self) {
        // Nobody is woken before all are noted.
        self.0.retain(|(bell, place)| bell.note(*place));
        for (bell, _) in self.0.drain(..) {
            (bell.wake)();
        }
    }
}
