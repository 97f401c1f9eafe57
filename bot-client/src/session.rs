//! What one player knows: view, names, scores and the clock. Takes messages, knows no socket and asks no time.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::message::{Board, Obstacle as WireObstacle, RosterEntry, SnapshotRef, Weapon, Welcome};
use protocol::quantize::{Q8, from_quarter};
use protocol::snapshot::{Event, Ledger, Reader, SnapshotError, View};
use protocol::{ClientMessage, Controls, Input, ResumeToken, ServerMessage, Slot, Tick};
use sim::{Map, Obstacle};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::predict::Prediction;

/// A player's knowledge, from the `Welcome` on.
pub struct Session {
    /// The own slot; none for a spectator.
    pub you: Option<Slot>,
    /// The arena. Sessions in the same room can share one.
    pub map: Arc<Map>,
    /// Gives the seat back on a new connection.
    pub resume: Option<ResumeToken>,
    /// When to send which input.
    pub clock: Clock,
    /// What the player has achieved on this connection, as far as it was seen.
    pub tally: Tally,
    /// Names by slot; stays empty after [`Session::forgetting_names`].
    pub roster: HashMap<Slot, RosterEntry>,
    /// The last scoreboard.
    pub board: Board,
    /// Snapshots that could not be read, so that one that starts anew had to be asked for.
    pub resyncs: u64,
    /// The own ship ahead of the server, after [`Session::predicting`].
    pub prediction: Option<Prediction>,
    keep_names: bool,
    reader: Reader,
    /// Id and fire tick of those seen last; a ring.
    own_pulses: [Option<(u16, u8)>; OWN_PULSES],
    newest_pulse: usize,
    owes_resync: bool,
    owes_ack: bool,
}

/// A ship never has more pulses in flight: they live for 30 ticks and leave 3 apart at best.
const OWN_PULSES: usize = 16;

/// Deeds of one player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Own pulses seen for the first time. One that strikes before its first snapshot is never seen.
    pub shots: u32,
    /// Ships destroyed.
    pub kills: u32,
    /// Times destroyed.
    pub deaths: u32,
    /// Pickups taken.
    pub pickups: u32,
}

/// What a message was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The view is new.
    View,
    /// Names or scores.
    Scores,
    /// A ship was destroyed.
    Destroyed {
        /// Who did it.
        killer: Option<Slot>,
        /// Whose ship it was.
        victim: Slot,
        /// With what.
        weapon: Weapon,
        /// How far back the shot was judged, eighths of a tick.
        rewind: u8,
    },
    /// The server is about to close.
    Bye {
        /// The code that the close frame will have.
        code: u16,
        /// How long to wait before connecting again, ms.
        retry_ms: u32,
    },
    /// Nothing that is kept here.
    Other,
}

impl Session {
    /// A session that begins with `welcome`, which arrived at `now`.
    pub fn new(welcome: &Welcome, now: Instant) -> Session {
        Session::on_map(Arc::new(chart(welcome)), welcome, now)
    }

    /// The same in an arena that is at hand already: it has to be the one that [`chart`] makes of `welcome`.
    pub fn on_map(map: Arc<Map>, welcome: &Welcome, now: Instant) -> Session {
        Session {
            you: welcome.you,
            map,
            resume: welcome.resume,
            clock: Clock::new(welcome.tick, welcome.hz, now),
            tally: Tally::default(),
            roster: HashMap::new(),
            board: Board::default(),
            resyncs: 0,
            prediction: None,
            keep_names: true,
            reader: Reader::new(welcome.tick),
            own_pulses: [None; OWN_PULSES],
            newest_pulse: 0,
            owes_resync: false,
            owes_ack: false,
        }
    }

    /// The same without a roster: a swarm would keep thousands of copies.
    #[must_use]
    pub fn forgetting_names(mut self) -> Session {
        self.keep_names = false;
        self
    }

    /// The same with a prediction of the own ship. Its inputs must all come from [`Session::commit`], beginning now.
    #[must_use]
    pub fn predicting(mut self) -> Session {
        self.prediction = Some(Prediction::new(Arc::clone(&self.map), self.view().tick));
        self
    }

    /// What the player may see.
    pub fn view(&self) -> &View {
        self.reader.view()
    }

    /// Bytes of the snapshots so far, by section.
    pub fn ledger(&self) -> &Ledger {
        self.reader.ledger()
    }

    /// Takes the server's next message, which arrived at `now`. [`Session::reply`] may have something to say to it.
    ///
    /// # Errors
    /// A snapshot that cannot be read. The session goes on: the view is no good until the next [`Change::View`], and
    /// [`Session::reply`] asks for what brings it about.
    pub fn take(&mut self, message: &ServerMessage, now: Instant) -> Result<Change, SnapshotError> {
        Ok(match message {
            ServerMessage::Snapshot(snapshot) => {
                self.take_snapshot(snapshot.into(), now)?;
                Change::View
            }
            ServerMessage::Roster { entries } => {
                if self.keep_names {
                    self.roster.extend(entries.iter().map(|e| (e.slot, e.clone())));
                }
                Change::Scores
            }
            ServerMessage::Board(board) => {
                self.board.clone_from(board);
                Change::Scores
            }
            &ServerMessage::Feed { killer, victim, weapon, rewind } => {
                self.tally.kills += u32::from(killer.is_some() && killer == self.you);
                self.tally.deaths += u32::from(Some(victim) == self.you);
                Change::Destroyed { killer, victim, weapon, rewind }
            }
            &ServerMessage::Bye { code, retry_ms, .. } => Change::Bye { code, retry_ms },
            ServerMessage::Welcome(_) | ServerMessage::Pong { .. } | ServerMessage::Debug { .. } => {
                Change::Other
            }
        })
    }

    /// [`Session::take`] for a snapshot.
    ///
    /// # Errors
    /// See there.
    pub fn take_snapshot(&mut self, snapshot: SnapshotRef<'_>, now: Instant) -> Result<(), SnapshotError> {
        let read = self.reader.read(snapshot).map(|_| ());
        let lost = read.is_err_and(|error| error != SnapshotError::WaitingForFull);
        self.resyncs += u64::from(lost);
        self.owes_resync |= lost;
        self.owes_ack = self.you.is_none();
        let View { tick, margin, .. } = *self.reader.view();
        self.clock.on_snapshot(tick, margin, now);
        match (&read, &mut self.prediction) {
            (Ok(()), Some(prediction)) => prediction.confirm(tick, self.reader.view().own.as_ref()),
            (Err(_), Some(prediction)) => prediction.lose(),
            (_, None) => {}
        }
        if read.is_ok() {
            self.count_deeds();
        }
        read
    }

    /// What is to be said now besides inputs; ask until there is nothing. After a snapshot that cannot be read that is
    /// `Resync`, once; who sends no inputs acknowledges every snapshot, or the server would hold them back.
    pub fn reply(&mut self) -> Option<ClientMessage> {
        if std::mem::take(&mut self.owes_resync) {
            return Some(ClientMessage::Resync);
        }
        std::mem::take(&mut self.owes_ack).then(|| ClientMessage::Ack { seq: self.view().seq })
    }

    /// Reads a little of each part that the next snapshot needs: see [`crate::swarm`]'s player.
    pub(crate) fn touch(&self) -> usize {
        let view = self.view();
        // A line of the cache holds four of either.
        let ships = view.ships.iter().step_by(4).map(|ship| ship.x as usize);
        let pulses = view.pulses.iter().step_by(4).map(|pulse| pulse.x as usize);
        let fields = [self.prediction.is_some(), view.own.is_some(), self.newest_pulse == 0];
        let lists = view.events.len() ^ view.pickups.len() ^ self.ledger().own as usize;
        let far = ships.chain(pulses).fold(self.clock.touch_at(view.tick.next()), |all, x| all ^ x);
        far ^ lists ^ fields.iter().filter(|&&set| set).count()
    }

    /// The input message for `tick` of a player who holds `controls` and looks at the newest view.
    pub fn input(&self, tick: Tick, controls: Controls) -> Input {
        self.input_seeing(tick, controls, self.view().tick)
    }

    /// The same for a player who aimed by the view of tick `seen`.
    pub fn input_seeing(&self, tick: Tick, controls: Controls, seen: Tick) -> Input {
        let view = (tick.since(seen) * 8).clamp(0, 255) as u8;
        Input { view, ..Input::new(tick.wire(), self.view().seq, controls) }
    }

    /// The same for an input that is then sent, so that the prediction can count on it. A tick that was committed to
    /// before keeps what it then got.
    pub fn commit(&mut self, tick: Tick, controls: Controls, seen: Tick) -> Input {
        let controls = self.prediction.as_mut().map_or(controls, |p| p.commit(tick, controls));
        self.input_seeing(tick, controls, seen)
    }

    fn count_deeds(&mut self) {
        let Some(you) = self.you else { return };
        let view = self.reader.view();
        for pulse in view.pulses.iter().filter(|p| p.owner == you) {
            let key = Some((pulse.id, pulse.fired));
            if !self.own_pulses.contains(&key) {
                self.newest_pulse = (self.newest_pulse + 1) % OWN_PULSES;
                self.own_pulses[self.newest_pulse] = key;
                self.tally.shots += 1;
            }
        }
        let taken = view.events.iter().filter(|e| matches!(e, Event::Taken { slot, .. } if *slot == you));
        self.tally.pickups += taken.count() as u32;
    }
}

/// The arena that a `Welcome` describes.
pub fn chart(welcome: &Welcome) -> Map {
    Map::new(side(welcome), obstacles(welcome).collect())
}

/// True if `map` is that arena.
pub fn is_chart(map: &Map, welcome: &Welcome) -> bool {
    map.side() == side(welcome) && map.obstacles().iter().copied().eq(obstacles(welcome))
}

fn side(welcome: &Welcome) -> i32 {
    i32::from(welcome.side) * Q8
}

fn obstacles(welcome: &Welcome) -> impl Iterator<Item = Obstacle> {
    let q8 = |o: &WireObstacle| Obstacle { x: from_quarter(o.x), y: from_quarter(o.y), r: from_quarter(o.r) };
    welcome.obstacles.iter().map(q8)
}

#[cfg(test)]
mod tests;
