//! The `[rooms]` section: how many there are, how large, and what becomes of the seats of lost connections.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, secs, within};

/// Most players a room can have: slots and the side of the world are sized for it.
pub const MAX_CAPACITY: u16 = 4000;

/// `[rooms]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRooms {
    /// Most players in a room.
    pub capacity: u16,
    /// Server-run ships: `"auto"` or a number.
    pub pilots: RawPilots,
    /// Most rooms at a time.
    pub max: usize,
    /// Rooms that one network may open a minute.
    pub new_per_min_per_ip: u32,
    /// Most spectators in a room.
    pub spectators: u16,
    /// Seconds after which spectators see what happens.
    pub spectator_delay_secs: u64,
    /// Seconds that a room stays when the last player has left.
    pub idle_secs: u64,
    /// Seconds that a ship stays when its player's connection is lost.
    pub grace_secs: u64,
    /// Seconds that its score and seat are kept; 0 keeps neither.
    pub keep_secs: u64,
    /// Send `Debug` figures to every client once a second.
    pub debug: bool,
}

/// `rooms.pilots`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum RawPilots {
    /// That many.
    Number(u16),
    /// `"auto"`
    Word(String),
}

impl Default for RawRooms {
    fn default() -> Self {
        RawRooms {
            capacity: 100,
            pilots: RawPilots::Word("auto".into()),
            max: 64,
            new_per_min_per_ip: 10,
            spectators: 50,
            spectator_delay_secs: 0,
            idle_secs: 30,
            grace_secs: 15,
            keep_secs: 60,
            debug: false,
        }
    }
}

impl RawRooms {
    pub(super) fn check(self) -> Result<RoomLimits, ConfigError> {
        let RawRooms {
            capacity,
            pilots,
            max,
            new_per_min_per_ip,
            spectators,
            spectator_delay_secs,
            idle_secs,
            grace_secs,
            keep_secs,
            debug,
        } = self;
        let capacity = within("rooms.capacity", capacity, 1, MAX_CAPACITY, "1 to 4000 players")?;
        let pilots = match pilots {
            RawPilots::Number(n) => within("rooms.pilots", n, 0, 64, "\"auto\" or 0 to 64")?,
            RawPilots::Word(word) if word == "auto" => 16.min(capacity / 4),
            RawPilots::Word(value) => {
                return Err(ConfigError::Value {
                    key: "rooms.pilots",
                    value,
                    expected: "\"auto\" or 0 to 64",
                });
            }
        };
        Ok(RoomLimits {
            capacity,
            pilots,
            max: within("rooms.max", max, 1, 10_000, "1 to 10000 rooms")?,
            new_per_min_per_ip: within(
                "rooms.new_per_min_per_ip",
                new_per_min_per_ip,
                1,
                10_000,
                "1 to 10000 rooms",
            )?,
            spectators: within("rooms.spectators", spectators, 0, MAX_CAPACITY, "0 to 4000 spectators")?,
            spectator_delay: Duration::from_secs(within(
                "rooms.spectator_delay_secs",
                spectator_delay_secs,
                0,
                60,
                "0 to 60 seconds",
            )?),
            idle: secs("rooms.idle_secs", idle_secs)?,
            grace: Duration::from_secs(within("rooms.grace_secs", grace_secs, 0, 3600, "0 to 3600 seconds")?),
            keep: Duration::from_secs(within("rooms.keep_secs", keep_secs, 0, 3600, "0 to 3600 seconds")?),
            debug,
        })
    }
}

/// Limits of rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoomLimits {
    /// Players in a room, 1..=4000.
    pub capacity: u16,
    /// Server-run ships fill a room up to this many, 0..=64.
    pub pilots: u16,
    /// Rooms at a time.
    pub max: usize,
    /// Rooms that one network may open a minute.
    pub new_per_min_per_ip: u32,
    /// Spectators in a room.
    pub spectators: u16,
    /// How late spectators see what happens, whole seconds.
    pub spectator_delay: Duration,
    /// How long an empty room stays.
    pub idle: Duration,
    /// How long a ship stays without its player's connection.
    pub grace: Duration,
    /// How long its score and seat are kept.
    pub keep: Duration,
    /// Send `Debug` figures.
    pub debug: bool,
}
