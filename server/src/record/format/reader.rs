//! Reads recordings, record by record, and believes no byte. The other way is `writer`'s.

use protocol::{Buttons, Controls, Slot, Tick};
use sim::{Command, Deed, Keyframe, WorldConfig};

use super::{BEGUN, DONE, FRAME, FormatError, Header, MAGIC, Record, VERSION, checked, field};

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
            BEGUN | DONE => {
                let digest = from.array().map(u32::from_le_bytes)?;
                self.tick_record(&mut from, (letter == DONE).then_some(digest))?
            }
            b'C' => Record::Checksum { tick: from.tick()?, checksum: from.checksum()? },
            b'E' => Record::End,
            _ => return None,
        };
        from.0.is_empty().then_some(record)
    }

    fn tick_record(&mut self, from: &mut Bytes<'_>, digest: Option<u32>) -> Option<Record> {
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
        Some(Record::Tick { tick, deeds, changes, digest })
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
        self.array().map(|[byte]| byte)
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

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn checksum(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
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
        if mask & field::CTL != 0 {
            let ctl = self.byte()?;
            (controls.magnitude, controls.buttons) = (ctl & 7, Buttons((ctl >> 3) & 7));
        }
        if mask & field::DIR != 0 {
            controls.dir = self.byte()?;
        }
        if mask & field::AIM != 0 {
            controls.aim = u16::from_le_bytes(self.array()?) & Controls::AIM_MASK;
        }
        if mask & field::REWIND != 0 {
            *rewind = self.byte()?;
        }
        Some(())
    }
}
