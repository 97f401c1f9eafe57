//! What a player is told in words: names, kills and the scoreboard, the ordered messages that precede a snapshot.

use protocol::Slot;
use protocol::codec::{self, Encoding};
use protocol::message::{Board, BoardRow, Crown, RosterEntry, ServerMessage};
use protocol::quantize::to_quarter;
use sim::{Event, World};

use super::action::Action;
use super::interest::Field;
use super::known::Told;
use super::outbound::News;
use super::seat::Seat;
use crate::outbox::Overflow;

/// Feed messages a second and player: of the own fights, those in view and the crown's.
const FEED_PER_SEC: u8 = 5;

/// Ships on the scoreboard.
const TOP: usize = 10;

/// Buffers for the ordered messages to one player.
#[derive(Debug, Default)]
pub struct Words {
    names: Vec<RosterEntry>,
    /// What earlier names were written in.
    spare: Vec<String>,
    kills: Vec<ServerMessage>,
    board: Board,
}

impl Words {
    /// Queues what a seat is told in words: names first, then what mentions them. `told` and `action` are what it sees;
    /// with `second` it is its turn for what is told once a second.
    ///
    /// # Errors
    /// The queue is full.
    pub fn tell(
        &mut self,
        world: &World,
        news: &News<'_>,
        seat: &mut Seat,
        field: &Field,
        (told, action): (&Told, &Action),
        second: bool,
    ) -> Result<(), Overflow> {
        self.spare.extend(self.names.drain(..).map(|entry| entry.name));
        self.kills.clear();
        let (names, spare) = (&mut self.names, &mut self.spare);
        let mut learn = |seat: &mut Seat, slot: Slot| {
            if let Some(ship) = world.ship(slot)
                && seat.learns(slot, ship.generation)
            {
                names.push(news.roster.entry(slot, ship, spare.pop().unwrap_or_default()));
            }
        };
        let knows_nobody = seat.known.is_empty();
        if second {
            seat.feed_left = FEED_PER_SEC;
            world.ranking().iter().take(TOP).for_each(|&slot| learn(seat, slot));
        }
        if knows_nobody {
            seat.slot.into_iter().for_each(|slot| learn(seat, slot));
        }
        // Who is on the list has been a newcomer.
        told.newcomers.iter().for_each(|&slot| learn(seat, slot));
        let strangers = action.spawns.iter().map(|pulse| pulse.owner).filter(|&slot| !told.has(slot));
        strangers.for_each(|slot| learn(seat, slot));
        for event in action.sights(world) {
            if let Event::Destroyed { killer, victim, weapon, rewind, x, y } = *event
                && let concern @ (Concern::Own | Concern::Near) =
                    concern(world, seat, field, killer, victim, (x, y))
                && (concern == Concern::Own || seat.feed_left > 0)
            {
                seat.feed_left = seat.feed_left.saturating_sub(1);
                killer.into_iter().chain([victim]).for_each(|slot| learn(seat, slot));
                self.kills.push(ServerMessage::Feed { killer, victim, weapon, rewind });
            }
        }
        if !self.names.is_empty() {
            let message = ServerMessage::Roster { entries: std::mem::take(&mut self.names) };
            let pushed = push(seat, &message);
            if let ServerMessage::Roster { entries } = message {
                self.names = entries;
            }
            pushed?;
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
        board.top.extend(ranking.iter().take(TOP).map(|&slot| BoardRow { slot, score: score(slot) }));
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
