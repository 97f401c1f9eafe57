//! Writes recordings: appends records to bytes. The other way is `reader`'s.

use protocol::Tick;
use sim::{Command, Deed, Keyframe};

use super::{BEGUN, DONE, FRAME, Header, LONGEST, MAGIC, VERSION, checked, field};

impl Header {
    /// The first bytes of a file.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        record(out, b'H', |out| {
            number(out, self.rules.into());
            number(out, self.keyframes.into());
            text(out, self.room.as_str());
            number(out, self.world.capacity.into());
            number(out, self.world.pilots.into());
            number(out, self.world.seed);
            text(out, &self.commit);
        });
    }
}

/// Appends a keyframe.
pub fn keyframe(out: &mut Vec<u8>, tick: Tick, checksum: u64, world: &Keyframe) {
    record(out, b'K', |out| {
        number(out, tick.0.into());
        out.extend(checksum.to_le_bytes());
        for &n in &world.numbers {
            // Zigzag: small numbers of either sign become small numbers.
            number(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
        }
    });
}

/// Appends a tick that begins. `held` is what every slot held in the last one, and is brought up to date.
pub fn tick(out: &mut Vec<u8>, tick: Tick, deeds: &[Deed], commands: &[Command], held: &mut Vec<Command>) {
    if held.len() < commands.len() {
        held.resize(commands.len(), Command::default());
    }
    record(out, BEGUN, |out| {
        out.extend([0; size_of::<u32>()]);
        number(out, tick.0.into());
        number(out, deeds.len() as u64);
        for &deed in deeds {
            let (kind, slot) = match deed {
                Deed::Join(slot) => (0, slot),
                Deed::Leave(slot) => (1, slot),
                Deed::Park(slot) => (2, slot),
                Deed::Unpark(slot) => (3, slot),
                Deed::Away(slot, true) => (4, slot),
                Deed::Away(slot, false) => (5, slot),
            };
            out.push(kind);
            number(out, slot.0.into());
        }
        let mut next = 0;
        for (slot, old) in held.iter_mut().enumerate() {
            let new = commands.get(slot).copied().unwrap_or_default();
            if new != *old {
                number(out, (slot - next) as u64);
                change(out, *old, new);
                (next, *old) = (slot + 1, new);
            }
        }
    });
}

/// Notes in the record of a tick, from its first byte to its last, that it came to its end, and the world's digest then.
pub fn outcome(record: &mut [u8], digest: u32) {
    debug_assert_eq!(record[FRAME], BEGUN);
    record[FRAME] = DONE;
    record[FRAME + 1..][..size_of::<u32>()].copy_from_slice(&digest.to_le_bytes());
    seal(record);
}

/// Appends a checksum.
pub fn checksum(out: &mut Vec<u8>, tick: Tick, checksum: u64) {
    record(out, b'C', |out| {
        number(out, tick.0.into());
        out.extend(checksum.to_le_bytes());
    });
}

/// Appends the end.
pub fn end(out: &mut Vec<u8>) {
    record(out, b'E', |_| ());
}

/// Only the fields that changed, behind a byte that says which.
fn change(out: &mut Vec<u8>, old: Command, new: Command) {
    let at = out.len();
    out.push(0);
    let mut mask = 0;
    if old.controls.ctl() != new.controls.ctl() {
        mask |= field::CTL;
        out.push(new.controls.ctl());
    }
    if old.controls.dir != new.controls.dir {
        mask |= field::DIR;
        out.push(new.controls.dir);
    }
    if old.controls.aim != new.controls.aim {
        mask |= field::AIM;
        out.extend(new.controls.aim.to_le_bytes());
    }
    if old.rewind != new.rewind {
        mask |= field::REWIND;
        out.push(new.rewind);
    }
    out[at] = mask;
}

/// Appends one record. `body` appends what comes after its letter.
fn record(out: &mut Vec<u8>, letter: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; FRAME]);
    out.push(letter);
    body(out);
    seal(&mut out[start..]);
}

/// Puts length and CRC before what a record says.
fn seal(record: &mut [u8]) {
    let length = record.len() - FRAME;
    assert!(length <= LONGEST, "a keyframe of the largest world is a tenth of that");
    let crc = crc32fast::hash(&record[FRAME..]);
    record[..4].copy_from_slice(&checked(length as u32).to_le_bytes());
    record[4..FRAME].copy_from_slice(&crc.to_le_bytes());
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 128 {
        out.push(value as u8 | 128);
        value >>= 7;
    }
    out.push(value as u8);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend(text.bytes());
}
