//! What each player is told after a tick: names, news, the scoreboard and the snapshot, into the player's outbox.
//!
//! Encodes, and skips whoever has not taken the last snapshot yet. Never waits.

use protocol::codec::{self, Encoding};
use protocol::message::{Board, BoardRow, Crown, RosterEntry, ServerMessage, Snapshot, Weapon};
use protocol::quantize::{aim_to_wire, to_quarter};
use protocol::snapshot::{Own, Ship as WireShip, Writer};
use protocol::{CloseCode, Slot, TICK_HZ};
use sim::{Event, Ship, World};

use super::interest::Sight;
use super::roster::Roster;
use super::seat::Seat;
use crate::outbox::{Farewell, Overflow};

/// Feed messages a second and player: of the own fights, those in view and the crown's.
const FEED_PER_SEC: u8 = 5;

/// Snapshots skipped in a row before a player counts as too slow: ten seconds.
const TOO_SLOW_TICKS: u32 = 10 * TICK_HZ as u32;

/// What publishing one tick did, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Published {
    /// Snapshots encoded.
    pub snapshots: u64,
    /// Bytes of their messages.
    pub bytes: u64,
    /// Snapshots not encoded because the last one was still on its way.
    pub skipped: u64,
}

/// Encodes for all seats of a room; kept between ticks for its buffers.
#[derive(Debug, Default)]
pub struct Outbound {
    sight: Sight,
    body: Vec<u8>,
    names: Vec<RosterEntry>,
}

/// What the room has to tell this tick beside the world itself.
#[derive(Debug)]
pub struct News<'a> {
    /// Names.
    pub roster: &'a Roster,
    /// Seats taken.
    pub players: u16,
    /// Mean and longest tick of the last second, µs; none while nobody asked for figures.
    pub debug: Option<(u32, u32)>,
}

impl Outbound {
    /// Tells one seat what it may know. `n` staggers the once-a-second messages.
    pub fn publish(&mut self, world: &World, news: &News<'_>, seat: &mut Seat, n: usize) -> Published {
        let mut published = Published::default();
        let own = seat.slot.and_then(|slot| world.ship(slot));
        seat.changed |= own.map_or(0, |ship| ship.changed);
        let tick = world.tick().0;
        let second = (tick as usize + n).is_multiple_of(usize::from(TICK_HZ));
        if seat.idle_ticks > 0 && !second {
            return published;
        }
        let free = seat.outbox.is_free();
        if free {
            self.sight.look(world, seat);
        }
        let told = self.tell(world, news, seat, second, free);
        if told.is_err() {
            seat.outbox.close(Farewell::bye(CloseCode::TooSlow));
        } else if free {
            seat.skipped = 0;
            published.snapshots = 1;
            published.bytes = self.snapshot(world, own, seat);
        } else if !seat.outbox.is_closed() {
            seat.skipped += 1;
            published.skipped = 1;
            if seat.skipped > TOO_SLOW_TICKS {
                seat.outbox.close(Farewell::bye(CloseCode::TooSlow));
            }
        }
        seat.outbox.wake();
        published
    }

    /// The ordered messages: names first, then what mentions them.
    fn tell(
        &mut self,
        world: &World,
        news: &News<'_>,
        seat: &mut Seat,
        second: bool,
        free: bool,
    ) -> Result<(), Overflow> {
        self.names.clear();
        let mut learn = |seat: &mut Seat, slot: Slot| {
            if let Some(ship) = world.ship(slot)
                && seat.learns(slot, ship.generation)
            {
                self.names.push(news.roster.entry(slot, ship));
            }
        };
        if second {
            seat.feed_left = FEED_PER_SEC;
            world.ranking().iter().take(10).for_each(|&slot| learn(seat, slot));
        }
        seat.slot.into_iter().for_each(|slot| learn(seat, slot));
        if free {
            self.sight.ships.iter().for_each(|&slot| learn(seat, slot));
            self.sight.pulses.iter().for_each(|pulse| learn(seat, pulse.owner));
        }
        let mut kills = Vec::new();
        for event in world.events() {
            if let Event::Destroyed { killer, victim, weapon, .. } = *event
                && seat.feed_left > 0
                && concerns(&self.sight, world, seat, killer, victim)
            {
                seat.feed_left -= 1;
                killer.into_iter().chain([victim]).for_each(|slot| learn(seat, slot));
                kills.push((killer, victim, weapon));
            }
        }
        if !self.names.is_empty() {
            push(seat, &ServerMessage::Roster { entries: std::mem::take(&mut self.names) })?;
        }
        for (killer, victim, weapon) in kills {
            push(seat, &feed(killer, victim, weapon))?;
        }
        if second {
            push(seat, &ServerMessage::Board(board(world, news, seat)))?;
            if let Some((tick_us, tick_max_us)) = news.debug {
                push(seat, &ServerMessage::Debug { tick_us, tick_max_us })?;
            }
        }
        Ok(())
    }

    /// Encodes the snapshot into the outbox; returns the message's bytes.
    fn snapshot(&mut self, world: &World, own: Option<&Ship>, seat: &mut Seat) -> u64 {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let mut writer = Writer::new(&mut body);
        if let Some(ship) = own {
            writer.own(&own_section(ship, seat.changed));
        }
        if let Some(slot) = self.sight.focus {
            writer.focus(slot);
        }
        let ships = self.sight.ships.iter();
        writer
            .ships(ships.map(|&slot| {
                wire_ship(slot, world.ship(slot).expect("interest names ships that are there"))
            }));
        writer.pulses(self.sight.pulses.iter().copied());
        writer.pickups(self.sight.pickups.iter().copied());
        let flags = writer.events(self.sight.events.iter().copied());
        let snapshot =
            Snapshot { seq: seat.seq, tick: world.tick().wire(), margin: seat.margin, flags, body };
        let message = ServerMessage::Snapshot(snapshot);
        let mut bytes = 0;
        seat.outbox.put_snapshot(|out| {
            codec::encode_server(Encoding::Bincode, &message, out);
            bytes = out.len() as u64;
        });
        if let ServerMessage::Snapshot(snapshot) = message {
            self.body = snapshot.body;
        }
        seat.seq = seat.seq.next();
        seat.changed = 0;
        bytes
    }
}

/// Is a kill news for this seat: its own, one in view, or the crown's?
fn concerns(sight: &Sight, world: &World, seat: &Seat, killer: Option<Slot>, victim: Slot) -> bool {
    let crown = world.crown();
    [killer, Some(victim)].into_iter().flatten().any(|slot| {
        Some(slot) == seat.slot
            || Some(slot) == sight.focus
            || Some(slot) == crown
            || sight.ships.binary_search(&slot).is_ok()
    })
}

/// Queues an ordered message.
pub fn push(seat: &Seat, message: &ServerMessage) -> Result<(), Overflow> {
    seat.outbox.push(|out| codec::encode_server(Encoding::Bincode, message, out))
}

fn feed(killer: Option<Slot>, victim: Slot, weapon: Weapon) -> ServerMessage {
    ServerMessage::Feed { killer, victim, weapon }
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

fn wire_ship(slot: Slot, ship: &Ship) -> WireShip {
    WireShip {
        slot,
        generation: ship.generation,
        x: ship.x,
        y: ship.y,
        aim: aim_to_wire(ship.aim),
        hp: ship.hp(),
        state: ship.state(),
    }
}

fn board(world: &World, news: &News<'_>, seat: &Seat) -> Board {
    let ranking = world.ranking();
    let score = |slot: Slot| world.ship(slot).map_or(0, |ship| ship.score);
    let rank =
        seat.slot.and_then(|slot| ranking.iter().position(|&s| s == slot)).map_or(0, |at| at as u16 + 1);
    let crown = world.crown().and_then(|slot| {
        let ship = world.ship(slot)?;
        Some(Crown { slot, x: to_quarter(ship.x), y: to_quarter(ship.y) })
    });
    Board {
        top: ranking.iter().take(10).map(|&slot| BoardRow { slot, score: score(slot) }).collect(),
        rank,
        score: seat.slot.map_or(0, score),
        ships: ranking.len() as u16,
        players: news.players,
        crown,
    }
}
