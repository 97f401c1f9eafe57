//! A whole world between two ticks as plain numbers, and back: what a recording starts with.
//!
//! The same list of fields serves both ways, so that they cannot disagree, and a field that is missing from its list
//! does not compile. What the numbers look like in a file is the business of whoever keeps them.

use std::fmt;

use protocol::snapshot::Timers;
use protocol::{Slot, Tick};
use slab::Slab;

/// Raised when the same numbers come to mean something else: keyframes of another version are not restored.
pub const VERSION: u32 = 1;

/// A world as numbers, generator state and the order in which free places are taken included.
/// [`crate::World::keyframe`] makes one, [`crate::World::restore`] the world again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keyframe {
    /// The numbers, in the order that only this build's rules know.
    pub numbers: Vec<i64>,
}

/// The numbers are not those of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadKeyframe;

impl fmt::Display for BadKeyframe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the numbers are not those of a world")
    }
}

impl std::error::Error for BadKeyframe {}

/// The numbers that are still to be read.
#[derive(Debug)]
pub(crate) struct Numbers<'a>(pub(crate) &'a [i64]);

impl Numbers<'_> {
    fn next(&mut self) -> Result<i64, BadKeyframe> {
        let (first, rest) = self.0.split_first().ok_or(BadKeyframe)?;
        self.0 = rest;
        Ok(*first)
    }
}

/// What a keyframe carries.
pub(crate) trait Carried: Sized {
    /// Appends its numbers.
    fn save(&self, out: &mut Vec<i64>);

    /// Reads them again.
    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe>;
}

/// A struct is carried field by field. Every field has to be listed.
macro_rules! carried {
    ($type:ty { $($field:ident),* $(,)? }) => {
        impl $crate::keyframe::Carried for $type {
            fn save(&self, out: &mut Vec<i64>) {
                let Self { $($field),* } = self;
                $($crate::keyframe::Carried::save($field, out);)*
            }

            fn load(
                from: &mut $crate::keyframe::Numbers<'_>,
            ) -> Result<Self, $crate::keyframe::BadKeyframe> {
                $(let $field = $crate::keyframe::Carried::load(from)?;)*
                Ok(Self { $($field),* })
            }
        }
    };
}
pub(crate) use carried;

macro_rules! carried_integers {
    ($($integer:ty),*) => {$(
        impl Carried for $integer {
            fn save(&self, out: &mut Vec<i64>) {
                out.push(i64::from(*self));
            }

            fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
                <$integer>::try_from(from.next()?).map_err(|_| BadKeyframe)
            }
        }
    )*};
}
carried_integers!(u8, i8, u16, u32, i32, i64);

/// The same bits, as a signed number.
impl Carried for u64 {
    fn save(&self, out: &mut Vec<i64>) {
        out.push(self.cast_signed());
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        Ok(from.next()?.cast_unsigned())
    }
}

/// The upper half, then the lower one.
impl Carried for u128 {
    fn save(&self, out: &mut Vec<i64>) {
        ((self >> 64) as u64).save(out);
        (*self as u64).save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        Ok(u128::from(u64::load(from)?) << 64 | u128::from(u64::load(from)?))
    }
}

impl Carried for bool {
    fn save(&self, out: &mut Vec<i64>) {
        out.push(i64::from(*self));
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        match from.next()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(BadKeyframe),
        }
    }
}

impl Carried for Slot {
    fn save(&self, out: &mut Vec<i64>) {
        self.0.save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        u16::load(from).map(Slot)
    }
}

impl Carried for Tick {
    fn save(&self, out: &mut Vec<i64>) {
        self.0.save(out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        u32::load(from).map(Tick)
    }
}

carried!(Timers { pulse, lance, windup, shield, overdrive, respawn, regen });

impl<T: Carried> Carried for Option<T> {
    fn save(&self, out: &mut Vec<i64>) {
        self.is_some().save(out);
        if let Some(value) = self {
            value.save(out);
        }
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        bool::load(from)?.then(|| T::load(from)).transpose()
    }
}

/// How many, then each.
impl<T: Carried> Carried for Vec<T> {
    fn save(&self, out: &mut Vec<i64>) {
        save_slice(self, out);
    }

    fn load(from: &mut Numbers<'_>) -> Result<Self, BadKeyframe> {
        let count = load_count(from)?;
        (0..count).map(|_| T::load(from)).collect()
    }
}

/// As a vector is saved.
pub(crate) fn save_slice<T: Carried>(values: &[T], out: &mut Vec<i64>) {
    out.push(values.len() as i64);
    for value in values {
        value.save(out);
    }
}

/// A number of things, of which each takes at least one of the numbers that are left.
fn load_count(from: &mut Numbers<'_>) -> Result<usize, BadKeyframe> {
    let count = usize::try_from(from.next()?).map_err(|_| BadKeyframe)?;
    if count <= from.0.len() { Ok(count) } else { Err(BadKeyframe) }
}

/// A table with the order in which its free places will be taken: keys given out later are the same again.
/// `filler` is any value.
pub(crate) fn save_table<T: Carried + Clone>(table: &Slab<T>, filler: &T, out: &mut Vec<i64>) {
    out.push(table.len() as i64);
    for (key, value) in table {
        out.push(key as i64);
        value.save(out);
    }
    let vacant = vacancies(table, filler);
    out.push(vacant.len() as i64);
    out.extend(vacant.iter().map(|&key| key as i64));
}

/// Reads a table: fills every place, then frees those that are free, the one that is taken next last.
pub(crate) fn load_table<T: Carried + Clone>(
    filler: &T,
    from: &mut Numbers<'_>,
) -> Result<Slab<T>, BadKeyframe> {
    let occupied = load_count(from)?;
    let occupied: Vec<(usize, T)> =
        (0..occupied).map(|_| Ok((load_key(from)?, T::load(from)?))).collect::<Result<_, _>>()?;
    let vacant = load_count(from)?;
    let vacant: Vec<usize> = (0..vacant).map(|_| load_key(from)).collect::<Result<_, _>>()?;

    let places = occupied.len() + vacant.len();
    let mut table = Slab::with_capacity(places);
    for place in 0..places {
        let key = table.insert(filler.clone());
        debug_assert_eq!(key, place, "a new slab counts up");
    }
    let mut free = vec![true; places];
    for (key, value) in occupied {
        // Each place once, so that nothing is taken for two things.
        if !std::mem::take(free.get_mut(key).ok_or(BadKeyframe)?) {
            return Err(BadKeyframe);
        }
        table[key] = value;
    }
    for &key in vacant.iter().rev() {
        if !std::mem::take(free.get_mut(key).ok_or(BadKeyframe)?) {
            return Err(BadKeyframe);
        }
        table.remove(key);
    }
    if vacancies(&table, filler) == vacant { Ok(table) } else { Err(BadKeyframe) }
}

fn load_key(from: &mut Numbers<'_>) -> Result<usize, BadKeyframe> {
    u16::load(from).map(usize::from)
}

/// The free places of a table in the order in which they will be taken, up to where new ones would follow in ascending
/// order anyway. A slab does not tell; a copy that is filled up does.
fn vacancies<T: Clone>(table: &Slab<T>, filler: &T) -> Vec<usize> {
    let mut full = table.clone();
    let mut vacant = Vec::new();
    // No slab has more places than its capacity.
    while full.len() < table.capacity() {
        vacant.push(full.insert(filler.clone()));
    }
    let mut places = full.len();
    while vacant.last().is_some_and(|&key| key + 1 == places) {
        vacant.pop();
        places -= 1;
    }
    vacant
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_restored_table_gives_out_the_same_keys() {
        let mut dice = Dice::new(3);
        for _ in 0..300 {
            let mut table = Slab::new();
            for value in 0..40u32 {
                table.insert(value);
                if dice.one_in(2) {
                    let keys: Vec<usize> = table.iter().map(|(key, _)| key).collect();
                    table.remove(keys[dice.below(keys.len() as u32) as usize]);
                }
            }
            let mut numbers = Vec::new();
            save_table(&table, &0, &mut numbers);
            let mut again = load_table(&0u32, &mut Numbers(&numbers)).unwrap();
            assert_eq!(again.iter().collect::<Vec<_>>(), table.iter().collect::<Vec<_>>());
            for value in 0..60 {
                assert_eq!(again.insert(value), table.insert(value));
            }
        }
    }

    #[test]
    fn numbers_of_no_world_are_refused() {
        let table = |numbers: &[i64]| load_table(&0u32, &mut Numbers(numbers)).map(|table| table.len());
        assert_eq!(table(&[2, 0, 7, 2, 7, 1, 1]), Ok(2));
        for numbers in [
            &[2, 0, 7, 0, 7, 1, 1][..],
            &[2, 0, 7, 2, 7, 1, 2],
            &[2, 0, 7, 3, 7, 1, 1],
            &[-1],
            &[i64::MAX, 1],
            &[1, 0, -7, 0],
            &[1, 0, 7],
        ] {
            assert_eq!(table(numbers), Err(BadKeyframe), "{numbers:?}");
        }
        assert_eq!(bool::load(&mut Numbers(&[2])), Err(BadKeyframe));
        assert_eq!(u8::load(&mut Numbers(&[256])), Err(BadKeyframe));
        assert_eq!(Vec::<u8>::load(&mut Numbers(&[3, 1, 1])), Err(BadKeyframe));
    }
}
