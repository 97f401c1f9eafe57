//! The file format of recordings: what a file consists of. Knows no file and no clock; `writer` and `reader` are a pair.
//!
//! A file is [`MAGIC`], the format's version (u16, little-endian) and records. A record is its length (24 bits and a check
//! of them), a CRC-32 over the rest, a letter that says what it is, and numbers as LEB128 (zigzag where they are signed).
//! The first record is the [`Header`]; a segment begins with a keyframe and stands for itself; the last record says that
//! the recording is not cut off. Where a slow disk left something out, the next segment begins with a later tick.

mod reader;
#[cfg(test)]
mod tests;
mod writer;

use protocol::{RoomCode, Slot, Tick};
pub use reader::Reader;
use sim::{Command, Deed, Keyframe, World, WorldConfig};
pub use writer::{checksum, end, keyframe, outcome, tick};

/// First bytes of every recording.
pub const MAGIC: [u8; 8] = *b"DRIFTREC";

/// Version of this format, and of how checksums and digests are worked out.
pub const VERSION: u16 = 2;

/// Bytes before a record's letter: length and CRC.
const FRAME: usize = 8;

/// Longest record, bytes: its length has 24 bits.
const LONGEST: usize = (1 << 24) - 1;

/// Why bytes are not a recording that can be run here. Each in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It does not begin like one.
    #[error("not a recording")]
    NotARecording,
    /// Of another version of this format.
    #[error(
        "a recording in format {0}; this program reads format {VERSION}: run it with the version that made it"
    )]
    OtherFormat(u16),
    /// Made by other rules.
    #[error("recorded under other rules ({theirs}); this program plays by {ours}")]
    OtherRules {
        /// Of the recording.
        theirs: String,
        /// Of this program.
        ours: String,
    },
    /// It ends before its end.
    #[error("cut off after {}", after(.0))]
    CutOff(Option<Tick>),
    /// Some bytes are not what was written.
    #[error("damaged at byte {at}, after {}", after(.tick))]
    Damaged {
        /// Where the record begins.
        at: usize,
        /// The last tick before it.
        tick: Option<Tick>,
    },
    /// A keyframe is whole, but no world of this program's.
    #[error("the keyframe of tick {} is of no world that this program knows", .0.0)]
    Keyframe(Tick),
}

fn after(tick: &Option<Tick>) -> String {
    tick.map_or_else(|| "its first bytes".to_owned(), |tick| format!("tick {}", tick.0))
}

/// What a recording is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Hash of the rules' constants: a world of other rules goes another way.
    pub rules: u32,
    /// Version of the keyframes' numbers.
    pub keyframes: u32,
    /// The room.
    pub room: RoomCode,
    /// What its world was made from.
    pub world: WorldConfig,
    /// The commit that the program was built from, if whoever built it set `DRIFT_COMMIT`, or its version. For information.
    pub commit: String,
}

impl Header {
    /// The header of a recording that this program makes.
    pub fn new(room: RoomCode, world: WorldConfig) -> Header {
        let commit = option_env!("DRIFT_COMMIT").unwrap_or(concat!("version ", env!("CARGO_PKG_VERSION")));
        let (rules, keyframes, commit) = (World::rules_hash(), sim::keyframe::VERSION, commit.to_owned());
        Header { rules, keyframes, room, world, commit }
    }

    /// Refuses what other rules made.
    ///
    /// # Errors
    /// [`FormatError::OtherRules`].
    pub fn check(&self) -> Result<(), FormatError> {
        let name = |rules: u32, keyframes: u32| format!("{rules:08x}, keyframes {keyframes}");
        let ours = (World::rules_hash(), sim::keyframe::VERSION);
        if (self.rules, self.keyframes) == ours {
            return Ok(());
        }
        Err(FormatError::OtherRules { theirs: name(self.rules, self.keyframes), ours: name(ours.0, ours.1) })
    }
}

/// What follows the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The world after a tick: a segment begins.
    Keyframe {
        /// The tick.
        tick: Tick,
        /// The world's checksum.
        checksum: u64,
        /// The world.
        world: Keyframe,
    },
    /// What came to a tick.
    Tick {
        /// The tick.
        tick: Tick,
        /// What was done to the world before its step, in order.
        deeds: Vec<Deed>,
        /// The commands that are not the same as in the last tick; at the beginning of a segment nobody holds anything.
        changes: Vec<(Slot, Command)>,
        /// The world's digest after its step; none if that did not come to its end.
        digest: Option<u32>,
    },
    /// The world's checksum after a tick.
    Checksum {
        /// The tick.
        tick: Tick,
        /// The checksum.
        checksum: u64,
    },
    /// It is not cut off.
    End,
}

/// The letters of a tick that has begun, and of one that came to its end.
const BEGUN: u8 = b't';
const DONE: u8 = b'T';

/// Which fields of a command changed, as bits of a byte.
mod field {
    pub(super) const CTL: u8 = 1;
    pub(super) const DIR: u8 = 2;
    pub(super) const AIM: u8 = 4;
    pub(super) const REWIND: u8 = 8;
}

/// A length below 2²⁴ with a check of its bytes above it.
fn checked(length: u32) -> u32 {
    let [a, b, c, _] = length.to_le_bytes();
    length | u32::from(!(a ^ b.rotate_left(3) ^ c.rotate_left(5))) << 24
}
