//! The last few ticks of many values, and what lies between two of them.
//!
//! A container: it knows keys and ticks ago, not what the values stand for.

use std::array;

use crate::keyframe::{BadKeyframe, Carried, Numbers, save_slice};

/// Ticks that are kept, the newest included.
pub(crate) const KEPT: usize = 8;

/// Parts of a tick that a time in the past is given in.
pub(crate) const PARTS: u8 = 8;

/// A value that has a state between two ticks.
pub(crate) trait Between: Copy {
    /// The value so many eighths of a tick (1..=7) after `older`, a tick after which it is `newer`; none if the two do
    /// not belong together.
    fn between(older: Self, newer: Self, eighths: u8) -> Option<Self>;
}

/// A ring of the values of the last [`KEPT`] ticks. Keys are small numbers without many gaps.
#[derive(Debug, Clone)]
pub(crate) struct History<T> {
    ticks: [Vec<T>; KEPT],
    newest: usize,
}

impl<T> History<T> {
    /// A past without any values.
    pub(crate) fn new() -> History<T> {
        History { ticks: array::from_fn(|_| Vec::new()), newest: 0 }
    }

    /// Begins a tick and forgets the oldest: `values` are those of the keys 0, 1, 2 and so on.
    pub(crate) fn record(&mut self, values: impl Iterator<Item = T>) {
        self.newest = (self.newest + 1) % KEPT;
        let tick = &mut self.ticks[self.newest];
        tick.clear();
        tick.extend(values);
    }

    /// The values of so many ticks ago, fewer than [`KEPT`]; 0 is the newest.
    fn ago(&self, ticks: usize) -> &[T] {
        &self.ticks[(self.newest + KEPT - ticks) % KEPT]
    }

    /// All values, tick after tick from the newest to the oldest.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = &[T]> {
        (0..KEPT).map(|ticks| self.ago(ticks))
    }
}

/// From the oldest tick to the newest; where the ring begins does not matter.
impl<T: Carried> Carried for History<T> {
    fn save(&self, out: &mut Vec<i64>) {
        for ticks in (0..KEPT).rev() {
            save_slice(self.ago(ticks), out);
        }
    }

    fn load(from: &mut Numbers<'_>) -> Result<History<T>, BadKeyframe> {
        let mut history = History::new();
        for _ in 0..KEPT {
            history.record(Vec::load(from)?.into_iter());
        }
        Ok(history)
    }
}

impl<T: Between> History<T> {
    /// The value of `key` so many eighths of a tick ago. None if it had none, or lies further back than what is kept.
    pub(crate) fn at(&self, key: usize, eighths_ago: u8) -> Option<T> {
        let (ticks, part) = (usize::from(eighths_ago / PARTS), eighths_ago % PARTS);
        let value = |ticks: usize| (ticks < KEPT).then(|| self.ago(ticks).get(key).copied()).flatten();
        let newer = value(ticks)?;
        if part == 0 {
            return Some(newer);
        }
        T::between(value(ticks + 1)?, newer, PARTS - part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Between for i32 {
        fn between(older: i32, newer: i32, eighths: u8) -> Option<i32> {
            (older >= 0 && newer >= 0).then_some(older + (newer - older) * i32::from(eighths) / 8)
        }
    }

    #[test]
    fn the_past_goes_back_seven_ticks_in_eighths() {
        let mut history = History::new();
        for tick in 1..=20 {
            history.record([tick * 80, -tick].into_iter());
        }
        for eighths in 0..=56u8 {
            assert_eq!(history.at(0, eighths), Some(1600 - 10 * i32::from(eighths)));
        }
        assert_eq!((57..=255).find_map(|eighths| history.at(0, eighths)), None, "no farther");
        assert_eq!((history.at(1, 16), history.at(1, 17)), (Some(-18), None), "nothing between");
        assert_eq!(history.at(2, 0), None, "no such key");
        assert_eq!(
            history.ticks().map(|values| values[1]).collect::<Vec<_>>(),
            [-20, -19, -18, -17, -16, -15, -14, -13]
        );
    }

    #[test]
    fn what_was_not_yet_there_has_no_past() {
        let mut history = History::new();
        assert_eq!(history.at(0, 0), None);
        history.record([5].into_iter());
        history.record([7, 9].into_iter());
        assert_eq!([0, 4, 8].map(|eighths| history.at(0, eighths)), [Some(7), Some(6), Some(5)]);
        assert_eq!([0, 4, 8].map(|eighths| history.at(1, eighths)), [Some(9), None, None]);
        assert_eq!(history.at(0, 9), None);
    }
}
