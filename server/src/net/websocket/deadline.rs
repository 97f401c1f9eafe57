//! A deadline that moves with every message and passes hardly ever.

use std::pin::Pin;

use tokio::time::{Instant, Sleep};

/// A deadline that moves away leaves its timer alone until that has run out. A timer set and dropped for each message
/// would cost more than the message.
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

    /// Moves it.
    pub(super) fn move_to(&mut self, at: Instant) {
        self.at = at;
        // As when less silence is allowed than time for the first message.
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Duration;

    #[tokio::test]
    async fn it_passes_where_it_was_moved_last_and_not_before() {
        let start = Instant::now();
        let mut deadline = Deadline::new(start + Duration::from_secs(600));
        for ms in [900_000, 20, 10, 30] {
            deadline.move_to(start + Duration::from_millis(ms));
        }
        deadline.passed().await;
        assert!(start.elapsed() >= Duration::from_millis(30), "{:?}", start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(500), "not where it was at first");
        deadline.move_to(start + Duration::from_millis(80));
        deadline.passed().await;
        assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
    }
}
