//! What one player knows: view, names, scores and the clock. Takes messages, knows no socket and asks no time.

use std::collections::HashMap;

use protocol::message::{Board, RosterEntry, Weapon, Welcome};
use protocol::quantize::from_quarter;
use protocol::snapshot::{Event, Reader, SnapshotError, View};
use protocol::{Controls, Input, ResumeToken, ServerMessage, Slot, Tick};
use tokio::time::Instant;

use crate::clock::Clock;

/// A player's knowledge, from the `Welcome` on.
pub struct Session {
    /// The own slot; none for a spectator.
    pub you: Option<Slot>,
    /// Side of the world, Q8.
    pub side: i32,
    /// All obstacles, Q8.
    pub obstacles: Vec<sim::Obstacle>,
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
    keep_names: bool,
    reader: Reader,
    /// Id and fire tick of those seen last; a ring.
    own_pulses: [Option<(u16, u8)>; OWN_PULSES],
    newest_pulse: usize,
}

/// A ship never has more pulses in flight: they live for 30 ticks and leave 3 apart at best.
const OWN_PULSES: usize = 16;

/// Deeds of one player.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Own pulses seen for the first time. One that strikes in the tick it was fired in is never seen.
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
        let obstacles = welcome.obstacles.iter().map(|o| sim::Obstacle {
            x: from_quarter(o.x),
            y: from_quarter(o.y),
            r: from_quarter(o.r),
        });
        Session {
            you: welcome.you,
            side: i32::from(welcome.side) * protocol::quantize::Q8,
            obstacles: obstacles.collect(),
            resume: welcome.resume,
            clock: Clock::new(welcome.tick, welcome.hz, now),
            tally: Tally::default(),
            roster: HashMap::new(),
            board: Board::default(),
            keep_names: true,
            reader: Reader::new(welcome.tick),
            own_pulses: [None; OWN_PULSES],
            newest_pulse: 0,
        }
    }

    /// The same without a roster: a swarm would keep thousands of copies.
    #[must_use]
    pub fn forgetting_names(mut self) -> Session {
        self.keep_names = false;
        self
    }

    /// What the player may see.
    pub fn view(&self) -> &View {
        self.reader.view()
    }

    /// Takes the server's next message, which arrived at `now`.
    ///
    /// # Errors
    /// A snapshot that cannot be read. The session is of no use then.
    pub fn take(&mut self, message: &ServerMessage, now: Instant) -> Result<Change, SnapshotError> {
        Ok(match message {
            ServerMessage::Snapshot(snapshot) => {
                let view = self.reader.read(snapshot)?;
                self.clock.on_snapshot(view.tick, view.margin, now);
                self.count_deeds();
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
            &ServerMessage::Feed { killer, victim, weapon } => {
                self.tally.kills += u32::from(killer.is_some() && killer == self.you);
                self.tally.deaths += u32::from(Some(victim) == self.you);
                Change::Destroyed { killer, victim, weapon }
            }
            &ServerMessage::Bye { code, retry_ms, .. } => Change::Bye { code, retry_ms },
            ServerMessage::Welcome(_) | ServerMessage::Pong { .. } | ServerMessage::Debug { .. } => {
                Change::Other
            }
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::message::Snapshot;
    use protocol::snapshot::{Own, Pulse, Writer};
    use protocol::{PROTOCOL, Seq};

    fn session() -> Session {
        let welcome = Welcome {
            protocol: PROTOCOL,
            resume: None,
            you: Some(Slot(7)),
            tick: Tick(70_000),
            hz: 30,
            side: 2400,
            rules: 0,
            trig: 0,
            obstacles: vec![protocol::message::Obstacle { x: 4, y: 8, r: 160 }],
            resumed: false,
            room: "LOBBY".into(),
        };
        Session::new(&welcome, Instant::now())
    }

    fn snapshot(tick: u32, own_pulses: &[(u16, u8)], taken: &[u16]) -> ServerMessage {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body);
        writer.own(&Own::default());
        writer.ships(std::iter::empty());
        let foreign = Pulse { id: 1, owner: Slot(8), x: 0, y: 0, direction: 0, fired: 0 };
        let own = own_pulses.iter().map(|&(id, fired)| Pulse { id, owner: Slot(7), fired, ..foreign });
        let pulses: Vec<Pulse> = own.chain([foreign]).collect();
        writer.pulses(pulses.into_iter());
        writer.pickups(std::iter::empty());
        let events: Vec<Event> = taken.iter().map(|&slot| Event::Taken { id: 1, slot: Slot(slot) }).collect();
        let flags = writer.events(events.into_iter());
        ServerMessage::Snapshot(Snapshot { seq: Seq(5), tick: Tick(tick).wire(), margin: 9, flags, body })
    }

    #[test]
    fn own_deeds_are_counted_once() {
        let (mut session, now) = (session(), Instant::now());
        for (tick, pulses, taken) in [
            (70_001, &[(3, 10)][..], &[7, 8][..]),
            (70_002, &[(3, 10), (4, 11)], &[]),
            (70_003, &[(4, 11), (3, 12)], &[7]), // id 3 again, but fired later
        ] {
            assert_eq!(session.take(&snapshot(tick, pulses, taken), now), Ok(Change::View));
        }
        for (killer, victim) in [(Some(Slot(7)), Slot(1)), (None, Slot(7)), (Some(Slot(1)), Slot(2))] {
            let feed = ServerMessage::Feed { killer, victim, weapon: Weapon::Pulse };
            assert!(matches!(session.take(&feed, now), Ok(Change::Destroyed { .. })));
        }
        assert_eq!(session.tally, Tally { shots: 3, kills: 1, deaths: 1, pickups: 2 });
    }

    #[test]
    fn an_input_acknowledges_the_newest_view_and_says_how_old_it_is() {
        let mut session = session();
        session.take(&snapshot(70_004, &[], &[]), Instant::now()).unwrap();
        let input = session.input(Tick(70_007), Controls::default());
        assert_eq!((input.tick, input.ack, input.view), (Tick(70_007).wire(), Seq(5), 24));
        assert_eq!(session.input(Tick(71_000), Controls::default()).view, 255);
        assert_eq!(session.obstacles[0], sim::Obstacle { x: 256, y: 512, r: 40 * 256 });
    }

    #[test]
    fn a_bad_snapshot_is_an_error() {
        let ServerMessage::Snapshot(mut bad) = snapshot(70_001, &[], &[]) else { unreachable!() };
        bad.body.pop();
        assert!(session().take(&ServerMessage::Snapshot(bad), Instant::now()).is_err());
    }
}
