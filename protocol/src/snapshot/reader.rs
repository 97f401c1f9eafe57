//! Reads snapshot bodies into a [`View`]. Any bytes may come in: the worst they can do is an error.

use super::{Event, Own, Pickup, PickupKind, Pulse, Ship, Timers, View, flags};
use crate::ids::{Slot, Tick};
use crate::message::Snapshot;
use crate::quantize::from_quarter;

/// Why a snapshot could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The body ends inside a section.
    #[error("the snapshot's body is too short")]
    Truncated,
    /// Bytes are left after the last section.
    #[error("the snapshot's body has trailing bytes")]
    TrailingBytes,
    /// A number that the layout does not have.
    #[error("the snapshot's body names an unknown kind")]
    UnknownKind,
    /// A varint in a longer form than it needs, or over 65535.
    #[error("the snapshot's body has a malformed varint")]
    BadVarint,
}

/// Reads the snapshots of one connection, in order, and holds the view that they add up to.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    view: View,
}

impl Reader {
    /// A reader for a connection whose `Welcome` named `tick`.
    pub fn new(tick: Tick) -> Reader {
        Reader { view: View { tick, ..View::default() } }
    }

    /// Takes the next snapshot and returns the new view.
    ///
    /// # Errors
    /// The body does not follow the layout; the view is then incomplete and must not be used.
    pub fn read(&mut self, snapshot: &Snapshot) -> Result<&View, SnapshotError> {
        let mut body = Cursor { rest: &snapshot.body };
        let view = &mut self.view;
        view.seq = snapshot.seq;
        view.tick = Tick::from_wire(snapshot.tick, view.tick);
        view.margin = snapshot.margin;
        view.own = if snapshot.flags & flags::OWN != 0 { Some(own(&mut body)?) } else { None };
        view.focus = if snapshot.flags & flags::FOCUS != 0 { Some(body.slot()?) } else { None };
        list(&mut body, &mut view.ships, ship)?;
        list(&mut body, &mut view.pulses, pulse)?;
        list(&mut body, &mut view.pickups, pickup)?;
        list(&mut body, &mut view.events, event)?;
        if !body.rest.is_empty() {
            return Err(SnapshotError::TrailingBytes);
        }
        Ok(&self.view)
    }

    /// The view after the last snapshot.
    pub fn view(&self) -> &View {
        &self.view
    }
}

type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// Every item takes at least one byte, so a hostile count ends with the body and reserves nothing ahead.
fn list<T>(body: &mut Cursor<'_>, into: &mut Vec<T>, read: fn(&mut Cursor<'_>) -> Result<T>) -> Result<()> {
    into.clear();
    for _ in 0..body.varint()? {
        into.push(read(body)?);
    }
    Ok(())
}

fn own(body: &mut Cursor<'_>) -> Result<Own> {
    Ok(Own {
        x: body.i24()?,
        y: body.i24()?,
        vx: i16::from_le_bytes(body.take()?),
        vy: i16::from_le_bytes(body.take()?),
        energy: body.u16()?,
        timers: Timers {
            pulse: body.u8()?,
            lance: body.u8()?,
            windup: body.u8()?,
            shield: body.u8()?,
            overdrive: body.u8()?,
            respawn: body.u8()?,
            regen: body.u8()?,
        },
        hp: body.u8()?,
        changed: body.u8()?,
    })
}

fn ship(body: &mut Cursor<'_>) -> Result<Ship> {
    let (slot, generation) = (body.slot()?, body.u8()?);
    let (x, y) = body.point()?;
    Ok(Ship { slot, generation, x, y, aim: body.u8()?, hp: body.u8()?, state: body.u8()? })
}

fn pulse(body: &mut Cursor<'_>) -> Result<Pulse> {
    let (id, owner) = (body.u16()?, body.slot()?);
    let (x, y) = body.point()?;
    Ok(Pulse { id, owner, x, y, direction: body.u16()?, fired: body.u8()? })
}

fn pickup(body: &mut Cursor<'_>) -> Result<Pickup> {
    let id = body.u16()?;
    let kind = *PickupKind::ALL.get(usize::from(body.u8()?)).ok_or(SnapshotError::UnknownKind)?;
    let (x, y) = body.point()?;
    Ok(Pickup { id, kind, x, y })
}

fn event(body: &mut Cursor<'_>) -> Result<Event> {
    match body.u8()? {
        0 => {
            let (pulse, victim) = (body.u16()?, body.slot()?);
            let (x, y) = body.point()?;
            Ok(Event::Hit { pulse, victim, x, y, damage: body.u8()? })
        }
        1 => {
            let slot = body.slot()?;
            let (x, y) = body.point()?;
            Ok(Event::Explosion { slot, x, y })
        }
        2 => Ok(Event::Taken { id: body.u16()?, slot: body.slot()? }),
        _ => Err(SnapshotError::UnknownKind),
    }
}

struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(SnapshotError::Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    fn u8(&mut self) -> Result<u8> {
        self.take().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn i24(&mut self) -> Result<i32> {
        let [a, b, c] = self.take()?;
        Ok(i32::from_le_bytes([0, a, b, c]) >> 8)
    }

    fn varint(&mut self) -> Result<u16> {
        match self.u8()? {
            byte @ 0..=250 => Ok(u16::from(byte)),
            251 => self.u16().and_then(|n| if n > 250 { Ok(n) } else { Err(SnapshotError::BadVarint) }),
            _ => Err(SnapshotError::BadVarint),
        }
    }

    fn slot(&mut self) -> Result<Slot> {
        self.varint().map(Slot)
    }

    fn point(&mut self) -> Result<(i32, i32)> {
        Ok((from_quarter(self.u16()?), from_quarter(self.u16()?)))
    }
}
