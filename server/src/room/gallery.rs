//! The gallery: what spectators see where they see it late, so that nobody profits from a friend who watches.
//!
//! A second world that gets the same deeds and commands some seconds later: the rules are the same to the bit, so it is
//! the first one's past. Spectators choose freely whom to follow in it. Without a delay there is none.

use std::collections::VecDeque;
use std::time::Duration;

use protocol::{Slot, TICK_HZ};
use sim::{Command, Deed, World, WorldConfig};

use super::outbound::Outbound;
use super::roster::Roster;

/// The room as it was.
#[derive(Debug)]
pub(super) struct Gallery {
    pub(super) world: World,
    pub(super) outbound: Outbound,
    pub(super) roster: Roster,
    /// What is still to be seen, oldest first; as many ticks as the delay has.
    coming: VecDeque<Moment>,
    /// Names of the players that sat down since the last tick.
    seated: Vec<(Slot, String, u8)>,
    /// A moment that has been seen, for its buffers.
    spare: Moment,
    delay: usize,
}

/// What made one tick what it was.
#[derive(Debug, Default)]
struct Moment {
    seated: Vec<(Slot, String, u8)>,
    deeds: Vec<Deed>,
    commands: Vec<Command>,
}

impl Gallery {
    /// For a room of the same `config` that has not ticked yet.
    pub(super) fn new(config: &WorldConfig, delay: Duration) -> Gallery {
        let mut gallery = Gallery {
            world: World::new(config),
            outbound: Outbound::default(),
            roster: Roster::default(),
            coming: VecDeque::new(),
            seated: Vec::new(),
            spare: Moment::default(),
            delay: delay.as_secs() as usize * usize::from(TICK_HZ),
        };
        gallery.roster.muster(&gallery.world);
        gallery
    }

    /// Notes a player that takes a seat in the coming tick.
    pub(super) fn seat(&mut self, slot: Slot, name: &str, hue: u8) {
        self.seated.push((slot, name.to_owned(), hue));
    }

    /// Notes what comes to the world's coming tick, and runs the tick whose time to be seen has come.
    pub(super) fn tick(&mut self, world: &World, commands: &[Command]) {
        let mut moment = std::mem::take(&mut self.spare);
        moment.seated.clear();
        moment.seated.append(&mut self.seated);
        moment.deeds.clear();
        moment.deeds.extend_from_slice(world.deeds());
        moment.commands.clear();
        moment.commands.extend_from_slice(commands);
        self.coming.push_back(moment);
        if self.coming.len() <= self.delay {
            return;
        }
        let Some(mut moment) = self.coming.pop_front() else { return };
        for (slot, name, hue) in moment.seated.drain(..) {
            self.roster.seat(slot, name, hue);
        }
        for &deed in &moment.deeds {
            let done = self.world.redo(deed);
            debug_assert!(done, "{deed:?} was done in the same world before");
        }
        if !moment.deeds.is_empty() {
            self.roster.muster(&self.world);
        }
        self.world.step(&moment.commands);
        self.outbound.record(&self.world);
        self.spare = moment;
    }

    /// How long until there is something to see, ms; 0 once there is.
    pub(super) fn opens_in_ms(&self) -> u32 {
        if self.world.tick().0 > 0 {
            return 0;
        }
        let ticks = (self.delay + 1).saturating_sub(self.coming.len());
        u32::try_from(ticks * 1000 / usize::from(TICK_HZ) + 1).unwrap_or(u32::MAX)
    }
}
