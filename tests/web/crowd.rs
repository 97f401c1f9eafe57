//! A crowd for the page to draw: players that fly in rings around the middle of the world and harm nobody. Those of the
//! outermost ring fire, away from all.

use std::time::Duration;

use bot_client::{Client, Endpoint, Incoming, Session};
use protocol::message::Hello;
use protocol::quantize::Q8;
use protocol::{Buttons, ClientMessage, Controls};
use sim::trig;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Players in a ring, and rings.
const RING: u32 = 22;
const RINGS: u32 = 5;

/// Whoever connects to `wishes` gets a crowd in the room `CROWD`, for as long as the connection stays.
pub(super) async fn gather(wishes: TcpListener, server: Endpoint) {
    while let Ok((mut wish, _)) = wishes.accept().await {
        let mut players = JoinSet::new();
        for n in 0..RING * RINGS {
            let server = server.clone();
            // Not all at once, or the first ones would wait for the last.
            players.spawn(async move {
                tokio::time::sleep(Duration::from_millis(u64::from(n) * 10)).await;
                fly(&server, n).await
            });
        }
        // Nothing comes over it but its end.
        let _ = wish.read_u8().await;
        players.shutdown().await;
    }
}

/// One of them, until it is dropped.
async fn fly(server: &Endpoint, n: u32) {
    let hello =
        Hello { name: format!("Ring {}", n / RING), hue: n as u8, room: "CROWD".into(), ..Hello::default() };
    let (mut client, welcome) = Client::connect(server, hello).await.expect("there is room for all");
    let mut session = Session::new(&welcome, Instant::now());
    loop {
        match tokio::time::timeout_at(session.clock.next_due(), client.next()).await {
            Ok(Ok(Incoming::Message(message))) => {
                session.take(&message, Instant::now()).expect("a readable snapshot");
                while let Some(reply) = session.reply() {
                    let _ = client.send(&reply).await;
                }
            }
            Ok(Ok(Incoming::Closed(_)) | Err(_)) => return,
            Ok(Ok(_)) | Err(_) => {}
        }
        while let Some(due) = session.clock.due(Instant::now()) {
            let input = session.input(due.tick, circle(&session, n));
            let _ = client.send(&ClientMessage::Input(input)).await;
        }
    }
}

/// Towards the place of the `n`-th player, which goes around.
fn circle(session: &Session, n: u32) -> Controls {
    let Some(own) = session.view().own else { return Controls::default() };
    let ring = n / RING;
    let radius = f64::from(110 + 62 * ring);
    let turn = if ring.is_multiple_of(2) { 1.0 } else { -1.0 };
    let angle = f64::from(n % RING) / f64::from(RING) * std::f64::consts::TAU
        + turn * f64::from(session.view().tick.0) * 0.9 / 30.0 * 150.0 / radius;
    let middle = f64::from(session.map.side() / Q8) / 2.0;
    let goal = |along: f64, stretch: f64| ((middle + along * radius * stretch) * f64::from(Q8)) as i32;
    let (x, y) = (goal(angle.cos(), 1.7), goal(angle.sin(), 1.0));
    let (dx, dy) = (x - own.x - 8 * i32::from(own.vx), y - own.y - 8 * i32::from(own.vy));
    let middle = session.map.side() / 2;
    let fires = ring == RINGS - 1 && n.is_multiple_of(2);
    Controls {
        magnitude: 7,
        dir: (trig::heading(dx, dy) >> 4) as u8,
        aim: trig::heading(own.x - middle, own.y - middle),
        buttons: if fires { Buttons::FIRE } else { Buttons::default() },
    }
}
