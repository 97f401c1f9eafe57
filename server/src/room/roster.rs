//! Who sits in which slot: display names and hues.

use protocol::Slot;
use protocol::message::RosterEntry;
use sim::Ship;

/// Names of server-run ships: bright stars.
const PILOT_NAMES: [&str; 32] = [
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
];

/// Display names of the players in a room, by slot.
#[derive(Debug, Default)]
pub struct Roster {
    players: Vec<Identity>,
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

    /// What clients are told of the ship in a slot.
    pub fn entry(&self, slot: Slot, ship: &Ship) -> RosterEntry {
        let (generation, pilot) = (ship.generation, ship.pilot);
        if pilot {
            let n = slot.index() + usize::from(generation) * 7;
            let name = PILOT_NAMES[n % PILOT_NAMES.len()].to_owned();
            return RosterEntry { slot, generation, hue: (n % 8) as u8, pilot, name };
        }
        let Identity { name, hue } = self.players.get(slot.index()).cloned().unwrap_or_default();
        RosterEntry { slot, generation, hue, pilot, name }
    }
}
