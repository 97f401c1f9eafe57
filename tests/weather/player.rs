//! A player in bad weather: connects again and again, takes its seat back where it can, and notes what it sees.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::time::Duration;

use bot_client::session::Change;
use bot_client::{Bot, Client, Closed, Endpoint, Error, Incoming, Options, Session};
use protocol::message::Hello;
use protocol::snapshot::View;
use protocol::{ClientMessage, ResumeToken, Slot, Tick};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use turmoil::net::TcpStream;

/// Nothing heard for so long: the path is dead, whatever the socket says.
const SILENCE: Duration = Duration::from_secs(3);

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(700);

/// Views that are kept to compare them: ten seconds.
const KEPT: usize = 300;

/// What a ship looks like to a player.
type Looks = (i32, i32, u8, u8);

/// What one player has seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Player {
    pub name: String,
    /// Connections that got a seat.
    pub connections: u32,
    /// Of them, those that got the earlier seat.
    pub resumed: u32,
    /// Snapshots that could not be read.
    pub unreadable: u32,
    /// Everything that was seen, in one number.
    pub trace: u64,
    /// The last views of this connection.
    views: VecDeque<(Tick, BTreeMap<Slot, Looks>)>,
}

impl Player {
    pub(crate) fn named(name: String) -> Player {
        Player { name, ..Player::default() }
    }

    /// The newest tick that was seen over the last connection.
    pub(crate) fn last_seen(&self) -> Option<Tick> {
        self.views.back().map(|(tick, _)| *tick)
    }

    /// How many ships both saw in the same tick; an error names one that they saw differently.
    pub(crate) fn agrees_with(&self, other: &Player) -> Result<usize, String> {
        let mut same = 0;
        for (tick, ships) in &self.views {
            let Some((_, others)) = other.views.iter().find(|(t, _)| t == tick) else { continue };
            for (slot, looks) in ships {
                match others.get(slot) {
                    Some(theirs) if theirs != looks => {
                        let (a, b) = (&self.name, &other.name);
                        return Err(format!(
                            "{a} and {b} see {slot:?} differently in {tick:?}: {looks:?}, {theirs:?}"
                        ));
                    }
                    Some(_) => same += 1,
                    None => {}
                }
            }
        }
        Ok(same)
    }

    fn note(&mut self, word: u64) {
        // FNV-1a, a word at a time.
        self.trace = (self.trace ^ word).wrapping_mul(0x0100_0000_01b3);
    }

    fn see(&mut self, view: &View) {
        let mut ships = BTreeMap::new();
        self.note(u64::from(view.tick.0));
        for ship in &view.ships {
            let looks = (ship.x, ship.y, ship.aim, ship.hp);
            self.note((looks.0 as u64) << 32 ^ looks.1 as u64 ^ u64::from(looks.2) << 56);
            ships.insert(ship.slot, looks);
        }
        if self.views.len() == KEPT {
            self.views.pop_front();
        }
        self.views.push_back((view.tick, ships));
    }

    /// Plays until `end`, whatever happens.
    pub(crate) async fn live(&mut self, port: u16, end: Instant) {
        let mut resume = None;
        while Instant::now() < end {
            match timeout(SILENCE, join(port, &self.name, resume)).await {
                Ok(Ok((mut client, mut session, resumed))) => {
                    self.connections += 1;
                    self.resumed += u32::from(resumed);
                    self.views.clear();
                    resume = session.resume;
                    self.play(&mut client, &mut session, end).await;
                }
                Ok(Err(_)) | Err(_) => self.note(1),
            }
            sleep(PAUSE).await;
        }
    }

    async fn play(&mut self, client: &mut Client, session: &mut Session, end: Instant) {
        let mut bot = Bot::new(session.you.map_or(0, |slot| u64::from(slot.0) + 1));
        let mut heard = Instant::now();
        while Instant::now() < end && heard.elapsed() < SILENCE {
            let next = session.clock.next_due().min(end).min(heard + SILENCE);
            match timeout_at(next, client.next()).await {
                Ok(Ok(Incoming::Message(message))) => {
                    heard = Instant::now();
                    match session.take(&message, heard) {
                        Ok(Change::View) => self.see(session.view()),
                        Ok(_) => {}
                        Err(_) => self.unreadable += 1,
                    }
                    while let Some(reply) = session.reply() {
                        let _ = client.send(&reply).await;
                    }
                }
                Ok(Ok(Incoming::Closed(Closed { code, .. }))) => return self.note(code.into()),
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(_)) => return self.note(2),
            }
            while let Some(due) = session.clock.due(Instant::now()) {
                let (controls, seen) = bot.hold(session);
                let input = session.input_seeing(due.tick, controls, seen);
                let _ = client.send(&ClientMessage::Input(input)).await;
            }
        }
        self.note(3);
    }
}

async fn join(port: u16, name: &str, resume: Option<ResumeToken>) -> Result<(Client, Session, bool), Error> {
    let address = format!("server:{port}");
    let stream = TcpStream::connect(("server", port)).await;
    let stream = stream.map_err(|source| Error::Connect { address, source })?;
    let url: Endpoint = format!("ws://server:{port}/ws").parse().expect("a valid URL");
    let mut client = Client::open_over(stream, &url, &Options::default()).await?;
    let hello = Hello { name: name.into(), room: "STORM".into(), resume, ..Hello::default() };
    let welcome = client.join(hello).await?;
    let session = Session::new(&welcome, Instant::now());
    Ok((client, session, welcome.resumed))
}
