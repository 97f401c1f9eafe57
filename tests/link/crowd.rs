//! Slow players beside good ones.

use harness::{Link, Network};

use super::{SECOND, named};

#[tokio::test(start_paused = true)]
async fn fifty_paused_players_change_nothing_for_two_hundred_good_ones() {
    let mut network = Network::start(9, |raw| raw.rooms.capacity = 250);
    let mut players = Vec::new();
    for n in 0..250 {
        let link = Link { buffer: 8192, ..Link::default() };
        players.push(network.join(link, named(&format!("P{n}"), "crowd")).await.expect("a seat"));
    }
    let tasks: Vec<_> = players
        .into_iter()
        .enumerate()
        .map(|(n, mut player)| {
            tokio::spawn(async move {
                player.play(2 * SECOND).await;
                let before = player.ticks.len();
                if n % 5 == 0 {
                    tokio::time::sleep(5 * SECOND).await;
                } else {
                    player.play(5 * SECOND).await;
                }
                let paused = player.ticks.len() - before;
                let newest = |s: &bot_client::Session| s.view().tick;
                player.play_until(SECOND * 3 / 10, |_, _| false).await;
                (n, paused, newest(&player.session), player.session.resyncs, player)
            })
        })
        .collect();
    let mut newest = Vec::new();
    for task in tasks {
        let (n, snapshots, tick, resyncs, player) = task.await.expect("no panic");
        assert_eq!((player.closed.clone(), resyncs), (None, 0), "player {n}");
        if n % 5 != 0 {
            assert!((147..=151).contains(&snapshots), "player {n} got {snapshots} snapshots in five seconds");
        }
        newest.push(tick);
    }
    let (oldest, newest) = (newest.iter().min().expect("250"), newest.iter().max().expect("250"));
    assert!(
        newest.since(*oldest) <= 3,
        "300 ms after they read again all are current: {oldest:?} to {newest:?}"
    );
    network.stop().await;
}
