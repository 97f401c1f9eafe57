//! Clients in other languages: the page under Node and in a real browser, and the Python example against a real server.

use std::time::Duration;

mod browser;
mod crowd;

use harness::GameServer;
use harness::outside::{available, root};
use tokio::process::Command;

/// The best score that an example printed, as `score N, …`.
fn best_score(text: &str) -> Option<u32> {
    text.lines().filter_map(|line| line.strip_prefix("score ")?.split(',').next()?.parse().ok()).max()
}

/// Has an example play for eight seconds on a server of its own; returns what it printed.
async fn plays(example: &mut Command) -> String {
    let server = GameServer::start(|raw| raw.rooms.capacity = 10).await;
    let bot =
        example.args([format!("ws://{}/ws", server.address), "8".to_owned()]).kill_on_drop(true).output();
    let out = tokio::time::timeout(Duration::from_secs(60), bot)
        .await
        .expect("it ends by itself")
        .expect("it starts");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    println!("{text}");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(best_score(&text).is_some_and(|score| score > 0), "it collects shards: {text}");
    assert_eq!(server.metric("drift_disconnects_total{reason=\"left\"}"), 1.0, "it leaves cleanly");
    server.stop().await;
    text
}

#[test]
fn the_pages_modules_pass_their_tests_under_node() {
    if !available("the page's modules", "node", &["--version"]) {
        return;
    }
    let tests = std::fs::read_dir(root().join("assets/web/test")).expect("the tests are there");
    let files = tests
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.js"));
    let mut node = std::process::Command::new("node");
    let out = node.arg("--test").args(files).current_dir(root()).output().expect("node starts");
    let text = String::from_utf8_lossy(&out.stdout);
    println!("{text}");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!text.contains("# tests 0"), "no test ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_plays_and_prints_its_score() {
    let (test, program) = ("the Python example", "python3");
    if !available(test, program, &["-c", "import websockets"]) {
        return;
    }
    plays(Command::new(program).arg(root().join("assets/examples/bot.py"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_example_plays_on_the_pages_client_and_prints_its_score() {
    let (test, program) = ("the Node example", "node");
    if !available(test, program, &["--version"]) {
        return;
    }
    let has_socket = ["-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"];
    let flag = match Command::new(program).args(has_socket).status().await {
        Ok(status) if status.success() => None,
        _ => Some("--experimental-websocket"),
    };
    let text = plays(Command::new(program).args(flag).arg(root().join("assets/examples/bot.mjs"))).await;
    assert!(text.contains(" 0 mispredictions"), "it predicts as the server steps: {text}");
}
