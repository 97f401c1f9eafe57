//! Films: a recording run again, as the messages that a client would have got who sees all. What the page plays at
//! `/?replay=NAME`. Knows bytes and time limits; which files there are is `shelf`'s matter.
//!
//! A film is [`MAGIC`], then parts: length (u32, little-endian), tick (u32, little-endian) and so many bytes. The first
//! part, of the film's first tick, is a JSON object ([`Head`]); the next is a `Welcome` in the binary encoding, and every
//! other one a message of that tick, in order. Every second there is a full snapshot, from which on it can be read.

use std::time::Instant;

use protocol::{TICK_HZ, Tick};
use serde::Serialize;
use sim::Deed;
use sim::World;

use super::format::Header;
use super::replay::{Plan, Stopped, Viewer, watch};
use crate::room::screening::Screening;

/// First bytes of every film; the last one is the version of this format.
pub const MAGIC: [u8; 8] = *b"DRIFTFL\x01";

/// How much one film may be. What is left is another film, from its [`Head::next`] on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reel {
    /// Most ticks.
    pub ticks: u32,
    /// Most bytes, but for what the last tick brings.
    pub bytes: usize,
    /// When the work ends at the latest.
    pub until: Option<Instant>,
}

/// What a film says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// Its first tick.
    pub first: Tick,
    /// Its last tick.
    pub last: Tick,
    /// The recording goes on with this tick.
    pub next: Option<Tick>,
    /// The recording cannot be shown beyond the last tick, for this reason.
    pub stopped: Option<String>,
    /// There were more ships at a time than a client can know, and the film has those next to the leader.
    pub crowded: bool,
}

/// A recording, to be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Film {
    /// All of it.
    pub bytes: Vec<u8>,
    /// The recording cannot be shown to its end.
    pub stopped: Option<Stopped>,
}

/// Makes a film of a recording, from its beginning or from a tick on. What comes before a fault is shown.
///
/// # Errors
/// There is nothing to be shown, for a reason that [`Stopped`] has.
pub fn film(recording: &[u8], from: Option<Tick>, reel: Reel) -> Result<Film, Stopped> {
    let mut camera = Camera { from, reel, parts: Vec::new(), shown: None, screening: None, next: None };
    let watched = watch(recording, Plan { verify: true, from }, &mut camera);
    let (Some((first, last)), Some(screening)) = (camera.shown, &camera.screening) else {
        // A whole recording of no tick has nothing to be shown either.
        return Err(watched.err().unwrap_or(Stopped::Empty));
    };
    let stopped = watched.err();
    let head = Head {
        first,
        last,
        next: camera.next,
        stopped: stopped.as_ref().map(ToString::to_string),
        crowded: screening.was_crowded(),
    };
    let head = serde_json::to_vec(&head).expect("numbers, texts and nothing else become JSON");
    let mut bytes = Vec::with_capacity(MAGIC.len() + head.len() + 8 + camera.parts.len());
    bytes.extend(MAGIC);
    part(&mut bytes, first, &head);
    bytes.append(&mut camera.parts);
    Ok(Film { bytes, stopped })
}

fn part(out: &mut Vec<u8>, tick: Tick, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a message is a megabyte at most");
    out.extend(length.to_le_bytes());
    out.extend(tick.0.to_le_bytes());
    out.extend(bytes);
}

/// Looks at a recording that is run again.
struct Camera {
    from: Option<Tick>,
    reel: Reel,
    parts: Vec<u8>,
    /// First and last tick that are in it.
    shown: Option<(Tick, Tick)>,
    screening: Option<Screening>,
    next: Option<Tick>,
}

impl Viewer for Camera {
    fn begins(&mut self, header: &Header, world: &World) {
        if self.screening.is_none() {
            let mut welcome = Vec::new();
            Screening::greet(world, &header.room, &mut welcome);
            part(&mut self.parts, world.tick().next(), &welcome);
        }
        self.screening = Some(Screening::new(world));
    }

    fn stepped(&mut self, world: &World, deeds: &[Deed]) -> bool {
        let Some(screening) = &mut self.screening else { return true };
        if !deeds.is_empty() {
            screening.muster(world);
        }
        let tick = world.tick();
        if self.from.is_some_and(|from| tick < from) {
            screening.pass(world);
            return true;
        }
        let first = self.shown.map_or(tick, |(first, _)| first);
        let length = tick.0 - first.0;
        let late =
            tick.0.is_multiple_of(u32::from(TICK_HZ)) && self.reel.until.is_some_and(|t| Instant::now() > t);
        if length >= self.reel.ticks || self.parts.len() >= self.reel.bytes || (late && length > 0) {
            self.next = Some(tick);
            return false;
        }
        let anew = length.is_multiple_of(u32::from(TICK_HZ));
        screening.show(world, anew, |message| part(&mut self.parts, tick, message));
        self.shown = Some((first, tick));
        true
    }
}
