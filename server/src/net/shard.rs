//! The threads that serve WebSocket connections: each watches the sockets of its share, and gives those a turn that have
//! something to hear or to say.
//!
//! A shard that has done its work naps before it waits for more. Without the nap every input wakes it for itself; with
//! it the kernel gathers what arrives in the meantime, and one look at the sockets finds the inputs of many.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::websocket::{Connection, Desk, Socket};
use super::{Egress, Ingress};
use crate::bell::{Bell, Place};
use crate::fetch::{HELPING, fetch};
use crate::outbox::Outbox;

/// How long a shard gathers: what an input or a snapshot may wait here at worst.
const NAP: Duration = Duration::from_millis(1);

/// How often a shard looks at the deadlines of its connections, which are of seconds.
const LOOK_AT_CLOCKS: Duration = Duration::from_millis(100);

/// Sockets that one look finds at most; the others are found by the next.
const EVENTS: usize = 1024;

/// Connections that are called and served before it is looked who else has said something: what has arrived is noted with the
/// time of that look.
const TURN: usize = 128;

/// Whatever is not a connection's place.
const CALL: Token = Token(usize::MAX);

/// The threads. When this is dropped they end, and with them what still runs there.
#[derive(Debug)]
pub struct Shards<I, E> {
    homes: Homes<I, E>,
    threads: Vec<JoinHandle<()>>,
    ended: CancellationToken,
}

/// Deals out the shards in turn.
#[derive(Debug)]
pub struct Homes<I, E> {
    homes: Arc<[Home<I, E>]>,
    turn: Arc<AtomicUsize>,
}

impl<I, E> Clone for Homes<I, E> {
    fn clone(&self) -> Homes<I, E> {
        Homes { homes: self.homes.clone(), turn: self.turn.clone() }
    }
}

/// One shard, from outside.
#[derive(Debug)]
struct Home<I, E> {
    bell: Arc<Bell>,
    places: Arc<Places>,
    arrivals: mpsc::Sender<Arrival<I, E>>,
    waker: Arc<Waker>,
}

/// The places of a shard that are taken.
#[derive(Debug, Default)]
struct Places(Mutex<Slab<()>>);

impl Places {
    fn taken(&self) -> MutexGuard<'_, Slab<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place on a shard, kept for one connection; given back when this is dropped.
pub(super) struct Berth<I, E> {
    place: Place,
    places: Arc<Places>,
    bell: Arc<Bell>,
    arrivals: mpsc::Sender<Arrival<I, E>>,
    waker: Arc<Waker>,
}

impl<I, E> Drop for Berth<I, E> {
    fn drop(&mut self) {
        self.places.taken().try_remove(self.place);
    }
}

impl<I, E> Berth<I, E> {
    /// The outbox of the connection that will be there.
    pub(super) fn outbox(&self) -> Arc<Outbox> {
        Arc::new(Outbox::at(self.bell.clone(), self.place))
    }

    /// Lets the shard drive a connection from now on. `held` is dropped when it is over.
    pub(super) fn settle(self, socket: Socket, connection: Connection<I, E>, held: Box<dyn Send>) {
        let (arrivals, waker) = (self.arrivals.clone(), self.waker.clone());
        // Should the shard have ended, everything is dropped here, as it would be there.
        if arrivals.send(Arrival { berth: self, socket, connection, held }).is_ok() {
            // A shard that cannot be woken looks around by itself soon.
            let _ = waker.wake();
        }
    }
}

/// A connection on its way to its shard.
struct Arrival<I, E> {
    berth: Berth<I, E>,
    socket: Socket,
    connection: Connection<I, E>,
    held: Box<dyn Send>,
}

impl<I: Ingress, E: Egress> Shards<I, E> {
    /// Starts one shard for each core that this process may use. Once `stop` is cancelled, peers that have not said anything
    /// yet are sent away.
    ///
    /// # Errors
    /// The system refused a thread, or what is needed to watch sockets.
    pub fn start(stop: &CancellationToken) -> io::Result<Shards<I, E>> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let ended = CancellationToken::new();
        let mut homes = Vec::new();
        let mut threads = Vec::new();
        for n in 0..count {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), CALL)?);
            let wakes = waker.clone();
            let bell = Arc::new(Bell::new(move || {
                let _ = wakes.wake();
            }));
            let (sender, arrivals) = mpsc::channel();
            let shard = Shard {
                poll,
                bell: bell.clone(),
                arrivals,
                guests: Vec::new(),
                desk: Desk::default(),
                called: Vec::new(),
                told: Vec::new(),
                restless: Vec::new(),
                stop: stop.clone(),
                stopping: false,
                ended: ended.clone(),
            };
            threads.push(thread::Builder::new().name(format!("net {n}")).spawn(move || shard.run())?);
            homes.push(Home { bell, places: Arc::default(), arrivals: sender, waker });
        }
        let homes = Homes { homes: homes.into(), turn: Arc::default() };
        Ok(Shards { homes, threads, ended })
    }

    /// Where connections may be served.
    pub fn homes(&self) -> Homes<I, E> {
        self.homes.clone()
    }
}

impl<I, E> Homes<I, E> {
    /// A place on the shard whose turn it is.
    pub(super) fn next(&self) -> Berth<I, E> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let Home { bell, places, arrivals, waker } = &self.homes[turn % self.homes.len()];
        Berth {
            place: places.taken().insert(()),
            places: places.clone(),
            bell: bell.clone(),
            arrivals: arrivals.clone(),
            waker: waker.clone(),
        }
    }
}

impl<I, E> Drop for Shards<I, E> {
    fn drop(&mut self) {
        self.ended.cancel();
        for home in &*self.homes.homes {
            let _ = home.waker.wake();
        }
        for thread in self.threads.drain(..) {
            // It has nothing to say: a connection that panics ends alone.
            let _ = thread.join();
        }
    }
}

/// One shard, on its own thread.
struct Shard<I, E> {
    poll: Poll,
    bell: Arc<Bell>,
    arrivals: mpsc::Receiver<Arrival<I, E>>,
    /// By place. Boxed: a place that is free takes next to nothing.
    guests: Vec<Option<Box<Guest<I, E>>>>,
    desk: Desk,
    /// Those who were called and have not been served, the first of them last.
    called: Vec<Place>,
    /// Room for those of whom there is something to tell, and whether their peers have ended.
    told: Vec<(Place, bool)>,
    /// Those who have more to read than one turn takes.
    restless: Vec<Place>,
    stop: CancellationToken,
    /// As it was at the last look.
    stopping: bool,
    ended: CancellationToken,
}

/// A connection that lives here.
struct Guest<I, E> {
    connection: Connection<I, E>,
    socket: Socket,
    /// True while it is among the restless.
    restless: bool,
    _berth: Berth<I, E>,
    _held: Box<dyn Send>,
}

impl<I: Ingress, E: Egress> Shard<I, E> {
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS);
        let mut clocks = Instant::now();
        while !self.ended.is_cancelled() {
            if let Err(error) = self.poll.poll(&mut events, self.patience(clocks))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "a thread of connections cannot watch its sockets");
                return;
            }
            let now = Instant::now();
            self.stopping = self.stop.is_cancelled();
            // First, so that what there is to read does not make it later now and sooner then.
            self.serve_called(now);
            self.serve_told(&events, now);
            while let Ok(arrival) = self.arrivals.try_recv() {
                self.welcome(arrival, now);
            }
            for place in std::mem::take(&mut self.restless) {
                self.give_turn(place, now, |guest| guest.restless = false);
            }
            if now >= clocks {
                clocks = now + LOOK_AT_CLOCKS;
                self.look_at_clocks(now);
            }
            if self.called.is_empty() {
                thread::sleep(NAP);
            }
        }
    }

    /// How long to wait for something to happen; none: for ever.
    fn patience(&self, clocks: Instant) -> Option<Duration> {
        if !self.called.is_empty() || !self.restless.is_empty() {
            return Some(Duration::ZERO);
        }
        let empty = self.guests.iter().all(Option::is_none);
        (!empty).then(|| clocks.saturating_duration_since(Instant::now()))
    }

    fn welcome(&mut self, arrival: Arrival<I, E>, now: Instant) {
        let Arrival { berth, mut socket, connection, held } = arrival;
        let place = berth.place;
        let watched = self.poll.registry().register(
            socket.source(),
            Token(place),
            Interest::READABLE | Interest::WRITABLE,
        );
        if let Err(error) = watched {
            tracing::warn!(%error, "cannot watch one more socket");
            return;
        }
        if self.guests.len() <= place {
            self.guests.resize_with(place + 1, || None);
        }
        let guest = Guest { connection, socket, restless: false, _berth: berth, _held: held };
        self.guests[place] = Some(Box::new(guest));
        self.give_turn(place, now, |_| ());
    }

    fn look_at_clocks(&mut self, now: Instant) {
        for place in 0..self.guests.len() {
            let due = |guest: &Guest<I, E>| self.stopping || guest.connection.deadline() <= now;
            if self.guests[place].as_deref().is_some_and(due) {
                self.give_turn(place, now, |_| ());
            }
        }
    }

    /// Serves some of those who were called.
    fn serve_called(&mut self, now: Instant) {
        let mut called = std::mem::take(&mut self.called);
        if called.is_empty() {
            self.bell.answer(&mut called);
            called.reverse();
        }
        let rest = called.len().saturating_sub(TURN);
        for places in called[rest..].rchunks(HELPING) {
            self.fetch(places.iter().copied());
            for &place in places.iter().rev() {
                self.give_turn(place, now, |guest| guest.connection.call());
            }
        }
        called.truncate(rest);
        self.called = called;
    }

    /// Serves those of whom the system has something to tell.
    fn serve_told(&mut self, events: &Events, now: Instant) {
        let mut told = std::mem::take(&mut self.told);
        told.extend(events.iter().map(|event| {
            let Token(place) = event.token();
            (place, event.is_read_closed() || event.is_error())
        }));
        for some in told.chunks(HELPING) {
            self.fetch(some.iter().map(|&(place, _)| place));
            for &(place, ended) in some {
                self.give_turn(place, now, |guest| guest.connection.look(ended));
            }
        }
        told.clear();
        self.told = told;
    }

    /// Fetches what is kept of connections whose turn is about to come.
    fn fetch(&self, places: impl Iterator<Item = Place>) {
        fetch(places.filter_map(|place| self.guests.get(place)?.as_deref()), |guest| {
            usize::from(guest.restless) ^ guest.connection.touch()
        });
    }

    /// Gives a connection its turn, if there is one: it may just have ended, and been called before.
    fn give_turn(&mut self, place: Place, now: Instant, before: impl FnOnce(&mut Guest<I, E>)) {
        let Some(Some(guest)) = self.guests.get_mut(place) else { return };
        before(guest);
        let Guest { connection, socket, .. } = &mut **guest;
        let (desk, stopping) = (&mut self.desk, self.stopping);
        let turn = AssertUnwindSafe(|| match socket {
            Socket::Plain(stream) => connection.turn(stream, desk, now, stopping),
            Socket::Secure(stream) => connection.turn(&mut **stream, desk, now, stopping),
        });
        let goes_on = catch_unwind(turn).unwrap_or_else(|_| {
            tracing::error!("a connection panicked; it is closed, others go on");
            self.desk = Desk::default();
            false
        });
        if !goes_on {
            self.guests[place] = None;
        } else if connection.wants_more() && !std::mem::replace(&mut guest.restless, true) {
            self.restless.push(place);
        }
    }
}
