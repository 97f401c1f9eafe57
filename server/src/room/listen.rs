//! What the room makes of what players said since the last tick: who stays, who is away, what each ship holds.

use protocol::message::MARGIN_MISSING;
use protocol::snapshot::changed;
use protocol::{CloseCode, TICK_HZ, Tick};
use sim::{Command, World};

use super::TickReport;
use super::inbound::{Arrived, End, Wishes};
use super::interest::Window;
use super::seat::Seat;
use crate::farewell::Farewell;
use crate::time::Stamp;

/// Ticks of an idle page after which its ship is taken out of the world: 20 s.
const PARK_TICKS: u32 = 20 * TICK_HZ as u32;

/// Ticks of an idle page after which its connection is closed: 10 min.
const PARKED_TOO_LONG_TICKS: u32 = 600 * TICK_HZ as u32;

/// For how many ticks a seat waits for its player.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// With the ship in place.
    pub(super) grace: u32,
    /// With the score.
    pub(super) keep: u32,
}

/// Listens to one seat after the other before a tick.
pub(super) struct Ear<'a> {
    pub(super) world: &'a mut World,
    /// The coming tick.
    pub(super) tick: Tick,
    /// When it begins.
    pub(super) now: Stamp,
    pub(super) patience: Patience,
    /// By slot: what each ship holds in the coming tick.
    pub(super) inputs: &'a mut Vec<Command>,
    pub(super) report: &'a mut TickReport,
    /// Players with a connection, and spectators, among those that stay.
    pub(super) present: (u16, u16),
}

impl Ear<'_> {
    /// Takes in what one player said. False if the seat is to be given up.
    pub(super) fn hear(&mut self, seat: &mut Seat) -> bool {
        let (input, wishes) = seat.mailbox.open().take(self.tick);
        if !self.stays(seat, wishes.end) {
            return false;
        }
        if let Some(aspect) = wishes.aspect {
            seat.window = Window::of(aspect);
        }
        seat.watch = wishes.watch.unwrap_or(seat.watch);
        if let Some((seq, at)) = wishes.ack {
            seat.flow.acknowledge(seq, at);
            // Whoever acknowledges has read the Welcome.
            seat.tokens.1 = None;
        }
        if wishes.resync {
            seat.baseline.forget();
            self.report.resyncs += 1;
        }
        let stays = self.idle(seat, &wishes);
        if stays {
            self.hold(seat, input);
            match seat.slot {
                None => self.present.1 += 1,
                Some(_) => self.present.0 += u16::from(seat.away.is_none()),
            }
        }
        stays
    }

    /// Is the player here, or expected back?
    fn stays(&mut self, seat: &mut Seat, end: Option<End>) -> bool {
        match (end, &mut seat.away, seat.slot) {
            (Some(End::Left), ..) => false,
            // The ship stays where it is, if its player may come back.
            (Some(End::Lost), _, Some(slot)) if self.patience.keep > 0 => {
                seat.lose();
                self.world.set_away(slot, true);
                true
            }
            (Some(End::Lost), ..) => false,
            (None, Some(ticks), _) => {
                *ticks += 1;
                *ticks <= self.patience.keep
            }
            (None, None, _) => true,
        }
    }

    /// Parks the ship of whoever does not look, or is away for long. False if that has lasted too long.
    fn idle(&mut self, seat: &mut Seat, wishes: &Wishes) -> bool {
        match wishes.idle {
            Some(true) => seat.idle_ticks = seat.idle_ticks.max(1),
            Some(false) => seat.idle_ticks = 0,
            None if seat.idle_ticks > 0 => seat.idle_ticks += 1,
            None => {}
        }
        if seat.idle_ticks > PARKED_TOO_LONG_TICKS {
            seat.outbox.close(Farewell::bye(CloseCode::Parked));
            return false;
        }
        let Some(slot) = seat.slot else { return true };
        let gone_for_long = seat.away.is_some_and(|ticks| ticks > self.patience.grace);
        if (seat.idle_ticks > PARK_TICKS || gone_for_long) && !seat.parked {
            seat.parked = true;
            self.world.park(slot);
        }
        if wishes.spawn && seat.parked {
            seat.parked = false;
            seat.idle_ticks = 0;
            self.world.unpark(slot);
        }
        true
    }

    /// What the ship holds in the coming tick.
    fn hold(&mut self, seat: &mut Seat, arrived: Option<Arrived>) {
        let Some(slot) = seat.slot else { return };
        match arrived {
            Some(arrived) => seat.margin = self.now.margin_since(arrived.at),
            None => {
                seat.margin = MARGIN_MISSING;
                seat.changed |= changed::INPUT_MISSING;
                self.report.inputs_missing += 1;
            }
        }
        if self.inputs.len() <= slot.index() {
            self.inputs.resize(slot.index() + 1, Command::default());
        }
        self.inputs[slot.index()] = seat.held.resolve(arrived, self.tick, seat.flow.acked());
    }
}
