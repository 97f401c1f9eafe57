//! Who gets a seat, and what a client is told first.

use protocol::message::{Obstacle, Role, ServerMessage, Welcome};
use protocol::quantize::to_quarter;
use protocol::{CloseCode, PROTOCOL, ResumeToken, RoomCode, Slot, TICK_HZ};
use sim::World;

use super::load::Relief;
use super::seat::{Join, Seat};
use super::{Room, TickReport, words};
use crate::farewell::Farewell;

/// Seats given in one tick at most, a fifth of a tick's time. Whoever comes with a greater crowd waits for the next
/// one, so that those who play do not wait for the crowd.
const JOINS_PER_TICK: usize = 64;

impl Room {
    /// Seats those who asked since the last tick, the first ones first.
    pub(super) fn admit(&mut self, report: &mut TickReport) {
        for _ in 0..JOINS_PER_TICK {
            let Ok(join) = self.joins.try_recv() else { break };
            let comes_back = join.keys.resume.is_some() || join.keys.holder.is_some();
            let mut seats = self.seats.iter().filter(|_| comes_back);
            let earlier = seats.find(|(_, seat)| seat.opens(&join)).map(|(n, _)| n);
            if let Some(n) = earlier {
                self.resume(n, join);
                report.resumed += 1;
                continue;
            }
            let outbox = join.outbox.clone();
            match self.seat(join) {
                Ok(()) => report.joined += 1,
                Err(farewell) => {
                    match farewell {
                        Farewell::Bye { code: CloseCode::Overloaded, .. } => report.refused_overloaded += 1,
                        _ => report.refused_full += 1,
                    }
                    outbox.close(farewell);
                }
            }
        }
    }

    /// Gives a seat to somebody new.
    fn seat(&mut self, mut join: Join) -> Result<(), Farewell> {
        if self.relief >= Relief::Joins {
            return Err(Farewell::bye(CloseCode::Overloaded).retry_after(3000));
        }
        let full = || Farewell::bye(CloseCode::RoomFull).retry_after(2000);
        let reservation = join.reservation.take().ok_or_else(full)?;
        let slot = match join.role {
            Role::Spectator => {
                let wait = self.gallery.as_ref().map_or(0, |gallery| gallery.opens_in_ms());
                if wait > 0 {
                    let reason = "spectators see this room late, and there is nothing to see yet";
                    return Err(Farewell::because(CloseCode::RoomFull, reason).retry_after(wait));
                }
                None
            }
            Role::Player => {
                let slot = self.world.join().or_else(|| self.displace()).ok_or_else(full)?;
                if let Some(gallery) = &mut self.gallery {
                    gallery.seat(slot, &join.name, join.hue);
                }
                self.roster.seat(slot, join.name.clone(), join.hue);
                Some(slot)
            }
        };
        let token = join.keys.token;
        let seat = Seat::new(join, reservation, slot, self.shown_to(slot).tick());
        self.greet(&seat, token, false);
        self.seats.insert(seat);
        Ok(())
    }

    /// Gives the ship of a player who is away to a newcomer: of one whose ship is out of the world already, if there is
    /// one, and of those the one who has been away longest. Whoever is there keeps the seat.
    fn displace(&mut self) -> Option<Slot> {
        let away = self.seats.iter().filter_map(|(n, seat)| Some(((seat.parked, seat.away?), n)));
        let (_, n) = away.max_by_key(|(absence, _)| *absence)?;
        let slot = self.seats.remove(n).slot?;
        self.world.leave(slot);
        self.world.join()
    }

    /// Gives a seat back to its player, ship, score and all. The newest connection wins.
    fn resume(&mut self, n: usize, join: Join) {
        let seat = &mut self.seats[n];
        seat.outbox.close(Farewell::bye(CloseCode::Replaced));
        let token = join.keys.token;
        seat.resume(join, self.world.tick());
        if let Some(slot) = seat.slot {
            self.world.set_away(slot, false);
            if std::mem::take(&mut seat.parked) {
                self.world.unpark(slot);
            }
        }
        self.greet(&self.seats[n], token, true);
    }

    /// The world that a seat is told of.
    fn shown_to(&self, slot: Option<Slot>) -> &World {
        match &self.gallery {
            Some(gallery) if slot.is_none() => &gallery.world,
            _ => &self.world,
        }
    }

    fn greet(&self, seat: &Seat, token: ResumeToken, resumed: bool) {
        let welcome = Welcome {
            you: seat.slot,
            // A spectator has nothing to lose.
            resume: seat.slot.is_some().then_some(token),
            resumed,
            ..welcome(self.shown_to(seat.slot), &self.code)
        };
        let welcome = ServerMessage::Welcome(welcome);
        words::push(seat, &welcome).expect("only the room queues messages, and a Welcome is its first");
    }
}

/// What whoever is shown a room's world is told first; it is nobody's ship.
pub(super) fn welcome(world: &World, room: &RoomCode) -> Welcome {
    let quarters =
        |o: &sim::Obstacle| Obstacle { x: to_quarter(o.x), y: to_quarter(o.y), r: to_quarter(o.r) };
    Welcome {
        protocol: PROTOCOL,
        resume: None,
        you: None,
        tick: world.tick(),
        hz: TICK_HZ,
        side: world.side(),
        rules: World::rules_hash(),
        trig: World::trig_hash(),
        obstacles: world.obstacles().iter().map(quarters).collect(),
        resumed: false,
        room: room.to_string(),
    }
}
