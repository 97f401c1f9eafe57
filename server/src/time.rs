//! Time as data: what the edge reads off a clock travels inward as a [`Stamp`], so that the room never asks the time.

use std::time::Duration;

use tokio::time::Instant;

/// Microseconds since the server started: five hundred thousand years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stamp(pub u64);

impl Stamp {
    /// `self - earlier` in whole ms, cut to what a snapshot's margin can say.
    pub fn margin_since(self, earlier: Stamp) -> i8 {
        let ms = (i128::from(self.0) - i128::from(earlier.0)) / 1000;
        ms.clamp(-127, 127) as i8
    }
}

/// The instant that stamps count from.
#[derive(Debug, Clone, Copy)]
pub struct Epoch(Instant);

impl Epoch {
    /// Starts counting now.
    pub fn now() -> Epoch {
        Epoch(Instant::now())
    }

    /// An instant as a stamp.
    pub fn stamp(self, at: Instant) -> Stamp {
        Stamp(u64::try_from(at.saturating_duration_since(self.0).as_micros()).unwrap_or(u64::MAX))
    }

    /// How long ago the epoch was.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
