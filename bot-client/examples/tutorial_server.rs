//! The multiplayer server that a tutorial would build: tokio-tungstenite, JSON, a broadcast channel, a map behind a lock.
//! Movement and positions in view, and nothing else. `bot-client bench` measures it beside the real one.
//!
//! `cargo run --release -p bot-client --example tutorial_server -- 1000` makes a world for a thousand players, as dense as
//! the real one: a dozen others in view.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;
use tokio_tungstenite::tungstenite::Message;

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Half of the window that a player sees, units.
const VIEW: (f32, f32) = (800.0, 450.0);
/// Room for each player, square units: a dozen of the others are in view then.
const ROOM: f32 = 113_400.0;
/// Units a tick.
const SPEED: f32 = 8.0;

#[derive(Clone)]
struct Player {
    id: u32,
    x: f32,
    y: f32,
    dx: f32,
    dy: f32,
    ack: u32,
}

/// What a client holds.
#[derive(Deserialize)]
struct Input {
    seq: u32,
    dx: f32,
    dy: f32,
}

#[derive(Serialize)]
struct Snapshot {
    tick: u32,
    ack: u32,
    players: Vec<Position>,
}

#[derive(Serialize)]
struct Position {
    id: u32,
    x: f32,
    y: f32,
}

type World = Arc<Mutex<HashMap<u32, Player>>>;
type Tick = (u32, Arc<Vec<Player>>);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let players: f32 = std::env::args().nth(1).map_or(Ok(100.0), |text| text.parse())?;
    let side = (players.max(1.0) * ROOM).sqrt();
    let world = World::default();
    let (ticks, _) = broadcast::channel::<Tick>(16);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on ws://{}", listener.local_addr()?);

    tokio::spawn(step(world.clone(), ticks.clone(), side));
    let mut id = 0;
    loop {
        let (stream, _) = listener.accept().await?;
        id += 1;
        tokio::spawn(serve(stream, id, side, world.clone(), ticks.subscribe()));
    }
}

/// Moves everybody, thirty times a second, and tells all connections.
async fn step(world: World, ticks: broadcast::Sender<Tick>, side: f32) {
    let mut interval = tokio::time::interval(TICK);
    for tick in 0.. {
        interval.tick().await;
        let mut world = world.lock().unwrap();
        for player in world.values_mut() {
            player.x = (player.x + player.dx.clamp(-1.0, 1.0) * SPEED).clamp(0.0, side);
            player.y = (player.y + player.dy.clamp(-1.0, 1.0) * SPEED).clamp(0.0, side);
        }
        // Nobody may be there to hear it.
        let _ = ticks.send((tick, Arc::new(world.values().cloned().collect())));
    }
}

/// One player, from the handshake to the end.
async fn serve(
    stream: TcpStream,
    id: u32,
    side: f32,
    world: World,
    mut ticks: broadcast::Receiver<Tick>,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let (mut outgoing, mut incoming) = tokio_tungstenite::accept_async(stream).await?.split();
    // The golden ratio spreads them evenly.
    let (x, y) = (id as f32 * 0.618 % 1.0 * side, id as f32 * 0.3819 % 1.0 * side);
    world.lock().unwrap().insert(id, Player { id, x, y, dx: 0.0, dy: 0.0, ack: 0 });
    loop {
        tokio::select! {
            tick = ticks.recv() => {
                let Ok((tick, players)) = tick else { continue };
                let Some(me) = players.iter().find(|player| player.id == id) else { continue };
                let in_view = |p: &&Player| (p.x - me.x).abs() < VIEW.0 && (p.y - me.y).abs() < VIEW.1;
                let positions = players.iter().filter(in_view).map(|p| Position { id: p.id, x: p.x, y: p.y });
                let snapshot = Snapshot { tick, ack: me.ack, players: positions.collect() };
                let text = serde_json::to_string(&snapshot)?;
                if outgoing.send(Message::text(text)).await.is_err() {
                    break;
                }
            }
            message = incoming.next() => {
                let Some(Ok(message)) = message else { break };
                let Ok(input) = serde_json::from_slice::<Input>(&message.into_data()) else { continue };
                if let Some(player) = world.lock().unwrap().get_mut(&id) {
                    (player.dx, player.dy, player.ack) = (input.dx, input.dy, input.seq);
                }
            }
        }
    }
    world.lock().unwrap().remove(&id);
    Ok(())
}
