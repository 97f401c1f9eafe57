//! What `assets/deploy` says of the server is so: the dashboard shows figures that there are.

use std::collections::BTreeSet;

use harness::GameServer;
use harness::game_server::raw_exchange;
use harness::outside::root;
use serde_json::Value;

use super::{SECOND, join};

/// Every value of a key, at any depth.
fn values<'a>(json: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match json {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str));
            map.values().for_each(|value| values(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| values(value, key, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_shows_figures_that_there_are() {
    let text =
        std::fs::read_to_string(root().join("assets/deploy/grafana-dashboard.json")).expect("readable");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let mut questions = Vec::new();
    for key in ["expr", "query", "definition"] {
        values(&dashboard, key, &mut questions);
    }
    let words = questions.iter().flat_map(|q| q.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
    let names: BTreeSet<&str> =
        words.filter(|word| word.starts_with("drift_") || word.starts_with("process_")).collect();
    assert!(names.len() > 30, "{names:?}");

    let server = GameServer::start(|_| ()).await;
    // As with a certificate.
    server.metrics.tls_certificate_expiry.set(2_000_000_000);
    let mut player = join(&server, "Here", "a").await;
    player.play(SECOND).await;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.admin);
    let metrics = raw_exchange(server.admin, &request).await;
    for name in names {
        let is_it = |line: &str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(
            metrics.lines().any(is_it),
            "the dashboard asks for {name}, which /metrics has not:\n{metrics}"
        );
    }
    server.stop().await;
}
