//! Rates: how much of something a peer may do.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: `rate` a second on average, `burst` at once. Time is an argument.
#[derive(Debug, Clone)]
pub(super) struct TokenBucket {
    rate: u32,
    burst: u32,
    /// Tokens, in units of 1 / 1,000,000 of one.
    micro: u64,
    at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn new(rate: u32, burst: u32, now: Instant) -> TokenBucket {
        TokenBucket { rate, burst, micro: u64::from(burst) * 1_000_000, at: now }
    }

    /// Takes one token, if there is one.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).min(Duration::from_secs(3600));
        let gained =
            u64::try_from(passed.as_micros()).unwrap_or(u64::MAX).saturating_mul(u64::from(self.rate));
        self.at = now;
        self.micro = self.micro.saturating_add(gained).min(u64::from(self.burst) * 1_000_000);
        let allowed = self.micro >= 1_000_000;
        if allowed {
            self.micro -= 1_000_000;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(10, 20, start);
        assert_eq!((0..30).filter(|_| bucket.allow(start)).count(), 20);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..30).filter(|_| bucket.allow(later)).count(), 5);
        let much_later = later + Duration::from_secs(1000);
        assert_eq!((0..30).filter(|_| bucket.allow(much_later)).count(), 20);
    }
}
