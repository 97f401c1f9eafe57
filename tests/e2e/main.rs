//! A real server on loopback: the page, the handshake, rooms, hostile peers, and the end.

mod admin;
mod deploy;
mod fail;
mod hostile;
mod http;
mod load;
mod play;
mod stop;
mod swarm;
mod tickets;
mod tls;

use std::time::Duration;

use harness::{GameServer, Player};
use protocol::message::Hello;

const SECOND: Duration = Duration::from_secs(1);

fn named(name: &str, room: &str) -> Hello {
    Hello { name: name.into(), room: room.into(), ..Hello::default() }
}

async fn join(server: &GameServer, name: &str, room: &str) -> Player {
    Player::join(&server.endpoint(), named(name, room)).await.expect("a seat")
}
