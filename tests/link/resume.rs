//! Lost connections and seats taken back.

use bot_client::{Options, Session};
use harness::{Link, Network, Player};
use protocol::message::Hello;
use protocol::{CloseCode, ResumeToken};

use super::{SECOND, named};

/// The same player with the token of an earlier `Welcome`.
fn again(player: &Player) -> Hello {
    let resume = player.welcome.resume;
    assert!(resume.is_some(), "a player is given a token");
    Hello { resume, ..named("Ada", &player.welcome.room) }
}

/// A player who has a score to lose.
async fn with_a_score(network: &mut Network) -> Player {
    let mut ada = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    assert!(ada.play_until(120 * SECOND, |s, _| s.board.score > 0).await, "no shard in two minutes");
    ada
}

async fn score(player: &mut Player) -> u32 {
    let mut score = None;
    player
        .play_until(3 * SECOND, |s: &Session, _| {
            score = (s.board.ships > 0).then_some(s.board.score);
            score.is_some()
        })
        .await;
    score.expect("a board within three seconds")
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_gets_its_ship_and_score_back() {
    let mut network = Network::start(1, |_| ());
    let ada = with_a_score(&mut network).await;
    let (hello, slot, before) = (again(&ada), ada.welcome.you, ada.session.board.score);
    // Dropped without a word: the cable is cut.
    drop(ada);
    tokio::time::sleep(5 * SECOND).await;
    let mut back = network.join(Link::default(), hello).await.expect("the seat");
    assert!(back.welcome.resumed);
    assert_eq!(back.welcome.you, slot);
    assert!(score(&mut back).await >= before, "the score is kept");
    assert!(back.session.view().own.is_some_and(|own| own.hp > 0), "the ship stayed in place");
    back.play(SECOND).await;
    back.assert_undisturbed(SECOND);
    assert_eq!(back.session.resyncs, 0);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_the_ship_is_gone_and_the_score_is_not() {
    let mut network = Network::start(2, |_| ());
    let ada = with_a_score(&mut network).await;
    let mut bob = network.join(Link::default(), named("Bob", "r")).await.expect("a seat");
    let (hello, before) = (again(&ada), ada.session.board.score);
    let slot = ada.welcome.you.expect("a ship");
    drop(ada);
    bob.play(20 * SECOND).await;
    assert!(bob.session.view().ships.iter().all(|s| s.slot != slot), "nobody sees a ship without a player");
    let mut back = network.join(Link::default(), hello).await.expect("the seat");
    assert!(back.welcome.resumed);
    assert!(score(&mut back).await >= before);
    assert!(
        back.play_until(3 * SECOND, |s, _| s.view().own.is_some_and(|own| own.hp > 0)).await,
        "a ship again"
    );
    let hello = again(&back);
    drop(back);
    bob.play(70 * SECOND).await;
    let new = network.join(Link::default(), hello).await.expect("a seat");
    assert!(!new.welcome.resumed, "after a minute the seat is given up");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_gives_the_seat_up_at_once() {
    let mut network = Network::start(3, |_| ());
    let mut ada = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    ada.play(SECOND).await;
    ada.client.close(1000, "").await.expect("a clean close");
    let back = network.join(Link::default(), again(&ada)).await.expect("a seat");
    assert!(!back.welcome.resumed);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_newest_connection_wins_and_its_token_is_new() {
    let mut network = Network::start(4, |_| ());
    let mut first = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    first.play(SECOND).await;
    let mut second = network.join(Link::default(), again(&first)).await.expect("the seat");
    assert!(second.welcome.resumed);
    assert_ne!(
        first.welcome.resume, second.welcome.resume,
        "each token is good for one seat on one connection"
    );
    let closed = first.closes(3 * SECOND).await.expect("the first is closed");
    assert_eq!(closed.code, CloseCode::Replaced.code());
    second.play(SECOND).await;
    second.assert_undisturbed(SECOND);
    // The second has shown that it knows its own token: the first one's opens nothing any more.
    let third = network.join(Link::default(), again(&first)).await.expect("a seat");
    assert!(!third.welcome.resumed);
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_welcome_loses_no_seat() {
    let mut network = Network::start(5, |_| ());
    let mut first = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    first.play(SECOND).await;
    // The answer to this one never reaches the player.
    let mut unlucky = network.open(Link::default(), &Options::default()).await.expect("open");
    unlucky.send(&protocol::ClientMessage::Hello(again(&first))).await.expect("sent");
    tokio::time::sleep(SECOND).await;
    drop(unlucky);
    tokio::time::sleep(SECOND).await;
    let back = network.join(Link::default(), again(&first)).await.expect("the seat");
    assert!(back.welcome.resumed, "the token before is still good");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_room_lets_its_own_back_in_and_nobody_else() {
    let mut network = Network::start(6, |raw| raw.rooms.capacity = 1);
    let mut ada = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    ada.play(SECOND).await;
    let forged = Hello { resume: Some(ResumeToken([9; 16])), ..named("Mallory", "r") };
    let refused = network.join(Link::default(), forged).await.err().expect("no seat");
    assert!(refused.to_string().contains("4005"), "{refused}");
    // Her old connection is dead, and the server has not noticed.
    let back = network.join(Link::default(), again(&ada)).await.expect("the seat");
    assert!(back.welcome.resumed);
    let hello = again(&back);
    drop(back);
    tokio::time::sleep(SECOND).await;
    let back = network.join(Link::default(), hello).await.expect("the seat");
    assert!(back.welcome.resumed, "nobody else wanted it");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn in_a_full_room_a_newcomer_gets_the_place_of_a_lost_connection() {
    let mut network = Network::start(8, |raw| raw.rooms.capacity = 2);
    let ada = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    let mut bob = network.join(Link::default(), named("Bob", "r")).await.expect("a seat");
    let hello = again(&ada);
    drop(ada);
    bob.play(SECOND).await;
    let eve = network.join(Link::default(), named("Eve", "r")).await.expect("Ada's place");
    assert!(!eve.welcome.resumed);
    for hello in [named("Mallory", "r"), hello.clone()] {
        let refused = network.join(Link::default(), hello).await.err().expect("everybody is there");
        assert!(refused.to_string().contains("4005"), "{refused}");
    }
    bob.play(SECOND).await;
    bob.assert_undisturbed(2 * SECOND);
    drop(eve);
    bob.play(SECOND).await;
    let back = network.join(Link::default(), hello).await.expect("Eve's place");
    assert!(!back.welcome.resumed, "her own seat is gone");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn joining_and_cutting_fills_no_room() {
    let mut network = Network::start(9, |raw| raw.rooms.capacity = 4);
    for n in 0..12 {
        let player = network.join(Link::default(), named(&format!("M{n}"), "r")).await.expect("a seat");
        drop(player);
        tokio::time::sleep(SECOND / 4).await;
    }
    let mut players = Vec::new();
    for n in 0..4 {
        players.push(network.join(Link::default(), named(&format!("P{n}"), "r")).await.expect("a seat"));
    }
    let refused = network.join(Link::default(), named("Late", "r")).await.err().expect("it is full");
    assert!(refused.to_string().contains("4005"), "{refused}");
    network.stop().await;
}

#[tokio::test(start_paused = true)]
async fn quick_play_takes_a_lost_connections_place_only_if_no_room_can_be_opened() {
    for (rooms, resumed) in [(2, true), (1, false)] {
        let mut network = Network::start(10, |raw| {
            raw.rooms.capacity = 1;
            raw.rooms.max = rooms;
        });
        let ada = network.join(Link::default(), named("Ada", "")).await.expect("a seat");
        let hello = again(&ada);
        drop(ada);
        tokio::time::sleep(SECOND).await;
        let mut bob = network.join(Link::default(), named("Bob", "")).await.expect("a seat");
        assert_eq!(bob.welcome.room != hello.room, resumed, "{} of {}", bob.welcome.room, hello.room);
        bob.client.close(1000, "").await.expect("a clean close");
        tokio::time::sleep(SECOND).await;
        let back = network.join(Link::default(), hello).await.expect("a seat");
        assert_eq!(back.welcome.resumed, resumed);
        network.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_player_is_let_in_as_new() {
    let mut network = Network::start(7, |_| ());
    let mut ada = network.join(Link::default(), named("Ada", "r")).await.expect("a seat");
    ada.play(SECOND).await;
    let hello = again(&ada);
    network.stop().await;
    let mut network = Network::start(7, |_| ());
    let back = network.join(Link::default(), hello).await.expect("a seat");
    assert!(!back.welcome.resumed, "and the client is told so");
    assert_eq!(back.welcome.obstacles, ada.welcome.obstacles, "the same seed and code make the same map");
    network.stop().await;
}
