//! Which number of players to try next: doubles until one is too many, then halves the gap, then makes sure of the answer.
//! Runs nothing.

use std::collections::BTreeMap;

/// A search for the largest number that holds: that does so in two trials before it fails in two. So neither a lucky
/// trial nor somebody else's work on the same machine decides alone.
#[derive(Debug, Clone)]
pub struct Search {
    from: u32,
    most: u32,
    /// How often each number held, and how often it did not.
    tried: BTreeMap<u32, (u32, u32)>,
    /// The number whose first trial has just failed.
    doubt: Option<u32>,
    trials: u32,
}

/// A gap of less than this share of what holds is not worth another trial.
const GRAIN: f64 = 0.06;
/// More trials than this are not made: noise could go on for ever.
const MOST_TRIALS: u32 = 32;
/// So many trials with the same end decide.
const DECIDE: u32 = 2;

impl Search {
    /// From `from` players up to `most`.
    pub fn new(from: u32, most: u32) -> Search {
        let most = most.max(1);
        Search { from: from.clamp(1, most), most, tried: BTreeMap::new(), doubt: None, trials: 0 }
    }

    /// How many players the next trial is to have; none when it is known, or will not be known.
    pub fn next(&self) -> Option<u32> {
        if self.trials >= MOST_TRIALS {
            return None;
        }
        if self.doubt.is_some() {
            return self.doubt;
        }
        let held = self.largest_that_held(1);
        let larger = match (held, self.failed()) {
            (None, None) => return Some(self.from),
            // Not even the first: look below it.
            (None, Some(failed)) => return (failed > 1).then_some(failed / 2),
            (Some(held), None) => Some(held.saturating_mul(2).min(self.most)).filter(|&n| n > held),
            (Some(held), Some(failed)) => between(held, failed),
        };
        // None is larger: once more the largest, until that is sure.
        larger.or(held.filter(|_| held != self.knee()))
    }

    /// Takes in whether `players` held.
    pub fn tell(&mut self, players: u32, held: bool) {
        self.trials += 1;
        let (holds, fails) = self.tried.entry(players).or_default();
        *(if held { &mut *holds } else { &mut *fails }) += 1;
        self.doubt = (*fails < DECIDE && *holds == 0).then_some(players);
    }

    /// The largest number that held twice, below those that failed twice; none so far.
    pub fn knee(&self) -> Option<u32> {
        self.largest_that_held(DECIDE)
    }

    /// The smallest number that did not hold.
    pub fn failed(&self) -> Option<u32> {
        self.tried.iter().find(|(_, (_, fails))| *fails >= DECIDE).map(|(&n, _)| n)
    }

    /// The largest number that held so often, below those that failed twice.
    fn largest_that_held(&self, times: u32) -> Option<u32> {
        let below = self.tried.range(..self.failed().unwrap_or(u32::MAX));
        below.rev().find(|(_, (holds, _))| *holds >= times).map(|(&n, _)| n)
    }
}

/// The number to try between one that held and one that did not; none if the gap is not worth it.
fn between(held: u32, failed: u32) -> Option<u32> {
    let gap = failed.saturating_sub(held);
    (gap > 1 && f64::from(gap) > GRAIN * f64::from(held)).then(|| rounded(held + gap / 2, held, failed))
}

/// Round numbers are easier to talk about.
fn rounded(n: u32, above: u32, below: u32) -> u32 {
    let tens = n / 10 * 10;
    if tens > above && tens < below { tens } else { n }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Searches with a server that holds what the function says; how many trials it took.
    fn search(from: u32, most: u32, mut holds: impl FnMut(u32) -> bool) -> (Search, u32) {
        let mut search = Search::new(from, most);
        let mut trials = 0;
        while let Some(players) = search.next() {
            assert!((1..=most).contains(&players), "{players}");
            search.tell(players, holds(players));
            trials += 1;
            assert!(trials <= MOST_TRIALS);
        }
        (search, trials)
    }

    #[test]
    fn the_knee_is_found_closely_and_in_few_trials() {
        for limit in [7, 50, 99, 100, 101, 730, 1999, 3000, 3999] {
            let (found, trials) = search(100, 4000, |n| n <= limit);
            let knee = found.knee().expect("one holds");
            assert!(
                knee <= limit && f64::from(limit - knee) <= 0.065 * f64::from(limit),
                "{knee} of {limit}"
            );
            assert!(found.failed().unwrap() > limit && trials <= 22, "{trials}");
        }
    }

    #[test]
    fn all_or_nothing_ends_too() {
        let (all, trials) = search(100, 4000, |_| true);
        assert_eq!((all.knee(), all.failed(), trials), (Some(4000), None, 8), "the last one twice");
        let (nothing, _) = search(100, 4000, |_| false);
        assert_eq!((nothing.knee(), nothing.failed()), (None, Some(1)));
        assert_eq!(search(1, 1, |_| true).0.knee(), Some(1));
    }

    #[test]
    fn one_trial_by_luck_or_by_bad_luck_decides_nothing() {
        for odd in 0..12 {
            let mut trials = 0;
            let (found, _) = search(100, 4000, |n| {
                trials += 1;
                (n <= 800) != (trials == odd)
            });
            let knee = found.knee().expect("800 hold");
            assert!((750..=800).contains(&knee), "{knee}, trial {odd}");
        }
        // A server that cannot make up its mind does not keep us for ever.
        let mut coin = false;
        let (_, trials) = search(100, 4000, |_| {
            coin = !coin;
            coin
        });
        assert!(trials <= MOST_TRIALS);
    }
}
