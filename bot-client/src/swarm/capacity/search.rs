//! Which number of players to try next: doubles until one is too many, then halves the gap, then makes sure of the answer.
//! Runs nothing.

/// A search for the largest number that holds. A number that holds in one trial and not in the next does not hold.
#[derive(Debug, Clone)]
pub struct Search {
    from: u32,
    most: u32,
    /// Numbers that held, ascending.
    held: Vec<u32>,
    /// The smallest that did not.
    failed: Option<u32>,
    /// True once the largest that held has held twice.
    sure: bool,
    trials: u32,
}

/// A gap of less than this share of what holds is not worth another trial.
const GRAIN: f64 = 0.06;
/// More trials than this are not made: noise could go on for ever.
const MOST_TRIALS: u32 = 24;

impl Search {
    /// From `from` players up to `most`.
    pub fn new(from: u32, most: u32) -> Search {
        let most = most.max(1);
        Search { from: from.clamp(1, most), most, held: Vec::new(), failed: None, sure: false, trials: 0 }
    }

    /// How many players the next trial is to have; none when it is known, or will not be known.
    pub fn next(&self) -> Option<u32> {
        if self.trials >= MOST_TRIALS || self.sure {
            return None;
        }
        let held = self.held.last().copied();
        match (held, self.failed) {
            (None, None) => Some(self.from),
            // Not even the first: look below it.
            (None, Some(failed)) => (failed > 1).then_some(failed / 2),
            (Some(held), None) if held >= self.most => Some(held),
            (Some(held), None) => Some(held.saturating_mul(2).min(self.most)),
            (Some(held), Some(failed)) => {
                let gap = failed.saturating_sub(held);
                let worth_it = gap > 1 && f64::from(gap) > GRAIN * f64::from(held);
                Some(if worth_it { rounded(held + gap / 2, held, failed) } else { held })
            }
        }
    }

    /// Takes in whether `players` held.
    pub fn tell(&mut self, players: u32, held: bool) {
        self.trials += 1;
        if held {
            self.sure = self.held.last() == Some(&players);
            if !self.sure {
                self.held.push(players);
            }
        } else {
            self.held.retain(|&n| n < players);
            self.failed = Some(self.failed.map_or(players, |failed| failed.min(players)));
        }
    }

    /// The largest number that held, and twice; none so far.
    pub fn knee(&self) -> Option<u32> {
        self.held.last().copied().filter(|_| self.sure)
    }

    /// The smallest number that did not hold.
    pub fn failed(&self) -> Option<u32> {
        self.failed
    }
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
            assert!(found.failed().unwrap() > limit && trials <= 16, "{trials}");
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
    fn what_holds_only_once_does_not_hold() {
        let mut lucky = 1;
        let (found, _) = search(100, 4000, |n| match n {
            0..=800 => true,
            // Once by luck.
            801..=1600 => std::mem::take(&mut lucky) == 1,
            _ => false,
        });
        let knee = found.knee().expect("800 hold");
        assert!((750..=800).contains(&knee), "{knee}");
        // A server that cannot make up its mind does not keep us for ever.
        let mut coin = false;
        let (_, trials) = search(100, 4000, |_| {
            coin = !coin;
            coin
        });
        assert!(trials <= MOST_TRIALS);
    }
}
