//! Peers that hold on to what they have, in virtual time.

use std::time::Duration;

use bot_client::{Incoming, OpCode, Options};
use harness::{Link, Network};
use protocol::{ClientMessage, CloseCode, codec};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{SECOND, named};

/// One frame as a client sends it, masked with zeros.
fn frame(message: &ClientMessage) -> Vec<u8> {
    let mut payload = Vec::new();
    codec::encode_client(codec::Encoding::Bincode, message, &mut payload);
    let mut frame = vec![0x82, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.append(&mut payload);
    frame
}

#[tokio::test(start_paused = true)]
async fn a_hundred_questions_before_the_welcome_harm_nobody() {
    let mut network = Network::start(1, |_| ());
    let mut good = network.join(Link::default(), named("Good", "r")).await.expect("a seat");
    let mut client = network.open(Link::default(), &Options::default()).await.expect("open");
    let mut burst = frame(&ClientMessage::Hello(named("Eager", "r")));
    for t in 0..100 {
        burst.extend(frame(&ClientMessage::Ping { t }));
    }
    client.send_bytes(&burst).await.expect("sent");
    let first = client.next().await.expect("a message");
    assert!(matches!(first, Incoming::Message(protocol::ServerMessage::Welcome(_))), "{first:?}");
    loop {
        match client.next().await.expect("a message") {
            Incoming::Message(protocol::ServerMessage::Pong { t }) => {
                assert_eq!(t, 99, "the newest question is answered");
                break;
            }
            Incoming::Closed(closed) => panic!("{closed}"),
            _ => {}
        }
    }
    good.play(SECOND).await;
    good.assert_undisturbed(SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_player_keeps_its_place_among_the_connections_and_gives_it_back() {
    let mut network = Network::start(2, |raw| raw.net.max_connections = 1);
    let mut only = network.join(Link::default(), named("Only", "r")).await.expect("a seat");
    let second = tokio::time::timeout(5 * SECOND, network.open(Link::default(), &Options::default())).await;
    assert!(second.is_err(), "the second has to wait");
    only.play(SECOND).await;
    only.client.close(1000, "").await.expect("a clean close");
    drop(only);
    network.join(Link::default(), named("Next", "r")).await.expect("the place is free again");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_read_the_page_is_given_up() {
    let mut network = Network::start(3, |raw| raw.net.max_connections = 1);
    let narrow = Link { buffer: 256, ..Link::default() };
    let mut reader = network.connect(narrow).await;
    let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    reader.write_all(request.as_bytes()).await.expect("sent");
    tokio::time::sleep(40 * SECOND).await;
    network.join(Link::default(), named("Next", "r")).await.expect("the place is free again");
    let mut rest = Vec::new();
    // Whatever was under way; then the end.
    let _ = reader.read_to_end(&mut rest).await;
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_player_who_reads_nothing_is_sent_away_as_too_slow() {
    let mut network = Network::start(4, |_| ());
    let narrow = Link { buffer: 1024, ..Link::default() };
    let mut client = network.open(narrow, &Options::default()).await.expect("open");
    client.send(&ClientMessage::Hello(named("Deaf", "r"))).await.expect("sent");
    let mut good = network.join(Link::default(), named("Good", "r")).await.expect("a seat");
    for _ in 0..16 {
        good.play(SECOND).await;
        // It still says something, so it is not taken for dead.
        let _ =
            tokio::time::timeout(Duration::from_millis(1), client.send_frame(true, OpCode::Pong, b"")).await;
    }
    let metrics = network.metrics.text();
    let label = CloseCode::TooSlow.label();
    assert!(metrics.contains(&format!("drift_disconnects_total{{reason=\"{label}\"}} 1")), "{metrics}");
    good.assert_undisturbed(16 * SECOND);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_has_no_seat_yet_is_told_of_the_stop_too() {
    let mut network = Network::start(5, |_| ());
    let mut client = network.open(Link::default(), &Options::default()).await.expect("open");
    let begun = tokio::time::Instant::now();
    let closing = tokio::spawn(async move {
        loop {
            if let Incoming::Closed(closed) = client.next().await.expect("a message") {
                return closed;
            }
        }
    });
    network.stop().await;
    assert_eq!(closing.await.expect("no panic").code, CloseCode::ShuttingDown.code());
    assert!(begun.elapsed() < 2 * SECOND, "nobody is waited for");
}
