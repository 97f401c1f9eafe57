//! Who sits in which slot: display names and hues.

use protocol::Slot;
use protocol::message::RosterEntry;
use sim::{Ship, World};

/// Names of server-run ships: bright stars. As many as a room has pilots at most.
const PILOT_NAMES: [&str; 64] = [
    "Vega",
    "Rigel",
    "Altair",
    "Deneb",
    "Spica",
    "Mira",
    "Capella",
    "Sirius",
    "Castor",
    "Pollux",
    "Antares",
    "Bellatrix",
    "Mizar",
    "Alcor",
    "Procyon",
    "Regulus",
    "Arcturus",
    "Canopus",
    "Electra",
    "Maia",
    "Merope",
    "Atlas",
    "Hadar",
    "Sabik",
    "Nunki",
    "Zaurak",
    "Tarazed",
    "Alhena",
    "Dubhe",
    "Izar",
    "Kochab",
    "Sadr",
    "Aldebaran",
    "Algol",
    "Almach",
    "Alnitak",
    "Ankaa",
    "Avior",
    "Caph",
    "Diphda",
    "Enif",
    "Errai",
    "Fomalhaut",
    "Gacrux",
    "Hamal",
    "Kaus",
    "Markab",
    "Menkar",
    "Mirach",
    "Mirfak",
    "Naos",
    "Phact",
    "Phecda",
    "Rasalhague",
    "Rotanev",
    "Scheat",
    "Shaula",
    "Sheliak",
    "Sualocin",
    "Suhail",
    "Tureis",
    "Unukalhai",
    "Wezen",
    "Zosma",
];

/// Display names in a room, by slot.
#[derive(Debug)]
pub struct Roster {
    players: Vec<Identity>,
    pilots: Vec<Option<PilotName>>,
    /// How many pilots have each of the names: 0 or 1, unless there are more pilots than names.
    bearers: [u16; PILOT_NAMES.len()],
}

/// A pilot's name for as long as it stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PilotName {
    generation: u8,
    /// Index into [`PILOT_NAMES`].
    name: u8,
}

impl Default for Roster {
    fn default() -> Roster {
        Roster { players: Vec::new(), pilots: Vec::new(), bearers: [0; PILOT_NAMES.len()] }
    }
}

#[derive(Debug, Clone, Default)]
struct Identity {
    name: String,
    hue: u8,
}

impl Roster {
    /// Notes a player; an empty name becomes one that says the slot.
    pub fn seat(&mut self, slot: Slot, name: String, hue: u8) {
        if self.players.len() <= slot.index() {
            self.players.resize(slot.index() + 1, Identity::default());
        }
        let name = if name.is_empty() { format!("Skiff {}", slot.0 + 1) } else { name };
        self.players[slot.index()] = Identity { name, hue: hue % 8 };
    }

    /// Gives every pilot that has come a name that no other has, and takes those of the gone back. To be called when
    /// somebody has come or gone.
    pub fn muster(&mut self, world: &World) {
        let Roster { pilots, bearers, .. } = self;
        for (slot, named) in pilots.iter_mut().enumerate() {
            let Some(PilotName { generation, name }) = *named else { continue };
            let stays = |ship: &Ship| ship.pilot && ship.generation == generation;
            if !world.ship(Slot(slot as u16)).is_some_and(stays) {
                bearers[usize::from(name)] -= 1;
                *named = None;
            }
        }
        for (slot, ship) in world.ships().filter(|(_, ship)| ship.pilot) {
            if pilots.len() <= slot.index() {
                pilots.resize(slot.index() + 1, None);
            }
            let named = &mut pilots[slot.index()];
            if named.is_none() {
                let first = favourite(slot, ship.generation);
                let names = (0..PILOT_NAMES.len()).map(|n| (first + n) % PILOT_NAMES.len());
                let name = names.min_by_key(|&name| bearers[name]).unwrap_or(first);
                bearers[name] += 1;
                *named = Some(PilotName { generation: ship.generation, name: name as u8 });
            }
        }
    }

    /// What clients are told of the ship in a slot. The name is written in `name`, whatever that holds.
    pub fn entry(&self, slot: Slot, ship: &Ship, mut name: String) -> RosterEntry {
        name.clear();
        let (generation, pilot) = (ship.generation, ship.pilot);
        if pilot {
            let named = self.pilots.get(slot.index()).copied().flatten();
            let n = named.map_or_else(|| favourite(slot, generation), |named| usize::from(named.name));
            name.push_str(PILOT_NAMES[n]);
            return RosterEntry { slot, generation, hue: (n % 8) as u8, pilot, name };
        }
        let player = self.players.get(slot.index());
        name.push_str(player.map_or("", |player| &player.name));
        RosterEntry { slot, generation, hue: player.map_or(0, |player| player.hue), pilot, name }
    }
}

/// The name that a pilot gets if it is free: another one for each tenant of a slot.
fn favourite(slot: Slot, generation: u8) -> usize {
    (slot.index() + usize::from(generation) * 7) % PILOT_NAMES.len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use sim::WorldConfig;

    #[test]
    fn no_two_pilots_of_a_room_have_the_same_name_and_none_changes_it() {
        let mut world = World::new(&WorldConfig { capacity: 80, pilots: 64, seed: 3 });
        let mut roster = Roster::default();
        let mut players = Vec::new();
        let mut before: BTreeMap<(Slot, u8), String> = BTreeMap::new();
        for n in 0..600usize {
            // Mostly more, then mostly fewer.
            let more = (n * 7919 % 5 < 4) == (n / 60).is_multiple_of(2);
            if more || players.is_empty() {
                players.extend(world.join());
            } else {
                world.leave(players.swap_remove(n * 31 % players.len()));
            }
            roster.muster(&world);
            let pilots = world.ships().filter(|(_, ship)| ship.pilot);
            let now: BTreeMap<(Slot, u8), String> = pilots
                .map(|(slot, ship)| ((slot, ship.generation), roster.entry(slot, ship, String::new()).name))
                .collect();
            let mut names: Vec<&String> = now.values().collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), now.len(), "after {n} comings and goings");
            for (pilot, name) in &now {
                assert!(before.get(pilot).is_none_or(|was| was == name));
            }
            before = now;
        }
        assert!(before.len() > 20, "pilots are there");
    }
}
