//! The operator's listener: who may ask, what it shows, and what it does to rooms and players.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use harness::game_server::raw_exchange;
use harness::{GameServer, Player};
use protocol::CloseCode;
use protocol::message::Hello;
use server::record::replay::{Plan, replay};

use super::{SECOND, join, named};

const TOKEN: &str = "an-operators-token-0123";

async fn ask(server: &GameServer, method: &str, path: &str, more: &str) -> (u16, String) {
    let host = server.admin;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n");
    answer(&raw_exchange(server.admin, &request).await)
}

fn answer(text: &str) -> (u16, String) {
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

/// A file with a token in it, removed at the end.
struct TokenFile(PathBuf);

impl TokenFile {
    fn write(name: &str) -> TokenFile {
        let path = std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id()));
        std::fs::write(&path, format!("{TOKEN}\n")).expect("a temporary file");
        TokenFile(path)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_web_pages_are_refused() {
    let server = GameServer::start(|_| ()).await;
    let mut good = join(&server, "Good", "a").await;
    for origin in ["http://127.0.0.1:8081", "https://evil.example", "null"] {
        let more = format!("Origin: {origin}\r\nContent-Length: 0\r\n");
        for (method, path) in
            [("GET", "/metrics"), ("POST", "/admin/drain"), ("POST", "/admin/rooms/A/kick/0")]
        {
            assert_eq!(ask(&server, method, path, &more).await.0, 403, "{method} {path} from {origin}");
        }
    }
    let rebound = "POST /admin/drain HTTP/1.1\r\nHost: rebound.example:8081\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(answer(&raw_exchange(server.admin, rebound).await).0, 403);
    for path in ["/admin/drain", "/admin/rooms/A/kick/0", "/admin/rooms/A/flight"] {
        assert_eq!(ask(&server, "GET", path, "").await.0, 405, "{path}");
    }
    assert_eq!(ask(&server, "POST", "/metrics", "Content-Length: 0\r\n").await.0, 405);
    assert_eq!(server.metric("drift_admin_refused_total{reason=\"origin\"}"), 9.0);
    assert_eq!(server.metric("drift_admin_refused_total{reason=\"host\"}"), 1.0);
    good.play(SECOND).await;
    good.assert_served(SECOND);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_only_whoever_shows_it_is_served() {
    let file = TokenFile::write("token");
    let server =
        GameServer::start(|raw| raw.admin_token_file = file.0.to_str().expect("a plain path").to_owned())
            .await;
    let shown = format!("Authorization: Bearer {TOKEN}\r\n");
    for path in ["/metrics", "/admin/rooms", "/admin/rooms/A", "/nothing"] {
        for wrong in ["", "Authorization: Bearer an-operators-token-0124\r\n", "Authorization: Bearer\r\n"] {
            assert_eq!(ask(&server, "GET", path, wrong).await.0, 401, "{path} {wrong}");
        }
    }
    assert_eq!(ask(&server, "POST", "/admin/drain", "Content-Length: 0\r\n").await.0, 401);
    assert_eq!(ask(&server, "GET", "/metrics", &shown).await.0, 200);
    assert_eq!(ask(&server, "GET", "/healthz", "").await.0, 200, "probes need none");
    assert_eq!(ask(&server, "GET", "/readyz", "").await.0, 200);
    // Whoever knows the token is no page that moved its name.
    let named = format!("GET /metrics HTTP/1.1\r\nHost: game-1.internal\r\nConnection: close\r\n{shown}\r\n");
    assert_eq!(answer(&raw_exchange(server.admin, &named).await).0, 200);
    let page = format!("{shown}Origin: http://127.0.0.1\r\n");
    assert_eq!(ask(&server, "GET", "/metrics", &page).await.0, 403, "not even with the token");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kicked_player_loses_the_seat_and_nobody_else_notices() {
    let server = GameServer::start(|_| ()).await;
    let mut good = join(&server, "Good", "a").await;
    let mut bad = join(&server, "Bad", "a").await;
    let (_, rooms) = ask(&server, "GET", "/admin/rooms", "").await;
    assert!(rooms.contains("\"room\": \"A\"") && rooms.contains("\"players\": 2"), "{rooms}");
    let slot = bad.welcome.you.expect("a ship").0;
    let (_, room) = ask(&server, "GET", "/admin/rooms/a", "").await;
    assert!(room.contains("\"name\": \"Bad\"") && room.contains(&format!("\"slot\": {slot}")), "{room}");
    let kick = format!("/admin/rooms/a/kick/{slot}");
    let kicking = async {
        tokio::time::sleep(SECOND / 2).await;
        ask(&server, "POST", &kick, "Content-Length: 0\r\n").await
    };
    let (_, closed, kicked) = tokio::join!(good.play(2 * SECOND), bad.closes(20 * SECOND), kicking);
    assert_eq!(kicked, (200, "kicked Bad\n".to_owned()));
    assert_eq!(closed.expect("it was closed").code, CloseCode::Kicked.code());
    good.assert_served(2 * SECOND);
    server.metric_reaches("drift_disconnects_total{reason=\"kicked\"}", 1.0).await;
    let (_, room) = ask(&server, "GET", "/admin/rooms/a", "").await;
    assert!(!room.contains("Bad"), "{room}");
    let again = Hello { resume: bad.welcome.resume, ..named("Bad", "a") };
    let again = Player::join(&server.endpoint(), again).await.expect("a seat like anybody's");
    assert!(!again.welcome.resumed, "what the token opened is gone");
    for (path, status) in
        [(&*format!("{kick}9"), 404), ("/admin/rooms/none/kick/0", 404), ("/admin/rooms/a b/kick/0", 400)]
    {
        assert_eq!(ask(&server, "POST", path, "Content-Length: 0\r\n").await.0, status, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_ready_while_its_ticks_are_short() {
    let server = GameServer::start(|_| ()).await;
    assert_eq!(ask(&server, "GET", "/readyz", "").await, (200, "ready\n".to_owned()));
    let mut player = join(&server, "Here", "a").await;
    server.drag_ms.store(40, Ordering::Relaxed);
    let unready = async {
        loop {
            let (status, text) = ask(&server, "GET", "/readyz", "").await;
            if status == 503 {
                return text;
            }
        }
    };
    let text = tokio::time::timeout(20 * SECOND, unready);
    let (_, text) = tokio::join!(player.play(3 * SECOND), text);
    let text = text.expect("slow ticks are seen");
    assert!(
        text.starts_with("not ready: 99 in 100 ticks take up to 4") && text.contains("33.3 ms"),
        "{text}"
    );
    assert!(server.metric("drift_tick_ms{phase=\"tick\",quantile=\"0.99\"}") >= 40.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_tells_the_players_and_ends_the_server() {
    let server = GameServer::start(|_| ()).await;
    let mut player = join(&server, "Here", "a").await;
    // Somebody who does not answer the close holds the drain up, so that it can be looked at.
    let _deaf = join(&server, "Deaf", "a").await;
    let drain = async {
        tokio::time::sleep(SECOND / 2).await;
        let drained = ask(&server, "POST", "/admin/drain", "Content-Length: 0\r\n").await;
        (drained, ask(&server, "GET", "/readyz", "").await, ask(&server, "GET", "/healthz", "").await)
    };
    let (closed, (drained, ready, health)) = tokio::join!(player.closes(20 * SECOND), drain);
    assert_eq!(drained.0, 202, "{}", drained.1);
    assert_eq!(ready, (503, "not ready: draining\n".to_owned()));
    assert_eq!(health.0, 200);
    assert_eq!(closed.expect("told").code, CloseCode::ShuttingDown.code());
    let summary = server.stop().await;
    assert_eq!(summary.players, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_minute_of_a_room_is_written_when_an_operator_asks() {
    let dir = std::env::temp_dir().join(format!("drift-arena-e2e-flight-{}", std::process::id()));
    let server =
        GameServer::start(|raw| raw.record.dir = dir.to_str().expect("a plain path").to_owned()).await;
    let mut player = join(&server, "Here", "a").await;
    player.play(SECOND).await;
    let (status, path) = ask(&server, "POST", "/admin/rooms/A/flight", "Content-Length: 0\r\n").await;
    assert_eq!(status, 200, "{path}");
    let bytes = std::fs::read(path.trim_end()).expect("the file that it names");
    let summary = replay(&bytes, Plan { verify: true, from: None }).expect("the same way");
    assert!(summary.run >= 20 && summary.players == 1, "{summary:?}");
    player.play(SECOND).await;
    player.assert_served(2 * SECOND);
    server.stop().await;
    std::fs::remove_dir_all(&dir).expect("it was there");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_name_everything_that_an_operator_asks_about() {
    let server = GameServer::start(|_| ()).await;
    let mut player = join(&server, "Here", "a").await;
    player.play(SECOND).await;
    let (status, text) = ask(&server, "GET", "/metrics", "").await;
    assert_eq!(status, 200);
    let value = |name: &str| -> f64 {
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        let line = line.unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.rsplit(' ').next().expect("a value").parse().expect("a number")
    };
    for phase in ["listen", "step", "publish", "tick"] {
        let at =
            |quantile: &str| value(&format!("drift_tick_ms{{phase=\"{phase}\",quantile=\"{quantile}\"}}"));
        assert!(at("0.5") > 0.0 && at("0.5") <= at("0.99") && at("0.99") <= at("1"), "{phase}");
    }
    assert_eq!((value("drift_players"), value("drift_rooms"), value("drift_connections")), (1.0, 1.0, 1.0));
    for name in ["drift_snapshot_bytes_total", "drift_bytes_in_total", "drift_snapshots_total"] {
        assert!(value(name) > 0.0, "{name}");
    }
    for name in [
        "drift_missed_ticks_total",
        "drift_snapshots_skipped_total",
        "drift_resync_total",
        "drift_spectators",
        "drift_queue_depth{queue=\"joins\"}",
        "drift_queue_depth{queue=\"orders\"}",
    ] {
        value(name);
    }
    if cfg!(target_os = "linux") {
        assert!(value("process_resident_memory_bytes") > 1e6 && value("process_cpu_seconds_total") > 0.0);
        assert!(value("process_open_fds") > 3.0 && value("process_max_fds") > value("process_open_fds"));
        assert!(value("process_threads") >= 2.0);
    }
    server.stop().await;
}
