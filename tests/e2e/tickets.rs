//! Join tickets: who gets in with which, and what the same player's second connection does.

use bot_client::session::Change;
use bot_client::{Client, Error, Options};
use harness::game_server::raw_exchange;
use harness::tickets::{ask_for, ticket};
use harness::{GameServer, Player};
use protocol::CloseCode;
use protocol::message::Hello;

use super::{SECOND, named};

fn hello(sub: &str, room: &str) -> Hello {
    Hello { ticket: Some(ticket(sub, None)), ..named(sub, room) }
}

async fn join(server: &GameServer, sub: &str, room: &str) -> Player {
    Player::join(&server.endpoint(), hello(sub, room)).await.expect("a seat")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_joins_without_a_good_ticket_where_tickets_are_asked_for() {
    let server = GameServer::start(ask_for).await;
    let mut good = join(&server, "good", "r").await;
    let mut forged = ticket("evil", None);
    forged.truncate(forged.len() - 3);
    for (ticket, word) in
        [(None, "asks for"), (Some(forged), "join ticket"), (Some("x".into()), "no join ticket")]
    {
        let hello = Hello { ticket, ..named("Guest", "r") };
        match Player::join(&server.endpoint(), hello).await.err().expect("refused") {
            Error::Closed(closed) => {
                assert_eq!(closed.code, CloseCode::BadTicket.code(), "{closed}");
                assert!(closed.reason.contains(word), "{closed}");
            }
            other => panic!("{other}"),
        }
    }
    server.metric_reaches("drift_disconnects_total{reason=\"bad_ticket\"}", 3.0).await;
    good.play(2 * SECOND).await;
    good.assert_served(2 * SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn native_clients_show_their_ticket_in_the_request() {
    let server = GameServer::start(ask_for).await;
    let with =
        |value: String| Options { headers: vec![("Authorization".into(), value)], ..Options::default() };
    let options = with(format!("Bearer {}", ticket("ada", Some("Ada"))));
    let mut client = Client::open(&server.endpoint(), &options).await.expect("open");
    let welcome = client.join(named("Somebody", "r")).await.expect("a seat without a ticket in the Hello");
    let mut player = Player::seated(client, welcome);
    let you = player.welcome.you.expect("a ship");
    assert!(player.play_until(5 * SECOND, |s, c| *c == Change::Scores && s.roster.contains_key(&you)).await);
    assert_eq!(player.session.roster[&you].name, "Ada", "the ticket's name counts");

    let head = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Protocol: drift.v1.bincode\r\nAuthorization: Bearer nonsense\r\n\r\n";
    let answer = raw_exchange(server.address, head).await;
    assert!(
        answer.starts_with("HTTP/1.1 401 ") && answer.contains("\r\nwww-authenticate: Bearer\r\n"),
        "{answer}"
    );
    assert_eq!(server.metric("drift_handshakes_refused_total{reason=\"ticket\"}"), 1.0);
    // Another scheme is a proxy's affair; what is asked for then comes in the Hello.
    let mut client = Client::open(&server.endpoint(), &with("Basic YTpi".into())).await.expect("open");
    client.join(hello("bob", "r")).await.expect("a seat");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_player_has_one_seat_in_a_room_and_the_newest_connection_has_it() {
    let server = GameServer::start(|raw| {
        ask_for(raw);
        raw.rooms.capacity = 2;
    })
    .await;
    let mut first = join(&server, "ada", "r").await;
    let mut other = join(&server, "bob", "r").await;
    // The room is full, but this player has a seat in it.
    let mut second = join(&server, "ada", "r").await;
    assert_eq!(second.welcome.you, first.welcome.you);
    assert!(second.welcome.resumed && !first.welcome.resumed);
    let closed = first.closes(10 * SECOND).await.expect("closed");
    assert_eq!(closed.code, CloseCode::Replaced.code(), "{closed}");
    let full = Player::join(&server.endpoint(), hello("eve", "r")).await.err().expect("refused");
    assert!(full.to_string().contains("4005"), "{full}");
    // What takes Ada's seat back is worth nothing with somebody else's ticket.
    let thief = Hello { resume: second.welcome.resume, ..hello("eve", "r") };
    let thief = Player::join(&server.endpoint(), thief).await.err().expect("refused");
    assert!(thief.to_string().contains("4005"), "{thief}");
    let elsewhere = join(&server, "ada", "elsewhere").await;
    assert!(!elsewhere.welcome.resumed, "another room is another seat");
    tokio::join!(second.play(2 * SECOND), other.play(2 * SECOND));
    second.assert_served(2 * SECOND);
    other.assert_served(2 * SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_tickets_are_asked_for_they_change_nothing() {
    let server = GameServer::start(|_| ()).await;
    let one = join(&server, "ada", "r").await;
    let two = join(&server, "ada", "r").await;
    assert_ne!(one.welcome.you, two.welcome.you);
    let nonsense = Hello { ticket: Some("nonsense".into()), ..named("Guest", "r") };
    Player::join(&server.endpoint(), nonsense).await.expect("a seat");
    server.stop().await;
}
