//! The swarm against the server that a tutorial would build: the peer that `bench` measures beside the real one.

use std::future::{pending, ready};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use bot_client::hosted::Hosted;
use bot_client::swarm::peer::{self, Load};

/// Where cargo puts the example when it builds all for `cargo test`.
fn tutorial_server() -> Option<PathBuf> {
    let mut path = std::env::current_exe().ok()?;
    path.pop();
    path.pop();
    path.push(format!("examples/tutorial_server{}", std::env::consts::EXE_SUFFIX));
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none(), "{} is not built", path.display());
        eprintln!("skipped: build {} with `cargo build -p bot-client --examples`", path.display());
        return None;
    }
    Some(path)
}

#[tokio::test]
async fn the_tutorial_gives_snapshots_with_what_is_in_view() {
    let Some(program) = tutorial_server() else { return };
    let hosted = Hosted::start(&program, &["20".into()], None).await.unwrap();
    let (url, process) = (hosted.url.clone(), Some(hosted.id()));
    let load = Load { url, bots: 20, duration: Duration::from_secs(2), rate: 200.0, process };
    let report = peer::run(load, pending()).await.report;
    assert_eq!((report.bots.connected, report.is_clean()), (20, true), "{report}");
    // Wide bounds: this machine may be busy.
    assert!((15.0..=40.0).contains(&report.snapshots.per_second_per_client), "{report}");
    assert!(report.messages_per_second.up > 15.0 && report.latency_ms.p50 > 0.0, "{report}");
    // An input has some forty bytes, and only those of the window count.
    let an_input = report.bytes_per_second.up / report.messages_per_second.up;
    assert!((30.0..60.0).contains(&an_input), "{report}");
    // A dozen of positions at some 30 characters.
    assert!((100.0..1000.0).contains(&report.snapshot_bytes.mean), "{report}");
    assert_eq!(report.server.rss_bytes.is_some(), cfg!(target_os = "linux"));
}

#[tokio::test]
async fn it_ends_when_it_is_asked_to() {
    let Some(program) = tutorial_server() else { return };
    let hosted = Hosted::start(&program, &["20".into()], None).await.unwrap();
    let forever = Duration::from_secs(86_400);
    let load = |bots, rate| Load { url: hosted.url.clone(), bots, duration: forever, rate, process: None };
    // While bots still come, which would take hours.
    let report = peer::run(load(10_000, 0.5), ready(())).await.report;
    assert_eq!((report.window_seconds, report.is_clean()), (0.0, true), "{report}");
    // And while it measures: a second is time enough for ten to come.
    let report = peer::run(load(10, 500.0), tokio::time::sleep(Duration::from_secs(1))).await.report;
    assert!(report.window_seconds < 60.0 && report.bots.failed == 0, "{report}");
    // A server that ends takes everybody along.
    let load = load(10, 500.0);
    let ends = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(hosted);
    };
    let (outcome, ()) = tokio::join!(peer::run(load, pending()), ends);
    assert!(outcome.report.window_seconds < 60.0, "{}", outcome.report);
}

#[tokio::test]
async fn nobody_there_is_said_as_the_swarm_says_it() {
    let url = "ws://127.0.0.1:1".parse().unwrap();
    let load = Load { url, bots: 2, duration: Duration::from_secs(86_400), rate: 200.0, process: None };
    let outcome = peer::run(load, pending()).await;
    let why = outcome.first_failure.unwrap();
    assert!(why.starts_with("cannot connect to 127.0.0.1:1: "), "{why}");
    assert_eq!(outcome.report.bots.failed, 2);
}

#[tokio::test]
async fn the_command_line_knows_it_and_says_who_it_is() {
    let Some(program) = tutorial_server() else { return };
    let hosted = Hosted::start(&program, &["5".into()], None).await.unwrap();
    let url = hosted.url.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot-client"));
        command.args(["swarm", "--peer", "tutorial", "--bots", "5", "--duration", "1s", "--allow-invalid"]);
        command.args(["--url", &url]).output()
    });
    let output = output.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("5 connected, 0 failed"), "{text}");
}

/// A full disk takes nothing but the file that was to be on it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_cannot_be_written_loses_nothing_else() {
    let Some(program) = tutorial_server() else { return };
    let hosted = Hosted::start(&program, &["2".into()], None).await.unwrap();
    let page = std::env::temp_dir().join(format!("page-{}.html", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_bot-client"));
    command.args(["swarm", "--peer", "tutorial", "--bots", "2", "--duration", "1s", "--allow-invalid"]);
    command.args(["--url", &hosted.url.to_string(), "--json", "/dev/full", "--html"]).arg(&page);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let (table, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(
        table.contains("2 connected, 0 failed") && said.contains("cannot write /dev/full"),
        "{table}{said}"
    );
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(std::fs::read_to_string(&page).expect("a page").contains("2 connected"));
    std::fs::remove_file(&page).unwrap();
}

/// The window is long enough for the server to be stopped in it even where everything takes its time.
#[cfg(unix)]
#[tokio::test]
async fn a_server_that_stands_still_is_no_fast_one() {
    let Some(program) = tutorial_server() else { return };
    let hosted = Hosted::start(&program, &["5".into()], None).await.unwrap();
    let load = Load {
        url: hosted.url.clone(),
        bots: 5,
        duration: Duration::from_secs(4),
        rate: 500.0,
        process: None,
    };
    let freezes = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stop = format!("kill -STOP {}", hosted.id());
        assert!(Command::new("sh").args(["-c", &stop]).status().unwrap().success());
    };
    let (outcome, ()) = tokio::join!(peer::run(load, pending()), freezes);
    let report = outcome.report;
    assert!(report.interval_ms.max > 500.0 && report.snapshots.long_gaps >= 5, "{report}");
    assert!(report.latency_ms.p99 > 500.0 && report.latency_raw_ms.p99 > 500.0, "{report}");
}
