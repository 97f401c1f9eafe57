//! The file format of recordings: records and bytes, both ways. Knows no file and no clock.
//!
//! A file is [`MAGIC`], the format's version (u16, little-endian) and records. A record is its length (24 bits and a check
//! of them), a CRC-32 over the rest, a letter that says what it is, and numbers as LEB128 (zigzag where they are signed).
//! The first record is the [`Header`]; a segment begins with a keyframe and stands for itself; the last record says that
//! nothing is missing.

use protocol::{Buttons, Controls, RoomCode, Slot, Tick};
use sim::{Command, Deed, Keyframe, World, WorldConfig};

/// First bytes of every recording.
pub const MAGIC: [u8; 8] = *b"DRIFTREC";

/// Version of this format.
pub const VERSION: u16 = 1;

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
    #[error("a recording in format {0}; this program reads format {VERSION}")]
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
    /// The commit that the program was built from, for information.
    pub commit: String,
}

impl Header {
    /// The header of a recording that this program makes.
    pub fn new(room: RoomCode, world: WorldConfig) -> Header {
        let commit = option_env!("DRIFT_COMMIT").unwrap_or("unknown").to_owned();
        Header { rules: World::rules_hash(), keyframes: sim::keyframe::VERSION, room, world, commit }
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
    },
    /// The world's checksum after a tick.
    Checksum {
        /// The tick.
        tick: Tick,
        /// The checksum.
        checksum: u64,
    },
    /// Nothing is missing.
    End,
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

/// Appends a tick. `held` is what every slot held in the last one, and is brought up to date.
pub fn tick(out: &mut Vec<u8>, tick: Tick, deeds: &[Deed], commands: &[Command], held: &mut Vec<Command>) {
    if held.len() < commands.len() {
        held.resize(commands.len(), Command::default());
    }
    record(out, b'T', |out| {
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

const CTL: u8 = 1;
const DIR: u8 = 2;
const AIM: u8 = 4;
const REWIND: u8 = 8;

/// Only the fields that changed, behind a byte that says which.
fn change(out: &mut Vec<u8>, old: Command, new: Command) {
    let at = out.len();
    out.push(0);
    let mut mask = 0;
    if old.controls.ctl() != new.controls.ctl() {
        mask |= CTL;
        out.push(new.controls.ctl());
    }
    if old.controls.dir != new.controls.dir {
        mask |= DIR;
        out.push(new.controls.dir);
    }
    if old.controls.aim != new.controls.aim {
        mask |= AIM;
        out.extend(new.controls.aim.to_le_bytes());
    }
    if old.rewind != new.rewind {
        mask |= REWIND;
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
    let length = out.len() - start - FRAME;
    assert!(length <= LONGEST, "a keyframe of the largest world is a tenth of that");
    let crc = crc32fast::hash(&out[start + FRAME..]);
    out[start..start + 4].copy_from_slice(&checked(length as u32).to_le_bytes());
    out[start + 4..start + FRAME].copy_from_slice(&crc.to_le_bytes());
}

/// A length below 2²⁴ with a check of its bytes above it.
fn checked(length: u32) -> u32 {
    let [a, b, c, _] = length.to_le_bytes();
    length | u32::from(!(a ^ b.rotate_left(3) ^ c.rotate_left(5))) << 24
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

/// Reads a recording, record by record.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    tick: Option<Tick>,
    held: Vec<Command>,
    ended: bool,
}

impl<'a> Reader<'a> {
    /// Reads the header.
    ///
    /// # Errors
    /// Not a recording, of another format, cut off or damaged. Other rules are for [`Header::check`] to refuse.
    pub fn open(bytes: &'a [u8]) -> Result<(Header, Reader<'a>), FormatError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(FormatError::NotARecording)?;
        let (version, _) = rest.split_first_chunk().ok_or(FormatError::CutOff(None))?;
        let version = u16::from_le_bytes(*version);
        if version != VERSION {
            return Err(FormatError::OtherFormat(version));
        }
        let at = MAGIC.len() + 2;
        let mut reader = Reader { bytes, at, tick: None, held: Vec::new(), ended: false };
        let body = reader.frame()?.ok_or(FormatError::CutOff(None))?;
        let header = header(body).ok_or(FormatError::Damaged { at, tick: None })?;
        Ok((header, reader))
    }

    /// The next record; none after the last.
    ///
    /// # Errors
    /// Cut off or damaged.
    pub fn next_record(&mut self) -> Result<Option<Record>, FormatError> {
        let at = self.at;
        let damaged = FormatError::Damaged { at, tick: self.tick };
        if self.ended {
            return if at == self.bytes.len() { Ok(None) } else { Err(damaged) };
        }
        let body = self.frame()?.ok_or(FormatError::CutOff(self.tick))?;
        let record = self.record(body).ok_or(damaged)?;
        match record {
            Record::Keyframe { tick, .. } | Record::Tick { tick, .. } | Record::Checksum { tick, .. } => {
                self.tick = Some(tick);
            }
            Record::End => self.ended = true,
        }
        Ok(Some(record))
    }

    /// The next record's letter and what follows it; none at the end of the bytes.
    fn frame(&mut self) -> Result<Option<&'a [u8]>, FormatError> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let cut_off = FormatError::CutOff(self.tick);
        let damaged = FormatError::Damaged { at: self.at, tick: self.tick };
        let (length, rest) = rest.split_first_chunk().ok_or(cut_off.clone())?;
        let (crc, rest) = rest.split_first_chunk().ok_or(cut_off.clone())?;
        let length = u32::from_le_bytes(*length);
        let bytes = (length & 0xff_ffff) as usize;
        if checked(length & 0xff_ffff) != length {
            return Err(damaged);
        }
        let body = rest.get(..bytes).ok_or(cut_off)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
            return Err(damaged);
        }
        self.at += FRAME + bytes;
        Ok(Some(body))
    }

    fn record(&mut self, body: &[u8]) -> Option<Record> {
        let (&letter, rest) = body.split_first()?;
        let mut from = Bytes(rest);
        let record = match letter {
            b'K' => {
                let (tick, checksum) = (from.tick()?, from.checksum()?);
                let mut numbers = Vec::with_capacity(from.0.len());
                while !from.0.is_empty() {
                    let n = from.number()?;
                    numbers.push((n >> 1).cast_signed() ^ -(n & 1).cast_signed());
                }
                self.held.clear();
                Record::Keyframe { tick, checksum, world: Keyframe { numbers } }
            }
            b'T' => self.tick_record(&mut from)?,
            b'C' => Record::Checksum { tick: from.tick()?, checksum: from.checksum()? },
            b'E' => Record::End,
            _ => return None,
        };
        from.0.is_empty().then_some(record)
    }

    fn tick_record(&mut self, from: &mut Bytes<'_>) -> Option<Record> {
        let tick = from.tick()?;
        let mut deeds = Vec::new();
        for _ in 0..from.number()? {
            let (kind, slot) = (from.byte()?, from.slot(0)?);
            deeds.push(match kind {
                0 => Deed::Join(slot),
                1 => Deed::Leave(slot),
                2 => Deed::Park(slot),
                3 => Deed::Unpark(slot),
                4 => Deed::Away(slot, true),
                5 => Deed::Away(slot, false),
                _ => return None,
            });
        }
        let (mut changes, mut next) = (Vec::new(), 0);
        while !from.0.is_empty() {
            let slot = from.slot(next)?;
            next = slot.0.checked_add(1)?;
            if self.held.len() <= slot.index() {
                self.held.resize(slot.index() + 1, Command::default());
            }
            let held = &mut self.held[slot.index()];
            from.change(held)?;
            changes.push((slot, *held));
        }
        Some(Record::Tick { tick, deeds, changes })
    }
}

fn header(body: &[u8]) -> Option<Header> {
    let (b'H', rest) = body.split_first()? else { return None };
    let mut from = Bytes(rest);
    let (rules, keyframes) = (from.number()?, from.number()?);
    let room = from.text()?.parse().ok()?;
    let (capacity, pilots, seed) = (from.number()?, from.number()?, from.number()?);
    let world = WorldConfig { capacity: capacity.try_into().ok()?, pilots: pilots.try_into().ok()?, seed };
    let commit = from.text()?.to_owned();
    let header =
        Header { rules: rules.try_into().ok()?, keyframes: keyframes.try_into().ok()?, room, world, commit };
    from.0.is_empty().then_some(header)
}

/// What is left of a record.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 127);
            if shift == 63 && part > 1 {
                return None;
            }
            value |= part << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    }

    fn tick(&mut self) -> Option<Tick> {
        self.number()?.try_into().ok().map(Tick)
    }

    fn checksum(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*bytes))
    }

    fn slot(&mut self, first: u16) -> Option<Slot> {
        let slot = self.number()?.checked_add(first.into())?;
        slot.try_into().ok().map(Slot)
    }

    fn text(&mut self) -> Option<&str> {
        let length = usize::try_from(self.number()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn change(&mut self, held: &mut Command) -> Option<()> {
        let mask = self.byte()?;
        if mask == 0 || mask > 15 {
            return None;
        }
        let Command { controls, rewind } = held;
        if mask & CTL != 0 {
            let ctl = self.byte()?;
            (controls.magnitude, controls.buttons) = (ctl & 7, Buttons((ctl >> 3) & 7));
        }
        if mask & DIR != 0 {
            controls.dir = self.byte()?;
        }
        if mask & AIM != 0 {
            controls.aim = u16::from_le_bytes([self.byte()?, self.byte()?]) & Controls::AIM_MASK;
        }
        if mask & REWIND != 0 {
            *rewind = self.byte()?;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let world = WorldConfig { capacity: 100, pilots: 16, seed: u64::MAX };
        let mut out = Vec::new();
        Header::new("ROOM".parse().unwrap(), world).write(&mut out);
        keyframe(&mut out, Tick(7), 0x1234, &Keyframe { numbers: vec![0, -1, i64::MAX, i64::MIN, 300] });
        let mut held = Vec::new();
        let fire = |aim| Command {
            controls: Controls { magnitude: 7, buttons: Buttons::FIRE, dir: 9, aim },
            rewind: 20,
        };
        let deeds = [Deed::Join(Slot(2)), Deed::Away(Slot(300), true)];
        tick(&mut out, Tick(8), &deeds, &[Command::default(), Command::default(), fire(4095)], &mut held);
        tick(&mut out, Tick(9), &[], &[Command::default(), Command::default(), fire(4000)], &mut held);
        tick(&mut out, Tick(10), &[Deed::Leave(Slot(2))], &[], &mut held);
        checksum(&mut out, Tick(10), u64::MAX - 5);
        end(&mut out);
        out
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, FormatError> {
        let (header, mut reader) = Reader::open(bytes)?;
        header.check()?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record()? {
            records.push(record);
        }
        Ok(records)
    }

    #[test]
    fn what_is_written_is_read() {
        let records = read(&sample()).unwrap();
        let Record::Keyframe { tick: Tick(7), checksum: 0x1234, world } = &records[0] else {
            panic!("{records:?}")
        };
        assert_eq!(world.numbers, [0, -1, i64::MAX, i64::MIN, 300]);
        let Record::Tick { tick: Tick(8), deeds, changes } = &records[1] else { panic!("{records:?}") };
        assert_eq!(deeds, &[Deed::Join(Slot(2)), Deed::Away(Slot(300), true)]);
        assert_eq!((changes[0].0, changes[0].1.controls.aim, changes.len()), (Slot(2), 4095, 1));
        let Record::Tick { changes, .. } = &records[2] else { panic!("{records:?}") };
        assert_eq!((changes[0].1.controls.aim, changes[0].1.rewind), (4000, 20));
        let Record::Tick { changes, .. } = &records[3] else { panic!("{records:?}") };
        assert_eq!(changes, &[(Slot(2), Command::default())], "whoever is gone holds nothing");
        assert_eq!(records[4..], [Record::Checksum { tick: Tick(10), checksum: u64::MAX - 5 }, Record::End]);
    }

    #[test]
    fn every_shorter_file_is_cut_off() {
        let whole = sample();
        for length in 8..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(matches!(error, FormatError::CutOff(_)), "{length}: {error}");
        }
        for length in 0..8 {
            assert_eq!(read(&whole[..length]), Err(FormatError::NotARecording));
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let whole = sample();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let error = read(&flipped).unwrap_err();
            let expected = match bit / 8 {
                0..8 => error == FormatError::NotARecording,
                8..10 => matches!(error, FormatError::OtherFormat(_)),
                _ => matches!(error, FormatError::Damaged { .. }),
            };
            assert!(expected, "bit {bit}: {error}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert!(matches!(read(&longer), Err(FormatError::Damaged { .. })));
    }

    #[test]
    fn other_rules_are_refused() {
        let header = Header::new("ROOM".parse().unwrap(), WorldConfig { capacity: 1, pilots: 0, seed: 0 });
        for other in
            [Header { rules: header.rules ^ 1, ..header.clone() }, Header { keyframes: 99, ..header.clone() }]
        {
            let mut out = Vec::new();
            other.write(&mut out);
            let error = Reader::open(&out).unwrap().0.check().unwrap_err();
            assert!(error.to_string().contains("other rules"), "{error}");
        }
        assert_eq!(header.check(), Ok(()));
    }
}
