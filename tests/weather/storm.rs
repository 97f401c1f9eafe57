//! The weather: what happens to the paths and to the server's power, drawn from a seed.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use server::net::Listener;
use server::room::driver::DriverKind;
use server::{Listeners, Options, RawConfig};
use tokio::time::Instant;
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Sim};

use crate::player::Player;
use crate::{CALM, STORM};

const PLAYERS: usize = 5;

const PORT: u16 = 8080;

/// How often the weather changes.
const CHANGE: Duration = Duration::from_millis(900);

/// What a storm left.
pub(crate) struct Outcome {
    pub players: Vec<Player>,
    /// How often the server lost its power.
    pub restarts: u32,
}

impl Outcome {
    /// All that was seen by all, in one number.
    pub(crate) fn hash(&self) -> u64 {
        self.players.iter().fold(0, |hash, player| hash.rotate_left(7) ^ player.trace)
    }
}

/// Accepts what the simulated network brings.
struct Simulated(TcpListener);

impl Listener for Simulated {
    type Stream = TcpStream;

    async fn accept(&mut self) -> std::io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

/// Lets players live through the storm of a seed and the calm behind it.
pub(crate) fn run(seed: u64) -> Outcome {
    let mut sim = Builder::new()
        .rng_seed(seed)
        .simulation_duration(STORM + CALM + Duration::from_secs(10))
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(30))
        .tcp_capacity(4096)
        .build();
    sim.host("server", move || async move {
        serve(seed).await;
        Ok(())
    });
    let players: Vec<_> = names().map(|name| Rc::new(RefCell::new(Player::named(name)))).collect();
    for player in &players {
        let (name, player) = (player.borrow().name.clone(), player.clone());
        sim.client(name, async move {
            let mut me = player.borrow().clone();
            me.live(PORT, Instant::now() + STORM + CALM).await;
            player.replace(me);
            Ok(())
        });
    }
    let restarts = blow(&mut sim, seed);
    sim.run().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    drop(sim);
    let players = players.into_iter().map(|p| p.take()).collect();
    Outcome { players, restarts }
}

async fn serve(seed: u64) {
    let mut raw = RawConfig { seed: Some(seed), ..RawConfig::default() };
    raw.rooms.capacity = 8;
    raw.rooms.pilots = server::config::RawPilots::Number(16);
    let config = raw.check().expect("a valid configuration");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await.expect("a free port");
    let listeners =
        Listeners { game: Simulated(listener), tls: None, admin: None::<Simulated>, redirect: None };
    let options = Options { driver: DriverKind::Task, ..Options::default() };
    server::run(listeners, config, options, std::future::pending()).await.expect("the server runs");
}

fn names() -> impl Iterator<Item = String> {
    (0..PLAYERS).map(|n| format!("p{n}"))
}

/// Steps through the storm; at its end every path is good again and the server has power.
fn blow(sim: &mut Sim<'_>, seed: u64) -> u32 {
    let mut dice = Pcg64Mcg::seed_from_u64(seed);
    let mut restarts = 0;
    let mut next = CHANGE * 2;
    while sim.elapsed() < STORM {
        sim.step().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        if sim.elapsed() < next {
            continue;
        }
        next += CHANGE;
        let player = format!("p{}", dice.next_u64() % PLAYERS as u64);
        match dice.next_u64() % 16 {
            0..3 => sim.partition(&*player, "server"),
            3..6 => sim.hold(&*player, "server"),
            6..9 => sim.repair(&*player, "server"),
            9..12 => sim.release(&*player, "server"),
            12..15 => {
                let latency = Duration::from_millis(dice.next_u64() % 150);
                sim.set_link_latency(&*player, "server", latency);
            }
            _ => {
                // Without power nobody is told; and the order in which a process drops its sockets is not the seed's.
                restarts += 1;
                for player in names() {
                    sim.partition(player, "server");
                }
                sim.crash("server");
                sim.bounce("server");
                for player in names() {
                    sim.repair(player, "server");
                }
            }
        }
    }
    for player in names() {
        sim.repair(&*player, "server");
        sim.release(&*player, "server");
        sim.set_link_latency(&*player, "server", Duration::from_millis(20));
    }
    restarts
}
