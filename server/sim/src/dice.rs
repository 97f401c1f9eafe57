//! Chance: one generator with a named algorithm, so that the same seed rolls the same in every release.
//!
//! Never asks the operating system for entropy.

use rand::Rng;
use rand_pcg::Pcg64Mcg;

use crate::checksum::StateHash;
use crate::keyframe::{BadKeyframe, Carried, Numbers};

/// A seeded PCG64-MCG (XSL-RR 128/64) with a range reduction of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dice(Pcg64Mcg);

impl Dice {
    /// Equal seeds roll equal numbers.
    pub fn new(seed: u64) -> Dice {
        let (high, low) = (mix(seed), mix(seed ^ 0x9e37_79b9_7f4a_7c15));
        Dice(Pcg64Mcg::new(u128::from(high) << 64 | u128::from(low)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..n`, by multiply-shift; 0 if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        (((self.bits() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// A number in `low..=high`; `low` if there is none.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = u32::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0);
        low.wrapping_add_unsigned(self.below(span))
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// The whole inner state.
    pub fn state(&self) -> u128 {
        self.0.state()
    }

    pub(crate) fn digest(&self, hash: &mut StateHash) {
        let state = self.state();
        hash.words([state as u64, (state >> 64) as u64]);
    }
}

impl Carried for Dice {
    fn save(&self, out: &mut Vec<i64>) {
        self.state().save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Dice, BadKeyframe> {
        let state = u128::load(from)?;
        let dice = Dice(Pcg64Mcg::new(state));
        // The generator has no even states; one that it would change is none of its own.
        if dice.state() == state { Ok(dice) } else { Err(BadKeyframe) }
    }
}

/// SplitMix64's finalizer: neighbouring seeds come out unrelated.
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_pinned() {
        let mut dice = Dice::new(1);
        let rolls = [dice.bits(), dice.bits(), dice.bits()];
        assert_eq!(rolls, PINNED, "other numbers mean that recordings no longer run");
    }

    const PINNED: [u64; 3] = [9125553213802080920, 15671487599238126626, 5011916709825630140];

    #[test]
    fn rolls_stay_in_range_and_reach_both_ends() {
        let mut dice = Dice::new(7);
        let rolls: Vec<i32> = (0..1000).map(|_| dice.between(-3, 3)).collect();
        assert_eq!((rolls.iter().min(), rolls.iter().max()), (Some(&-3), Some(&3)));
        assert_eq!(dice.below(0), 0);
        assert_eq!(dice.between(5, 5), 5);
    }
}
