//! The end of a server.

use std::time::Instant;

use bot_client::session::Change;
use harness::GameServer;
use protocol::CloseCode;
use server::record::replay::{Plan, replay};

use super::{SECOND, join};

#[tokio::test(flavor = "multi_thread")]
async fn players_are_told_and_the_summary_counts_them() {
    let server = GameServer::start(|_| ()).await;
    let mut a = join(&server, "A", "x").await;
    let mut b = join(&server, "B", "y").await;
    tokio::join!(a.play(SECOND), b.play(SECOND));
    let begun = Instant::now();
    let mut told = Vec::new();
    let note = |told: &mut Vec<(u16, u32)>, change: &Change| {
        if let Change::Bye { code, retry_ms } = change {
            told.push((*code, *retry_ms));
        }
        false
    };
    let (mut told_a, mut told_b) = (Vec::new(), Vec::new());
    let (summary, _, _) = tokio::join!(
        server.stop(),
        a.play_until(8 * SECOND, |_, c| note(&mut told_a, c)),
        b.play_until(8 * SECOND, |_, c| note(&mut told_b, c)),
    );
    told.append(&mut told_a);
    told.append(&mut told_b);
    assert!(begun.elapsed() < 5 * SECOND, "within five seconds");
    assert_eq!(told.len(), 2, "each is told once: {told:?}");
    for (code, retry_ms) in told {
        assert_eq!(code, CloseCode::ShuttingDown.code());
        assert!((1..5000).contains(&retry_ms), "spread over five seconds");
    }
    for player in [&a, &b] {
        assert_eq!(player.closed.as_ref().expect("closed").code, 4006);
    }
    assert_eq!(summary.players, 2);
    assert!(summary.ticks >= 40, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_answer_the_close_holds_nothing_up() {
    let server = GameServer::start(|_| ()).await;
    let deaf = join(&server, "Deaf", "x").await;
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < 5 * SECOND);
    drop(deaf);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_until_the_stop_runs_again() {
    let dir = std::env::temp_dir().join(format!("drift-arena-e2e-recorded-{}", std::process::id()));
    let server = GameServer::start(|raw| {
        raw.record.dir = dir.to_str().expect("a plain path").to_owned();
        raw.rooms.pilots = server::config::RawPilots::Number(6);
    })
    .await;
    let mut a = join(&server, "A", "x").await;
    a.play(2 * SECOND).await;
    server.stop().await;
    let mut files = std::fs::read_dir(&dir).expect("a folder").map(|entry| entry.expect("readable").path());
    let bytes = std::fs::read(files.next().expect("one room was open")).expect("readable");
    assert!(files.next().is_none(), "and no other");
    std::fs::remove_dir_all(&dir).expect("it was there");
    let summary = replay(&bytes, Plan { verify: true, from: None }).expect("the same way");
    assert_eq!((summary.header.room.as_str(), summary.players, summary.gaps), ("X", 1, 0));
    assert!(summary.run >= 45, "{summary:?}");
}
