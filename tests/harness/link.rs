//! A network in memory: connections with delay, jitter and stalls by seed, on tokio's clock, which tests pause.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bot_client::{Client, Endpoint, Error, Options as ClientOptions};
use protocol::RoomCode;
use protocol::message::Hello;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use server::metrics::Metrics;
use server::net::Listener;
use server::room::driver::DriverKind;
use server::{Listeners, Options, RawConfig, Summary};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::player::Player;

/// Most bytes that travel together, as on Ethernet.
const SEGMENT: usize = 1400;

/// How a connection behaves, each way.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// One way.
    pub delay: Duration,
    /// More or less delay, evenly spread.
    pub jitter: Duration,
    /// How long a stall lasts; what follows waits behind it, as on TCP.
    pub stall: Duration,
    /// Percent of segments that stall.
    pub stall_percent: u32,
    /// Bytes under way at most; a full link blocks the writer.
    pub buffer: usize,
    /// The client's address as the server sees it.
    pub from: IpAddr,
}

impl Default for Link {
    fn default() -> Self {
        Link {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            stall: Duration::ZERO,
            stall_percent: 0,
            buffer: 64 * 1024,
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

/// A server in virtual time and the way to it.
pub struct Network {
    /// What the server counts.
    pub metrics: Arc<Metrics>,
    /// See [`Options::fail_room`].
    pub fail_room: Arc<Mutex<Option<RoomCode>>>,
    connect: mpsc::Sender<(DuplexStream, IpAddr)>,
    operate: mpsc::Sender<(DuplexStream, IpAddr)>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Summary>,
    seed: u64,
}

/// Accepts what clients connect.
struct VirtualListener(mpsc::Receiver<(DuplexStream, IpAddr)>);

impl Listener for VirtualListener {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        match self.0.recv().await {
            Some((stream, from)) => Ok((stream, SocketAddr::new(from, 1))),
            None => std::future::pending().await,
        }
    }
}

impl Network {
    /// Starts a server whose rooms tick on tokio's clock. Call it in a test with paused time.
    pub fn start(seed: u64, change: impl FnOnce(&mut RawConfig)) -> Network {
        let mut raw = RawConfig { seed: Some(seed), ..RawConfig::default() };
        raw.rooms.pilots = server::config::RawPilots::Number(0);
        change(&mut raw);
        let config = raw.check().expect("a valid configuration");
        let (connect, connections) = mpsc::channel(16);
        let (operate, operators) = mpsc::channel(16);
        let (stop, stopped) = oneshot::channel();
        let options = Options { driver: DriverKind::Task, ..Options::default() };
        let (metrics, fail_room) = (options.metrics.clone(), options.fail_room.clone());
        let running = tokio::spawn(async move {
            let listeners = Listeners {
                game: VirtualListener(connections),
                tls: None,
                admin: Some(VirtualListener(operators)),
                redirect: None,
            };
            let shutdown = async { stopped.await.unwrap_or(()) };
            server::run(listeners, config, options, shutdown).await.expect("the server runs")
        });
        Network { metrics, fail_room, connect, operate, stop, running, seed }
    }

    /// Connects over a link; nothing is said yet.
    ///
    /// # Panics
    /// The server has stopped.
    pub async fn connect(&mut self, link: Link) -> DuplexStream {
        let (client, near) = duplex(link.buffer);
        let (far, server) = duplex(link.buffer);
        let (near_read, near_write) = split(near);
        let (far_read, far_write) = split(far);
        self.seed += 2;
        tokio::spawn(carry(near_read, far_write, link, self.seed));
        tokio::spawn(carry(far_read, near_write, link, self.seed + 1));
        self.connect.send((server, link.from)).await.expect("the server listens");
        client
    }

    /// Asks as an operator; returns the whole answer.
    ///
    /// # Panics
    /// The server has stopped.
    pub async fn ask(&self, method: &str, path: &str) -> String {
        let (mut client, server) = duplex(64 * 1024);
        self.operate.send((server, Ipv4Addr::LOCALHOST.into())).await.expect("the server listens");
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("text");
        answer
    }

    /// Connects over a link and shakes hands.
    ///
    /// # Errors
    /// The server refused.
    pub async fn open(&mut self, link: Link, options: &ClientOptions) -> Result<Client, Error> {
        let client = self.connect(link).await;
        let url: Endpoint = "ws://virtual:80/ws".parse().expect("a valid URL");
        Client::open_over(client, &url, options).await
    }

    /// Joins over a link.
    ///
    /// # Errors
    /// The server refused.
    pub async fn join(&mut self, link: Link, hello: Hello) -> Result<Player, Error> {
        let mut client = self.open(link, &ClientOptions::default()).await?;
        let welcome = client.join(hello).await?;
        Ok(Player::seated(client, welcome))
    }

    /// Tells the server to stop, and waits until it has.
    pub async fn stop(self) -> Summary {
        // A server that has ended already has dropped the other end.
        let _ = self.stop.send(());
        self.running.await.expect("the server does not panic")
    }
}

/// Carries one direction: every segment arrives after its delay, and never before the one ahead of it.
async fn carry(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>, link: Link, seed: u64) {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let (under_way, mut arriving) = mpsc::channel::<(Instant, Vec<u8>)>((link.buffer / SEGMENT).max(1));
    let sending = async move {
        let mut last = Instant::now();
        loop {
            let mut segment = vec![0; SEGMENT];
            let Ok(n @ 1..) = from.read(&mut segment).await else { return };
            segment.truncate(n);
            let mut delay = link.delay;
            if !link.jitter.is_zero() {
                let spread = 2 * link.jitter.as_micros() as u64 + 1;
                delay = (delay + Duration::from_micros(dice.next_u64() % spread)).saturating_sub(link.jitter);
            }
            if dice.next_u64() % 100 < u64::from(link.stall_percent) {
                delay += link.stall;
            }
            last = last.max(Instant::now() + delay);
            if under_way.send((last, segment)).await.is_err() {
                return;
            }
        }
    };
    let delivering = async move {
        while let Some((at, segment)) = arriving.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&segment).await.is_err() {
                return;
            }
        }
        // The other end has ended: pass that on, too. Nobody may be left to hear it.
        let _ = to.shutdown().await;
    };
    tokio::join!(sending, delivering);
}
