//! What each player is told after a tick, into the player's outbox: words first, then the snapshot.
//!
//! Decides who is told, puts the snapshot together and encodes it; `known`, `action` and `cells` find out what is new to
//! a client, `words` has the other messages. Skips whoever has not taken the last snapshot yet: bytes are never thrown away and never pile up, and
//! what a client was told stays its baseline. Never waits.

use protocol::codec;
use protocol::snapshot::{Own, Writer, check};
use protocol::{CloseCode, TICK_HZ};
use sim::{Ship, World};

use super::action::Action;
use super::cells::{Cells, Changes};
use super::interest::Field;
use super::known::{Allowance, Told};
use super::load::Relief;
use super::roster::Roster;
use super::seat::Seat;
use super::states::{KEPT, States};
use super::words::Words;
use crate::farewell::Farewell;
use crate::time::Stamp;

/// Snapshots skipped in a row before a player counts as too slow: ten seconds.
const TOO_SLOW_TICKS: u32 = 10 * TICK_HZ as u32;

/// Spectators get every third snapshot, 10 a second: they aim at nothing.
const SPECTATOR_EVERY: usize = 3;

/// Bytes that a snapshot should stay below: one packet with its headers.
const SOFT_BUDGET: usize = 1200;

/// What publishing one tick did, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Snapshots encoded.
    pub snapshots: u64,
    /// Bytes of their messages.
    pub bytes: u64,
    /// Snapshots that started anew.
    pub full: u64,
    /// Snapshots that left something out to stay small.
    pub over_budget: u64,
    /// Snapshots not encoded because the last one was still on its way.
    pub skipped: u64,
}

impl std::ops::AddAssign for Published {
    fn add_assign(&mut self, other: Published) {
        self.snapshots += other.snapshots;
        self.bytes += other.bytes;
        self.full += other.full;
        self.over_budget += other.over_budget;
        self.skipped += other.skipped;
    }
}

/// Encodes for all seats of a room; kept between ticks for its buffers.
#[derive(Debug, Default)]
pub struct Outbound {
    states: States,
    cells: Cells,
    action: Action,
    told: Told,
    changes: Changes,
    words: Words,
}

/// What the room has to tell this tick beside the world itself.
#[derive(Debug)]
pub struct News<'a> {
    /// When the tick began.
    pub now: Stamp,
    /// Names.
    pub roster: &'a Roster,
    /// Players with a connection.
    pub players: u16,
    /// Spectators.
    pub spectators: u16,
    /// Mean and longest tick of the last second, µs; none while nobody asked for figures.
    pub debug: Option<(u32, u32)>,
    /// What the room gives up to keep its pace.
    pub relief: Relief,
    /// Every so many snapshots carry a checksum of the known ships.
    pub check_every: u8,
}

impl Outbound {
    /// Notes what the last step did; before the seats are told of it.
    pub fn record(&mut self, world: &World) {
        self.states.record(world);
        self.cells.record(world);
        self.action.record(world);
    }

    /// Tells one seat what it may know. `n` staggers the once-a-second messages.
    pub fn publish(&mut self, world: &World, news: &News<'_>, seat: &mut Seat, n: usize) -> Published {
        let mut published = Published::default();
        let own = seat.slot.and_then(|slot| world.ship(slot));
        seat.changed |= own.map_or(0, |ship| ship.changed);
        let turn = world.tick().0 as usize + n;
        let second = turn.is_multiple_of(usize::from(TICK_HZ));
        if seat.idle_ticks > 0 && !second {
            return published;
        }
        let every = match seat.slot {
            None if seat.everywhere => 1,
            None => SPECTATOR_EVERY,
            Some(_) if news.relief >= Relief::Snapshots => 2,
            Some(_) => 1,
        };
        let due = turn.is_multiple_of(every) || seat.baseline.tick.is_none();
        let free = seat.outbox.is_free() && seat.flow.is_open();
        let field = Field::of(world, seat);
        if due && free {
            self.look(world, seat, &field);
        } else {
            self.told.look_away();
            self.action.look_away();
        }
        let seen = (&self.told, &self.action);
        if seat.flow.is_stuck(news.now) || self.words.tell(world, news, seat, &field, seen, second).is_err() {
            seat.outbox.close(Farewell::bye(CloseCode::TooSlow).retry_after(1000));
        } else if due && free {
            seat.skipped = 0;
            published = self.snapshot(world, news, own, seat, &field);
        } else if due && !seat.outbox.is_closed() {
            seat.skipped += every as u32;
            published.skipped = 1;
            if seat.skipped > TOO_SLOW_TICKS {
                seat.outbox.close(Farewell::bye(CloseCode::TooSlow).retry_after(1000));
            }
        }
        published
    }

    /// Works out what is new in a seat's field, and makes that its baseline.
    fn look(&mut self, world: &World, seat: &mut Seat, field: &Field) {
        let now = world.tick();
        if seat.baseline.tick.is_some_and(|base| now.since(base) >= KEPT as i64) {
            seat.baseline.forget();
        }
        self.told.look(world, &self.states, &mut seat.baseline.ships, field, seat.slot);
        self.action.look(world, field, &mut seat.baseline);
        let base = seat.baseline.tick.unwrap_or(now);
        self.cells.changes(field.cells(), seat.baseline.cells, base, &mut self.changes);
    }

    /// Encodes the snapshot where it waits, in the outbox: a copy would have to wait for all that was written before it.
    fn snapshot(
        &mut self,
        world: &World,
        news: &News<'_>,
        own: Option<&Ship>,
        seat: &mut Seat,
        field: &Field,
    ) -> Published {
        let Outbound { states, cells, action: Action { spawns, hits, shown, .. }, told, changes, .. } = self;
        let now = world.tick();
        let full = seat.baseline.tick.is_none();
        let mut bytes = 0;
        seat.outbox.put_snapshot(|out| {
            let begun = codec::begin_snapshot(out);
            let mut writer = Writer::new(out, full);
            match own {
                Some(ship) => writer.own(&own_section(ship, seat.changed)),
                None => writer.focus(field.focus),
            }
            let other = spawns.len() * 12 + hits.len() * 4 + shown.len() * 14 + changes.cells() * 20;
            let left = match seat.everywhere {
                true => usize::MAX,
                false => SOFT_BUDGET.saturating_sub(writer.len() + other).max(SOFT_BUDGET / 3),
            };
            let allowance = Allowance { bytes: left, spare_far: news.relief >= Relief::FarShips };
            let ships = &mut seat.baseline.ships;
            told.write(world, states, ships, field, allowance);
            writer.updates(&told.leaves, &told.runs, !told.enters.is_empty());
            if writer.has_ships() {
                writer.enters(&told.enters);
            }
            if told.over_budget {
                writer.over_budget();
            }
            writer.pulses(spawns, hits);
            let window = field.cells();
            if window != seat.baseline.cells || changes.cells() > 0 {
                writer.pickups(window, changes.cells(), cells.told(changes));
            }
            writer.events(shown);
            let seq = seat.flow.send(now, news.now);
            if seq.0.is_multiple_of(news.check_every) {
                writer.check(check(ships.iter().map(|known| (known.slot, known.generation))));
            }
            let flags = writer.finish();
            codec::finish_snapshot(out, begun, seq, now.wire(), seat.margin, flags);
            seat.baseline.cells = window;
            bytes = out.len() as u64;
        });
        seat.baseline.tick = Some(now);
        seat.changed = 0;
        if !seat.acknowledges {
            seat.flow.take_as_received();
        }
        let over_budget = u64::from(told.over_budget);
        Published { snapshots: 1, bytes, full: u64::from(full), over_budget, skipped: 0 }
    }
}

fn own_section(ship: &Ship, changed: u8) -> Own {
    let narrow = |v: i32| i16::try_from(v).expect("the rules keep a ship's speed far below i16");
    Own {
        x: ship.x,
        y: ship.y,
        vx: narrow(ship.vx),
        vy: narrow(ship.vy),
        energy: ship.energy,
        timers: ship.timers,
        hp: ship.hp(),
        changed,
    }
}
