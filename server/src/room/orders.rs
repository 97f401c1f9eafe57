//! What an operator wants of a room: one order a tick, so that nobody in a hurry slows the room down.
//!
//! An answer goes back through the order itself; a room that has ended drops it.

use protocol::message::Role;
use protocol::{CloseCode, Slot};
use serde::Serialize;
use tokio::sync::oneshot;

use super::Room;
use crate::farewell::Farewell;

/// Orders that may wait; more are refused.
pub const ORDERS_WAITING: usize = 16;

/// One order.
#[derive(Debug)]
pub enum Order {
    /// Send a player away for good.
    Kick {
        /// Whom.
        slot: Slot,
        /// Told the player's name; none if nobody plays there.
        done: oneshot::Sender<Option<String>>,
    },
    /// Say who is seated.
    Seats(oneshot::Sender<Vec<SeatReport>>),
    /// Hand out what is noted of the last minute; none if nothing is noted.
    Flight(oneshot::Sender<Option<Vec<u8>>>),
}

/// A seat, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SeatReport {
    /// The ship; none for a spectator.
    pub slot: Option<u16>,
    /// Display name; none for a spectator.
    pub name: Option<String>,
    /// Plays or watches.
    pub role: Role,
    /// Points.
    pub score: u32,
    /// True while the seat waits for its player to come back.
    pub away: bool,
    /// Snapshots skipped in a row because the last one is still on its way.
    pub skipped: u32,
}

impl Room {
    /// Does what an operator wants.
    pub(super) fn obey(&mut self) {
        // Whoever asked may have given up waiting; the order is done all the same.
        match self.orders.try_recv() {
            Ok(Order::Kick { slot, done }) => {
                let _ = done.send(self.kick(slot));
            }
            Ok(Order::Seats(answer)) => {
                let _ =
                    answer.send(self.seats.iter().map(|(_, seat)| self.report(seat.slot, seat)).collect());
            }
            Ok(Order::Flight(answer)) => {
                let _ = answer.send(self.flight());
            }
            Err(_) => {}
        }
    }

    /// The seat goes, and with it what its token would take back.
    fn kick(&mut self, slot: Slot) -> Option<String> {
        let n = self.seats.iter().find(|(_, seat)| seat.slot == Some(slot)).map(|(n, _)| n)?;
        let name = self.name(slot);
        let seat = self.seats.remove(n);
        seat.outbox.close(Farewell::bye(CloseCode::Kicked));
        self.world.leave(slot);
        name
    }

    fn report(&self, slot: Option<Slot>, seat: &super::seat::Seat) -> SeatReport {
        SeatReport {
            slot: slot.map(|slot| slot.0),
            name: slot.and_then(|slot| self.name(slot)),
            role: if slot.is_some() { Role::Player } else { Role::Spectator },
            score: slot.and_then(|slot| self.world.ship(slot)).map_or(0, |ship| ship.score),
            away: seat.away.is_some(),
            skipped: seat.skipped,
        }
    }

    fn name(&self, slot: Slot) -> Option<String> {
        self.world.ship(slot).map(|ship| self.roster.entry(slot, ship, String::new()).name)
    }
}
