//! Names for things: newtypes that say their range, order and wrap-around once.
//!
//! Nothing here knows what a tick does or what sits in a slot.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::codec::{Decode, Encode};

/// Number of a simulation step within one room. `u32`: at 30 Hz it lasts four and a half years, so it never wraps and
/// plain `<` orders it. It never jumps either: a late room runs late, it does not skip numbers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Tick(pub u32);

impl Tick {
    /// The tick after this one.
    #[must_use]
    pub fn next(self) -> Tick {
        self.plus(1)
    }

    /// `n` ticks later, saturating at the end of time.
    #[must_use]
    pub fn plus(self, n: u32) -> Tick {
        Tick(self.0.saturating_add(n))
    }

    /// `n` ticks earlier, saturating at tick 0.
    #[must_use]
    pub fn minus(self, n: u32) -> Tick {
        Tick(self.0.saturating_sub(n))
    }

    /// Signed distance `self - other` in ticks.
    pub fn since(self, other: Tick) -> i64 {
        i64::from(self.0) - i64::from(other.0)
    }

    /// The low 16 bits, as they travel.
    pub fn wire(self) -> Wire16 {
        Wire16::new((self.0 & 0xffff) as u16)
    }

    /// The full tick of which only the low 16 bits arrived: the one closest to `near`. Right as long as both are
    /// within 32767 ticks (18 minutes) of each other; never below tick 0.
    #[must_use]
    pub fn from_wire(wire: Wire16, near: Tick) -> Tick {
        let ahead = wire.get().wrapping_sub((near.0 & 0xffff) as u16) as i16;
        Tick((i64::from(near.0) + i64::from(ahead)).clamp(0, i64::from(u32::MAX)) as u32)
    }
}

/// A 16-bit number that always takes two bytes, little-endian: hot fields that are usually above 250 would cost three
/// as a varint. In JSON it is a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Wire16([u8; 2]);

impl Wire16 {
    /// Wraps a number.
    pub fn new(value: u16) -> Wire16 {
        Wire16(value.to_le_bytes())
    }

    /// The number.
    pub fn get(self) -> u16 {
        u16::from_le_bytes(self.0)
    }
}

impl Serialize for Wire16 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.get())
    }
}

impl<'de> Deserialize<'de> for Wire16 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u16::deserialize(deserializer).map(Wire16::new)
    }
}

/// Sequence number of a snapshot on one connection. Wraps at 256; compare two of them only by distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Seq(pub u8);

impl Seq {
    /// The next number, wrapping.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0.wrapping_add(1))
    }

    /// How many steps lead from `earlier` to `self`, 0..=255.
    pub fn since(self, earlier: Seq) -> u8 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// Index of a ship in its room: 0..4096, reused after the ship is gone. A slot alone may therefore mean another ship
/// later; where that matters a generation goes with it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, Encode, Decode,
)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Slot(pub u16);

impl Slot {
    /// As an index into a table.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Name of a room, as people type it: 1 to [`RoomCode::MAX_LEN`] of `A-Z a-z 0-9 - _`. Letters are folded to upper
/// case, so that a code can be read out loud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomCode(String);

impl RoomCode {
    /// Longest code, in characters.
    pub const MAX_LEN: usize = 24;

    /// The code as text, in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a room code was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a room code has 1 to {max} letters, digits, '-' or '_'", max = RoomCode::MAX_LEN)]
pub struct BadRoomCode;

impl FromStr for RoomCode {
    type Err = BadRoomCode;

    fn from_str(text: &str) -> Result<Self, BadRoomCode> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if text.is_empty() || text.len() > Self::MAX_LEN || !text.chars().all(allowed) {
            return Err(BadRoomCode);
        }
        Ok(RoomCode(text.to_ascii_uppercase()))
    }
}

impl fmt::Display for RoomCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secret that gives a player the seat back after a lost connection: 128 random bits. In JSON 32 hex digits.
/// Its `Debug` output hides it, so that it cannot end up in a log.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct ResumeToken(pub [u8; 16]);

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeToken(..)")
    }
}

impl Serialize for ResumeToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(self.0)))
    }
}

impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(de::Error::custom("a resume token has 32 hex digits"));
        }
        u128::from_str_radix(&text, 16).map(|n| ResumeToken(n.to_be_bytes())).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_comes_back_from_its_low_bits() {
        for near in [0u32, 5, 40_000, 65_535, 65_536, 1_000_000] {
            for ahead in [-300i64, -1, 0, 1, 12, 300] {
                let tick = i64::from(near) + ahead;
                if tick >= 0 {
                    let tick = Tick(tick as u32);
                    assert_eq!(Tick::from_wire(tick.wire(), Tick(near)), tick);
                }
            }
        }
    }

    #[test]
    fn room_codes_are_folded_and_checked() {
        assert_eq!("ab-1_z".parse::<RoomCode>().unwrap().as_str(), "AB-1_Z");
        for bad in ["", "a b", "é", "../x", &"x".repeat(25)] {
            assert_eq!(bad.parse::<RoomCode>(), Err(BadRoomCode), "{bad:?}");
        }
    }

    #[test]
    fn a_token_is_hidden_in_debug_output_and_hex_in_json() {
        let token = ResumeToken([0xab; 16]);
        assert_eq!(format!("{token:?}"), "ResumeToken(..)");
        let text = serde_json::to_string(&token).unwrap();
        assert_eq!(text, format!("\"{}\"", "ab".repeat(16)));
        assert_eq!(serde_json::from_str::<ResumeToken>(&text).unwrap(), token);
        assert!(serde_json::from_str::<ResumeToken>("\"+1\"").is_err());
    }
}
