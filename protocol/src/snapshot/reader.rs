//! Reads snapshot bodies into a [`View`]. Any bytes may come in: the worst they can do is an error.

use super::cursor::Cursor;
use super::run::mask;
use super::{CellWindow, Event, MAX_KNOWN, Own, PULSE_LIFE, Pickup, Pulse, Ship, Timers, View, check, flags};
use crate::ids::Tick;
use crate::message::SnapshotRef;

/// Why a snapshot could not be read. After one, nothing but a full snapshot can be: ask for it with
/// [`crate::ClientMessage::Resync`].
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
    /// An index or a cell that is not there, or more ships or pickups than a view has.
    #[error("the snapshot changes something that is not there")]
    OutOfRange,
    /// The known-list differs from the server's.
    #[error("the known ships differ from the server's")]
    CheckFailed,
    /// An earlier snapshot could not be read, and this one is not full.
    #[error("waiting for a full snapshot")]
    WaitingForFull,
}

pub(super) type Result<T, E = SnapshotError> = std::result::Result<T, E>;

/// Bytes of all bodies read so far, by section: what each part of the layout costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// OWN or FOCUS.
    pub own: u64,
    /// LEAVES and UPDATES.
    pub updates: u64,
    /// ENTERS.
    pub enters: u64,
    /// PULSES.
    pub pulses: u64,
    /// PICKUPS.
    pub pickups: u64,
    /// EVENTS and CHECK.
    pub events: u64,
}

/// Reads the snapshots of one connection, in order, and holds the view that they add up to.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    view: View,
    ledger: Ledger,
    window: CellWindow,
    cells: Vec<Cell>,
    /// After an error: nothing but a full snapshot is read.
    lost: bool,
}

/// More pickups than this are in nobody's view.
const MOST_PICKUPS: usize = 1 << 14;

/// A cell whose pickups are known: so many of the view's, behind those of the cells before it.
#[derive(Debug, Clone)]
struct Cell {
    at: (u8, u8),
    count: usize,
}

impl Reader {
    /// A reader for a connection whose `Welcome` named `tick`.
    pub fn new(tick: Tick) -> Reader {
        Reader { view: View { tick, ..View::default() }, ..Reader::default() }
    }

    /// Takes the next snapshot and returns the new view.
    ///
    /// # Errors
    /// The body does not follow the layout or does not fit what came before. The view must not be used until a full
    /// snapshot has been read.
    pub fn read<'b>(&mut self, snapshot: impl Into<SnapshotRef<'b>>) -> Result<&View> {
        let snapshot = snapshot.into();
        // The head of a snapshot that cannot be used still keeps the clock running.
        self.view.seq = snapshot.seq;
        self.view.tick = Tick::from_wire(snapshot.tick, self.view.tick);
        self.view.margin = snapshot.margin;
        if snapshot.flags & flags::FULL != 0 {
            self.forget();
        } else if self.lost {
            return Err(SnapshotError::WaitingForFull);
        }
        let read = self.body(snapshot.flags, &mut Cursor::new(snapshot.body));
        self.lost = read.is_err();
        read.map(|()| &self.view)
    }

    /// The view after the last snapshot.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What the sections of all snapshots so far have cost.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn forget(&mut self) {
        self.view.ships.clear();
        self.view.pulses.clear();
        self.view.pickups.clear();
        self.cells.clear();
        self.window = CellWindow::default();
    }

    fn body(&mut self, has: u8, body: &mut Cursor<'_>) -> Result<()> {
        let Reader { view, ledger, .. } = self;
        view.events.clear();
        view.own = None;
        view.focus = None;
        match has & flags::OWN {
            0 => view.focus = body.maybe_slot()?,
            _ => view.own = Some(own(body)?),
        }
        ledger.own += body.passed();
        if has & flags::SHIPS != 0 {
            leaves(body, &mut view.ships)?;
        }
        updates(body, &mut view.ships)?;
        ledger.updates += body.passed();
        if has & flags::SHIPS != 0 {
            enters(body, &mut view.ships)?;
        }
        ledger.enters += body.passed();
        let tick = view.tick;
        view.pulses.retain(|pulse| pulse.steps(tick) < PULSE_LIFE);
        if has & flags::PULSES != 0 {
            pulses(body, view)?;
        }
        ledger.pulses += body.passed();
        if has & flags::PICKUPS != 0 {
            self.pickups(body)?;
        }
        self.ledger.pickups += body.passed();
        if has & flags::EVENTS != 0 {
            for _ in 0..body.varint()? {
                let event = event(body)?;
                self.view.events.push(event);
            }
        }
        if has & flags::CHECK != 0
            && body.u16()? != check(self.view.ships.iter().map(|s| (s.slot, s.generation)))
        {
            return Err(SnapshotError::CheckFailed);
        }
        self.ledger.events += body.passed();
        if body.is_empty() { Ok(()) } else { Err(SnapshotError::TrailingBytes) }
    }

    fn pickups(&mut self, body: &mut Cursor<'_>) -> Result<()> {
        let [x, y, width, height] = body.take()?;
        if usize::from(width) * usize::from(height) > 256 {
            return Err(SnapshotError::OutOfRange);
        }
        let window = CellWindow { x, y, width, height };
        if window != self.window {
            self.window = window;
            self.leave_cells();
        }
        let pickups = &mut self.view.pickups;
        for _ in 0..body.varint()? {
            let at = window.cell(body.u8()?).ok_or(SnapshotError::OutOfRange)?;
            let here = self.cells.iter().position(|cell| cell.at == at);
            let start = self.cells[..here.unwrap_or(self.cells.len())].iter().map(|cell| cell.count).sum();
            match (body.varint()?, here) {
                (0, here) => {
                    let here = here.unwrap_or_else(|| {
                        self.cells.push(Cell { at, count: 0 });
                        self.cells.len() - 1
                    });
                    pickups.drain(start..start + self.cells[here].count);
                    let count = usize::from(body.varint()?);
                    for _ in 0..count {
                        pickups.push(body.pickup(at)?);
                    }
                    pickups[start..].rotate_right(count);
                    self.cells[here].count = count;
                }
                (ops, Some(here)) => {
                    for _ in 0..ops {
                        cell_op(body, &mut self.cells[here], pickups, start, &mut self.view.events)?;
                    }
                }
                (_, None) => return Err(SnapshotError::OutOfRange),
            }
            if pickups.len() > MOST_PICKUPS {
                return Err(SnapshotError::OutOfRange);
            }
        }
        Ok(())
    }

    /// Forgets the cells that the window has left behind.
    fn leave_cells(&mut self) {
        let mut start = 0;
        self.cells.retain(|cell| {
            let stays = self.window.has(cell.at);
            if stays {
                start += cell.count;
            } else {
                self.view.pickups.drain(start..start + cell.count);
            }
            stays
        });
    }
}

fn leaves(body: &mut Cursor<'_>, ships: &mut Vec<Ship>) -> Result<()> {
    for _ in 0..body.u8()? {
        let index = usize::from(body.u8()?);
        if index >= ships.len() {
            return Err(SnapshotError::OutOfRange);
        }
        ships.swap_remove(index);
    }
    Ok(())
}

fn updates(body: &mut Cursor<'_>, ships: &mut [Ship]) -> Result<()> {
    let bitmap = body.bytes(ships.len().div_ceil(8))?;
    for (n, ship) in ships.iter_mut().enumerate() {
        if bitmap[n / 8] >> (n % 8) & 1 != 0 {
            run(body, ship)?;
        }
    }
    Ok(())
}

fn run(body: &mut Cursor<'_>, ship: &mut Ship) -> Result<()> {
    let bits = body.u8()?;
    if bits & !mask::ALL != 0 {
        return Err(SnapshotError::UnknownKind);
    }
    let mut state = ship.state();
    if bits & mask::MOVED != 0 {
        let [dx, dy] = body.take()?;
        state.x = state.x.wrapping_add_signed(i16::from(dx as i8));
        state.y = state.y.wrapping_add_signed(i16::from(dy as i8));
    }
    if bits & mask::ABSOLUTE != 0 {
        (state.x, state.y) = (body.u16()?, body.u16()?);
    }
    if bits & mask::AIM != 0 {
        state.aim = body.u8()?;
    }
    if bits & mask::HP != 0 {
        state.hp = body.u8()?;
    }
    if bits & mask::STATE != 0 {
        state.state = body.u8()?;
    }
    ship.set(&state);
    Ok(())
}

fn enters(body: &mut Cursor<'_>, ships: &mut Vec<Ship>) -> Result<()> {
    for _ in 0..body.u8()? {
        if ships.len() == MAX_KNOWN {
            return Err(SnapshotError::OutOfRange);
        }
        let (slot, generation) = (body.slot()?, body.u8()?);
        let (x, y) = body.point()?;
        ships.push(Ship { slot, generation, x, y, aim: body.u8()?, hp: body.u8()?, state: body.u8()? });
    }
    Ok(())
}

fn pulses(body: &mut Cursor<'_>, view: &mut View) -> Result<()> {
    for _ in 0..body.varint()? {
        let (id, owner) = (body.u16()?, body.slot()?);
        let (x, y) = body.point()?;
        let pulse = Pulse { id, owner, x, y, direction: body.u16()?, fired: body.u8()? };
        // One that flew out of view and back in is told again.
        match view.pulses.iter_mut().find(|p| p.id == id) {
            Some(known) => *known = pulse,
            None => view.pulses.push(pulse),
        }
    }
    for _ in 0..body.varint()? {
        let (pulse, victim, damage) = (body.u16()?, body.slot()?, body.u8()?);
        view.pulses.retain(|p| p.id != pulse);
        view.events.push(Event::Hit { pulse, victim, damage });
    }
    Ok(())
}

/// Changes a cell whose pickups begin at `start`.
fn cell_op(
    body: &mut Cursor<'_>,
    cell: &mut Cell,
    pickups: &mut Vec<Pickup>,
    start: usize,
    events: &mut Vec<Event>,
) -> Result<()> {
    let end = start + cell.count;
    let Some(index) = body.varint()?.checked_sub(1) else {
        pickups.insert(end, body.pickup(cell.at)?);
        cell.count += 1;
        return Ok(());
    };
    let by = body.maybe_slot()?;
    let index = usize::from(index);
    if index >= cell.count {
        return Err(SnapshotError::OutOfRange);
    }
    pickups.swap(start + index, end - 1);
    let pickup = pickups.remove(end - 1);
    cell.count -= 1;
    if let Some(slot) = by {
        events.push(Event::Taken { slot, item: pickup.kind, x: pickup.x, y: pickup.y });
    }
    Ok(())
}

fn event(body: &mut Cursor<'_>) -> Result<Event> {
    match body.u8()? {
        0 => {
            let slot = body.slot()?;
            let (x, y) = body.point()?;
            Ok(Event::Explosion { slot, x, y })
        }
        1 => {
            let slot = body.slot()?;
            let ((x, y), (to_x, to_y)) = (body.point()?, body.point()?);
            let victim = body.maybe_slot()?;
            Ok(Event::Beam { slot, x, y, to_x, to_y, victim, damage: body.u8()?, rewind: body.u8()? })
        }
        _ => Err(SnapshotError::UnknownKind),
    }
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
