//! Peers that break the rules: each is refused with the documented code and counted, and a good player beside it
//! notices nothing.

use bot_client::{Client, Closed, Error, Incoming, OpCode, Options};
use harness::{GameServer, Player};
use protocol::codec::Encoding;
use protocol::message::Hello;
use protocol::{ClientMessage, CloseCode};

use super::{SECOND, join, named};

/// A connection that has said `Hello` and got its seat.
async fn seated(server: &GameServer) -> Client {
    let mut client = open(server, Encoding::Bincode).await;
    client.join(named("Mallory", "r")).await.expect("a seat");
    client
}

async fn open(server: &GameServer, encoding: Encoding) -> Client {
    let options = Options { encoding, ..Options::default() };
    Client::open(&server.endpoint(), &options).await.expect("open")
}

/// Reads on until the server closes.
async fn closed(client: &mut Client) -> Closed {
    let reading = async {
        loop {
            if let Incoming::Closed(closed) = client.next().await.expect("the server keeps to the protocol") {
                return closed;
            }
        }
    };
    tokio::time::timeout(10 * SECOND, reading).await.expect("the server closes within ten seconds")
}

/// Runs `attack` on its own connection beside a good player. The attack must end with `code`, counted once more.
async fn refused<F>(server: &GameServer, good: &mut Player, what: &str, code: CloseCode, attack: F)
where
    F: AsyncFnOnce(&GameServer) -> Client,
{
    let metric = format!("drift_disconnects_total{{reason=\"{}\"}}", code.label());
    let before = server.metric(&metric);
    let attacking = async {
        let mut client = attack(server).await;
        let closed = closed(&mut client).await;
        assert_eq!(closed.code, code.code(), "{what}: {closed}");
        assert!(!closed.reason.is_empty(), "{what}: a reason for people");
    };
    let mut attacking = std::pin::pin!(attacking);
    loop {
        tokio::select! {
            () = &mut attacking => break,
            () = good.play(SECOND) => {}
        }
    }
    server.metric_reaches(&metric, before + 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_messages_end_with_the_documented_code() {
    let server = GameServer::start(|raw| raw.net.handshake_secs = 2).await;
    let mut good = join(&server, "Good", "r").await;
    let begun = std::time::Instant::now();
    let good_player = &mut good;

    refused(&server, good_player, "another protocol number", CloseCode::WrongProtocol, async |server| {
        let mut client = open(server, Encoding::Bincode).await;
        client.send(&ClientMessage::Hello(Hello { protocol: 99, ..Hello::default() })).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "a Hello of another layout", CloseCode::WrongProtocol, async |server| {
        let mut client = open(server, Encoding::Bincode).await;
        client.send_frame(true, OpCode::Binary, &[0, 2, 200, 200, 200]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "garbage", CloseCode::Malformed, async |server| {
        let mut client = seated(server).await;
        client.send_frame(true, OpCode::Binary, &[0xff; 40]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "a length bomb", CloseCode::Malformed, async |server| {
        let mut client = seated(server).await;
        client.send_frame(true, OpCode::Binary, &[8, 253, 0, 0, 0, 0, 0, 1, 0, 0]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "trailing bytes", CloseCode::Malformed, async |server| {
        let mut client = seated(server).await;
        client.send_frame(true, OpCode::Binary, &[3, 0]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "an empty message", CloseCode::Malformed, async |server| {
        let mut client = seated(server).await;
        client.send_frame(true, OpCode::Binary, &[]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "an input before the Hello", CloseCode::Malformed, async |server| {
        let mut client = open(server, Encoding::Bincode).await;
        client.send(&ClientMessage::Spawn).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "a second Hello", CloseCode::Malformed, async |server| {
        let mut client = seated(server).await;
        client.send(&ClientMessage::Hello(Hello::default())).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "an oversize message", CloseCode::TooLarge, async |server| {
        let mut client = seated(server).await;
        client.send_frame(true, OpCode::Binary, &[0; 5000]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "an oversize message in fragments", CloseCode::TooLarge, async |server| {
        let mut client = seated(server).await;
        client.send_frame(false, OpCode::Binary, &[0; 3000]).await.expect("sent");
        client.send_frame(true, OpCode::Continuation, &[0; 3000]).await.expect("sent");
        client
    })
    .await;
    refused(
        &server,
        good_player,
        "text on the binary subprotocol",
        CloseCode::WrongFrameType,
        async |server| {
            let mut client = seated(server).await;
            client.send_frame(true, OpCode::Text, b"hello").await.expect("sent");
            client
        },
    )
    .await;
    refused(
        &server,
        good_player,
        "binary on the text subprotocol",
        CloseCode::WrongFrameType,
        async |server| {
            let mut client = open(server, Encoding::Json).await;
            client.send_frame(true, OpCode::Binary, b"{}").await.expect("sent");
            client
        },
    )
    .await;
    refused(&server, good_player, "no JSON", CloseCode::Malformed, async |server| {
        let mut client = open(server, Encoding::Json).await;
        client.send_frame(true, OpCode::Text, b"{\"type\":").await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "an unmasked frame", CloseCode::ProtocolError, async |server| {
        let mut client = seated(server).await;
        client.send_bytes(&[0x82, 1, 3]).await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "silence", CloseCode::NoHello, async |server| {
        open(server, Encoding::Bincode).await
    })
    .await;
    refused(&server, good_player, "nothing but pings", CloseCode::NoHello, async |server| {
        let mut client = open(server, Encoding::Bincode).await;
        client.send_frame(true, OpCode::Ping, b"x").await.expect("sent");
        client
    })
    .await;
    refused(&server, good_player, "a flood", CloseCode::RateLimit, async |server| {
        let mut client = seated(server).await;
        for t in 0..1000 {
            // The server may close while we still send.
            let _ = client.send(&ClientMessage::Ping { t }).await;
        }
        client
    })
    .await;

    good.assert_served(begun.elapsed());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_fragments_with_a_ping_between_is_taken() {
    let server = GameServer::start(|_| ()).await;
    let mut client = seated(&server).await;
    // A Ping{t: 5}, in two halves.
    client.send_frame(false, OpCode::Binary, &[7]).await.expect("sent");
    client.send_frame(true, OpCode::Ping, b"now").await.expect("sent");
    client.send_frame(true, OpCode::Continuation, &[5]).await.expect("sent");
    let (mut pong, mut answer) = (false, false);
    while !(pong && answer) {
        match client.next().await.expect("a message") {
            Incoming::Pong(payload) => pong = payload == b"now"[..],
            Incoming::Message(protocol::ServerMessage::Pong { t: 5 }) => answer = true,
            Incoming::Closed(closed) => panic!("{closed}"),
            _ => {}
        }
    }
    let closed = client.close(1000, "bye").await.expect("a clean close");
    assert_eq!(closed.code, 1000, "the close is answered with its code");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_subprotocol_and_a_foreign_page_are_refused_before_the_upgrade() {
    let server = GameServer::start(|_| ()).await;
    let foreign =
        Options { headers: vec![("Origin".into(), "https://evil.example".into())], ..Options::default() };
    let refused = Client::open(&server.endpoint(), &foreign).await.err().expect("refused");
    assert!(matches!(refused, Error::Refused { status: 403, .. }), "{refused}");
    let own = Options {
        headers: vec![("Origin".into(), format!("http://{}", server.address))],
        ..Options::default()
    };
    Client::open(&server.endpoint(), &own).await.expect("the server's own page connects");
    assert_eq!(server.metric("drift_handshakes_refused_total{reason=\"origin\"}"), 1.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_garbage_does_not_disturb_a_good_player() {
    let server = GameServer::start(|_| ()).await;
    let mut good = join(&server, "Good", "r").await;
    let endpoint = server.endpoint();
    let noise = tokio::spawn(async move {
        for round in 0u8..60 {
            let options = Options::default();
            let mut client = Client::open(&endpoint, &options).await.expect("the server accepts on");
            let junk: Vec<u8> = (0..200u8).map(|i| i.wrapping_mul(31).wrapping_add(round)).collect();
            // The server may be faster with its close than we with the next piece.
            let _ = client.send_bytes(&junk).await;
            let _ = client.send_bytes(&junk).await;
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    });
    good.play(3 * SECOND).await;
    noise.await.expect("no panic");
    good.assert_served(3 * SECOND);
    server.stop().await;
}
