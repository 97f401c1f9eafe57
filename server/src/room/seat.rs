//! A seat: one session's membership of a room, as the room keeps it.

use std::sync::Arc;

use protocol::message::{MARGIN_MISSING, Role};
use protocol::snapshot::CellWindow;
use protocol::{ResumeToken, Slot, Tick};

use super::flow::Flow;
use super::inbound::{End, Held, Mailbox};
use super::interest::Window;
use super::known::Known;
use super::places::Reservation;
use crate::outbox::Outbox;
use crate::session::{Fingerprint, PlayerId};

/// By so many slots the table of names that a client knows grows: seldom.
const KNOWN_STEP: usize = 64;

/// A request for a seat: what the session sends over the room's bounded channel.
#[derive(Debug)]
pub struct Join {
    /// What takes this seat back later, and what takes an earlier one back.
    pub keys: Keys,
    /// Display name, already cleaned; empty for one that the room gives.
    pub name: String,
    /// Index into the palette, 0..8.
    pub hue: u8,
    /// Width / height of the window, thousandths.
    pub aspect: u16,
    /// Play or watch.
    pub role: Role,
    /// What the player says; the session holds the other end.
    pub mailbox: Arc<Mailbox>,
    /// What waits for the player; the connection's writer holds the other end.
    pub outbox: Arc<Outbox>,
    /// True if the client acknowledges snapshots; for others the socket's back-pressure must do.
    pub acknowledges: bool,
    /// The place in this room that the directory gave; none if the room is full and only an earlier seat will do.
    pub reservation: Option<Reservation>,
}

/// What takes seats back.
#[derive(Debug)]
pub struct Keys {
    /// Takes this seat back later; the client is told it in its `Welcome`.
    pub token: ResumeToken,
    /// Of the token of an earlier seat that is asked for.
    pub resume: Option<Fingerprint>,
    /// Whom the player's ticket is for, where tickets are asked for.
    pub holder: Option<PlayerId>,
}

/// What a client was told, up to the last snapshot that was encoded for it.
#[derive(Debug, Default)]
pub struct Baseline {
    /// The tick of that snapshot; none: the next one starts anew.
    pub tick: Option<Tick>,
    /// The ships that it knows, in the order of its list.
    pub ships: Vec<Known>,
    /// Id and fire tick of the pulses that were in its view, ascending.
    pub pulses: Vec<(u16, u8)>,
    /// The pickup cells that it knows.
    pub cells: CellWindow,
}

impl Baseline {
    /// Forgets everything: the next snapshot starts anew.
    pub fn forget(&mut self) {
        self.tick = None;
        self.ships.clear();
        self.pulses.clear();
        self.cells = CellWindow::default();
    }
}

/// One seat.
#[derive(Debug)]
pub struct Seat {
    /// The ship; none for a spectator.
    pub slot: Option<Slot>,
    /// Whom a spectator follows; none is the leader.
    pub watch: Option<Slot>,
    /// The shape of the client's window.
    pub window: Window,
    /// Is told of the whole world in every tick, whatever that takes: for films, never for a connection.
    pub everywhere: bool,
    /// What is under way.
    pub flow: Flow,
    /// See [`Join::acknowledges`].
    pub acknowledges: bool,
    /// What the client was told up to now.
    pub baseline: Baseline,
    /// What acted on the ship since the last snapshot that was sent.
    pub changed: u8,
    /// Margin of this tick's input, ms, or [`MARGIN_MISSING`].
    pub margin: i8,
    /// What the ship holds.
    pub held: Held,
    /// For how many ticks nobody has looked; 0 while somebody does.
    pub idle_ticks: u32,
    /// True while the ship is out of the world because nobody looks.
    pub parked: bool,
    /// Snapshots skipped in a row because the last one is still on its way.
    pub skipped: u32,
    /// Feed messages that may still be sent this second.
    pub feed_left: u8,
    /// By slot: generation + 1 of the ship that the client has a name for; 0 for none.
    pub known: Vec<u16>,
    /// Of the token that takes the seat back, and of the one before, which counts until the client has shown that it
    /// knows the new one: a `Welcome` that is lost loses no seat.
    pub tokens: (Fingerprint, Option<Fingerprint>),
    /// See [`Keys::holder`].
    pub holder: Option<PlayerId>,
    /// For how many ticks the connection has been lost; none while there is one.
    pub away: Option<u32>,
    /// See [`Join::mailbox`].
    pub mailbox: Arc<Mailbox>,
    /// See [`Join::outbox`].
    pub outbox: Arc<Outbox>,
    reservation: Reservation,
}

impl Seat {
    /// True if somebody who joins takes this seat back: by its token, or by a ticket for the same player, who has one
    /// ship in a room and not two. Who has left has nothing to take back, also when the room has not heard of it yet.
    pub fn opens(&self, join: &Join) -> bool {
        let Keys { resume, holder, .. } = &join.keys;
        let by_token =
            resume.as_ref().is_some_and(|key| self.tokens.0 == *key || self.tokens.1.as_ref() == Some(key));
        let by_ticket = holder.is_some() && self.slot.is_some() == (join.role == Role::Player);
        *holder == self.holder && (by_token || by_ticket) && self.mailbox.open().wishes.end != Some(End::Left)
    }

    /// Begins to wait for its player, whose connection is lost.
    pub fn lose(&mut self) {
        self.away = Some(0);
        self.idle_ticks = 0;
        self.reservation.set_away(true);
    }

    /// Goes on with another connection: nothing of what the last one was told counts any more.
    pub fn resume(&mut self, join: Join, now: Tick) {
        self.tokens = (Fingerprint::of(&join.keys.token), Some(self.tokens.0));
        self.away = None;
        self.reservation.set_away(false);
        self.idle_ticks = 0;
        self.skipped = 0;
        self.window = Window::of(join.aspect);
        self.flow = Flow::new(now);
        self.acknowledges = join.acknowledges;
        self.baseline.forget();
        self.known.clear();
        self.mailbox = join.mailbox;
        self.outbox = join.outbox;
    }
}

impl Seat {
    /// The seat that a request asked for, with the ship that the world gave.
    pub fn new(join: Join, reservation: Reservation, slot: Option<Slot>, now: Tick) -> Seat {
        Seat {
            slot,
            watch: None,
            window: Window::of(join.aspect),
            everywhere: false,
            flow: Flow::new(now),
            acknowledges: join.acknowledges,
            baseline: Baseline::default(),
            changed: 0,
            margin: MARGIN_MISSING,
            held: Held::default(),
            idle_ticks: 0,
            parked: false,
            skipped: 0,
            feed_left: 0,
            known: Vec::new(),
            mailbox: join.mailbox,
            outbox: join.outbox,
            reservation,
            tokens: (Fingerprint::of(&join.keys.token), None),
            holder: join.keys.holder,
            away: None,
        }
    }

    /// For [`fetch`](crate::fetch::fetch): before the room hears what this player said.
    pub fn touch_to_hear(&self) -> usize {
        let said = [self.slot.is_some(), self.away.is_some(), self.tokens.1.is_some(), self.parked];
        self.mailbox.touch() ^ self.flow.touch() ^ count(&said)
    }

    /// For [`fetch`](crate::fetch::fetch): before the room tells this player something.
    pub fn touch_to_tell(&self) -> usize {
        let Baseline { ships, pulses, cells, .. } = &self.baseline;
        // A line of the cache holds five of the ones and sixteen of the others.
        let ships = ships.iter().rev().step_by(5).map(|ship| usize::from(ship.generation));
        let pulses = pulses.iter().step_by(16).map(|pulse| usize::from(pulse.0));
        let told = [self.slot.is_some(), self.watch.is_some(), self.everywhere, cells.width > 0];
        let numbers = usize::from(self.changed) ^ usize::from(self.feed_left) ^ self.skipped as usize;
        let baseline = ships.chain(pulses).fold(numbers ^ self.known.len(), |all, n| all ^ n);
        self.outbox.touch() ^ self.flow.touch() ^ baseline ^ count(&told)
    }

    /// Notes that the client is about to learn the name of a slot's tenant. True if it did not know it.
    pub fn learns(&mut self, slot: Slot, generation: u8) -> bool {
        let tag = u16::from(generation) + 1;
        if self.known.len() <= slot.index() {
            self.known.resize((slot.index() + 1).next_multiple_of(KNOWN_STEP), 0);
        }
        std::mem::replace(&mut self.known[slot.index()], tag) != tag
    }
}

fn count(flags: &[bool]) -> usize {
    flags.iter().filter(|&&flag| flag).count()
}
