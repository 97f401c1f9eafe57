//! The program when the machine fails it: no file handles, no disk space, no time. Who plays goes on playing.

#![cfg(unix)]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bot_client::{Bot, Client, Incoming, Session};
use protocol::ClientMessage;
use protocol::Tick;
use protocol::message::Hello;

/// What a busy machine may need for anything.
const LONG: Duration = Duration::from_secs(20);

/// A running server, killed at the end.
struct Server {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    log: Receiver<String>,
}

/// Starts the server from a shell that does `first`: limits of its own.
fn start(first: &str, args: &[&str]) -> Server {
    let program = env!("CARGO_BIN_EXE_server");
    let mut child = Command::new("sh")
        .args([
            "-c",
            &format!("{first} exec \"$0\" \"$@\""),
            program,
            "--listen",
            "127.0.0.1:0",
            "--pilots",
            "0",
        ])
        .args(args)
        .env("RUST_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let (lines, log) = channel();
    let err = BufReader::new(child.stderr.take().expect("piped"));
    std::thread::spawn(move || err.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut address = || {
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(['/', '\n']).next());
        address.and_then(|a| a.parse().ok()).unwrap_or_else(|| panic!("no address in {line:?}"))
    };
    let (address, admin) = (address(), address());
    Server { child, address, admin, log }
}

impl Server {
    fn pid(&self) -> String {
        self.child.id().to_string()
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.pid()]).status().expect("kill").success());
    }

    /// Waits for a line with `word` in the log.
    fn logs(&self, word: &str) -> String {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line =
                self.log.recv_timeout(left).unwrap_or_else(|_| panic!("the log does not say {word:?}"));
            if line.contains(word) {
                return line;
            }
        }
    }

    fn metric(&self, name: &str) -> f64 {
        use std::io::Write;
        let mut stream = TcpStream::connect(self.admin).expect("it listens");
        let host = self.admin;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("text");
        let line =
            text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }

    /// Asks it to end, and sees that it does.
    fn ends_well(mut self) {
        self.signal("-TERM");
        let deadline = Instant::now() + LONG;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().expect("waited") {
                assert_eq!(status.code(), Some(0));
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who plays.
struct Player {
    client: Client,
    session: Session,
    bot: Bot,
}

impl Player {
    async fn join(server: &Server, room: &str) -> Player {
        let url = format!("ws://{}/ws", server.address).parse().expect("a URL");
        let hello = Hello { room: room.into(), ..Hello::default() };
        let joining = tokio::time::timeout(LONG, Client::connect(&url, hello));
        let (client, welcome) = joining.await.expect("an answer").expect("a seat");
        let session = Session::new(&welcome, tokio::time::Instant::now());
        Player { client, session, bot: Bot::new(1) }
    }

    /// Plays until so many snapshots have come; returns their ticks.
    async fn sees(&mut self, snapshots: usize) -> Vec<Tick> {
        let playing = async {
            let mut ticks = Vec::new();
            while ticks.len() < snapshots {
                let incoming = self.client.next().await.expect("the server keeps to the protocol");
                let Incoming::Message(message) = incoming else { panic!("{incoming:?}") };
                let _ =
                    self.session.take(&message, tokio::time::Instant::now()).expect("a readable snapshot");
                if matches!(message, protocol::ServerMessage::Snapshot(_)) {
                    ticks.push(self.session.view().tick);
                }
                while let Some(due) = self.session.clock.due(tokio::time::Instant::now()) {
                    let (controls, seen) = self.bot.hold(&self.session);
                    let input = self.session.input_seeing(due.tick, controls, seen);
                    self.client.send(&ClientMessage::Input(input)).await.expect("sent");
                }
            }
            ticks
        };
        tokio::time::timeout(LONG, playing).await.expect("snapshots go on")
    }
}

#[tokio::test]
async fn without_file_handles_players_go_on_and_new_ones_come_in_later() {
    let server = start("ulimit -n 40;", &[]);
    assert!(server.logs("fewer open files").contains("wanted=5064"), "it says so at the start");
    let mut player = Player::join(&server, "a").await;
    // More than it may have open; the rest waits in the system's queue.
    let idle: Vec<_> = (0..60).map(|_| TcpStream::connect(server.address).expect("queued")).collect();
    server.logs("cannot accept connections");
    let ticks = player.sees(90).await;
    let skipped: i64 = ticks.windows(2).map(|pair| pair[1].since(pair[0]) - 1).sum();
    assert!(skipped < 45, "{skipped} of 90 snapshots were skipped");
    drop(idle);
    let mut late = Player::join(&server, "b").await;
    late.sees(10).await;
    player.sees(10).await;
    drop((player, late));
    server.ends_well();
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_limit_of_open_files_is_raised_as_far_as_it_may_be() {
    let server = start("ulimit -S -n 64;", &[]);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("they can be read");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("it is there");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[3], words[4], "soft and hard: {line}");
    assert_ne!(words[3], "64");
    server.ends_well();
}

#[tokio::test]
async fn when_the_disk_takes_no_more_the_game_goes_on() {
    let dir: PathBuf = std::env::temp_dir().join(format!("drift-arena-disk-fault-{}", std::process::id()));
    // A file cannot grow past some KiB: to the writer what a full disk is, an error in the middle of a recording.
    let server = start("ulimit -f 8;", &["--record", dir.to_str().expect("a plain path")]);
    let mut player = Player::join(&server, "a").await;
    let deadline = Instant::now() + LONG;
    while server.metric("drift_recording_errors_total") == 0.0 {
        assert!(Instant::now() < deadline, "nothing went wrong");
        player.sees(30).await;
    }
    assert!(server.logs("recording").contains("the game goes on"));
    let ticks = player.sees(60).await;
    let skipped: i64 = ticks.windows(2).map(|pair| pair[1].since(pair[0]) - 1).sum();
    assert!(skipped < 30, "{skipped} of 60 snapshots were skipped");
    Player::join(&server, "b").await.sees(10).await;
    drop(player);
    server.ends_well();
    std::fs::remove_dir_all(&dir).expect("the server made it");
}

#[tokio::test]
async fn a_process_that_was_stopped_goes_on_where_it_was() {
    let server = start("", &[]);
    let mut player = Player::join(&server, "a").await;
    let before = *player.sees(30).await.last().expect("thirty");
    server.signal("-STOP");
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.signal("-CONT");
    let after = player.sees(60).await;
    // Two seconds are sixty ticks; what was missed is not made up for.
    let jump = after.windows(2).map(|pair| pair[1].since(pair[0])).max().expect("sixty");
    assert!(after[0].since(before) < 20 && jump < 20, "{before:?} {after:?}");
    assert!(server.metric("drift_reanchors_total") >= 1.0);
    drop(player);
    server.ends_well();
}
