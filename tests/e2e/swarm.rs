//! The swarm against a real server: seats that are dropped and taken back, and a server that goes and comes again.

use std::time::Duration;

use bot_client::swarm::profile::Mix;
use bot_client::swarm::{self, Config};
use bot_client::{Endpoint, Trust};
use harness::GameServer;
use tokio::sync::oneshot;

use super::SECOND;

fn config(url: Endpoint, bots: u32, duration: Duration) -> Config {
    Config {
        url,
        trust: Trust::system(),
        bots,
        duration,
        rate: 500.0,
        room: "swarm".parse().ok(),
        rooms: None,
        profiles: Mix::default(),
        sources: 1,
        seed: 3,
        predict: 0.1,
        metrics: None,
        threads: 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_that_are_dropped_without_a_word_are_taken_back_with_their_scores() {
    let server = GameServer::start(|_| ()).await;
    let mix: Mix = "resumer".parse().expect("a profile");
    let config = Config { profiles: mix, ..config(server.endpoint(), 10, 12 * SECOND) };
    let report = swarm::run(config, std::future::pending(), |_| {}).await.report;
    let resumes = &report.resumes;
    assert!(resumes.tried >= 10 && resumes.lost == 0 && resumes.ok >= 5, "{report}");
    assert!(resumes.ms.p50 > 0.0 && report.is_clean(), "{report}");
    assert_eq!(report.reconnects.tried, 0, "{report}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_keeps_no_seats_is_found_out() {
    let server = GameServer::start(|raw| (raw.rooms.grace_secs, raw.rooms.keep_secs) = (0, 0)).await;
    let mix: Mix = "resumer".parse().expect("a profile");
    let config = Config { profiles: mix, ..config(server.endpoint(), 4, 8 * SECOND) };
    let report = swarm::run(config, std::future::pending(), |_| {}).await.report;
    assert!(report.resumes.lost > 0 && !report.is_clean(), "{report}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_everybody_is_back_within_ten_seconds() {
    let server = GameServer::start(|_| ()).await;
    let (address, endpoint) = (server.address, server.endpoint());
    let (stop, stopped) = oneshot::channel::<()>();
    let config = config(endpoint, 50, 60 * SECOND);
    let swarm = tokio::spawn(swarm::run(config, async { stopped.await.unwrap_or(()) }, |_| {}));
    server.metric_reaches("drift_players_joined_total", 50.0).await;
    tokio::time::sleep(SECOND).await;
    server.stop().await;
    let server = GameServer::start_at(address, |_| ()).await;
    server.metric_reaches("drift_players_joined_total", 50.0).await;
    tokio::time::sleep(SECOND).await;
    stop.send(()).expect("the swarm still runs");
    let report = swarm.await.expect("it does not panic").report;
    let reconnects = &report.reconnects;
    assert_eq!((reconnects.tried, reconnects.ok), (50, 50), "{report}");
    assert!(report.is_clean() && report.protocol_errors == 0, "{report}");
    // The time without a server counts as what it was for the players.
    assert!(report.interval_ms.max > 500.0 && report.snapshots.long_gaps >= 50, "{report}");
    // The server asks for up to five seconds; the rest is for a slow machine.
    assert!(reconnects.ms.max < 10_000.0, "{report}");
    server.stop().await;
}
