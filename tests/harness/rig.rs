//! A room without sockets and without time: ticks as fast as they come, players that read their outbox after each.

use std::sync::Arc;
use std::time::Duration;

use bot_client::{Bot, Session};
use protocol::codec::{self, Encoding};
use protocol::message::Role;
use protocol::{Buttons, Controls, ResumeToken, RoomCode, Seq, ServerMessage, Slot, Tick};
use server::farewell::Farewell;
use server::outbox::{Batch, Outbox};
use server::room::inbound::Mailbox;
use server::room::places::Places;
use server::room::seat::{Join, Keys};
use server::room::{Room, RoomEnds, TickReport};
use server::time::Stamp;
use sim::WorldConfig;
use tokio::time::Instant;

/// One tick, µs.
const TICK_US: u64 = 1_000_000 / protocol::TICK_HZ as u64;

/// A room and its players.
pub struct Rig {
    /// The room.
    pub room: Room,
    /// Its players, in the order in which they joined.
    pub players: Vec<RigPlayer>,
    config: WorldConfig,
    ends: RoomEnds,
    start: Instant,
    places: Arc<Places>,
}

/// A player of a rig.
pub struct RigPlayer {
    /// What the player knows; none before the `Welcome`.
    pub session: Option<Session>,
    /// Everything that came, oldest first, but for snapshots.
    pub news: Vec<ServerMessage>,
    /// Ticks of the snapshots that came.
    pub snapshots: Vec<Tick>,
    /// How the room ended it.
    pub farewell: Option<Farewell>,
    /// What the player says.
    pub mailbox: Arc<Mailbox>,
    /// While true, the player reads nothing.
    pub deaf: bool,
    /// True once the player has been deaf.
    pub was_deaf: bool,
    /// Flags of the last snapshot.
    pub flags: u8,
    /// Bytes of the largest snapshot message.
    pub largest: usize,
    hands: Hands,
    outbox: Arc<Outbox>,
    /// What was taken last; kept for its buffers.
    batch: Batch,
    skimmed: Vec<u8>,
}

/// Who decides what a player holds.
pub enum Hands {
    /// Sends no input.
    None,
    /// Holds always the same.
    Hold(Controls),
    /// Flies to the middle of the world.
    Gather,
    /// Flies and fires about, without looking: next to no work for the test itself.
    Wander(u32),
    /// Plays.
    Bot(Box<Bot>),
}

impl Rig {
    /// A room for `capacity` players without server-run ships.
    pub fn new(seed: u64, capacity: u16) -> Rig {
        Rig::with_pilots(seed, capacity, 0)
    }

    /// A room with server-run ships.
    pub fn with_pilots(seed: u64, capacity: u16, pilots: u16) -> Rig {
        let code: RoomCode = "RIG".parse().expect("a valid code");
        let config = WorldConfig { capacity, pilots, seed };
        let (mut room, ends) = Room::new(code, &config);
        room.check_every(1);
        Rig { room, players: Vec::new(), config, ends, start: Instant::now(), places: Arc::default() }
    }

    /// Lets spectators see the room late. Before the first tick.
    pub fn delay_spectators(&mut self, secs: u64) {
        self.room.delay_spectators(Duration::from_secs(secs), &self.config);
    }

    /// Asks for a seat for one more player; returns its index.
    pub fn join(&mut self, role: Role, hands: Hands) -> usize {
        let outbox = Arc::new(Outbox::new());
        let mailbox = Arc::new(Mailbox::new(self.ends.clock.clone()));
        let n = self.players.len();
        let token = ResumeToken([n as u8; 16]);
        let join = Join {
            keys: Keys { token, resume: None, holder: None },
            name: format!("P{n}"),
            hue: n as u8 % 8,
            aspect: 1778,
            role,
            mailbox: mailbox.clone(),
            outbox: outbox.clone(),
            acknowledges: true,
            reservation: self.places.take(usize::MAX),
        };
        self.ends.joins.try_send(join).expect("the room takes joins");
        self.players.push(RigPlayer {
            session: None,
            news: Vec::new(),
            snapshots: Vec::new(),
            farewell: None,
            mailbox,
            deaf: false,
            was_deaf: false,
            flags: 0,
            largest: 0,
            hands,
            outbox,
            batch: Batch::default(),
            skimmed: Vec::new(),
        });
        n
    }

    /// Seats `n` players that play, of different tempers.
    #[must_use]
    pub fn bots(mut self, n: u64) -> Rig {
        for i in 0..n {
            self.join(Role::Player, Hands::Bot(Box::new(Bot::new(i + 1))));
        }
        self
    }

    /// The moment of the coming tick, in the rig's own time.
    fn now(&self) -> Instant {
        self.start + Duration::from_micros(u64::from(self.room.world().tick().0) * TICK_US)
    }

    /// One tick: players hold, the room ticks, players read.
    pub fn tick(&mut self) -> TickReport {
        let now = self.now();
        let stamp = self.hold();
        let report = self.room.tick(stamp);
        for player in &mut self.players {
            player.was_deaf |= player.deaf;
            if !player.deaf {
                player.read(now, stamp);
            }
        }
        report
    }

    /// Seats `n` players that wander.
    #[must_use]
    pub fn wanderers(mut self, n: u32) -> Rig {
        for i in 0..n {
            self.join(Role::Player, Hands::Wander(i.wrapping_mul(7919)));
            if i % 50 == 49 {
                // A room seats so many in one tick and no more.
                let stamp = self.hold();
                self.room.tick(stamp);
            }
        }
        self
    }

    /// What players do before a tick, for timing the room alone: [`Rig::hold`], then `room.tick`, then [`Rig::skim`].
    pub fn hold(&mut self) -> Stamp {
        let stamp = Stamp(u64::from(self.room.world().tick().0) * TICK_US);
        let next = self.room.world().tick().next();
        for player in &mut self.players {
            player.hold(next, stamp);
        }
        Stamp(stamp.0 + 5000)
    }

    /// What players do after a tick, without reading what they are sent: they acknowledge it.
    pub fn skim(&mut self, stamp: Stamp) {
        for player in &mut self.players {
            while player.outbox.take(&mut player.batch) {
                if player.session.is_none() {
                    player.session = player.batch.ordered.iter().find_map(welcomed);
                }
                // A snapshot's message: the variant's number, then the sequence number.
                if let [_, seq, ..] = player.batch.snapshot[..] {
                    player.skimmed.clear();
                    player.skimmed.extend_from_slice(&player.batch.snapshot);
                    player.mailbox.open().wishes.ack = Some((Seq(seq), stamp));
                }
            }
        }
    }

    /// Many ticks.
    pub fn run(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.tick();
        }
    }

    /// Ticks until `done`, at most `ticks` times. Says whether it came about.
    pub fn run_until(&mut self, ticks: u32, mut done: impl FnMut(&Rig) -> bool) -> bool {
        (0..ticks).any(|_| {
            self.tick();
            done(self)
        })
    }
}

impl RigPlayer {
    /// The player's ship.
    pub fn slot(&self) -> Slot {
        self.session().you.expect("the player has a ship")
    }

    /// The message of the last snapshot that was skimmed; empty if there was none in the last tick.
    pub fn last_bytes(&self) -> &[u8] {
        &self.skimmed
    }

    /// What the player knows, once seated.
    pub fn session(&self) -> &Session {
        self.session.as_ref().expect("the player is seated")
    }

    fn hold(&mut self, tick: Tick, stamp: Stamp) {
        let Some(session) = &self.session else { return };
        let controls = match &mut self.hands {
            Hands::None => return,
            Hands::Hold(controls) => *controls,
            Hands::Gather => gather(session),
            Hands::Wander(seed) => wander(*seed, tick),
            Hands::Bot(bot) => bot.hold(session).0,
        };
        let mut input = session.input(tick, controls);
        if let [_, seq, ..] = self.skimmed[..] {
            input.ack = Seq(seq);
        }
        self.mailbox.put_input(&input, stamp);
    }

    /// What a connection's writer and the client behind it would do.
    fn read(&mut self, now: Instant, stamp: Stamp) {
        self.skimmed.clear();
        let mut batch = std::mem::take(&mut self.batch);
        while self.outbox.take(&mut batch) {
            for bytes in batch.ordered.iter() {
                self.take(bytes, now);
            }
            if !batch.snapshot.is_empty() {
                self.take(&batch.snapshot, now);
                self.mailbox.open().wishes.ack = Some((self.session().view().seq, stamp));
            }
            self.farewell = self.farewell.take().or(batch.farewell.take());
        }
        self.batch = batch;
    }

    fn take(&mut self, bytes: &[u8], now: Instant) {
        let message = codec::decode_server(Encoding::Bincode, bytes).expect("the room writes messages");
        if let ServerMessage::Welcome(welcome) = &message {
            self.session = Some(Session::new(welcome, now));
        }
        let session = self.session.as_mut().expect("a Welcome comes first");
        session.take(&message, now).expect("the room writes snapshots that can be read");
        match message {
            ServerMessage::Snapshot(snapshot) => {
                self.flags = snapshot.flags;
                self.largest = self.largest.max(bytes.len());
                self.snapshots.push(session.view().tick);
            }
            message => self.news.push(message),
        }
    }
}

/// What a player knows that has read no more than this message, if it is the `Welcome`.
fn welcomed(bytes: &[u8]) -> Option<Session> {
    match codec::decode_server(Encoding::Bincode, bytes) {
        Ok(ServerMessage::Welcome(welcome)) => Some(Session::new(&welcome, Instant::now())),
        _ => None,
    }
}

/// Controls that change every half second and fire most of the time.
fn wander(seed: u32, tick: Tick) -> Controls {
    let mixed = (seed ^ (tick.0 / 15).wrapping_mul(0x9e37_79b9)).wrapping_mul(0x85eb_ca6b).rotate_left(13);
    Controls {
        magnitude: (mixed & 7) as u8,
        dir: (mixed >> 8) as u8,
        aim: (mixed >> 16) as u16 & Controls::AIM_MASK,
        buttons: if mixed & 24 == 0 { Buttons::default() } else { Buttons::FIRE },
    }
}

/// Controls that fly to the middle of the world, boosting and turning.
fn gather(session: &Session) -> Controls {
    let Some(own) = session.view().own else { return Controls::default() };
    let (dx, dy) = (session.map.side() / 2 - own.x, session.map.side() / 2 - own.y);
    // The eight winds are enough.
    let dir = match (dx.signum(), dy.signum(), dx.abs() > 2 * dy.abs(), dy.abs() > 2 * dx.abs()) {
        (1, _, true, _) => 0,
        (-1, _, true, _) => 128,
        (_, 1, _, true) => 64,
        (_, -1, _, true) => 192,
        (1, 1, ..) => 32,
        (-1, 1, ..) => 96,
        (-1, -1, ..) => 160,
        _ => 224,
    };
    // Everything about the ship changes all the time, so that there is much to tell.
    let aim = (session.view().tick.0 as u16).wrapping_mul(97) & Controls::AIM_MASK;
    Controls { magnitude: 7, dir, aim, buttons: Buttons::BOOST }
}
