//! The directory of rooms: finds the room that a player asks for, creates it, and lets go of empty ones.
//!
//! Counts seats, so that nobody is sent to a full room. Knows no rule and no message.

mod oversight;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::message::Role;
use protocol::{CloseCode, RoomCode};
use rand::rngs::SysRng;
use rand::{TryRng, rngs::SysError};
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use crate::config::RoomLimits;
use crate::farewell::Farewell;
use crate::metrics::{Metrics, TickLog};
use crate::outbox::Outbox;
use crate::rates::{NetworkLimits, Networks, Rate};
use crate::record::Recordings;
use crate::room::driver::{Driver, Surroundings};
use crate::room::inbound::Mailbox;
use crate::room::places::{Places, Reservation};
use crate::room::seat::{Join, Keys};
use crate::room::{Room, RoomEnds, WorldConfig};
use crate::sampled::Sampled;
pub use oversight::{OrderRefused, RoomReport};

/// Letters of drawn room codes: none that is mistaken for another when read out.
const CODE_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Letters in a drawn room code: eight million of them.
const CODE_LEN: usize = 5;

/// What a session asks of the lobby.
#[derive(Debug)]
pub struct SeatRequest<'a> {
    /// What takes the seat back later, and what takes an earlier one back.
    pub keys: Keys,
    /// Room code as typed; empty for quick play.
    pub room: &'a str,
    /// Display name, cleaned.
    pub name: String,
    /// Index into the palette.
    pub hue: u8,
    /// Width / height of the window, thousandths.
    pub aspect: u16,
    /// Play or watch.
    pub role: Role,
    /// True if the client acknowledges snapshots.
    pub acknowledges: bool,
    /// Who asks; a network may not open rooms as fast as it likes.
    pub client: IpAddr,
    /// The connection's outbox.
    pub outbox: Arc<Outbox>,
}

/// The directory. Cheap to clone: a handle.
#[derive(Debug, Clone)]
pub struct Lobby {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    limits: RoomLimits,
    seed: u64,
    driver: Driver,
    metrics: Arc<Metrics>,
    recordings: Arc<Recordings>,
    openings: Arc<Networks>,
    directory: Mutex<Directory>,
}

#[derive(Debug, Default)]
struct Directory {
    rooms: BTreeMap<RoomCode, Entry>,
    draining: bool,
}

#[derive(Debug)]
struct Entry {
    ends: RoomEnds,
    players: Arc<Places>,
    spectators: Arc<Places>,
    stop: Arc<AtomicBool>,
    times: Arc<TickLog>,
}

/// How to take a place: [`Places::take_free`] or [`Places::take`].
type Take = fn(&Arc<Places>, usize) -> Option<Reservation>;

impl Entry {
    fn reserve(&self, role: Role, limits: &RoomLimits, take: Take) -> Option<Reservation> {
        match role {
            Role::Player => take(&self.players, limits.capacity.into()),
            Role::Spectator => take(&self.spectators, limits.spectators.into()),
        }
    }

    fn taken(&self) -> usize {
        self.players.taken() + self.spectators.taken()
    }
}

impl Lobby {
    /// An empty directory. Without a `seed` one is drawn from the system. `limit_loopback`: this machine itself may
    /// not open rooms as fast as it likes, either.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(
        limits: RoomLimits,
        limit_loopback: bool,
        seed: Option<u64>,
        driver: Driver,
        metrics: Arc<Metrics>,
        recordings: Arc<Recordings>,
    ) -> Result<Lobby, SysError> {
        let seed = seed.map_or_else(|| SysRng.try_next_u64(), Ok)?;
        let tokens = limits.new_per_min_per_ip;
        let rate = Rate { tokens, per: Duration::from_secs(60), burst: tokens };
        let openings = Networks::new(NetworkLimits { open: usize::MAX, rate, loopback: limit_loopback });
        let directory = Mutex::default();
        let shared = Shared { limits, seed, driver, metrics, recordings, openings, directory };
        Ok(Lobby { shared: Arc::new(shared) })
    }

    /// Finds or creates the room and asks it for a seat. The room answers with a `Welcome` in the outbox; what the
    /// player says goes into the returned mailbox.
    ///
    /// # Errors
    /// What to tell the player instead: a bad code, a full room, too many rooms, or a server that stops.
    pub fn seat(&self, request: SeatRequest<'_>) -> Result<Arc<Mailbox>, Farewell> {
        self.find_seat(request).inspect_err(|farewell| {
            self.shared.metrics.joins_refused.get_or_create(&farewell.label().into()).inc();
        })
    }

    fn find_seat(&self, request: SeatRequest<'_>) -> Result<Arc<Mailbox>, Farewell> {
        let mut directory = self.directory();
        if directory.draining {
            return Err(Farewell::bye(CloseCode::ShuttingDown).retry_after(2000));
        }
        let (ends, reservation) = match request.room {
            "" => {
                let (ends, place) = self.quick(&mut directory, request.role, request.client)?;
                (ends, Some(place))
            }
            code => {
                let code = code.parse().map_err(|bad: protocol::BadRoomCode| {
                    Farewell::because(CloseCode::Malformed, bad.to_string())
                })?;
                let ends = self.named(&mut directory, &code, request.role, request.client)?;
                let place = directory.rooms[&code].reserve(request.role, &self.shared.limits, Places::take);
                // Whoever has a seat there already needs no other.
                if place.is_none() && request.keys.resume.is_none() && request.keys.holder.is_none() {
                    return Err(Farewell::bye(CloseCode::RoomFull).retry_after(2000));
                }
                (ends, place)
            }
        };
        let SeatRequest { keys, name, hue, aspect, role, acknowledges, outbox, .. } = request;
        let mailbox = Arc::new(Mailbox::new(ends.clock.clone()));
        let join = Join {
            keys,
            name,
            hue,
            aspect,
            role,
            acknowledges,
            mailbox: mailbox.clone(),
            outbox,
            reservation,
        };
        ends.joins.try_send(join).map_err(|error| match error {
            TrySendError::Full(_) => Farewell::bye(CloseCode::Overloaded).retry_after(1000),
            TrySendError::Closed(_) => Farewell::bye(CloseCode::RoomFailed).retry_after(1000),
        })?;
        Ok(mailbox)
    }

    /// Rooms open now.
    pub fn rooms(&self) -> usize {
        self.directory().rooms.len()
    }

    /// True once no more seats are given.
    pub fn is_draining(&self) -> bool {
        self.directory().draining
    }

    /// No more seats; every room says good-bye to its players and ends.
    pub fn drain(&self) {
        let mut directory = self.directory();
        directory.draining = true;
        for entry in directory.rooms.values() {
            entry.stop.store(true, Ordering::Release);
        }
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.shared.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fullest room with a free place, else a new one, else the place of somebody who is away.
    fn quick(
        &self,
        directory: &mut Directory,
        role: Role,
        client: IpAddr,
    ) -> Result<(RoomEnds, Reservation), Farewell> {
        if let Some(found) = self.fullest(directory, role, Places::take_free) {
            return Ok(found);
        }
        if role == Role::Spectator {
            return Err(nothing_to_watch());
        }
        let code = self.draw_code(directory)?;
        match self.named(directory, &code, role, client) {
            Ok(ends) => {
                let place = directory.rooms[&code].reserve(role, &self.shared.limits, Places::take_free);
                Ok((ends, place.expect("a new room has a place")))
            }
            Err(farewell) => self.fullest(directory, role, Places::take).ok_or(farewell),
        }
    }

    /// The fullest room that has a place to take.
    fn fullest(&self, directory: &Directory, role: Role, take: Take) -> Option<(RoomEnds, Reservation)> {
        let mut open: Vec<&Entry> = directory.rooms.values().filter(|e| !e.ends.joins.is_closed()).collect();
        open.sort_by_key(|entry| std::cmp::Reverse(entry.taken()));
        open.iter().find_map(|entry| {
            let place = entry.reserve(role, &self.shared.limits, take)?;
            Some((entry.ends.clone(), place))
        })
    }

    /// The room of a code, opened if need be.
    fn named(
        &self,
        directory: &mut Directory,
        code: &RoomCode,
        role: Role,
        client: IpAddr,
    ) -> Result<RoomEnds, Farewell> {
        if !directory.rooms.contains_key(code) {
            // Whoever only watches opens no room.
            if role == Role::Spectator {
                return Err(nothing_to_watch());
            }
            let entry = self.create(directory, code, client)?;
            directory.rooms.insert(code.clone(), entry);
            self.shared.metrics.rooms.set(directory.rooms.len() as i64);
        }
        Ok(directory.rooms[code].ends.clone())
    }

    fn create(&self, directory: &Directory, code: &RoomCode, client: IpAddr) -> Result<Entry, Farewell> {
        let Shared { limits, seed, driver, metrics, recordings, openings, .. } = &*self.shared;
        if directory.rooms.len() >= limits.max {
            metrics.rooms_refused.get_or_create(&"max".into()).inc();
            return Err(Farewell::bye(CloseCode::Overloaded).retry_after(5000));
        }
        if openings.admit(client, Instant::now()).is_err() {
            metrics.rooms_refused.get_or_create(&"rate".into()).inc();
            let reason = "too many new rooms from your network";
            return Err(Farewell::because(CloseCode::Overloaded, reason).retry_after(10_000));
        }
        let seed = room_seed(*seed, code);
        let world = WorldConfig { capacity: limits.capacity, pilots: limits.pilots, seed };
        let (mut room, ends) = Room::new(code.clone(), &world);
        room.keep_seats(limits.grace, limits.keep);
        room.delay_spectators(limits.spectator_delay, &world);
        if let Some(recorder) = recordings.recorder(code, &world) {
            room.record(recorder);
        }
        let (stop, times) = (Arc::new(AtomicBool::new(false)), metrics.tick_logs.open(Instant::now()));
        let (lobby, ended) = (self.clone(), code.clone());
        let (failed_lobby, failed) = (self.clone(), code.clone());
        let around = Surroundings {
            stop: stop.clone(),
            may_end: Box::new(move || lobby.let_go(&ended)),
            on_failure: Box::new(move || failed_lobby.forget(&failed)),
            idle: limits.idle,
            debug: limits.debug,
            metrics: metrics.clone(),
            times: times.clone(),
            recordings: recordings.clone(),
        };
        driver.spawn(room, around).map_err(|error| {
            static LINES: Sampled = Sampled::new();
            if let Some(left_out) = LINES.allow(Instant::now()) {
                tracing::error!(%error, left_out, "no thread for another room");
            }
            Farewell::bye(CloseCode::Overloaded).retry_after(5000)
        })?;
        static LINES: Sampled = Sampled::new();
        match LINES.allow(Instant::now()) {
            Some(left_out) => tracing::info!(room = %code, seed, left_out, "room opened"),
            None => tracing::debug!(room = %code, seed, "room opened"),
        }
        Ok(Entry { ends, players: Arc::default(), spectators: Arc::default(), stop, times })
    }

    /// Lets go of a room unless somebody is on the way in.
    fn let_go(&self, code: &RoomCode) -> bool {
        let mut directory = self.directory();
        let unused = directory.rooms.get(code).is_none_or(|entry| entry.taken() == 0);
        if unused {
            directory.rooms.remove(code);
            self.shared.metrics.rooms.set(directory.rooms.len() as i64);
        }
        unused
    }

    fn forget(&self, code: &RoomCode) {
        let mut directory = self.directory();
        directory.rooms.remove(code);
        self.shared.metrics.rooms.set(directory.rooms.len() as i64);
    }

    fn draw_code(&self, directory: &Directory) -> Result<RoomCode, Farewell> {
        let overloaded = |_: SysError| Farewell::bye(CloseCode::Overloaded).retry_after(1000);
        loop {
            let mut code = String::with_capacity(CODE_LEN);
            for _ in 0..CODE_LEN {
                let letter = SysRng.try_next_u32().map_err(overloaded)? as usize % CODE_LETTERS.len();
                code.push(char::from(CODE_LETTERS[letter]));
            }
            let code = code.parse().expect("drawn letters make a valid code");
            if !directory.rooms.contains_key(&code) {
                return Ok(code);
            }
        }
    }
}

fn nothing_to_watch() -> Farewell {
    Farewell::because(CloseCode::RoomFull, "nobody plays there yet").retry_after(5000)
}

/// The seed of a room's world: the server's seed and the code by FNV-1a-64, so that the same seed and code give the
/// same map again.
fn room_seed(seed: u64, code: &RoomCode) -> u64 {
    let bytes = seed.to_le_bytes().into_iter().chain(code.as_str().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
