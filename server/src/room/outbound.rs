//! What each player is told after a tick: names, news, the scoreboard and the snapshot, into the player's outbox.
//!
//! Encodes, and skips whoever has not taken the last snapshot yet: bytes are never thrown away and never pile up, and
//! what a client was told stays its baseline. Never waits.

use protocol::codec::{self, Encoding};
use protocol::message::{Board, BoardRow, Crown, RosterEntry, ServerMessage, Snapshot, Weapon};
use protocol::quantize::to_quarter;
use protocol::snapshot::{Event as WireEvent, Hit, Own, Pulse, Writer, check};
use protocol::{CloseCode, Slot, TICK_HZ};
use sim::{Event, Ship, World};

use super::cells::{Cells, Changes};
use super::interest::Field;
use super::known::{Allowance, Told};
use super::load::Relief;
use super::roster::Roster;
use super::seat::Seat;
use super::states::{KEPT, States};
use crate::farewell::Farewell;
use crate::outbox::Overflow;
use crate::time::Stamp;

/// Feed messages a second and player: of the own fights, those in view and the crown's.
const FEED_PER_SEC: u8 = 5;

/// Snapshots skipped in a row before a player counts as too slow: ten seconds.
const TOO_SLOW_TICKS: u32 = 10 * TICK_HZ as u32;

/// Spectators get every third snapshot, 10 a second: they aim at nothing.
const SPECTATOR_EVERY: usize = 3;

/// Bytes that a snapshot should stay below: one packet with its headers.
const SOFT_BUDGET: usize = 1200;

/// Most pulses that are told in one snapshot; more are told a tick later.
const MAX_SPAWNS: usize = 100;

/// Most events of a kind that are told in one snapshot: they are only shown.
const MAX_EVENTS: usize = 60;

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
    /// By tick modulo [`KEPT`]: what happened then.
    events: [Vec<Event>; KEPT],
    told: Told,
    changes: Changes,
    candidates: Vec<Slot>,
    pulses: Vec<Pulse>,
    spawns: Vec<Pulse>,
    hits: Vec<Hit>,
    shown: Vec<WireEvent>,
    body: Vec<u8>,
    names: Vec<RosterEntry>,
    kills: Vec<ServerMessage>,
    board: Board,
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
        let events = &mut self.events[world.tick().0 as usize % KEPT];
        events.clear();
        events.extend_from_slice(world.events());
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
        self.candidates.clear();
        self.spawns.clear();
        if due && free {
            self.look(world, seat, &field);
        }
        if seat.flow.is_stuck(news.now) || self.tell(world, news, seat, &field, second).is_err() {
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
        seat.outbox.ring();
        published
    }

    /// Works out what is new in a seat's field, and makes that its baseline.
    fn look(&mut self, world: &World, seat: &mut Seat, field: &Field) {
        let now = world.tick();
        if seat.baseline.tick.is_some_and(|base| now.since(base) >= KEPT as i64) {
            seat.baseline.forget();
        }
        world.ships_in(field.enter, &mut self.candidates);
        self.candidates.retain(|&slot| Some(slot) != seat.slot);
        self.pulses.clear();
        world.pulses_in(field.enter, &mut self.pulses);
        self.shots(world, seat, field);
        let base = seat.baseline.tick.unwrap_or(now);
        self.cells.changes(field.cells(), seat.baseline.cells, base, &mut self.changes);
    }

    /// Pulses that are new in view, hits and events since the baseline.
    fn shots(&mut self, world: &World, seat: &mut Seat, field: &Field) {
        self.hits.clear();
        self.shown.clear();
        let told = &mut seat.baseline.pulses;
        let now = world.tick();
        let base = seat.baseline.tick.unwrap_or(now.minus(1));
        for tick in base.0 + 1..=now.0 {
            for event in &self.events[tick as usize % KEPT] {
                match *event {
                    Event::Hit { pulse, victim, damage, x, y, .. } => {
                        let known = told.binary_search_by_key(&pulse, |(id, _)| *id).is_ok();
                        if known || (field.shows(x, y) && self.hits.len() < MAX_EVENTS) {
                            self.hits.push(Hit { pulse, victim, damage });
                        }
                    }
                    _ => self.shown.extend(visible(event, field)),
                }
            }
        }
        self.shown.truncate(MAX_EVENTS);
        let mut before = told.iter().copied().peekable();
        for pulse in &self.pulses {
            while before.next_if(|(id, _)| *id < pulse.id).is_some() {}
            if before.next_if(|known| *known == (pulse.id, pulse.fired)).is_none() {
                self.spawns.push(*pulse);
            }
        }
        // In a crowd some are told a tick later, the last ones fired first.
        let late = self.spawns.len().saturating_sub(MAX_SPAWNS);
        let waiting = &self.spawns[..late];
        told.clear();
        let in_time = self.pulses.iter().filter(|p| !waiting.iter().any(|w| w.id == p.id));
        told.extend(in_time.map(|p| (p.id, p.fired)));
        self.spawns.drain(..late);
    }

    /// The ordered messages: names first, then what mentions them.
    fn tell(
        &mut self,
        world: &World,
        news: &News<'_>,
        seat: &mut Seat,
        field: &Field,
        second: bool,
    ) -> Result<(), Overflow> {
        self.names.clear();
        self.kills.clear();
        let names = &mut self.names;
        let mut learn = |seat: &mut Seat, slot: Slot| {
            if let Some(ship) = world.ship(slot)
                && seat.learns(slot, ship.generation)
            {
                names.push(news.roster.entry(slot, ship));
            }
        };
        if second {
            seat.feed_left = FEED_PER_SEC;
            world.ranking().iter().take(10).for_each(|&slot| learn(seat, slot));
        }
        seat.slot.into_iter().for_each(|slot| learn(seat, slot));
        self.candidates.iter().for_each(|&slot| learn(seat, slot));
        self.spawns.iter().for_each(|pulse| learn(seat, pulse.owner));
        for event in world.events() {
            if let Event::Destroyed { killer, victim, weapon, rewind, x, y } = *event
                && let concern @ (Concern::Own | Concern::Near) =
                    concern(world, seat, field, killer, victim, (x, y))
                && (concern == Concern::Own || seat.feed_left > 0)
            {
                seat.feed_left = seat.feed_left.saturating_sub(1);
                killer.into_iter().chain([victim]).for_each(|slot| learn(seat, slot));
                self.kills.push(feed(killer, victim, weapon, rewind));
            }
        }
        if !self.names.is_empty() {
            push(seat, &ServerMessage::Roster { entries: std::mem::take(&mut self.names) })?;
        }
        for kill in &self.kills {
            push(seat, kill)?;
        }
        if second {
            self.scores(world, news, seat);
            let message = ServerMessage::Board(std::mem::take(&mut self.board));
            let pushed = push(seat, &message);
            if let ServerMessage::Board(board) = message {
                self.board = board;
            }
            pushed?;
            if let Some((tick_us, tick_max_us)) = news.debug {
                let in_flight = u8::try_from(seat.flow.in_flight()).unwrap_or(u8::MAX);
                push(seat, &ServerMessage::Debug { tick_us, tick_max_us, in_flight })?;
            }
        }
        Ok(())
    }

    fn scores(&mut self, world: &World, news: &News<'_>, seat: &Seat) {
        let ranking = world.ranking();
        let score = |slot: Slot| world.ship(slot).map_or(0, |ship| ship.score);
        let rank = seat.slot.and_then(|slot| ranking.iter().position(|&s| s == slot));
        let board = &mut self.board;
        board.top.clear();
        board.top.extend(ranking.iter().take(10).map(|&slot| BoardRow { slot, score: score(slot) }));
        board.rank = rank.map_or(0, |at| at as u16 + 1);
        board.score = seat.slot.map_or(0, score);
        board.ships = ranking.len() as u16;
        board.players = news.players;
        board.spectators = news.spectators;
        board.crown = world.crown().and_then(|slot| {
            let ship = world.ship(slot)?;
            Some(Crown { slot, x: to_quarter(ship.x), y: to_quarter(ship.y) })
        });
    }

    /// Encodes the snapshot into the outbox.
    fn snapshot(
        &mut self,
        world: &World,
        news: &News<'_>,
        own: Option<&Ship>,
        seat: &mut Seat,
        field: &Field,
    ) -> Published {
        let now = world.tick();
        let full = seat.baseline.tick.is_none();
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let mut writer = Writer::new(&mut body, full);
        match own {
            Some(ship) => writer.own(&own_section(ship, seat.changed)),
            None => writer.focus(field.focus),
        }
        let other =
            self.spawns.len() * 12 + self.hits.len() * 4 + self.shown.len() * 14 + self.changes.cells() * 20;
        let bytes = match seat.everywhere {
            true => usize::MAX,
            false => SOFT_BUDGET.saturating_sub(writer.len() + other).max(SOFT_BUDGET / 3),
        };
        let allowance = Allowance { bytes, spare_far: news.relief >= Relief::FarShips };
        let (told, ships) = (&mut self.told, &mut seat.baseline.ships);
        told.update(world, &mut self.states, ships, field, &self.candidates, allowance);
        writer.updates(&told.leaves, &told.runs, !told.enters.is_empty());
        if writer.has_ships() {
            writer.enters(&told.enters);
        }
        if told.over_budget {
            writer.over_budget();
        }
        writer.pulses(&self.spawns, &self.hits);
        let window = field.cells();
        if window != seat.baseline.cells || self.changes.cells() > 0 {
            writer.pickups(window, self.changes.cells(), self.cells.told(&self.changes));
        }
        writer.events(&self.shown);
        let seq = seat.flow.send(now, news.now);
        if seq.0.is_multiple_of(news.check_every) {
            writer.check(check(ships.iter().map(|known| (known.slot, known.generation))));
        }
        let flags = writer.finish();
        seat.baseline.tick = Some(now);
        seat.baseline.cells = window;
        seat.changed = 0;
        if !seat.acknowledges {
            seat.flow.take_as_received();
        }
        let snapshot = Snapshot { seq, tick: now.wire(), margin: seat.margin, flags, body };
        let message = ServerMessage::Snapshot(snapshot);
        let mut bytes = 0;
        seat.outbox.put_snapshot(|out| {
            codec::encode_server(Encoding::Bincode, &message, out);
            bytes = out.len() as u64;
        });
        if let ServerMessage::Snapshot(snapshot) = message {
            self.body = snapshot.body;
        }
        let over_budget = u64::from(self.told.over_budget);
        Published { snapshots: 1, bytes, full: u64::from(full), over_budget, skipped: 0 }
    }
}

/// Why a kill is news for a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Concern {
    /// The player's own deed or death, or that of whoever is followed; in a film all of them.
    Own,
    /// In view, or the crown's.
    Near,
    /// Not at all.
    None,
}

fn concern(
    world: &World,
    seat: &Seat,
    field: &Field,
    killer: Option<Slot>,
    victim: Slot,
    (x, y): (i32, i32),
) -> Concern {
    let involved = |slot: Option<Slot>| slot.is_some() && (slot == killer || slot == Some(victim));
    if seat.everywhere || involved(seat.slot) || involved(field.focus) {
        Concern::Own
    } else if field.shows(x, y) || involved(world.crown()) {
        Concern::Near
    } else {
        Concern::None
    }
}

/// Queues an ordered message.
pub fn push(seat: &Seat, message: &ServerMessage) -> Result<(), Overflow> {
    seat.outbox.push(|out| codec::encode_server(Encoding::Bincode, message, out))
}

fn feed(killer: Option<Slot>, victim: Slot, weapon: Weapon, rewind: u8) -> ServerMessage {
    ServerMessage::Feed { killer, victim, weapon, rewind }
}

/// The event as the client is told of it, if it is; hits and pickups taken are told elsewhere.
fn visible(event: &Event, field: &Field) -> Option<WireEvent> {
    match *event {
        Event::Destroyed { victim, x, y, .. } if field.shows(x, y) => {
            Some(WireEvent::Explosion { slot: victim, x, y })
        }
        Event::Beam { slot, x, y, to_x, to_y, victim, damage, rewind }
            if field.shows(x, y) || field.shows(to_x, to_y) =>
        {
            Some(WireEvent::Beam { slot, x, y, to_x, to_y, victim, damage, rewind })
        }
        _ => None,
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

const _: () =
    assert!(sim::rules::PULSE_LIFE == protocol::snapshot::PULSE_LIFE, "clients end pulses themselves");
