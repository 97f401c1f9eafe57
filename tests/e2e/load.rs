//! A room whose ticks take too long: it gives up something step by step, and takes it back.

use std::sync::atomic::Ordering;

use harness::{GameServer, Player};

use super::{SECOND, join, named};

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_room_degrades_in_steps_and_recovers() {
    let server = GameServer::start(|_| ()).await;
    let mut player = join(&server, "Here", "r").await;
    let step = |name: &str| format!("drift_relief_steps_total{{reason=\"{name}\"}}");

    server.drag_ms.store(40, Ordering::Relaxed);
    let playing = player.play(12 * SECOND);
    let watching = async {
        for name in ["far_ships", "snapshots", "joins"] {
            server.metric_reaches(&step(name), 1.0).await;
        }
        let refused = Player::join(&server.endpoint(), named("Late", "r")).await.err().expect("refused");
        assert!(refused.to_string().contains("4011"), "{refused}");
        server.metric_reaches("drift_joins_refused_total{reason=\"overloaded\"}", 1.0).await;
        // Other rooms let people in; they have their own steps.
        Player::join(&server.endpoint(), named("Late", "other")).await.expect("a seat");
        server.drag_ms.store(0, Ordering::Relaxed);
        server.metric_reaches(&step("none"), 1.0).await;
    };
    tokio::join!(playing, watching);
    assert_eq!(player.closed, None, "who is in stays in");
    let ticks: Vec<i64> = player.ticks.windows(2).map(|w| w[1].since(w[0])).collect();
    assert!(ticks.iter().filter(|&&gap| gap == 2).count() > 10, "every other snapshot for a while");
    assert!(server.metric("drift_missed_ticks_total") > 0.0, "and it was counted");
    Player::join(&server.endpoint(), named("Again", "r")).await.expect("the room lets people in again");
    server.stop().await;
}
