//! A deadline that moves with every message and passes hardly ever.

use std::pin::Pin;

use tokio::time::{Instant, Sleep};

/// Sets its timer only when it has run out, and then to where the deadline is by now. A timer set and dropped for each
/// message would cost more than the message.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// A deadline `at` an instant.
    pub(super) fn new(at: Instant) -> Deadline {
        Deadline { at, timer: Box::pin(tokio::time::sleep_until(at)) }
    }

    /// Moves it, but not to before it was.
    pub(super) fn move_to(&mut self, at: Instant) {
        self.at = at;
    }

    /// Waits until it has passed. May be dropped and called again.
    pub(super) async fn passed(&mut self) {
        loop {
            self.timer.as_mut().await;
            if self.timer.deadline() >= self.at {
                return;
            }
            self.timer.as_mut().reset(self.at);
        }
    }
}
