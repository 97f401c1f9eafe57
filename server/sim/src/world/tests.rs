//! The rules, one by one, on small worlds without obstacles or loot unless a test puts some there.

use protocol::input::Buttons;
use protocol::quantize::Q8;
use protocol::snapshot::{PickupKind, Timers, changed, state};
use protocol::{Controls, Slot};

use super::{Command, Event, Rect, Ship, World, WorldConfig};
use crate::map::{Map, Obstacle};
use crate::pickups::Pickups;
use crate::rules::{self, ENERGY_MAX, HP, HP_MAX};

mod lance;
mod pulse;
mod rewind;

/// A world under test, and what its players hold.
struct Rig {
    world: World,
    inputs: Vec<Command>,
    /// All events since the last look.
    seen: Vec<Event>,
}

/// The middle of a small world, Q8.
const MIDDLE: i32 = 1200 * Q8;
const EAST: u16 = 0;
const WEST: u16 = 2048;

impl Rig {
    /// `players` unshielded ships in an empty world.
    fn new(players: u16) -> Rig {
        Rig::with_obstacles(players, Vec::new())
    }

    fn with_obstacles(players: u16, obstacles: Vec<Obstacle>) -> Rig {
        let mut world = World::new(&WorldConfig { capacity: players, pilots: 0, seed: 1 });
        world.map = Map::new(world.map.side(), obstacles);
        world.pickups = Pickups::none(&world.map);
        for _ in 0..players {
            let slot = world.join().unwrap();
            world.ships[slot.index()].timers.shield = 0;
        }
        Rig { world, inputs: vec![Command::default(); players.into()], seen: Vec::new() }
    }

    fn put(&mut self, slot: u16, x: i32, y: i32) -> &mut Rig {
        let ship = self.ship(slot);
        (ship.x, ship.y) = (x, y);
        self.world.index_ships();
        self
    }

    fn ship(&mut self, slot: u16) -> &mut Ship {
        &mut self.world.ships[usize::from(slot)]
    }

    fn fire(&mut self, slot: u16, aim: u16) -> &mut Rig {
        self.hold(slot, Controls { buttons: Buttons::FIRE, aim, ..Controls::default() })
    }

    fn lance(&mut self, slot: u16, aim: u16) -> &mut Rig {
        self.hold(slot, Controls { buttons: Buttons::LANCE, aim, ..Controls::default() })
    }

    fn aim(&mut self, slot: u16, aim: u16) -> &mut Rig {
        self.hold(slot, Controls { aim, ..Controls::default() })
    }

    fn hold(&mut self, slot: u16, controls: Controls) -> &mut Rig {
        self.inputs[usize::from(slot)].controls = controls;
        self
    }

    fn rest(&mut self) -> &mut Rig {
        self.inputs.fill(Command::default());
        self
    }

    fn run(&mut self, ticks: u32) -> &mut Rig {
        for _ in 0..ticks {
            self.world.step(&self.inputs);
            self.seen.extend_from_slice(self.world.events());
        }
        self
    }

    fn hits(&self) -> Vec<(u16, u8)> {
        let hit = |event: &Event| match *event {
            Event::Hit { victim, damage, .. } => Some((victim.0, damage)),
            _ => None,
        };
        self.seen.iter().filter_map(hit).collect()
    }

    fn deaths(&self) -> Vec<(Option<Slot>, u16)> {
        let death = |event: &Event| match *event {
            Event::Destroyed { killer, victim, .. } => Some((killer, victim.0)),
            _ => None,
        };
        self.seen.iter().filter_map(death).collect()
    }

    fn pickups(&self) -> usize {
        let mut all = Vec::new();
        self.world.pickups_in(Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX }, &mut all);
        all.len()
    }
}

/// Two ships, the first west of the second by so many units.
fn duel(apart: i32) -> Rig {
    let mut rig = Rig::new(2);
    rig.put(0, MIDDLE, MIDDLE).put(1, MIDDLE + apart * Q8, MIDDLE);
    rig
}

#[test]
fn five_hits_destroy_a_ship_and_points_change_hands() {
    let mut rig = duel(300);
    rig.ship(1).score = 41;
    rig.fire(0, EAST).run(50);
    assert_eq!(rig.hits(), [(1, 20); 5]);
    assert_eq!(rig.deaths(), [(Some(Slot(0)), 1)]);
    let killer = rig.ship(0).clone();
    assert_eq!(killer.score, 10 + 41 / 4);
    let victim = rig.ship(1);
    assert_eq!((victim.score, victim.alive, victim.hp()), (41 - 41 / 3, false, 0));
    assert_eq!(rig.pickups(), 5 + 41 / 20);
}

#[test]
fn a_shield_holds_until_it_ends_or_its_ship_fires() {
    let mut rig = duel(100);
    rig.ship(1).timers.shield = 30;
    rig.fire(0, EAST).run(1).rest().run(4);
    assert_eq!(rig.hits(), [(1, 0)]);
    assert_eq!((rig.ship(1).hp(), rig.ship(1).changed & changed::DAMAGE), (100, 0));
    rig.fire(1, EAST).run(1).rest().run(6);
    assert_eq!((rig.ship(1).timers.shield, rig.ship(1).state() & state::SHIELD), (0, 0));
    rig.fire(0, EAST).run(1).rest().run(4);
    assert_eq!(rig.hits(), [(1, 0), (1, 20)]);
}

#[test]
fn a_destroyed_ship_is_back_after_two_seconds_whole_and_shielded() {
    let mut rig = duel(100);
    rig.ship(1).hp = 1;
    rig.fire(0, EAST).run(1).rest();
    while rig.ship(1).alive {
        rig.run(1);
    }
    assert_ne!(rig.ship(1).changed & changed::DEATH, 0);
    let mut living = Vec::new();
    rig.world.ships_in(Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX }, &mut living);
    assert_eq!(living, [Slot(0)]);
    rig.run(59);
    assert!(!rig.ship(1).alive);
    rig.run(1);
    let ship = rig.ship(1);
    assert!(ship.alive && ship.changed & changed::SPAWN != 0 && ship.state() & state::SHIELD != 0);
    assert_eq!((ship.hp(), ship.energy), (100, ENERGY_MAX));
}

#[test]
fn hit_points_come_back_after_five_quiet_seconds() {
    let mut rig = duel(100);
    rig.fire(0, EAST).run(1).rest();
    while rig.hits().is_empty() {
        rig.run(1);
    }
    rig.run(149);
    assert_eq!(rig.ship(1).hp, HP_MAX - 20 * HP);
    rig.run(30);
    assert_eq!(rig.ship(1).hp(), 90);
    rig.run(60);
    assert_eq!(rig.ship(1).hp(), 100);
}

#[test]
fn pickups_give_what_they_promise_and_come_back() {
    let mut rig = Rig::new(1);
    rig.put(0, MIDDLE, MIDDLE);
    let ship = rig.ship(0);
    (ship.energy, ship.hp) = (1000, HP_MAX / 2);
    for kind in PickupKind::ALL {
        rig.world.pickups.put(kind, MIDDLE + 20 * Q8, MIDDLE);
    }
    rig.run(1);
    let ship = rig.ship(0).clone();
    assert_eq!(ship.energy, 1000 + rules::ENERGY_REGAIN + rules::SHARD_ENERGY);
    assert_eq!((ship.score, ship.timers.overdrive), (1, 240));
    assert!((90..=91).contains(&ship.hp()), "{}", ship.hp());
    assert_eq!(ship.changed, changed::PICKUP | changed::OVERDRIVE | changed::SPAWN);
    assert_eq!((rig.seen.len(), rig.pickups()), (3, 0));
    rig.run(rules::SHARD_RENEWAL);
    assert_eq!(rig.pickups(), 1);
    rig.run(rules::OVERDRIVE_RENEWAL);
    assert!(rig.pickups() >= 2);
    // Overdrive is over by then, and says so once.
    assert_eq!((rig.ship(0).timers.overdrive, rig.ship(0).changed & changed::OVERDRIVE), (0, 0));
}

#[test]
fn an_unhurt_ship_leaves_a_repair_alone() {
    let mut rig = Rig::new(1);
    rig.put(0, MIDDLE, MIDDLE);
    rig.world.pickups.put(PickupKind::Repair, MIDDLE, MIDDLE);
    rig.run(5);
    assert_eq!(rig.pickups(), 1);
}

#[test]
fn overdrive_halves_the_cooldown_and_ends() {
    let mut rig = duel(2000);
    rig.ship(0).timers.overdrive = 31;
    rig.fire(0, EAST).run(30);
    assert_eq!(rig.world.next_pulse, 10);
    rig.run(1);
    assert_eq!((rig.ship(0).timers.overdrive, rig.ship(0).changed), (0, changed::OVERDRIVE));
}

#[test]
fn dropped_shards_expire() {
    let mut rig = duel(300);
    rig.world.destroy(Slot(1), None, protocol::message::Weapon::Pulse, 0);
    rig.put(0, MIDDLE - 900 * Q8, MIDDLE).run(1);
    assert_eq!(rig.pickups(), 5);
    rig.run(rules::DROP_LIFE - 2);
    assert!(rig.pickups() > 0 || !rig.seen.is_empty(), "they lie there for a while");
    rig.run(2);
    assert_eq!(rig.pickups(), 0);
}

#[test]
fn the_leader_wears_the_crown() {
    let mut rig = Rig::new(3);
    rig.run(1);
    assert_eq!(rig.world.crown(), None, "nobody has scored");
    rig.ship(2).score = 5;
    rig.ship(1).score = 5;
    rig.run(1);
    assert_eq!(rig.world.ranking(), [Slot(1), Slot(2), Slot(0)]);
    assert_eq!(rig.world.crown(), Some(Slot(1)));
    rig.ship(2).score = 6;
    rig.run(1);
    let crowned = |rig: &Rig| -> Vec<u16> {
        let crown = |(slot, ship): (Slot, &Ship)| (ship.state() & state::CROWN != 0).then_some(slot.0);
        rig.world.ships().filter_map(crown).collect()
    };
    assert_eq!(crowned(&rig), [2]);
    rig.world.park(Slot(2));
    rig.run(1);
    assert_eq!(crowned(&rig), [1]);
    rig.world.leave(Slot(1));
    rig.world.unpark(Slot(2));
    rig.run(1);
    assert_eq!(crowned(&rig), [2]);
}

#[test]
fn a_parked_ship_is_nowhere_and_keeps_its_points() {
    let mut rig = duel(100);
    rig.ship(1).score = 7;
    rig.world.park(Slot(1));
    rig.fire(0, EAST).run(100);
    assert!(rig.hits().is_empty());
    assert!(!rig.ship(1).alive && rig.ship(1).score == 7);
    rig.world.unpark(Slot(1));
    assert!(rig.ship(1).alive);
    rig.rest().run(1);
    assert_ne!(rig.ship(1).changed & changed::SPAWN, 0);
    rig.world.set_away(Slot(1), true);
    assert_ne!(rig.ship(1).state() & state::AWAY, 0);
}

#[test]
fn pilots_make_way_and_come_back() {
    let mut world = World::new(&WorldConfig { capacity: 8, pilots: 4, seed: 3 });
    let count = |world: &World| (world.players(), world.pilots.len());
    assert_eq!(count(&world), (0, 4));
    let slots: Vec<Slot> = (0..6).map(|_| world.join().unwrap()).collect();
    assert_eq!(count(&world), (6, 0));
    assert!(world.join().is_some() && world.join().is_some());
    assert_eq!(world.join(), None, "the capacity is reached");
    for &slot in &slots {
        world.leave(slot);
        world.leave(slot);
    }
    assert_eq!(count(&world), (2, 2));
    let (parked, _) = world.ships().find(|(_, ship)| !ship.pilot).unwrap();
    world.park(parked);
    assert_eq!(count(&world), (2, 3));
    world.unpark(parked);
    assert_eq!(count(&world), (2, 2));
    let (pilot, _) = world.ships().find(|(_, ship)| ship.pilot).unwrap();
    world.leave(pilot);
    world.park(pilot);
    assert_eq!(count(&world), (2, 2), "a pilot's slot is no player's");
    for _ in 0..100 {
        world.step(&[]);
    }
    assert!(world.ships().all(|(slot, _)| slot.0 < 8 + 4));
}

#[test]
fn a_spawn_keeps_away_from_others() {
    let mut rig = Rig::new(2);
    for _ in 0..50 {
        rig.put(0, MIDDLE, MIDDLE);
        rig.world.park(Slot(1));
        rig.world.unpark(Slot(1));
        let ship = rig.ship(1);
        let (dx, dy) = (i64::from(ship.x - MIDDLE), i64::from(ship.y - MIDDLE));
        assert!(dx * dx + dy * dy > (400 * i64::from(Q8)).pow(2), "the best of eight places is far");
        assert_eq!(ship.timers, Timers { shield: rules::SHIELD_TICKS, ..Timers::default() });
    }
}
