//! Reads a snapshot body from its front, by the numbers that its layout is made of.

use super::reader::{Result, SnapshotError};
use super::{Item, Pickup};
use crate::ids::Slot;
use crate::quantize::from_quarter;

/// What is left of a body. Every item of a list takes at least one byte, so a hostile count ends with the body, and
/// nothing is reserved ahead.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Bytes left when [`Cursor::passed`] was asked last.
    mark: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(body: &'a [u8]) -> Cursor<'a> {
        Cursor { rest: body, mark: body.len() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes read since this was asked last.
    pub(super) fn passed(&mut self) -> u64 {
        let passed = self.mark - self.rest.len();
        self.mark = self.rest.len();
        passed as u64
    }

    pub(super) fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or(SnapshotError::Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(SnapshotError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        self.take().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn i24(&mut self) -> Result<i32> {
        let [a, b, c] = self.take()?;
        Ok(i32::from_le_bytes([0, a, b, c]) >> 8)
    }

    pub(super) fn varint(&mut self) -> Result<u16> {
        match self.u8()? {
            byte @ 0..=250 => Ok(u16::from(byte)),
            251 => self.u16().and_then(|n| if n > 250 { Ok(n) } else { Err(SnapshotError::BadVarint) }),
            _ => Err(SnapshotError::BadVarint),
        }
    }

    pub(super) fn slot(&mut self) -> Result<Slot> {
        self.varint().map(Slot)
    }

    pub(super) fn maybe_slot(&mut self) -> Result<Option<Slot>> {
        self.varint().map(|n| n.checked_sub(1).map(Slot))
    }

    pub(super) fn point(&mut self) -> Result<(i32, i32)> {
        Ok((from_quarter(self.u16()?), from_quarter(self.u16()?)))
    }

    pub(super) fn pickup(&mut self, cell: (u8, u8)) -> Result<Pickup> {
        Item::from_bytes(self.take()?).in_cell(cell).ok_or(SnapshotError::UnknownKind)
    }
}
