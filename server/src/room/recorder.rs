//! What a room notes of its ticks, so that they can be run again. Bytes only: where they go is the business of whoever
//! holds the other end of the channel.
//!
//! The current segment and the two before stay in memory: the flight recorder, for the moment in which the room panics.
//! Nothing here waits: what a full channel does not take is missing until the next segment.

use std::path::PathBuf;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};

use prometheus_client::metrics::counter::Counter;
use protocol::{RoomCode, TICK_HZ};
use sim::{Command, Keyframe, World, WorldConfig};

use crate::record::format::{self, Header};

/// Longest segment, ticks: 30 s.
const SEGMENT_TICKS: u32 = 30 * TICK_HZ as u32;

/// Every so many ticks there is a checksum of all, beside the digest of every tick, and what was noted since goes to the
/// channel. A segment is at least as long.
const CHECK_TICKS: u32 = TICK_HZ as u32;

/// Segments that the flight recorder has beside the current one: two of 30 s are the last minute.
const BEFORE: usize = 2;

/// Buffers of a flight recorder: what it may take is shared among so many segments.
pub const FLIGHT_SEGMENTS: usize = BEFORE + 1;

/// What goes over the channel.
#[derive(Debug)]
pub enum Parcel {
    /// A segment begins.
    Segment {
        /// Who sends it.
        sender: Sender,
        /// The keyframe.
        bytes: Vec<u8>,
        /// Something of the segment before is missing.
        after_gap: bool,
    },
    /// It goes on.
    More {
        /// See [`Sender::id`].
        id: u64,
        /// Ticks and checksums.
        bytes: Vec<u8>,
    },
    /// A flight recording has been written, which counts among the others.
    Flight {
        /// Where.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
}

/// How what a recorder sends ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With the room's last tick.
    Whole,
    /// Before it: the channel was full.
    CutOff,
}

/// Who sends a recording.
#[derive(Debug, Clone)]
pub struct Sender {
    /// One for each recorder.
    pub id: u64,
    /// The room.
    pub room: RoomCode,
    /// How its file begins.
    pub header: Arc<[u8]>,
    /// Set once nothing more comes.
    pub ending: Arc<OnceLock<Ending>>,
}

/// How much a recorder keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// A segment with so many bytes is followed by another, bytes.
    pub segment: usize,
    /// Keep the segments before, too: the flight recorder.
    pub flight: bool,
}

/// Where a recording goes.
#[derive(Debug)]
struct Outlet {
    sender: Sender,
    channel: SyncSender<Parcel>,
    /// Recordings that miss something.
    gaps: Counter,
    /// How much of the current segment has been sent.
    sent: usize,
    /// The channel was full: nothing more until the next segment.
    behind: bool,
}

/// The recorder of one room.
#[derive(Debug)]
pub struct Recorder {
    header: Arc<[u8]>,
    keep: Keep,
    outlet: Option<Outlet>,
    /// The segments before, oldest first, if the flight recorder is on.
    before: [Vec<u8>; BEFORE],
    current: Vec<u8>,
    /// Where the record of the last tick begins in it.
    tick: usize,
    /// Ticks of the current segment.
    ticks: u32,
    held: Vec<Command>,
    keyframe: Keyframe,
}

impl Recorder {
    /// A recorder for a room. It begins with [`Recorder::begin`].
    pub fn new(room: RoomCode, world: WorldConfig, keep: Keep) -> Recorder {
        let mut header = Vec::new();
        Header::new(room, world).write(&mut header);
        Recorder {
            header: header.into(),
            keep,
            outlet: None,
            // A segment is a second longer at most, so that these hardly ever grow.
            before: [(); BEFORE].map(|()| Vec::with_capacity(if keep.flight { keep.segment } else { 0 })),
            current: Vec::with_capacity(keep.segment),
            tick: 0,
            ticks: 0,
            held: Vec::new(),
            keyframe: Keyframe::default(),
        }
    }

    /// Sends all that is noted from now on. `gaps` counts recordings that miss something.
    #[must_use]
    pub fn sending(
        mut self,
        id: u64,
        room: RoomCode,
        channel: SyncSender<Parcel>,
        gaps: Counter,
    ) -> Recorder {
        let sender = Sender { id, room, header: self.header.clone(), ending: Arc::default() };
        self.outlet = Some(Outlet { sender, channel, gaps, sent: 0, behind: false });
        self
    }

    /// Begins a segment with the world as it is between two ticks.
    pub fn begin(&mut self, world: &World) {
        self.send();
        if self.keep.flight {
            // The oldest becomes the buffer of the new one.
            self.before.rotate_left(1);
            std::mem::swap(&mut self.before[BEFORE - 1], &mut self.current);
        }
        self.current.clear();
        self.held.clear();
        self.ticks = 0;
        world.keyframe(&mut self.keyframe);
        format::keyframe(&mut self.current, world.tick(), world.checksum(), &self.keyframe);
        if let Some(outlet) = &mut self.outlet {
            outlet.begin(&self.current);
        }
    }

    /// Notes what comes to the coming tick. To be called before the step, so that a step that panics is noted, too.
    pub fn before(&mut self, world: &World, commands: &[Command]) {
        let tick = world.tick().next();
        self.tick = self.current.len();
        format::tick(&mut self.current, tick, world.deeds(), commands, &mut self.held);
    }

    /// Notes what came of it.
    pub fn after(&mut self, world: &World) {
        format::outcome(&mut self.current[self.tick..], world.digest());
        self.ticks += 1;
        if world.tick().0.is_multiple_of(CHECK_TICKS) {
            format::checksum(&mut self.current, world.tick(), world.checksum());
            self.send();
        }
        let full = self.current.len() >= self.keep.segment && self.ticks >= CHECK_TICKS;
        if full || self.ticks >= SEGMENT_TICKS {
            self.begin(world);
        }
    }

    /// The last minute as a recording, or as much of it as is kept; none without a flight recorder.
    pub fn flight(&self) -> Option<Vec<u8>> {
        let [oldest, last] = &self.before;
        let mut bytes = self.keep.flight.then(|| [&self.header[..], oldest, last, &self.current].concat())?;
        format::end(&mut bytes);
        Some(bytes)
    }

    fn send(&mut self) {
        if let Some(outlet) = &mut self.outlet {
            outlet.send(&self.current);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.send();
    }
}

impl Outlet {
    fn begin(&mut self, segment: &[u8]) {
        // A segment stands for itself: whatever was missing, it goes on from here.
        let after_gap = std::mem::take(&mut self.behind);
        let parcel = Parcel::Segment { sender: self.sender.clone(), bytes: segment.to_vec(), after_gap };
        self.sent = segment.len();
        self.offer(parcel, after_gap);
    }

    fn send(&mut self, segment: &[u8]) {
        if self.behind || self.sent >= segment.len() {
            return;
        }
        let parcel = Parcel::More { id: self.sender.id, bytes: segment[self.sent..].to_vec() };
        self.sent = segment.len();
        self.offer(parcel, false);
    }

    /// `known`: that something is missing has been counted.
    fn offer(&mut self, parcel: Parcel, known: bool) {
        match self.channel.try_send(parcel) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                self.behind = true;
                if !known {
                    self.gaps.inc();
                    tracing::warn!(room = %self.sender.room, "the disk is slow: a part of the recording is missing");
                }
            }
            // Nobody writes any more, which has been said where it happened.
            Err(TrySendError::Disconnected(_)) => self.behind = true,
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let ending = if self.behind { Ending::CutOff } else { Ending::Whole };
        let _ = self.sender.ending.set(ending);
    }
}
