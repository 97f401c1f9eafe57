//! A screening: a world that is shown to one viewer who sees all of it and has no connection, tick by tick. What films are
//! made of; the messages are those that any client gets.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use protocol::codec::{self, Encoding};
use protocol::message::{Role, ServerMessage};
use protocol::snapshot::MAX_KNOWN;
use protocol::{ResumeToken, RoomCode};
use sim::World;

use super::CHECK_EVERY;
use super::inbound::Mailbox;
use super::load::Relief;
use super::outbound::{News, Outbound};
use super::places::Places;
use super::roster::Roster;
use super::seat::{Join, Keys, Seat};
use super::seating::welcome;
use crate::outbox::{Batch, Outbox};
use crate::time::Stamp;

/// What one viewer has been told of a world.
#[derive(Debug)]
pub struct Screening {
    outbound: Outbound,
    roster: Roster,
    seat: Seat,
    batch: Batch,
    crowded: bool,
}

impl Screening {
    /// Of a world as it is; what it does from now on can be shown.
    pub fn new(world: &World) -> Screening {
        let join = Join {
            keys: Keys { token: ResumeToken([0; 16]), resume: None, holder: None },
            name: String::new(),
            hue: 0,
            aspect: 1000,
            role: Role::Spectator,
            mailbox: Arc::new(Mailbox::new(Arc::new(AtomicU32::new(world.tick().0)))),
            outbox: Arc::new(Outbox::new()),
            acknowledges: false,
            reservation: None,
        };
        let place = Arc::new(Places::default()).take(1);
        let mut seat = Seat::new(join, place.expect("the first of one"), None, world.tick());
        seat.everywhere = true;
        let mut screening = Screening {
            outbound: Outbound::default(),
            roster: Roster::default(),
            seat,
            batch: Batch::default(),
            crowded: false,
        };
        screening.muster(world);
        screening
    }

    /// Appends what a client is told first.
    pub fn greet(world: &World, room: &RoomCode, out: &mut Vec<u8>) {
        codec::encode_server(Encoding::Bincode, &ServerMessage::Welcome(welcome(world, room)), out);
    }

    /// Gives everybody a name. To be called when somebody has come or gone. No recording knows what players are called:
    /// they are told apart by their slots.
    pub fn muster(&mut self, world: &World) {
        self.roster.muster(world);
        for (slot, _) in world.ships().filter(|(_, ship)| !ship.pilot) {
            self.roster.seat(slot, String::new(), (slot.0 % 8) as u8);
        }
    }

    /// Notes what the last step did, without showing it.
    pub fn pass(&mut self, world: &World) {
        self.outbound.record(world);
    }

    /// Calls `tell` with each message about the last step, in order. With `anew` the snapshot needs no other before it.
    pub fn show(&mut self, world: &World, anew: bool, mut tell: impl FnMut(&[u8])) {
        self.outbound.record(world);
        if anew {
            self.seat.baseline.forget();
        }
        let news = News {
            now: Stamp(0),
            roster: &self.roster,
            players: world.players() as u16,
            spectators: 0,
            debug: None,
            relief: Relief::default(),
            check_every: CHECK_EVERY,
        };
        self.outbound.publish(world, &news, &mut self.seat, 0);
        self.crowded |= world.ships().filter(|(_, ship)| ship.alive).count() > MAX_KNOWN;
        if self.seat.outbox.take(&mut self.batch) {
            self.batch.ordered.iter().for_each(&mut tell);
            if !self.batch.snapshot.is_empty() {
                tell(&self.batch.snapshot);
            }
        }
    }

    /// True if there were more ships at a time than a client can know: then those far from the leader were left out.
    pub fn was_crowded(&self) -> bool {
        self.crowded
    }
}
