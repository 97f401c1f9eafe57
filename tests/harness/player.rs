//! A player over any connection: keeps a session up to date, plays with the pilots' brain, and waits for things.

use std::time::Duration;

use bot_client::session::Change;
use bot_client::{Bot, Client, Closed, Endpoint, Error, Incoming, Session};
use protocol::message::{Hello, Welcome};
use protocol::{ClientMessage, Tick};
use tokio::time::Instant;

/// A seated player.
pub struct Player {
    /// The connection.
    pub client: Client,
    /// What the player knows.
    pub session: Session,
    /// The first message.
    pub welcome: Welcome,
    /// Ticks of the snapshots so far.
    pub ticks: Vec<Tick>,
    /// How the connection ended, if it did.
    pub closed: Option<Closed>,
    bot: Bot,
}

impl Player {
    /// Joins over TCP.
    ///
    /// # Errors
    /// As [`Client::connect`].
    pub async fn join(endpoint: &Endpoint, hello: Hello) -> Result<Player, Error> {
        let (client, welcome) = Client::connect(endpoint, hello).await?;
        Ok(Player::seated(client, welcome))
    }

    /// A player on a connection that has had its `Welcome`.
    pub fn seated(client: Client, welcome: Welcome) -> Player {
        let session = Session::new(&welcome, Instant::now());
        let seed = welcome.you.map_or(0, |slot| u64::from(slot.0) + 1);
        Player { client, session, welcome, ticks: Vec::new(), closed: None, bot: Bot::new(seed) }
    }

    /// Plays until `done`, at most for `limit`. Says whether it came about; false also if the connection ended.
    pub async fn play_until(
        &mut self,
        limit: Duration,
        mut done: impl FnMut(&Session, &Change) -> bool,
    ) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let next = self.session.clock.next_due().min(deadline);
            match tokio::time::timeout_at(next, self.client.next()).await {
                Ok(incoming) => match incoming.expect("the server keeps to the protocol") {
                    Incoming::Message(message) => {
                        let change =
                            self.session.take(&message, Instant::now()).expect("a readable snapshot");
                        if change == Change::View {
                            self.ticks.push(self.session.view().tick);
                        }
                        while let Some(reply) = self.session.reply() {
                            // Should the server have closed, reading says so.
                            let _ = self.client.send(&reply).await;
                        }
                        if done(&self.session, &change) {
                            return true;
                        }
                    }
                    Incoming::Closed(closed) => {
                        self.closed = Some(closed);
                        return false;
                    }
                    Incoming::View(_) | Incoming::Pong(_) => {}
                },
                Err(_) if Instant::now() >= deadline => return false,
                Err(_) => {}
            }
            while let Some(due) = self.session.clock.due(Instant::now()) {
                let (controls, seen) = self.bot.hold(&self.session);
                let input = self.session.input_seeing(due.tick, controls, seen);
                // Should the server have closed, reading says so.
                let _ = self.client.send(&ClientMessage::Input(input)).await;
            }
        }
    }

    /// Plays for a while.
    pub async fn play(&mut self, time: Duration) {
        self.play_until(time, |_, _| false).await;
    }

    /// Reads until the server closes; none if it does not within `limit`.
    pub async fn closes(&mut self, limit: Duration) -> Option<Closed> {
        self.play(limit).await;
        self.closed.clone()
    }

    /// The same in real time, where a busy machine may hold up server and player alike: still seated, and served for at
    /// least half of the time. What must not happen at all is asserted in virtual time.
    pub fn assert_served(&self, time: Duration) {
        assert_eq!(self.closed, None, "a good player was closed");
        let expected = time.as_secs_f64() * f64::from(protocol::TICK_HZ);
        assert!(self.ticks.len() as f64 > expected / 2.0, "{} of {expected} snapshots", self.ticks.len());
    }

    /// Asserts, in virtual time, that this player noticed nothing: still seated, and a snapshot for (nearly) every tick
    /// of the last `time`.
    pub fn assert_undisturbed(&self, time: Duration) {
        assert_eq!(self.closed, None, "a good player was closed");
        let expected = time.as_secs_f64() * f64::from(protocol::TICK_HZ);
        assert!(self.ticks.len() as f64 > expected * 0.85, "{} of {expected} snapshots", self.ticks.len());
        let skipped: i64 = self.ticks.windows(2).map(|w| w[1].since(w[0]) - 1).sum();
        assert!(skipped as f64 <= expected * 0.05, "{skipped} of {expected} snapshots were skipped");
    }
}
