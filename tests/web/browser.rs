//! The page in a real browser: starts the servers that its tests in assets/browser play on, and runs them.

use std::net::SocketAddr;
use std::time::Duration;

use bot_client::lag::{self, Conditions, Stall};
use harness::GameServer;
use harness::outside::{available, root};
use server::config::RawPilots;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A line to a server that is far away and stalls: 80 ms ± 20 ms each way, 200 ms at one of a hundred segments.
async fn far_from(server: SocketAddr) -> (SocketAddr, JoinHandle<lag::Tally>) {
    let conditions = Conditions {
        delay: Duration::from_millis(80),
        jitter: Duration::from_millis(20),
        stall: Some(Stall { length: Duration::from_millis(200), share: 0.01 }),
        ..Conditions::default()
    };
    let listener = lag::listen(([127, 0, 0, 1], 0).into(), &conditions).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    // A page that closes its socket is no trouble.
    let line = lag::run(listener, server, conditions, 1, std::future::pending(), |_| ());
    (address, tokio::spawn(line))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_works_in_chromium() {
    let test = "the page in a browser";
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let driver = root().join("assets/node_modules/playwright-core/package.json");
    let installed = format!("require({:?})", driver.to_string_lossy());
    if !available(test, &chromium, &["--version"]) || !available(test, "node", &["-e", &installed]) {
        return;
    }
    let busy = GameServer::start(|raw| {
        raw.rooms.capacity = 40;
        raw.rooms.pilots = RawPilots::Number(12);
    })
    .await;
    let (lagged, line) = far_from(busy.address).await;
    let quiet = GameServer::start(|raw| raw.rooms.capacity = 10).await;
    let single = GameServer::start(|raw| raw.rooms.capacity = 1).await;
    let full = GameServer::start(|raw| raw.rooms.capacity = 130).await;
    let crowd = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let crowd_address = crowd.local_addr().expect("a bound socket");
    let crowd = tokio::spawn(crate::crowd::gather(crowd, full.endpoint()));
    let old = GameServer::start(|raw| raw.rooms.capacity = 10).await;
    let old_address = old.address;
    // Whoever connects here stops `old`, and is let go when that is done.
    let stop = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let stop_address = stop.local_addr().expect("a bound socket");
    let stopping = tokio::spawn(async move {
        let wish = stop.accept().await.expect("a connection");
        old.stop().await;
        drop(wish);
    });
    // What is recorded there can be seen: what is played in the tests, and two files that are wrong.
    let folder = std::env::temp_dir().join(format!("drift-arena-replays-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let golden = std::fs::read(root().join("assets/replays/crowd.drift")).expect("a golden recording");
    std::fs::write(folder.join("crowd.drift"), &golden).expect("writable");
    std::fs::write(folder.join("cut.drift"), &golden[..golden.len() * 3 / 4]).expect("writable");
    std::fs::write(folder.join("damaged.drift"), &golden[..golden.len() / 20]).expect("writable");
    let shown = GameServer::start(|raw| {
        raw.rooms.capacity = 20;
        raw.rooms.pilots = RawPilots::Number(12);
        (raw.rooms.grace_secs, raw.rooms.keep_secs, raw.rooms.idle_secs) = (1, 1, 1);
        raw.record.dir = folder.to_string_lossy().into_owned();
        raw.record.serve = true;
    })
    .await;
    // One file while working on it: `DRIFT_ONLY=line`.
    let only = std::env::var("DRIFT_ONLY").unwrap_or_default();
    let tests = std::fs::read_dir(root().join("assets/browser")).expect("the tests are there");
    let files = tests.map(|entry| entry.expect("a readable folder").path()).filter(|path| {
        path.to_string_lossy().ends_with(".test.js") && path.to_string_lossy().contains(&only)
    });
    // Those that measure time have the machine to themselves.
    let (alone, together): (Vec<_>, Vec<_>) = files.partition(|path| {
        ["crowd.test.js", "far.test.js"].iter().any(|name| path.to_string_lossy().ends_with(name))
    });
    for (files, at_once) in [(together, 2), (alone, 1)] {
        if files.is_empty() {
            continue;
        }
        let run = tokio::process::Command::new("node")
            .arg("--test")
            .arg(format!("--test-concurrency={at_once}"))
            .args(files)
            .env("CHROMIUM", &chromium)
            .env("DRIFT_BUSY", busy.address.to_string())
            .env("DRIFT_LAGGED", lagged.to_string())
            .env("DRIFT_QUIET", quiet.address.to_string())
            .env("DRIFT_SINGLE", single.address.to_string())
            .env("DRIFT_FULL", full.address.to_string())
            .env("DRIFT_CROWD", crowd_address.to_string())
            .env("DRIFT_OLD", old_address.to_string())
            .env("DRIFT_SHOWN", shown.address.to_string())
            .env("DRIFT_STOP", stop_address.to_string())
            .kill_on_drop(true)
            .output();
        let out =
            tokio::time::timeout(Duration::from_secs(300), run).await.expect("it ends").expect("it starts");
        let text = String::from_utf8_lossy(&out.stdout);
        println!("{text}");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert!(!text.contains("# tests 0"), "no test ran");
    }
    if only.is_empty() {
        stopping.await.expect("the old server was stopped");
    }
    line.abort();
    crowd.abort();
    full.stop().await;
    busy.stop().await;
    quiet.stop().await;
    single.stop().await;
    shown.stop().await;
    std::fs::remove_dir_all(&folder).expect("the folder is there");
}
