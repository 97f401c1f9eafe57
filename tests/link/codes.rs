//! Every close code, provoked and counted, beside a good player that notices nothing. In virtual time.

use std::time::Duration;

use bot_client::{Client, Closed, Incoming, OpCode, Options};
use harness::{Link, Network, Player, tickets};
use protocol::codec::Encoding;
use protocol::message::Hello;
use protocol::{ClientMessage, CloseCode};

use super::{SECOND, named};

/// Ten minutes of nobody looking are the longest that a code takes.
const LONGEST: Duration = Duration::from_secs(640);

/// How long the good player plays beside most of them.
const MOST: Duration = Duration::from_secs(20);

async fn open(network: &mut Network, encoding: Encoding) -> Client {
    // Wide enough for whoever does not read for a while.
    let link = Link { buffer: 1 << 20, ..Link::default() };
    network.open(link, &Options { encoding, ..Options::default() }).await.expect("open")
}

async fn seated(network: &mut Network, room: &str) -> Client {
    let mut client = open(network, Encoding::Bincode).await;
    client.join(named("Mallory", room)).await.expect("a seat");
    client
}

/// Says `Hello` and does not wait for an answer.
async fn greeting(network: &mut Network, hello: Hello) -> Client {
    let mut client = open(network, Encoding::Bincode).await;
    client.send(&ClientMessage::Hello(hello)).await.expect("sent");
    client
}

/// Reads until the server closes, acknowledging nothing.
async fn closed(mut client: Client) -> Closed {
    let reading = async {
        loop {
            if let Incoming::Closed(closed) = client.next().await.expect("the server keeps to the protocol") {
                return closed;
            }
        }
    };
    tokio::time::timeout(MOST, reading).await.expect("the server closes")
}

async fn after(mut client: Client, opcode: OpCode, payload: &[u8]) -> Closed {
    client.send_frame(true, opcode, payload).await.expect("sent");
    closed(client).await
}

/// Does what the code is for. A new code has no arm here, so this does not compile before it has a test.
async fn provoke(code: CloseCode, network: &mut Network) -> Closed {
    match code {
        CloseCode::Left => {
            let mut client = seated(network, "r").await;
            client.close(1000, "").await.expect("an answer")
        }
        CloseCode::GoingAway => {
            // Whoever acknowledges nothing on the other subprotocol would be too slow before it is silent for too long.
            let mut client = open(network, Encoding::Json).await;
            client.join(named("Mallory", "r")).await.expect("a seat");
            tokio::time::sleep(13 * SECOND).await;
            closed(client).await
        }
        CloseCode::ProtocolError => {
            let mut client = seated(network, "r").await;
            client.send_bytes(&[0x82, 0]).await.expect("an unmasked frame is sent");
            closed(client).await
        }
        CloseCode::WrongFrameType => after(seated(network, "r").await, OpCode::Text, b"hello").await,
        CloseCode::BadText => after(open(network, Encoding::Json).await, OpCode::Text, b"\xff").await,
        CloseCode::TooLarge => after(seated(network, "r").await, OpCode::Binary, &[0; 5000]).await,
        CloseCode::RoomFailed => {
            let client = seated(network, "other").await;
            let other = "other".parse().expect("a code");
            *network.fail_room.lock().expect("nobody panicked over it") = Some(other);
            closed(client).await
        }
        CloseCode::WrongProtocol => {
            closed(greeting(network, Hello { protocol: 99, ..named("Mallory", "r") }).await).await
        }
        CloseCode::Replaced => {
            let first = network.join(Link::default(), named("Mallory", "r")).await.expect("a seat");
            let resume = Hello { resume: first.welcome.resume, ..named("Mallory", "r") };
            let second = network.join(Link::default(), resume).await.expect("the same seat");
            assert!(second.welcome.resumed);
            closed(first.client).await
        }
        CloseCode::Parked => {
            let mut idler = network.join(Link::default(), named("Mallory", "r")).await.expect("a seat");
            idler.client.send(&ClientMessage::Idle { idle: true }).await.expect("sent");
            idler.closes(LONGEST).await.expect("the server closes")
        }
        CloseCode::TooSlow => closed(seated(network, "r").await).await,
        CloseCode::RateLimit => {
            let mut client = seated(network, "r").await;
            for t in 0..5000 {
                // The server may close while we still send.
                let _ = client.send(&ClientMessage::Ping { t }).await;
            }
            closed(client).await
        }
        CloseCode::RoomFull => {
            let _second = seated(network, "r").await;
            closed(greeting(network, named("Mallory", "r")).await).await
        }
        CloseCode::ShuttingDown => {
            let client = seated(network, "r").await;
            network.ask("POST", "/admin/drain").await;
            closed(client).await
        }
        CloseCode::BadTicket => {
            let mut forged = tickets::ticket("mallory", None);
            forged.truncate(forged.len() - 3);
            closed(greeting(network, Hello { ticket: Some(forged), ..named("Mallory", "r") }).await).await
        }
        CloseCode::Kicked => {
            let player = network.join(Link::default(), named("Mallory", "r")).await.expect("a seat");
            let slot = player.welcome.you.expect("a ship").0;
            let answer = network.ask("POST", &format!("/admin/rooms/R/kick/{slot}")).await;
            assert!(answer.contains("kicked Mallory"), "{answer}");
            closed(player.client).await
        }
        CloseCode::Malformed => after(seated(network, "r").await, OpCode::Binary, b"\xff").await,
        CloseCode::NoHello => closed(open(network, Encoding::Bincode).await).await,
        CloseCode::Overloaded => {
            let _second = seated(network, "second").await;
            closed(greeting(network, named("Mallory", "third")).await).await
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_close_code_is_said_and_counted_and_harms_nobody_else() {
    for &code in CloseCode::ALL {
        let mut network = Network::start(1, |raw| {
            (raw.rooms.capacity, raw.rooms.max) = (2, 2);
            // Failed rooms leave nothing on this machine.
            raw.record.flight_mib = 0;
            if code == CloseCode::BadTicket {
                tickets::ask_for(raw);
            }
        });
        let hello = Hello { ticket: Some(tickets::ticket("good", None)), ..named("Good", "r") };
        let mut good: Player = network.join(Link::default(), hello).await.expect("a seat");
        let time = if code == CloseCode::Parked { LONGEST } else { MOST };
        let playing = tokio::spawn(async move {
            good.play(time).await;
            good
        });
        let closed = provoke(code, &mut network).await;
        assert_eq!(closed.code, code.code(), "{}: {closed}", code.label());
        let (good, metrics) = (playing.await.expect("no panic"), network.metrics.clone());
        // A server that ends says so to everybody.
        let everybody = code == CloseCode::ShuttingDown;
        if !everybody {
            good.assert_undisturbed(time);
        }
        network.stop().await;
        let counted = format!("drift_disconnects_total{{reason=\"{}\"}} ", code.label());
        let text = metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&counted));
        assert_eq!(line, Some(if everybody { "2" } else { "1" }), "{}", code.label());
    }
}
