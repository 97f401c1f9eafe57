//! Peers that send too much, too little or nothing, each beside a good player that notices nothing. In virtual time.

use std::time::Duration;

use bot_client::{Client, Closed, Incoming, OpCode, Options};
use harness::{Link, Network, Player};
use protocol::codec::Encoding;
use protocol::{ClientMessage, CloseCode, ServerMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{SECOND, named};

/// The value of a line of `/metrics`; 0 if it is not there.
fn metric(network: &Network, name: &str) -> u32 {
    let text = network.metrics.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().expect("a number"))
}

fn dropped(network: &Network, limit: &str) -> u32 {
    metric(network, &format!("drift_dropped_total{{reason=\"{limit}\"}}"))
}

/// A good player and a seated attacker.
async fn pair(network: &mut Network, encoding: Encoding) -> (Player, Client) {
    let good = network.join(Link::default(), named("Good", "r")).await.expect("a seat");
    let options = Options { encoding, ..Options::default() };
    let mut client = network.open(Link::default(), &options).await.expect("open");
    client.join(named("Mallory", "r")).await.expect("a seat");
    (good, client)
}

/// Sends the frame so many times a second, for ten seconds or until the server closes; reads all the while.
async fn flood(mut client: Client, opcode: OpCode, payload: Vec<u8>, per_second: u32) -> Option<Closed> {
    let mut every = tokio::time::interval(SECOND / 20);
    for _ in 0..200 {
        every.tick().await;
        for _ in 0..per_second / 20 {
            // The server may close while we still send.
            let _ = client.send_frame(true, opcode, &payload).await;
        }
        while let Ok(incoming) = tokio::time::timeout(Duration::from_millis(1), client.next()).await {
            if let Ok(Incoming::Closed(closed)) = incoming {
                return Some(closed);
            }
        }
    }
    None
}

fn ping() -> Vec<u8> {
    let mut payload = Vec::new();
    protocol::codec::encode_client(Encoding::Bincode, &ClientMessage::Ping { t: 1 }, &mut payload);
    payload
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_flood_is_dropped_counted_and_then_closed() {
    // White space around a JSON message is allowed, and costs.
    let mut bulky = br#"{"type":"Spawn"}"#.to_vec();
    bulky.resize(4000, b' ');
    for (limit, encoding, opcode, payload, per_second) in [
        ("messages", Encoding::Bincode, OpCode::Binary, ping(), 1000),
        ("bytes", Encoding::Json, OpCode::Text, bulky, 100),
        ("control", Encoding::Bincode, OpCode::Ping, b"x".to_vec(), 100),
        ("control", Encoding::Bincode, OpCode::Pong, Vec::new(), 100),
    ] {
        let mut network = Network::start(1, |_| ());
        let (mut good, client) = pair(&mut network, encoding).await;
        let (closed, ()) = tokio::join!(flood(client, opcode, payload, per_second), good.play(11 * SECOND));
        let closed = closed.unwrap_or_else(|| panic!("a flood of {limit} is closed"));
        assert_eq!(closed.code, CloseCode::RateLimit.code(), "{limit}: {closed}");
        assert!(dropped(&network, limit) > 100, "{limit}: first it is dropped");
        assert_eq!(metric(&network, "drift_disconnects_total{reason=\"rate_limit\"}"), 1, "{limit}");
        good.assert_undisturbed(11 * SECOND);
        network.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stall_held_back_is_forgiven() {
    let mut network = Network::start(2, |_| ());
    let (mut good, mut client) = pair(&mut network, Encoding::Bincode).await;
    for _ in 0..470 {
        client.send(&ClientMessage::Ping { t: 1 }).await.expect("sent");
    }
    good.play(SECOND).await;
    let over = dropped(&network, "messages");
    assert!((1..100).contains(&over), "{over} dropped");
    client.send(&ClientMessage::Ping { t: 2 }).await.expect("sent");
    let answered = async {
        while !matches!(
            client.next().await.expect("still open"),
            Incoming::Message(ServerMessage::Pong { t: 2 })
        ) {}
    };
    tokio::time::timeout(SECOND, answered).await.expect("an answer");
    good.assert_undisturbed(SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn endless_fragments_are_too_large() {
    let mut network = Network::start(3, |_| ());
    let (mut good, mut client) = pair(&mut network, Encoding::Bincode).await;
    client.send_frame(false, OpCode::Binary, &[]).await.expect("sent");
    for _ in 0..100 {
        let _ = client.send_frame(false, OpCode::Continuation, &[]).await;
    }
    let closed = async {
        loop {
            if let Incoming::Closed(closed) = client.next().await.expect("a message") {
                return closed;
            }
        }
    };
    let (closed, ()) = tokio::join!(closed, good.play(2 * SECOND));
    assert_eq!(closed.code, CloseCode::TooLarge.code());
    good.assert_undisturbed(2 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn silent_and_slow_handshakes_are_given_up() {
    let mut network = Network::start(4, |raw| {
        raw.net.max_connections = 41;
        raw.net.handshake_secs = 5;
    });
    let mut good = network.join(Link::default(), named("Good", "r")).await.expect("a seat");
    let mut ends = Vec::new();
    for n in 0..40 {
        let mut stream = network.connect(Link::default()).await;
        ends.push(tokio::spawn(async move {
            // Half of them say nothing at all, the others a letter a second.
            for letter in b"GET /ws HTTP/1.1\r\nHost: x\r\n".iter().filter(|_| n % 2 == 1) {
                if stream.write_all(&[*letter]).await.is_err() {
                    break;
                }
                tokio::time::sleep(SECOND).await;
            }
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }));
    }
    good.play(8 * SECOND).await;
    let next = network.join(Link::default(), named("Next", "r"));
    tokio::time::timeout(SECOND, next).await.expect("their places are free again").expect("a seat");
    for end in ends {
        end.await.expect("no panic");
    }
    good.assert_undisturbed(8 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_given_up_and_no_hello_is_waited_for() {
    let mut network = Network::start(5, |_| ());
    let (mut good, half_open) = pair(&mut network, Encoding::Bincode).await;
    let no_hello = network.open(Link::default(), &Options::default()).await.expect("open");
    good.play(20 * SECOND).await;
    assert_eq!(metric(&network, "drift_disconnects_total{reason=\"no_hello\"}"), 1);
    // It neither answers pings nor acknowledges snapshots; whichever is noticed first.
    let lost = ["going_away", "too_slow", "lost"]
        .map(|reason| metric(&network, &format!("drift_disconnects_total{{reason=\"{reason}\"}}")));
    assert_eq!(lost.iter().sum::<u32>(), 1, "{}", network.metrics.text());
    assert_eq!(metric(&network, "drift_connections"), 1, "only the good one is left");
    good.assert_undisturbed(20 * SECOND);
    drop((half_open, no_hello));
    network.stop().await;
}
