//! The world and its step. Who plays, what they hold and what they may see come from outside and are not asked for.

use protocol::quantize::Q8;
use protocol::snapshot::changed;
use protocol::{Controls, Slot, Tick, snapshot};
use slab::Slab;

use crate::body;
use crate::checksum::StateHash;
pub use crate::command::Command;
use crate::deed::Deed;
use crate::dice::Dice;
pub use crate::event::Event;
pub use crate::grid::Rect;
use crate::grid::{Grid, Item};
use crate::history::History;
use crate::map::{Map, Obstacle};
use crate::pickups::{Lying, Pickups};
use crate::rewind::{MAX_REWIND, Place};
use crate::rules::{self, CROWD_MAX, HP_MAX, HP_REGAIN};
use crate::seats::Pilot;
pub use crate::ship::Ship;
use crate::sight::Scene;
use crate::trig;
use crate::weapons::Pulse;

/// What a world is made from. The same configuration makes the same world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldConfig {
    /// Most players, 1..=4000 (more count as 4000); sets the side of the world.
    pub capacity: u16,
    /// Server-run pilots join while fewer ships than this are in the world; 0 for none, 4000 at most.
    pub pilots: u16,
    /// Seed of the map and of everything random.
    pub seed: u64,
}

/// The state of one room's game.
#[derive(Debug, Clone)]
pub struct World {
    pub(crate) config: WorldConfig,
    pub(crate) tick: Tick,
    pub(crate) map: Map,
    pub(crate) dice: Dice,
    pub(crate) ships: Slab<Ship>,
    /// The newest tenant of each slot that was ever taken.
    pub(crate) generations: Vec<u8>,
    pub(crate) pilots: Vec<Pilot>,
    /// How many ships are parked.
    pub(crate) parked: usize,
    /// In the order in which they were fired.
    pub(crate) pulses: Vec<Pulse>,
    pub(crate) next_pulse: u16,
    /// How many lives there were.
    pub(crate) lives: u32,
    /// Where ships were in the last ticks, this one included.
    pub(crate) history: History<Place>,
    pub(crate) pickups: Pickups,
    pub(crate) crown: Option<Slot>,

    // What the step tells, and what it can work out again.
    pub(crate) events: Vec<Event>,
    pub(crate) deeds: Vec<Deed>,
    pub(crate) ranking: Vec<Slot>,
    pub(crate) ship_grid: Grid,
    pulse_grid: Grid,

    // Buffers, kept for their memory.
    pub(crate) commands: Vec<Command>,
    pub(crate) shooters: Vec<Slot>,
    pub(crate) lancers: Vec<Slot>,
    pub(crate) touched: Vec<Item>,
    scene: Scene,
}

impl World {
    /// A world at tick 0 with its map, pickups and pilots.
    pub fn new(config: &WorldConfig) -> World {
        let &WorldConfig { capacity, pilots, seed } = config;
        let config = WorldConfig { capacity: capacity.min(CROWD_MAX), pilots: pilots.min(CROWD_MAX), seed };
        let side = i32::from(rules::side(config.capacity)) * Q8;
        let map = Map::generate(side, seed);
        let mut dice = Dice::new(!seed);
        let pickups = Pickups::new(&map, &mut dice);
        let mut world = World {
            config,
            tick: Tick(0),
            map,
            dice,
            ships: Slab::new(),
            generations: Vec::new(),
            pilots: Vec::new(),
            parked: 0,
            pulses: Vec::new(),
            next_pulse: 0,
            lives: 0,
            history: History::new(),
            pickups,
            crown: None,
            events: Vec::new(),
            deeds: Vec::new(),
            ranking: Vec::new(),
            ship_grid: Grid::new(side),
            pulse_grid: Grid::new(side),
            commands: Vec::new(),
            shooters: Vec::new(),
            lancers: Vec::new(),
            touched: Vec::new(),
            scene: Scene::default(),
        };
        world.fill_with_pilots();
        world.rank();
        world
    }

    /// One tick. `inputs` is indexed by slot; a ship beyond its end holds nothing. Pilots decide for themselves.
    pub fn step(&mut self, inputs: &[Command]) {
        self.begin_tick();
        self.respawn();
        self.decide(inputs);
        self.move_ships();
        self.index_ships();
        self.remember_places();
        self.fly_pulses();
        self.fire_pulses();
        self.fire_lances();
        self.collect_pickups();
        self.regenerate();
        self.renew_pickups();
        self.rank();
        self.index_rest();
    }

    /// The tick last simulated.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// Side of the square world, units.
    pub fn side(&self) -> u16 {
        rules::side(self.config.capacity)
    }

    /// The map: the side, the obstacles, and what is near a place.
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The obstacles, ascending id.
    pub fn obstacles(&self) -> &[Obstacle] {
        self.map.obstacles()
    }

    /// Hash of the rules' constants, for `Welcome::rules`.
    pub fn rules_hash() -> u32 {
        rules::hash()
    }

    /// Hash of the sine table, for `Welcome::trig`.
    pub fn trig_hash() -> u32 {
        trig::hash()
    }

    /// What happened during the last step, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The ship of a slot, dead or alive.
    pub fn ship(&self, slot: Slot) -> Option<&Ship> {
        self.ships.get(slot.index())
    }

    /// All ships, ascending slot.
    pub fn ships(&self) -> impl Iterator<Item = (Slot, &Ship)> {
        self.ships.iter().map(|(key, ship)| (Slot(key as u16), ship))
    }

    /// Ships by score, best first, ties by lower slot; those that joined since the last step come last.
    pub fn ranking(&self) -> &[Slot] {
        &self.ranking
    }

    /// Who wears the crown: the first of the ranking that is not parked, once it has a point.
    pub fn crown(&self) -> Option<Slot> {
        self.crown
    }

    /// How many players have a ship, parked ones included.
    pub fn players(&self) -> usize {
        self.ships.len() - self.pilots.len()
    }

    /// Appends the ships that were in `rect` after they had moved in the last step, those included that were destroyed in
    /// it since, in an order that depends only on where they are.
    pub fn ships_about(&self, rect: Rect, out: &mut Vec<Slot>) {
        self.ship_grid.each(rect, |item| out.push(Slot(item.key as u16)));
    }

    /// Appends the living ships in `rect`, ascending slot.
    pub fn ships_in(&self, rect: Rect, out: &mut Vec<Slot>) {
        let first = out.len();
        self.ship_grid.each(rect, |item| {
            let slot = Slot(item.key as u16);
            if self.ship(slot).is_some_and(|ship| ship.alive) {
                out.push(slot);
            }
        });
        out[first..].sort_unstable();
    }

    /// Appends the pulses now in `rect`, ascending id, as they travel.
    pub fn pulses_in(&self, rect: Rect, out: &mut Vec<snapshot::Pulse>) {
        let first = out.len();
        self.pulse_grid.each(rect, |item| out.push(self.pulses[item.key as usize].wire()));
        out[first..].sort_unstable_by_key(|pulse| pulse.id);
    }

    /// Appends the pickups in `rect`, ascending id.
    pub fn pickups_in(&self, rect: Rect, out: &mut Vec<Lying>) {
        let first = out.len();
        self.pickups.each(rect, |pickup| out.push(pickup));
        out[first..].sort_unstable_by_key(|pickup| pickup.id);
    }

    /// Hash of the whole state, generator included. What a step works out anew is left out.
    pub fn checksum(&self) -> u64 {
        let mut hash = self.moving();
        hash.bytes(&self.generations);
        self.history.digest(&mut hash);
        self.pickups.digest(&mut hash);
        hash.finish()
    }

    /// Hash of what a tick changes: ships, pulses, pilots, the generator, and pickups that were taken or dropped. What it
    /// leaves out, the past and the places of other pickups, comes from these in earlier ticks. A third of a checksum's work.
    pub fn digest(&self) -> u32 {
        let mut hash = self.moving();
        self.pickups.digest_passing(&mut hash);
        (hash.finish() >> 32) as u32
    }

    fn moving(&self) -> StateHash {
        let mut hash = StateHash::new();
        hash.words([self.tick.0.into(), self.next_pulse.into(), self.lives.into()]);
        self.dice.digest(&mut hash);
        for (key, ship) in &self.ships {
            ship.digest(key, &mut hash);
        }
        for pilot in &self.pilots {
            hash.words([pilot.slot.0.into()]);
            pilot.brain.digest(&mut hash);
        }
        for pulse in &self.pulses {
            pulse.digest(&mut hash);
        }
        hash
    }
}

/// The systems that are short enough to stand here.
impl World {
    fn begin_tick(&mut self) {
        self.tick = self.tick.next();
        self.events.clear();
        self.deeds.clear();
        self.shooters.clear();
        self.lancers.clear();
        for (_, ship) in &mut self.ships {
            ship.changed = std::mem::take(&mut ship.pending);
        }
    }

    /// Settles what every ship holds: a player's input, a pilot's thought.
    fn decide(&mut self, inputs: &[Command]) {
        self.commands.clear();
        self.commands.extend_from_slice(&inputs[..inputs.len().min(self.generations.len())]);
        self.commands.resize(self.generations.len(), Command::default());
        let mut scene = std::mem::take(&mut self.scene);
        let mut pilots = std::mem::take(&mut self.pilots);
        for pilot in &mut pilots {
            if let Some(sight) = scene.look(self, pilot.slot) {
                self.commands[pilot.slot.index()] = pilot.brain.think(&sight).into();
            }
        }
        self.pilots = pilots;
        self.scene = scene;
    }

    fn move_ships(&mut self) {
        for (key, ship) in &mut self.ships {
            if !ship.alive {
                continue;
            }
            let Command { controls, rewind } = self.commands[key];
            ship.aim = controls.aim & Controls::AIM_MASK;
            let mut body = ship.body();
            let deeds = body::step(&mut body, controls, self.map.side(), self.map.near(ship.x, ship.y));
            if ship.timers.overdrive > 0 && body.timers.overdrive == 0 {
                ship.changed |= changed::OVERDRIVE;
            }
            ship.set_body(body);
            ship.boosting = deeds.boosted;
            if deeds.fired {
                self.shooters.push(Slot(key as u16));
            }
            if deeds.wound {
                ship.view = rewind.min(MAX_REWIND);
            }
            if deeds.beamed {
                self.lancers.push(Slot(key as u16));
            }
        }
    }

    fn regenerate(&mut self) {
        for (_, ship) in &mut self.ships {
            if ship.alive && ship.timers.regen == 0 {
                ship.hp = (ship.hp + HP_REGAIN).min(HP_MAX);
            }
        }
    }

    fn renew_pickups(&mut self) {
        self.pickups.renew(&self.map, &mut self.dice, self.tick);
    }

    pub(crate) fn index_ships(&mut self) {
        let alive = self.ships.iter().filter(|(_, ship)| ship.alive);
        self.ship_grid.rebuild(alive.map(|(key, ship)| Item { key: key as u32, x: ship.x, y: ship.y }));
    }

    fn index_rest(&mut self) {
        let pulses = self.pulses.iter().enumerate();
        self.pulse_grid.rebuild(pulses.map(|(key, pulse)| Item { key: key as u32, x: pulse.x, y: pulse.y }));
        self.pickups.index();
    }
}

mod keyframe;
#[cfg(test)]
mod tests;
