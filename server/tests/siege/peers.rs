//! Hostile peers: raw sockets that do one wrong thing each, and come back whenever they are thrown out.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use protocol::codec::{self, Encoding};
use protocol::message::Hello;
use protocol::{ClientMessage, Controls, Input, Seq, Tick};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Before a peer that was thrown out comes back.
const PAUSE: Duration = Duration::from_millis(500);

/// Between two connections of the storm: as many as one address may make for long.
const STORM: Duration = Duration::from_millis(100);

/// Between two bursts of a flood.
const BEAT: Duration = Duration::from_millis(50);

/// Frames of a burst, so 2000 a second: ten times what is allowed.
const BURST: usize = 100;

/// What such peers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Takes a seat, and reads nothing from then on, but says that it lives.
    NeverReading,
    /// Says nothing any more after the handshake, or after its `Hello`.
    Silent,
    /// A byte of the request's head now and then.
    SlowHandshake,
    /// Thousands of inputs.
    Inputs,
    /// Thousands of pings.
    Pings,
    /// Messages of a megabyte.
    Oversize,
    /// A message in fragments without end.
    Fragments,
    /// What is neither HTTP nor WebSocket nor a message.
    Garbage,
    /// Connects, and is gone.
    Storm,
}

impl Kind {
    /// All, and their names in the table.
    pub(crate) const ALL: [(Kind, &str); 9] = [
        (Kind::NeverReading, "never reading"),
        (Kind::Silent, "silent after the handshake"),
        (Kind::SlowHandshake, "slow handshake"),
        (Kind::Inputs, "flood of inputs"),
        (Kind::Pings, "flood of pings"),
        (Kind::Oversize, "oversize messages"),
        (Kind::Fragments, "endless fragments"),
        (Kind::Garbage, "garbage"),
        (Kind::Storm, "connect and drop"),
    ];
}

/// The `index`-th peer, from an address and with a clock of its own. Never ends by itself.
pub(crate) async fn besiege(kind: Kind, target: SocketAddr, index: u32) {
    sleep(PAUSE * (index % 100) / 100).await;
    loop {
        // However it ends, it comes back.
        let _ = once(kind, target, index).await;
        sleep(if kind == Kind::Storm { STORM } else { PAUSE }).await;
    }
}

async fn once(kind: Kind, target: SocketAddr, index: u32) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    let [high, low] = [index / 250, index % 250 + 1].map(|part| part as u8);
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 9, high, low), 0)))?;
    let mut stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    let odd = index % 2 == 1;
    match kind {
        Kind::NeverReading => {
            seat(&mut stream).await?;
            loop {
                sleep(Duration::from_secs(1)).await;
                stream.write_all(&frame(0x8a, b"")).await?;
            }
        }
        Kind::Silent => {
            upgrade(&mut stream).await?;
            if odd {
                stream.write_all(&hello()).await?;
                sleep(Duration::from_secs(15)).await;
                return Ok(());
            }
            end(&mut stream).await
        }
        Kind::SlowHandshake => {
            for letter in request().as_bytes() {
                stream.write_all(&[*letter]).await?;
                // An answer or the end: in any case no reason to go on.
                if timeout(Duration::from_millis(200), stream.read(&mut [0; 64])).await.is_ok() {
                    break;
                }
            }
            Ok(())
        }
        Kind::Inputs => {
            seat(&mut stream).await?;
            let input = Input::new(Tick(1).wire(), Seq(0), Controls::default());
            let mut payload = Vec::new();
            codec::encode_client(Encoding::Bincode, &ClientMessage::Input(input), &mut payload);
            flood(&mut stream, &frame(0x82, &payload).repeat(BURST)).await
        }
        Kind::Pings => {
            seat(&mut stream).await?;
            flood(&mut stream, &frame(0x89, b"siege").repeat(BURST)).await
        }
        Kind::Oversize => {
            seat(&mut stream).await?;
            let mut bytes = vec![0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];
            bytes.resize(64 * 1024, 0);
            flood(&mut stream, &bytes).await
        }
        Kind::Fragments => {
            seat(&mut stream).await?;
            stream.write_all(&frame(0x02, b"")).await?;
            flood(&mut stream, &frame(0x00, b"x").repeat(BURST / 10)).await
        }
        Kind::Garbage => {
            if odd {
                seat(&mut stream).await?;
            }
            let noise: Vec<u8> = (0..400u32).map(|n| (n * 31 + index) as u8 | 0x80).collect();
            flood(&mut stream, &noise).await
        }
        Kind::Storm => {
            if odd {
                stream.write_all(b"GET /ws HT").await?;
            }
            Ok(())
        }
    }
}

/// Sends the bytes again and again, and reads whatever comes, until the server has had enough.
async fn flood(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let (mut read, mut write) = stream.split();
    let sending = async {
        loop {
            write.write_all(bytes).await?;
            sleep(BEAT).await;
        }
    };
    tokio::select! {
        ended = sending => ended,
        ended = async { while read.read(&mut [0; 4096]).await? > 0 {} Ok(()) } => ended,
    }
}

/// Reads to the end, and answers nothing.
async fn end(stream: &mut TcpStream) -> io::Result<()> {
    while stream.read(&mut [0; 4096]).await? > 0 {}
    Ok(())
}

/// Shakes hands and asks for a seat in the players' room.
async fn seat(stream: &mut TcpStream) -> io::Result<()> {
    upgrade(stream).await?;
    stream.write_all(&hello()).await
}

async fn upgrade(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(request().as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    Ok(())
}

fn request() -> String {
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
     Sec-WebSocket-Protocol: drift.v1.bincode\r\n\r\n"
        .to_owned()
}

fn hello() -> Vec<u8> {
    let hello = Hello { name: "Mallory".into(), room: super::ROOM.into(), ..Hello::default() };
    let mut payload = Vec::new();
    codec::encode_client(Encoding::Bincode, &ClientMessage::Hello(hello), &mut payload);
    frame(0x82, &payload)
}

/// One short frame as a client sends it, masked with zeros.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![head, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}
