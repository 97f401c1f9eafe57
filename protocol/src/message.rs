//! Everything either side can say. How a connection can end is in [`crate::close`].
//!
//! Variants are numbered by their order here (one byte on the wire): append, never reorder. The two hot messages have
//! modules of their own, [`crate::input`] and [`crate::snapshot`].

use serde::{Deserialize, Serialize};

use crate::codec::{BorrowDecode, Decode, Encode};
use crate::ids::{ResumeToken, Seq, Slot, Tick, Wire16};
use crate::input::Input;

/// What a client can say. The first message on a connection is `Hello`; anything before it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(tag = "type")]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub enum ClientMessage {
    /// Asks for a seat.
    Hello(Hello),
    /// Controls for one tick; at most one a tick has an effect.
    Input(Input),
    /// Acknowledges a snapshot, for clients that send no inputs.
    Ack {
        /// The newest snapshot that arrived.
        seq: Seq,
    },
    /// Asks for a ship: after the respawn countdown, or on coming back from being parked.
    Spawn,
    /// The shape of the window changed.
    View {
        /// Width / height in thousandths; clamped to 560..=2100.
        aspect: u16,
    },
    /// Spectators: whom to follow.
    Watch {
        /// The ship to follow; none follows the leader.
        #[serde(default)]
        slot: Option<Slot>,
    },
    /// The page is hidden (`true`) or visible again.
    Idle {
        /// True while nobody looks.
        idle: bool,
    },
    /// Asks for a `Pong`.
    Ping {
        /// Any number; comes back unchanged.
        t: u32,
    },
    /// A line for the room's chat, where there is one; dropped elsewhere.
    Chat {
        /// The line.
        text: String,
    },
    /// The view no longer adds up: asks for a snapshot that starts anew.
    Resync,
}

/// What a connection asks for when it opens. In JSON only `protocol` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Hello {
    /// [`crate::PROTOCOL`].
    pub protocol: u16,
    /// Display name. The server trims it to 16 visible characters; an empty one gets a name.
    #[serde(default)]
    pub name: String,
    /// Index into the palette of eight hues, taken modulo 8.
    #[serde(default)]
    pub hue: u8,
    /// Room code; empty for quick play: the fullest room with space, or a new one.
    #[serde(default)]
    pub room: String,
    /// Join ticket, where the server asks for one.
    #[serde(default)]
    pub ticket: Option<String>,
    /// Token of an earlier `Welcome`, to take that seat back.
    #[serde(default)]
    pub resume: Option<ResumeToken>,
    /// Width / height of the window in thousandths, clamped to 560..=2100.
    #[serde(default = "default_aspect")]
    pub aspect: u16,
    /// Play or watch.
    #[serde(default)]
    pub role: Role,
}

/// 16:9, in thousandths.
fn default_aspect() -> u16 {
    1778
}

impl Default for Hello {
    fn default() -> Self {
        Hello {
            protocol: crate::PROTOCOL,
            name: String::new(),
            hue: 0,
            room: String::new(),
            ticket: None,
            resume: None,
            aspect: default_aspect(),
            role: Role::Player,
        }
    }
}

/// What a session does in its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub enum Role {
    /// Has a ship.
    #[default]
    Player,
    /// Watches one.
    Spectator,
}

/// What a server can say. `Welcome` comes first; then one `Snapshot` a tick, with the others in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(tag = "type")]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub enum ServerMessage {
    /// The seat is taken.
    Welcome(Welcome),
    /// What this client may see, after one tick. In the JSON subprotocol it is sent decoded, as a
    /// [`crate::snapshot::View`] with `"type": "View"`.
    Snapshot(Snapshot),
    /// Names for slots, before anything else mentions them.
    Roster {
        /// One entry a slot.
        entries: Vec<RosterEntry>,
    },
    /// The scoreboard, once a second.
    Board(Board),
    /// A ship was destroyed.
    Feed {
        /// Who did it; none if nobody did.
        killer: Option<Slot>,
        /// Whose ship it was.
        victim: Slot,
        /// With what.
        weapon: Weapon,
        /// How far back the shot was judged, eighths of a tick.
        rewind: u8,
    },
    /// Answer to `Ping`.
    Pong {
        /// The number from the `Ping`.
        t: u32,
    },
    /// The server is about to close the connection with the same code.
    Bye {
        /// A [`crate::CloseCode`] as a number.
        code: u16,
        /// How long to wait before connecting again, ms; 0 where connecting again is useless or free.
        retry_ms: u32,
        /// Where to go instead, if known.
        #[serde(default)]
        url: Option<String>,
    },
    /// Figures for the net graph, once a second, where the server's configuration asks for it.
    Debug {
        /// Mean time that the room's tick took over the last second, µs.
        tick_us: u32,
        /// The longest of them, µs.
        tick_max_us: u32,
        /// Snapshots sent to this client and not acknowledged.
        in_flight: u8,
    },
}

/// The seat and the room's fixed facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Welcome {
    /// [`crate::PROTOCOL`].
    pub protocol: u16,
    /// Gives the seat back after a lost connection; none where the server keeps no seats.
    pub resume: Option<ResumeToken>,
    /// The player's slot; none for a spectator.
    pub you: Option<Slot>,
    /// The tick last simulated.
    pub tick: Tick,
    /// Ticks a second.
    pub hz: u8,
    /// Side of the square world, units.
    pub side: u16,
    /// Hash of the rules' constants: another number means that predictions will differ.
    pub rules: u32,
    /// FNV-1a-32 of the sine table as little-endian `i32`s, for clients to check theirs.
    pub trig: u32,
    /// The obstacles; they never change.
    pub obstacles: Vec<Obstacle>,
    /// True if this is a seat taken back, score and all.
    pub resumed: bool,
    /// Code of the room, for an invitation.
    pub room: String,
}

/// A round obstacle, in quarter-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Obstacle {
    /// Centre.
    pub x: u16,
    /// Centre.
    pub y: u16,
    /// Radius.
    pub r: u16,
}

/// One snapshot as it travels: 6 bytes and the body. [`crate::snapshot::Reader`] reads the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Snapshot {
    /// Sequence number on this connection.
    pub seq: Seq,
    /// The tick it shows (low 16 bits).
    pub tick: Wire16,
    /// How many ms before its tick the client's input for that tick arrived, -127..=127; -128: it was missing.
    pub margin: i8,
    /// Which sections the body has: [`crate::snapshot::flags`].
    pub flags: u8,
    /// The sections, in fixed order.
    pub body: Vec<u8>,
}

/// A [`Snapshot`] whose body is where it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorrowDecode)]
pub struct SnapshotRef<'b> {
    /// See [`Snapshot::seq`].
    pub seq: Seq,
    /// See [`Snapshot::tick`].
    pub tick: Wire16,
    /// See [`Snapshot::margin`].
    pub margin: i8,
    /// See [`Snapshot::flags`].
    pub flags: u8,
    /// See [`Snapshot::body`].
    pub body: &'b [u8],
}

impl<'b> From<&'b Snapshot> for SnapshotRef<'b> {
    fn from(snapshot: &'b Snapshot) -> SnapshotRef<'b> {
        let &Snapshot { seq, tick, margin, flags, ref body } = snapshot;
        SnapshotRef { seq, tick, margin, flags, body }
    }
}

/// `Snapshot::margin` when no input for the tick had arrived.
pub const MARGIN_MISSING: i8 = -128;

/// Who sits in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct RosterEntry {
    /// The slot.
    pub slot: Slot,
    /// Counts the slot's tenants; a new number means somebody else.
    pub generation: u8,
    /// Index into the palette, 0..8.
    pub hue: u8,
    /// True for a server-run ship.
    pub pilot: bool,
    /// Display name.
    pub name: String,
}

/// The scoreboard as one client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Board {
    /// The best ten, best first.
    pub top: Vec<BoardRow>,
    /// The client's own rank, from 1; 0 for a spectator.
    pub rank: u16,
    /// The client's own score.
    pub score: u32,
    /// Ships in the room, pilots included.
    pub ships: u16,
    /// People and bots with a seat in the room.
    pub players: u16,
    /// Where the crown is, for the minimap.
    pub crown: Option<Crown>,
    /// Spectators in the room.
    #[serde(default)]
    pub spectators: u16,
}

/// One line of the scoreboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct BoardRow {
    /// Whose line.
    pub slot: Slot,
    /// Points.
    pub score: u32,
}

/// The leader's place, coarse: in quarter-units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Crown {
    /// Who leads.
    pub slot: Slot,
    /// Where.
    pub x: u16,
    /// Where.
    pub y: u16,
}

/// What destroyed a ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub enum Weapon {
    /// The projectile weapon.
    Pulse,
    /// The hitscan weapon.
    Lance,
}
