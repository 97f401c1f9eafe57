//! A room: one world and the seats around it. Inputs come in, the world steps, snapshots go out.
//!
//! Ordered and without I/O: no socket, no task, no clock. Arrival times come in as data, time passes when the driver
//! calls [`Room::tick`]. The way of an input ends in `inbound`; the way of a snapshot begins in `interest`.

pub mod action;
pub mod cells;
pub mod driver;
pub mod flow;
mod gallery;
pub mod inbound;
pub mod interest;
pub mod known;
mod listen;
pub mod load;
mod metronome;
pub mod orders;
pub mod outbound;
pub mod places;
pub mod recorder;
pub mod roster;
pub mod screening;
pub mod seat;
mod seating;
pub mod states;
pub mod words;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use protocol::{RoomCode, TICK_HZ};
pub use sim::WorldConfig;
use sim::{Command, World};
use slab::Slab;
use tokio::sync::mpsc;

use crate::bell::Calls;
use crate::farewell::Farewell;
use crate::fetch::{HELPING, fetch};
use crate::time::Stamp;
use gallery::Gallery;
use listen::{Ear, Patience};
use load::Relief;
use orders::{ORDERS_WAITING, Order};
use outbound::{News, Outbound, Published};
use recorder::Recorder;
use roster::Roster;
use seat::{Join, Seat};

/// Joins that may wait for the next tick; more are refused as overload.
pub const JOINS_WAITING: usize = 1024;

/// Every so many snapshots carry a checksum of the known ships.
const CHECK_EVERY: u8 = 30;

/// One room.
#[derive(Debug)]
pub struct Room {
    code: RoomCode,
    world: World,
    seats: Slab<Seat>,
    roster: Roster,
    /// The directory and the sessions hold the sender.
    joins: mpsc::Receiver<Join>,
    /// The directory holds the sender.
    orders: mpsc::Receiver<Order>,
    /// Shows the last simulated tick to the mailboxes.
    clock: Arc<AtomicU32>,
    inputs: Vec<Command>,
    outbound: Outbound,
    calls: Calls,
    /// What spectators see, where they see it late.
    gallery: Option<Box<Gallery>>,
    debug: Option<(u32, u32)>,
    relief: Relief,
    check_every: u8,
    patience: Patience,
    recorder: Option<Box<Recorder>>,
    /// The next step panics.
    #[cfg(test)]
    fails: bool,
}

/// What a tick consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Joins and inputs come in.
    Listen,
    /// The world steps.
    Step,
    /// Snapshots go out.
    Publish,
}

impl Part {
    /// In their order.
    pub const ALL: [Part; 3] = [Part::Listen, Part::Step, Part::Publish];

    /// A name for metrics.
    pub fn label(self) -> &'static str {
        match self {
            Part::Listen => "listen",
            Part::Step => "step",
            Part::Publish => "publish",
        }
    }
}

/// The ends of a room that stay outside.
#[derive(Debug, Clone)]
pub struct RoomEnds {
    /// Takes requests for a seat; bounded by [`JOINS_WAITING`].
    pub joins: mpsc::Sender<Join>,
    /// Takes what operators want; bounded by [`ORDERS_WAITING`].
    pub orders: mpsc::Sender<Order>,
    /// The last simulated tick.
    pub clock: Arc<AtomicU32>,
}

impl RoomEnds {
    /// Joins and orders that wait for the next tick.
    pub fn waiting(&self) -> (usize, usize) {
        (
            self.joins.max_capacity() - self.joins.capacity(),
            self.orders.max_capacity() - self.orders.capacity(),
        )
    }
}

/// What one tick did, for the metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TickReport {
    /// What went out.
    pub published: Published,
    /// Players that took a seat.
    pub joined: u32,
    /// Seats taken after the tick.
    pub seats: usize,
    /// Inputs that were missing.
    pub inputs_missing: u32,
    /// Clients whose view no longer added up.
    pub resyncs: u32,
    /// Seats taken back.
    pub resumed: u32,
    /// Joins refused because the room is full.
    pub refused_full: u32,
    /// Joins refused because its ticks take too long.
    pub refused_overloaded: u32,
}

impl Room {
    /// A room with its world, and the ends that the outside holds.
    pub fn new(code: RoomCode, world: &WorldConfig) -> (Room, RoomEnds) {
        let (sender, joins) = mpsc::channel(JOINS_WAITING);
        let (orders_sender, orders) = mpsc::channel(ORDERS_WAITING);
        let clock = Arc::new(AtomicU32::new(0));
        let mut room = Room {
            code,
            world: World::new(world),
            seats: Slab::new(),
            roster: Roster::default(),
            joins,
            orders,
            clock: clock.clone(),
            inputs: Vec::new(),
            outbound: Outbound::default(),
            calls: Calls::default(),
            gallery: None,
            debug: None,
            relief: Relief::None,
            check_every: CHECK_EVERY,
            recorder: None,
            #[cfg(test)]
            fails: false,
            patience: Patience { grace: 15 * u32::from(TICK_HZ), keep: 60 * u32::from(TICK_HZ) },
        };
        room.roster.muster(&room.world);
        (room, RoomEnds { joins: sender, orders: orders_sender, clock })
    }

    /// One tick of the room, begun at `now`.
    pub fn tick(&mut self, now: Stamp) -> TickReport {
        self.tick_by_part(now, |_| ())
    }

    /// The same; `done` is called as each part ends, for whoever takes its time.
    pub fn tick_by_part(&mut self, now: Stamp, mut done: impl FnMut(Part)) -> TickReport {
        let mut report = TickReport::default();
        self.obey();
        self.admit(&mut report);
        let present = self.listen(now, &mut report);
        if !self.world.deeds().is_empty() {
            // Pilots come and go with players only.
            self.roster.muster(&self.world);
        }
        done(Part::Listen);
        if let Some(recorder) = &mut self.recorder {
            recorder.before(&self.world, &self.inputs);
        }
        #[cfg(test)]
        assert!(!self.fails, "a test wants it");
        if let Some(gallery) = &mut self.gallery {
            gallery.tick(&self.world, &self.inputs);
        }
        self.world.step(&self.inputs);
        self.clock.store(self.world.tick().0, Ordering::Release);
        done(Part::Step);
        self.outbound.record(&self.world);
        self.publish(now, present, &mut report);
        if let Some(recorder) = &mut self.recorder {
            recorder.after(&self.world);
        }
        done(Part::Publish);
        report
    }

    /// Notes all ticks from now on.
    pub fn record(&mut self, mut recorder: Recorder) {
        recorder.begin(&self.world);
        self.recorder = Some(Box::new(recorder));
    }

    /// What is noted of the last minute, as a recording; none if nothing is noted.
    pub fn flight(&self) -> Option<Vec<u8>> {
        self.recorder.as_ref().and_then(|recorder| recorder.flight())
    }

    /// The world, for tests and recordings.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The room's code.
    pub fn code(&self) -> &RoomCode {
        &self.code
    }

    /// True if nobody has a seat and nobody waits for one.
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.joins.is_empty()
    }

    /// Tells players the mean and longest tick of the last second, µs, from now on.
    pub fn show_load(&mut self, mean_us: u32, max_us: u32) {
        self.debug = Some((mean_us, max_us));
    }

    /// How long a ship stays when its player's connection is lost, and how long its score. Zero score: not at all.
    pub fn keep_seats(&mut self, grace: Duration, keep: Duration) {
        let ticks = |time: Duration| (time.as_secs() * u64::from(TICK_HZ)).try_into().unwrap_or(u32::MAX);
        self.patience = Patience { grace: ticks(grace), keep: ticks(keep) };
    }

    /// Lets spectators see the room late, from whole seconds of `delay`; zero is at once. `world` is what the room was made
    /// from, and it has not ticked yet.
    pub fn delay_spectators(&mut self, delay: Duration, world: &WorldConfig) {
        self.gallery = (delay.as_secs() > 0).then(|| Box::new(Gallery::new(world, delay)));
    }

    /// Gives up something, or takes it back, to keep the pace.
    pub fn relieve(&mut self, relief: Relief) {
        self.relief = relief;
    }

    /// Lets every so many snapshots carry a checksum of the known ships; 30 unless set otherwise.
    pub fn check_every(&mut self, snapshots: u8) {
        self.check_every = snapshots.max(1);
    }

    /// Ends every seat. `farewell` is asked once a seat.
    pub fn dismiss(&mut self, mut farewell: impl FnMut() -> Farewell) {
        while let Ok(join) = self.joins.try_recv() {
            join.outbox.close(farewell());
        }
        for seat in self.seats.drain() {
            seat.outbox.close(farewell());
        }
    }

    /// Empties the mailboxes: who left, who asked for what, and what each ship holds in the coming tick. Returns how many
    /// players with a connection there are, and how many spectators.
    fn listen(&mut self, now: Stamp, report: &mut TickReport) -> (u16, u16) {
        let Room { seats, world, inputs, patience, .. } = self;
        inputs.fill(Command::default());
        let tick = world.tick().next();
        let mut ear = Ear { world, tick, now, patience: *patience, inputs, report, present: (0, 0) };
        for helping in helpings(seats) {
            fetch(helping.clone().filter_map(|n| seats.get(n)), Seat::touch_to_hear);
            for n in helping {
                let Some(seat) = seats.get_mut(n) else { continue };
                if !ear.hear(seat) {
                    if let Some(slot) = seat.slot {
                        ear.world.leave(slot);
                    }
                    seats.remove(n);
                }
            }
        }
        ear.present
    }

    fn publish(&mut self, now: Stamp, (players, spectators): (u16, u16), report: &mut TickReport) {
        report.seats = self.seats.len();
        let Room { roster, debug, relief, check_every, gallery, seats, .. } = self;
        let (debug, relief, check_every) = (*debug, *relief, *check_every);
        let news = News { now, roster, players, spectators, debug, relief, check_every };
        for helping in helpings(seats) {
            fetch(helping.clone().filter_map(|n| seats.get(n)), Seat::touch_to_tell);
            for n in helping {
                let Some(seat) = seats.get_mut(n).filter(|seat| seat.away.is_none()) else { continue };
                report.published += match gallery {
                    Some(gallery) if seat.slot.is_none() => {
                        let Gallery { world, outbound, roster, .. } = &mut **gallery;
                        outbound.publish(world, &News { roster, ..news }, seat, n)
                    }
                    _ => self.outbound.publish(&self.world, &news, seat, n),
                };
                seat.outbox.ring(&mut self.calls);
            }
        }
        self.calls.make();
    }
}

/// The numbers of all seats, by those that are fetched together.
fn helpings(seats: &Slab<Seat>) -> impl Iterator<Item = Range<usize>> + use<> {
    let end = seats.capacity();
    (0..end).step_by(HELPING).map(move |first| first..end.min(first + HELPING))
}
