//! What a room gives up, step by step, when its ticks take too long, and takes back when they no longer do.
//!
//! Never the tick itself: a room that is slow runs late, and its players see less often.

use std::time::Duration;

/// How much a room gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Relief {
    /// Nothing.
    #[default]
    None,
    /// Ships outside the inner half of a window are told of every other tick.
    FarShips,
    /// And every client gets every other snapshot only.
    Snapshots,
    /// And nobody is let in.
    Joins,
}

impl Relief {
    const ALL: [Relief; 4] = [Relief::None, Relief::FarShips, Relief::Snapshots, Relief::Joins];

    /// A name for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Relief::None => "none",
            Relief::FarShips => "far_ships",
            Relief::Snapshots => "snapshots",
            Relief::Joins => "joins",
        }
    }
}

/// A tick that takes more of its time than this is too long.
const HIGH: Duration = Duration::from_millis(25);

/// A tick that takes less of its time than this is short: a third of it, so that giving back doubles no load past
/// [`HIGH`].
const LOW: Duration = Duration::from_millis(11);

/// So many long ticks more than others, and the next step is taken.
const LONG_TICKS: u32 = 15;

/// So many short ticks in a row, and a step is taken back: three seconds.
const SHORT_TICKS: u32 = 90;

/// Watches how long ticks take. Time comes in as data.
#[derive(Debug, Default)]
pub struct Watch {
    level: usize,
    long: u32,
    short: u32,
}

impl Watch {
    /// A tick took so long. Returns the new step, if one is taken or taken back.
    pub fn note(&mut self, took: Duration) -> Option<Relief> {
        self.long = if took > HIGH { self.long + 1 } else { self.long.saturating_sub(1) };
        self.short = if took < LOW { self.short + 1 } else { 0 };
        let last = Relief::ALL.len() - 1;
        if self.long >= LONG_TICKS && self.level < last {
            self.level += 1;
        } else if self.short >= SHORT_TICKS && self.level > 0 {
            self.level -= 1;
        } else {
            self.long = self.long.min(LONG_TICKS);
            return None;
        }
        (self.long, self.short) = (0, 0);
        Some(Relief::ALL[self.level])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(watch: &mut Watch, ms: u64, ticks: usize) -> Vec<Relief> {
        (0..ticks).filter_map(|_| watch.note(Duration::from_millis(ms))).collect()
    }

    #[test]
    fn steps_are_taken_one_by_one_and_taken_back() {
        let mut watch = Watch::default();
        assert_eq!(note(&mut watch, 30, 14), []);
        assert_eq!(note(&mut watch, 30, 100), [Relief::FarShips, Relief::Snapshots, Relief::Joins]);
        assert_eq!(note(&mut watch, 18, 1000), [], "in between nothing happens");
        assert_eq!(note(&mut watch, 3, 270), [Relief::Snapshots, Relief::FarShips, Relief::None]);
        assert_eq!(note(&mut watch, 3, 1000), []);
    }

    #[test]
    fn one_long_tick_in_ten_is_no_reason() {
        let mut watch = Watch::default();
        for _ in 0..100 {
            assert_eq!(note(&mut watch, 60, 1), []);
            assert_eq!(note(&mut watch, 15, 9), []);
        }
    }
}
