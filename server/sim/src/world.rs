//! The world and its step.

use protocol::message::Weapon;
use protocol::snapshot::{PickupKind, Timers};
use protocol::{Controls, Slot, Tick};

use crate::map::Obstacle;

/// What a world is made from. The same configuration makes the same world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorldConfig {
    /// Most players, 1..=4000; sets the side of the world.
    pub capacity: u16,
    /// Server-run pilots join while fewer ships than this are in the world; 0 for none.
    pub pilots: u16,
    /// Seed of the map and of everything random.
    pub seed: u64,
}

/// The state of one room's game.
#[derive(Debug, Clone)]
pub struct World {
    tick: Tick,
}

/// A ship, as the room reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ship {
    /// Counts the tenants of the slot.
    pub generation: u8,
    /// True for a server-run ship.
    pub pilot: bool,
    /// False from destruction to respawn, and while parked; it is then nowhere.
    pub alive: bool,
    /// Position, Q8.
    pub x: i32,
    /// Position, Q8.
    pub y: i32,
    /// Velocity, Q8 a tick.
    pub vx: i32,
    /// Velocity, Q8 a tick.
    pub vy: i32,
    /// Aim, 0..4096.
    pub aim: u16,
    /// Energy, Q8: 0..=25600.
    pub energy: u16,
    /// Countdowns.
    pub timers: Timers,
    /// Points.
    pub score: u32,
    /// Bits of `protocol::snapshot::changed` set by the last step.
    pub changed: u8,
}

impl Ship {
    /// Hit points, rounded up, 0..=100.
    pub fn hp(&self) -> u8 {
        unimplemented!()
    }
    /// Bits of `protocol::snapshot::state`, CROWN and AWAY included.
    pub fn state(&self) -> u8 {
        unimplemented!()
    }
}

/// Something that happened during a step. Positions are Q8 and multiples of 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A pulse struck a ship. Damage 0: its shield held.
    Hit {
        /// Id of the pulse, gone now.
        pulse: u16,
        /// Who fired.
        attacker: Slot,
        /// Whose ship.
        victim: Slot,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
        /// Hit points lost.
        damage: u8,
    },
    /// A ship was destroyed.
    Destroyed {
        /// Who did it; none if it has left since.
        killer: Option<Slot>,
        /// Whose ship.
        victim: Slot,
        /// With what.
        weapon: Weapon,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
    },
    /// A pickup was taken.
    Taken {
        /// Its id.
        id: u16,
        /// What it was.
        kind: PickupKind,
        /// Who has it.
        slot: Slot,
        /// Where.
        x: i32,
        /// Where.
        y: i32,
    },
}

/// An axis-aligned rectangle, Q8, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rect {
    /// West.
    pub x0: i32,
    /// North.
    pub y0: i32,
    /// East.
    pub x1: i32,
    /// South.
    pub y1: i32,
}

impl World {
    /// A world at tick 0 with its map, pickups and pilots.
    pub fn new(_config: &WorldConfig) -> World {
        World { tick: Tick(0) }
    }
    /// The tick last simulated.
    pub fn tick(&self) -> Tick {
        self.tick
    }
    /// Side of the square world, units.
    pub fn side(&self) -> u16 {
        unimplemented!()
    }
    /// The obstacles, ascending id.
    pub fn obstacles(&self) -> &[Obstacle] {
        unimplemented!()
    }
    /// Hash of the rules' constants, for `Welcome::rules`.
    pub fn rules_hash() -> u32 {
        unimplemented!()
    }
    /// Hash of the sine table, for `Welcome::trig`.
    pub fn trig_hash() -> u32 {
        unimplemented!()
    }
    /// Gives a player a ship, spawned at once and shielded; a pilot may make way. None if `capacity` players are in.
    pub fn join(&mut self) -> Option<Slot> {
        unimplemented!()
    }
    /// Takes a player's ship away. A slot without a player is ignored.
    pub fn leave(&mut self, _slot: Slot) {
        unimplemented!()
    }
    /// Marks a ship's player as away or back (only shown).
    pub fn set_away(&mut self, _slot: Slot, _away: bool) {
        unimplemented!()
    }
    /// Takes the ship out of the world without killing it; `unpark` spawns it again.
    pub fn park(&mut self, _slot: Slot) {
        unimplemented!()
    }
    /// Spawns a parked ship.
    pub fn unpark(&mut self, _slot: Slot) {
        unimplemented!()
    }
    /// One tick. `inputs` is indexed by slot; a ship beyond its end holds nothing. Pilots decide for themselves.
    pub fn step(&mut self, _inputs: &[Controls]) {
        unimplemented!()
    }
    /// What happened during the last step, in order.
    pub fn events(&self) -> &[Event] {
        unimplemented!()
    }
    /// FNV-1a-64 over the whole state, generator included.
    pub fn checksum(&self) -> u64 {
        unimplemented!()
    }
    /// The ship of a slot, dead or alive.
    pub fn ship(&self, _slot: Slot) -> Option<&Ship> {
        unimplemented!()
    }
    /// All ships, ascending slot.
    pub fn ships(&self) -> impl Iterator<Item = (Slot, &Ship)> {
        std::iter::empty()
    }
    /// Ships by score, best first, ties by lower slot.
    pub fn ranking(&self) -> &[Slot] {
        unimplemented!()
    }
    /// Appends the living ships in `rect`, ascending slot.
    pub fn ships_in(&self, _rect: Rect, _out: &mut Vec<Slot>) {
        unimplemented!()
    }
    /// Appends the pulses now in `rect`, ascending id, as they travel.
    pub fn pulses_in(&self, _rect: Rect, _out: &mut Vec<protocol::snapshot::Pulse>) {
        unimplemented!()
    }
    /// Appends the pickups in `rect`, ascending id, as they travel.
    pub fn pickups_in(&self, _rect: Rect, _out: &mut Vec<protocol::snapshot::Pickup>) {
        unimplemented!()
    }
}
