//! Input: the controls a player holds during one tick.
//!
//! The nine bytes that a client sends each tick. What they do to a ship is the simulation's business.

use serde::{Deserialize, Serialize};

use crate::codec::{Decode, Encode};
use crate::ids::{Seq, Wire16};

/// One tick's input as it travels: 9 bytes as a binary message.
///
/// In JSON every field but the controls may be left out; without `tick` the input is for the next tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[serde(from = "JsonInput")]
#[cfg_attr(test, derive(wincode::SchemaWrite))]
pub struct Input {
    /// The server tick that this input is for (low 16 bits). The server accepts the next 12 ticks; ignored when
    /// `ctl` has [`Input::NEXT_TICK`].
    pub tick: Wire16,
    /// Sequence number of the newest snapshot that arrived: the flow-control acknowledgement.
    pub ack: Seq,
    /// How far before `tick` the player saw the other ships, in eighths of a tick: for lag compensation.
    pub view: u8,
    /// Bits 0-2: thrust magnitude 0..=7. Bits 3-5: [`Buttons`]. Bit 6: [`Input::NEXT_TICK`]. Bit 7 is 0.
    pub ctl: u8,
    /// Thrust heading: 256 steps a turn, 0 = east (+x), 64 = south (+y; y grows downward).
    pub dir: u8,
    /// Aim: 4096 steps a turn, same zero and sense as `dir`. Higher bits are ignored.
    pub aim: Wire16,
}

impl Input {
    /// Bit of `ctl`: take this input for the next tick to be simulated, whatever `tick` says. For clients that keep
    /// no clock.
    pub const NEXT_TICK: u8 = 1 << 6;

    /// An input for `tick` that holds `controls`.
    pub fn new(tick: Wire16, ack: Seq, controls: Controls) -> Input {
        Input { tick, ack, view: 0, ctl: controls.ctl(), dir: controls.dir, aim: Wire16::new(controls.aim) }
    }

    /// The controls in range, whatever the peer sent.
    pub fn controls(&self) -> Controls {
        Controls {
            magnitude: self.ctl & 7,
            buttons: Buttons((self.ctl >> 3) & Buttons::ALL),
            dir: self.dir,
            aim: self.aim.get() & Controls::AIM_MASK,
        }
    }

    /// True if the input is for the next tick, whatever `tick` says.
    pub fn for_next_tick(&self) -> bool {
        self.ctl & Self::NEXT_TICK != 0
    }
}

/// `Input` as a script may write it.
#[derive(Deserialize)]
struct JsonInput {
    /// Any tick as a plain integer; only its low 16 bits count.
    tick: Option<u32>,
    #[serde(default)]
    ack: Seq,
    #[serde(default)]
    view: u8,
    #[serde(default)]
    ctl: u8,
    #[serde(default)]
    dir: u8,
    #[serde(default)]
    aim: Wire16,
}

impl From<JsonInput> for Input {
    fn from(json: JsonInput) -> Input {
        let JsonInput { tick, ack, view, ctl, dir, aim } = json;
        let ctl = if tick.is_none() { ctl | Input::NEXT_TICK } else { ctl };
        Input { tick: Wire16::new((tick.unwrap_or(0) & 0xffff) as u16), ack, view, ctl, dir, aim }
    }
}

/// What a player holds during one tick, every field in range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Controls {
    /// Thrust, 0 (none) to 7 (full).
    pub magnitude: u8,
    /// Held buttons.
    pub buttons: Buttons,
    /// Thrust heading, 256 steps a turn.
    pub dir: u8,
    /// Aim, 0..4096.
    pub aim: u16,
}

impl Controls {
    /// Aim is taken modulo 4096.
    pub const AIM_MASK: u16 = 4095;

    /// Magnitude and buttons in the one byte that [`Input::ctl`] is.
    pub fn ctl(self) -> u8 {
        (self.magnitude & 7) | ((self.buttons.0 & Buttons::ALL) << 3)
    }
}

/// A set of held buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Buttons(pub u8);

impl Buttons {
    /// Fire the Pulse.
    pub const FIRE: Buttons = Buttons(1);
    /// Boost.
    pub const BOOST: Buttons = Buttons(2);
    /// Fire the Lance.
    pub const LANCE: Buttons = Buttons(4);
    const ALL: u8 = 7;

    /// True if all of `other` are held.
    pub fn has(self, other: Buttons) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets together.
    #[must_use]
    pub fn with(self, other: Buttons) -> Buttons {
        Buttons(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bits_are_masked() {
        let input = Input {
            ctl: 0xff,
            dir: 255,
            aim: Wire16::new(u16::MAX),
            ..Input::new(Wire16::new(0), Seq(0), Controls::default())
        };
        let c = input.controls();
        assert_eq!((c.magnitude, c.buttons.0, c.aim), (7, 7, 4095));
    }

    #[test]
    fn a_script_may_leave_out_the_tick() {
        let input: Input = serde_json::from_str(r#"{"ctl":7,"dir":64}"#).unwrap();
        assert!(input.for_next_tick());
        let input: Input = serde_json::from_str(r#"{"tick":65537,"ctl":7}"#).unwrap();
        assert!(!input.for_next_tick());
        assert_eq!(input.tick.get(), 1);
    }
}
