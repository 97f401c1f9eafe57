//! The binary from outside: exit codes and what a person reads. Needs no server.

use std::net::TcpListener;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bot-client"))
        .args(arguments)
        .output()
        .expect("the binary was built for this test")
}

#[track_caller]
fn refused(arguments: &[&str], hint: &str) -> String {
    let output = run(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(hint), "{stderr}");
    assert!(output.stdout.is_empty());
    stderr
}

#[test]
fn a_bad_url_is_one_line_that_says_what_to_do() {
    for (url, hint) in
        [("127.0.0.1:8080", "ws://127.0.0.1:8080/ws"), ("http://127.0.0.1/ws", "use ws:// or wss://")]
    {
        let stderr = refused(&["swarm", "--url", url], hint);
        assert_eq!(stderr.trim().lines().count(), 1, "{stderr}");
    }
}

#[test]
fn bad_arguments_are_refused_before_anything_starts() {
    refused(&[], "Usage");
    refused(&["swarm", "--bots", "0"], "--bots");
    refused(&["swarm", "--duration", "soon"], "10s");
    refused(&["swarm", "--room", "no spaces"], "room code");
    refused(&["swarm", "--predict", "200%"], "percentage");
    refused(&["swarm", "--metrics", "8081"], "http://127.0.0.1:8081/metrics");
    refused(&["swarm", "--fail", "latency_ms.p99"], "latency_ms.p99<=90");
    refused(&["swarm", "--fail", "latency.p99<=90"], "latency_ms.p99");
    refused(&["swarm", "--profile", "play=8,resumers"], "slow-reader");
    refused(&["swarm", "--rooms", "many"], "crammed");
    refused(&["swarm", "--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem");
    refused(&["swarm", "--ca", "/dev/null"], "no certificate");
    refused(&["swarm", "--ca", "/dev/null", "--insecure"], "--insecure");
    refused(&["swarm", "--pin", "first"], "1-3");
    refused(&["swarm", "--pin", "1023"], "1023");
    refused(&["capacity", "--pin", "1"], "0/1");
    refused(&["capacity", "--url", "wss://127.0.0.1/ws", "--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem");
    refused(&["capacity", "--ca", "/dev/null", "--insecure"], "--insecure");
    refused(&["capacity", "--most", "5000"], "4000");
    refused(&["capacity", "--url", "http://127.0.0.1/ws"], "use ws://");
    refused(&["capacity", "--server", "/nowhere/server"], "cargo build --release");
    refused(&["capacity", "--html", "/nowhere/at/all.html"], "/nowhere/at/all.html");
    refused(&["swarm", "--peer", "colyseus"], "tutorial");
    refused(&["bench", "--server", "/nowhere/server"], "cargo build --release");
    refused(&["bench", "--readme", "/dev/null"], "no marks");
    refused(&["bench", "--quick", "--readme", "/dev/null"], "cannot be used with");
    for command in ["capacity", "bench"] {
        // Before the server: what cannot be pinned is not started. Elsewhere than on Linux nothing can be pinned.
        let hint = if cfg!(target_os = "linux") { "no core 1023" } else { "only Linux" };
        refused(&[command, "--pin", "0/1023", "--server", "/nowhere/server"], hint);
    }
    refused(&["compare", "/nowhere/a.json", "/nowhere/b.json"], "/nowhere/a.json");
    refused(&["swarm", "--json", "/nowhere/at/all.json"], "/nowhere/at/all.json");
    for command in ["swarm", "capacity"] {
        refused(&[command, "--json", "same.out", "--html", "./same.out"], "the same file");
    }
    refused(&["swarm", "--url", "ws://[::1]:9", "--sources", "2"], "--sources 2");
}

#[test]
fn nobody_listening_is_said_at_once() {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("ws://127.0.0.1:{port}/ws");
    let stderr = refused(&["swarm", "--url", &url, "--bots", "3"], "Is the server running");
    assert!(stderr.contains(&port.to_string()), "{stderr}");
}

#[test]
fn the_search_and_the_table_say_it_with_the_same_words() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("ws://127.0.0.1:{port}/ws");
    let stderr = refused(&["capacity", "--url", &url, "--from", "2"], "Is the server running");
    assert!(stderr.contains("no bot could join"), "{stderr}");
}

/// What it said before it ended is what somebody has to know.
#[cfg(unix)]
#[test]
fn a_server_that_cannot_start_says_why() {
    for command in ["capacity", "bench"] {
        // A shell knows no --listen.
        refused(&[command, "--server", "/bin/sh"], "listen");
    }
}

/// A full disk, or a pipe that nobody empties, must not look like a crash.
#[cfg(target_os = "linux")]
#[test]
fn what_nobody_can_be_told_changes_no_exit_code() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_bot-client"));
    let status = command.args(["swarm", "--json", "/nowhere/at/all.json"]).stderr(full).status();
    assert_eq!(status.unwrap().code(), Some(2));
}

/// Whichever way somebody ends the lab, it takes the server along that it has started.
#[cfg(target_os = "linux")]
#[test]
fn no_server_is_left_behind() {
    use std::path::Path;
    use std::time::{Duration, Instant};

    let mut ways = vec![("capacity", "TERM"), ("capacity", "INT"), ("bench", "TERM")];
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    // Under nohup the lab is to outlive its terminal, as this test does.
    if u64::from_str_radix(ignored, 16).unwrap() & 1 == 0 {
        ways.push(("capacity", "HUP"));
    }
    for (command, signal) in ways {
        let name = format!("mute-server-{}-{command}-{signal}", std::process::id());
        let pid_file = std::env::temp_dir().join(name);
        let mut lab = Command::new(env!("CARGO_BIN_EXE_bot-client"))
            .args([command, "--server", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mute_server.sh")])
            .env("MUTE_SERVER_PID", &pid_file)
            .spawn()
            .unwrap();
        let until = Instant::now() + Duration::from_secs(15);
        while !pid_file.exists() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let kill = format!("kill -{signal} {}", lab.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let ended = lab.wait().unwrap();
        let server = std::fs::read_to_string(&pid_file).expect("the server was started");
        std::fs::remove_file(&pid_file).unwrap();
        assert_eq!(ended.code(), Some(5), "{command} {signal}");
        assert!(!Path::new("/proc").join(server.trim()).exists(), "{command} {signal}");
    }
}

/// Whoever closes the window that it is shown in does not make it crash: it ends by the signal that comes with that.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_gone_is_no_crash() {
    use std::fs::File;
    use std::io::Read;

    use nix::pty::{Winsize, openpty};

    // Takes connections and says nothing: the bots wait for an answer, and the dashboard is shown.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).unwrap();
    // The clone is closed where another program begins; the swarm would hold its own terminal open otherwise.
    let mut screen = File::from(terminal.master.try_clone().unwrap());
    drop(terminal.master);
    let mut swarm = Command::new(env!("CARGO_BIN_EXE_bot-client"))
        .args(["swarm", "--metrics", "off", "--bots", "3", "--url", &url])
        .stdin(terminal.slave.try_clone().unwrap())
        .stdout(terminal.slave.try_clone().unwrap())
        .stderr(terminal.slave)
        .spawn()
        .unwrap();
    let (mut shown, mut part) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&shown).contains("Ctrl-C ends") {
        let read = screen.read(&mut part).expect("a dashboard");
        shown.extend_from_slice(&part[..read]);
    }
    drop(screen);
    let kill = format!("kill -TERM {}", swarm.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(swarm.wait().unwrap().code(), Some(2), "nobody got a seat");
}

#[test]
fn something_else_listening_is_no_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            use std::io::{Read, Write};
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhere?");
        }
    });
    refused(&["swarm", "--url", &url, "--bots", "2"], "404");
}
