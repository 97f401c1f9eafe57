//! A whole server on a free loopback port, in this process.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bot_client::Endpoint;
use protocol::RoomCode;
use server::metrics::Metrics;
use server::net::{Redirect, Tls};
use server::{Listeners, Options, RawConfig, Summary};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server.
pub struct GameServer {
    /// Where the game is.
    pub address: SocketAddr,
    /// Where the operator's pages are.
    pub admin: SocketAddr,
    /// Where plain HTTP is sent elsewhere, if it is.
    pub redirect: Option<SocketAddr>,
    /// TLS, if it speaks it.
    pub tls: Option<Arc<Tls>>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// See [`Options::drag_ms`].
    pub drag_ms: Arc<AtomicU32>,
    /// See [`Options::fail_room`].
    pub fail_room: Arc<Mutex<Option<RoomCode>>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Summary>,
}

impl GameServer {
    /// A server with the default configuration, no pilots and a fixed seed, but for what `change` changes.
    pub async fn start(change: impl FnOnce(&mut RawConfig)) -> GameServer {
        GameServer::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), change).await
    }

    /// The same at an address, where another server was before.
    pub async fn start_at(address: SocketAddr, change: impl FnOnce(&mut RawConfig)) -> GameServer {
        let mut raw = RawConfig { seed: Some(7), ..RawConfig::default() };
        raw.rooms.pilots = server::config::RawPilots::Number(0);
        change(&mut raw);
        let config = raw.check().expect("a valid configuration");
        let game = TcpListener::bind(address).await.expect("a free port");
        let admin = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = game.local_addr().expect("a bound socket");
        let admin_address = admin.local_addr().expect("a bound socket");
        let options = Options::default();
        let (metrics, drag_ms) = (options.metrics.clone(), options.drag_ms.clone());
        let fail_room = options.fail_room.clone();
        let tls =
            config.tls.as_ref().map(|tls| Tls::new(tls, &[], metrics.clone()).expect("a usable certificate"));
        let (mut redirect, mut redirects_at) = (None, None);
        if config.net.redirect_http.is_some() {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            redirects_at = Some(listener.local_addr().expect("a bound socket"));
            redirect = Some((listener, Redirect { port: address.port() }));
        }
        let (stop, stopped) = oneshot::channel();
        let shown = tls.clone();
        let running = tokio::spawn(async move {
            let shutdown = async { stopped.await.unwrap_or(()) };
            let listeners = Listeners { game, tls, admin: Some(admin), redirect };
            server::run(listeners, config, options, shutdown).await.expect("the server runs")
        });
        let (admin, redirect, tls) = (admin_address, redirects_at, shown);
        GameServer { address, admin, redirect, tls, metrics, drag_ms, fail_room, stop, running }
    }

    /// The WebSocket's address.
    pub fn endpoint(&self) -> Endpoint {
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}/ws", self.address).parse().expect("a valid URL")
    }

    /// Tells it to stop, and waits until it has.
    pub async fn stop(self) -> Summary {
        // A server that has ended already has dropped the other end.
        let _ = self.stop.send(());
        self.running.await.expect("the server does not panic")
    }

    /// The value of one line of `/metrics`, labels included; 0 if it is not there.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.metrics.text();
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Waits until a metric has reached a value.
    pub async fn metric_reaches(&self, name: &str, value: f64) {
        let reached = async {
            while self.metric(name) < value {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), reached).await;
        in_time.unwrap_or_else(|_| {
            panic!("{name} is {} and not {value}:\n{}", self.metric(name), self.metrics.text())
        });
    }
}

/// Sends bytes to an address and returns what comes back until the end or, with an open end, for a second.
pub async fn raw_exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    stream.write_all(request.as_bytes()).await.expect("the request goes out");
    let mut answer = Vec::new();
    let read = async { while let Ok(1..) = stream.read_buf(&mut answer).await {} };
    let _ = tokio::time::timeout(Duration::from_secs(1), read).await;
    String::from_utf8_lossy(&answer).into_owned()
}
