//! Log lines that peers can cause: one in a while, with the number of those left out.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Of the lines of one place in the code at most one in so long is written.
const EVERY: Duration = Duration::from_secs(10);

/// The lines of one place in the code.
#[derive(Debug)]
pub(crate) struct Sampled(Mutex<State>);

#[derive(Debug)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl Sampled {
    /// None was written yet.
    pub(crate) const fn new() -> Sampled {
        Sampled(Mutex::new(State { last: None, left_out: 0 }))
    }

    /// Says whether a line may be written now, and if so how many were left out since the last one.
    pub(crate) fn allow(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < EVERY) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_in_a_while_says_how_many_were_left_out() {
        let (lines, now) = (Sampled::new(), Instant::now());
        assert_eq!(lines.allow(now), Some(0));
        assert!((0..1000).all(|_| lines.allow(now + EVERY / 2).is_none()));
        assert_eq!(lines.allow(now + EVERY), Some(1000));
    }
}
