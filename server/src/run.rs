//! Runs a server from listeners to summary; everything from outside is an argument, so that tests run it too.

use std::path::PathBuf;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use protocol::RoomCode;
use rand::rngs::SysError;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::lobby::Lobby;
use crate::metrics::{Metrics, Summary};
use crate::net::{self, Accept, Admin, Door, Game, Listener, Page, Redirect, Service, Shards, Tls};
use crate::operations::Operations;
use crate::record::Recordings;
use crate::record::shelf::Shelf;
use crate::room::driver::{Driver, DriverKind};
use crate::session::ticket::KeyError;
use crate::session::{Sessions, Tickets};
use crate::time::Epoch;

/// After a stop: how long connections have to say good-bye.
const DRAIN: Duration = Duration::from_secs(4);

/// And how long operators have to read their answers after that.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Connections to the admin listener at a time.
const ADMIN_CONNECTIONS: usize = 32;

/// Connections at a time to the listener that only sends them elsewhere.
const REDIRECT_CONNECTIONS: usize = 256;

/// Where connections come from.
#[derive(Debug)]
pub struct Listeners<L, A> {
    /// Players.
    pub game: L,
    /// What the players' listener speaks below HTTP; none: nothing.
    pub tls: Option<Arc<Tls>>,
    /// Operators; none: not served.
    pub admin: Option<A>,
    /// Whoever comes by plain HTTP, and where to send them; none: not served.
    pub redirect: Option<(A, Redirect)>,
}

/// What differs between production and tests.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What makes rooms tick.
    pub driver: DriverKind,
    /// What is counted; for whoever wants to read it while the server runs.
    pub metrics: Arc<Metrics>,
    /// Makes every tick take so many ms more: for trying out what rooms do under load.
    pub drag_ms: Arc<AtomicU32>,
    /// Makes the room of this code panic at its next tick: for trying out what others notice of it.
    pub fail_room: Arc<Mutex<Option<RoomCode>>>,
    /// Cancelled when the server is to end: by an operator, or by whoever runs it.
    pub end: CancellationToken,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] SysError),
    /// No usable ticket key.
    #[error(transparent)]
    Tickets(#[from] KeyError),
    /// No threads for connections.
    #[error("cannot start the threads that serve connections: {0}")]
    Shards(std::io::Error),
    /// No place for recordings.
    #[error("cannot record to {}", .dir.display())]
    Record {
        /// Where.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A server that serves.
#[derive(Debug)]
pub struct Server {
    lobby: Lobby,
    recordings: Arc<Recordings>,
    metrics: Arc<Metrics>,
    end: CancellationToken,
    /// Where connections are served; they end with this.
    _shards: Option<Shards<<Sessions as Service>::Ingress, <Sessions as Service>::Egress>>,
    /// Players' connections, and what ends them.
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Operators', who see the drain to its end.
    admin_tasks: TaskTracker,
    admin_stop: CancellationToken,
}

/// Serves until `shutdown`: [`Server::start`] and [`Server::until`].
///
/// # Errors
/// Those of [`Server::start`].
pub async fn run<L: Listener, A: Listener>(
    listeners: Listeners<L, A>,
    config: Config,
    options: Options,
    shutdown: impl Future<Output = ()>,
) -> Result<Summary, RunError> {
    Ok(Server::start(listeners, config, options)?.until(shutdown).await)
}

impl Server {
    /// Begins to serve. To be called on a runtime.
    ///
    /// # Errors
    /// The system has no randomness or threads to give, a ticket key cannot be used, or recordings cannot be written where
    /// they should be.
    pub fn start<L: Listener, A: Listener>(
        listeners: Listeners<L, A>,
        config: Config,
        options: Options,
    ) -> Result<Server, RunError> {
        let Options { driver, metrics, drag_ms, fail_room, end } = options;
        let epoch = Epoch::now();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        // Where time is virtual everything runs on the one thread that knows it.
        let shards = match driver {
            DriverKind::Thread => Some(Shards::start(&stop).map_err(RunError::Shards)?),
            DriverKind::Task => None,
        };
        let driver = Driver { kind: driver, epoch, drag_ms, fail_room };
        let tickets = config.tickets.as_ref().map(Tickets::new).transpose()?;
        if tickets.is_none() {
            tracing::info!("no [tickets] are configured: whoever reaches this server may join");
        }
        let recordings = Recordings::start(config.record.clone(), metrics.clone()).map_err(|source| {
            let dir = config.record.dir.clone().unwrap_or_default();
            RunError::Record { dir, source }
        })?;
        let recordings = Arc::new(recordings);
        let loopback = config.net.per_ip.loopback;
        let lobby =
            Lobby::new(config.rooms, loopback, config.seed, driver, metrics.clone(), recordings.clone())?;
        let door = Door::new(&config.net, metrics.clone());
        let accept = |connections, door, tls| Accept {
            stop: stop.clone(),
            tasks: tasks.clone(),
            head_timeout: config.net.handshake,
            tls,
            connections: Arc::new(Semaphore::new(connections)),
            door,
        };
        let game = Arc::new(Game {
            service: Sessions::new(lobby.clone(), metrics.clone(), epoch, config.net.json, tickets),
            page: Page::new(config.assets.clone()),
            shelf: Shelf::new(&config.record),
            limits: Arc::new(config.net.clone()),
            door: door.clone(),
            metrics: metrics.clone(),
            homes: shards.as_ref().map(Shards::homes),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let (counted, tls) = (metrics.clone(), listeners.tls);
        if let Some(tls) = tls.clone() {
            tasks.spawn(tls.watch(stop.clone()));
        }
        let players = accept(config.net.connections, Some(door.clone()), tls);
        tasks.spawn(net::serve(listeners.game, game, players, move || {
            counted.accepted.inc();
        }));
        if let Some((listener, redirect)) = listeners.redirect {
            let lost = accept(REDIRECT_CONNECTIONS, Some(door), None);
            tasks.spawn(net::serve(listener, Arc::new(redirect), lost, || ()));
        }
        let (admin_stop, admin_tasks) = (CancellationToken::new(), TaskTracker::new());
        if let Some(listener) = listeners.admin {
            let operations = Operations::new(lobby.clone(), metrics.clone(), recordings.clone(), end.clone());
            let admin = Arc::new(Admin::new(operations, config.admin_token.clone(), metrics.clone()));
            let accept = Accept {
                stop: admin_stop.clone(),
                tasks: admin_tasks.clone(),
                ..accept(ADMIN_CONNECTIONS, None, None)
            };
            admin_tasks.spawn(net::serve(listener, admin, accept, || ()));
        }
        Ok(Server { lobby, recordings, metrics, end, _shards: shards, tasks, stop, admin_tasks, admin_stop })
    }

    /// Serves until `shutdown`, or until [`Options::end`] is cancelled, then tells every player, waits for at most four seconds,
    /// and says what was done.
    pub async fn until(self, shutdown: impl Future<Output = ()>) -> Summary {
        let Server { lobby, recordings, metrics, end, _shards, tasks, stop, admin_tasks, admin_stop } = self;
        tokio::select! {
            () = shutdown => {}
            () = end.cancelled() => {}
        }
        lobby.drain();
        stop.cancel();
        tasks.close();
        if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!(left = tasks.len(), "connections did not end in time");
        }
        admin_stop.cancel();
        admin_tasks.close();
        let _ = tokio::time::timeout(LAST_ANSWERS, admin_tasks.wait()).await;
        // Rooms have seen the stop by now; what they noted is still on its way to the disk.
        // Waited for on a thread of its own: those of the runtime may all wait for that disk.
        let (done, finished) = oneshot::channel();
        let finish = move || {
            recordings.finish();
            let _ = done.send(());
        };
        match std::thread::Builder::new().name("last recordings".into()).spawn(finish) {
            Ok(_) => drop(finished.await),
            Err(error) => {
                tracing::error!(%error, "recordings may be cut off: no thread to wait for the disk")
            }
        }
        metrics.summary()
    }
}
