//! The WebSocket layer against the cases of the Autobahn test suite, by way of the server's `echo` example.

use std::process::Stdio;
use std::time::Duration;

use harness::outside::{available, root};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

/// The sections of the suite: framing, pings, reserved bits, opcodes, fragments, UTF-8, close, limits, chops. Those
/// left out, 12 and 13, are about compression, which is never agreed to.
const SECTIONS: [&str; 9] = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];

/// A runner that knows fewer cases is not the one that was meant.
const CASES: usize = 301;

/// The run takes ten seconds; this is for machines with much else to do.
const LIMIT: Duration = Duration::from_secs(300);

#[tokio::test]
async fn the_websocket_layer_passes_every_case() {
    if !available("the conformance suite", "kosoku", &["--help"]) {
        return;
    }
    let mut echo = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "-p", "server", "--example", "echo", "--", "127.0.0.1:0"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("cargo starts");
    let mut lines = BufReader::new(echo.stdout.take().expect("it is piped")).lines();
    let line = tokio::time::timeout(LIMIT, lines.next_line()).await.expect("the echo is built in time");
    let line = line.expect("readable output").expect("the echo says where it listens");
    let url = line.split_whitespace().last().expect("an address");

    let report = format!("{}/conformance", env!("CARGO_TARGET_TMPDIR"));
    let mut suite = Command::new("kosoku");
    suite.args([url, "--parallelism", "4", "--outdir", &report]).kill_on_drop(true);
    for section in SECTIONS {
        suite.args(["--include", section]);
    }
    let out = tokio::time::timeout(LIMIT, suite.output()).await.expect("the suite ends").expect("it starts");
    let text = String::from_utf8_lossy(&out.stdout);
    println!("{text}");
    assert!(out.status.success(), "{}\nmore in {report}", String::from_utf8_lossy(&out.stderr));
    assert!(text.contains(&format!("{CASES} cases passed")), "all of them ran");
    echo.kill().await.expect("it runs until now");
}
