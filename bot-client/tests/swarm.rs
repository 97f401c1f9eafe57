//! A small swarm against a fake room: does it count what happened, and does it tell a lost seat from a goodbye?

use std::time::Duration;

use bot_client::swarm::profile::Mix;
use bot_client::swarm::{self, Config, Outcome};
use bot_client::{Endpoint, Trust};
use fastwebsockets::{Frame, OpCode, Role, WebSocket};
use protocol::codec::{self, Encoding};
use protocol::message::{MARGIN_MISSING, Snapshot, Weapon, Welcome};
use protocol::snapshot::{CellChange, CellOp, CellWindow, Item, Own, Pickup, PickupKind, Pulse, Writer};
use protocol::{ClientMessage, PROTOCOL, Seq, ServerMessage, Slot, Tick};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Stands for saying nonsense instead of closing.
const BABBLE: u16 = 0;
/// Stands for saying nothing more.
const SILENCE: u16 = 1;
/// Stands for pings without end.
const FLOOD: u16 = 2;
/// Stands for a line that breaks.
const BREAK: u16 = 3;
/// Stands for inputs that are late from then on.
const LATE: u16 = 4;
/// Stands for a snapshot that cannot be read.
const TORN: u16 = 5;
const YOU: Slot = Slot(7);
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Protocol: drift.v1.bincode\r\nSec-WebSocket-Accept: ";

async fn say(socket: &mut WebSocket<TcpStream>, message: &ServerMessage) {
    let mut bytes = Vec::new();
    codec::encode_server(Encoding::Bincode, message, &mut bytes);
    let _ = socket.write_frame(Frame::binary(bytes.into())).await;
}

/// The n-th snapshot: a new shot every tenth tick, something picked up every fifteenth.
fn snapshot(n: u32, tick: u32, late: bool) -> ServerMessage {
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body, n == 1);
    writer.own(&Own { hp: 100, x: 1000, y: 1000, ..Own::default() });
    writer.updates(&[], &[], false);
    if tick % 10 == 1 {
        let shot = Pulse { id: (tick / 10) as u16, owner: YOU, x: 0, y: 0, direction: 0, fired: tick as u8 };
        writer.pulses(&[shot], &[]);
    }
    let (cell, item) = Item::of(&Pickup { kind: PickupKind::Shard, x: 64, y: 64 });
    let window = CellWindow { x: 0, y: 0, width: 1, height: 1 };
    let came_and_went = [CellOp::Append(item), CellOp::Remove { index: 0, by: Some(YOU) }];
    if n == 1 {
        writer.pickups(window, 1, std::iter::once((cell, CellChange::Full(&[]))));
    } else if tick % 15 == 1 {
        writer.pickups(window, 1, std::iter::once((cell, CellChange::Ops(&came_and_went))));
    }
    let flags = writer.finish();
    let margin = if late || tick.is_multiple_of(2) { MARGIN_MISSING } else { 8 };
    ServerMessage::Snapshot(Snapshot { seq: Seq(tick as u8), tick: Tick(tick).wire(), margin, flags, body })
}

/// Serves one bot, whose every other input is late. Closes by itself with `cut` after so many ticks, if asked to.
async fn serve(mut stream: TcpStream, cut: Option<(u32, u16)>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
    let answer = format!("{SWITCHING}{}\r\n\r\n", derive_accept_key(key.as_bytes()));
    stream.write_all(answer.as_bytes()).await.unwrap();
    let mut socket = WebSocket::after_handshake(stream, Role::Server);
    let hello = socket.read_frame().await.unwrap();
    assert!(matches!(codec::decode_client(Encoding::Bincode, &hello.payload), Ok(ClientMessage::Hello(_))));
    let first = 1000;
    let welcome = Welcome {
        protocol: PROTOCOL,
        resume: None,
        you: Some(YOU),
        tick: Tick(first),
        hz: 30,
        side: 2400,
        rules: 0,
        trig: 0,
        obstacles: Vec::new(),
        resumed: false,
        room: "FAKE".into(),
    };
    say(&mut socket, &ServerMessage::Welcome(welcome)).await;
    let start = Instant::now();
    for n in 1..600u32 {
        sleep_until(start + Duration::from_micros(33_333) * n).await;
        if let Some((after, code)) = cut
            && n == after
            && code != LATE
        {
            if code == BABBLE {
                let _ = socket.write_frame(Frame::binary(vec![250; 9].into())).await;
                continue;
            }
            if code == BREAK {
                return;
            }
            if code == TORN {
                let head = Snapshot {
                    seq: Seq(0),
                    tick: Tick(first + n).wire(),
                    margin: 8,
                    flags: 1,
                    body: vec![7],
                };
                say(&mut socket, &ServerMessage::Snapshot(head)).await;
                continue;
            }
            if code == FLOOD {
                while socket.write_frame(Frame::new(true, OpCode::Ping, None, vec![0].into())).await.is_ok() {
                }
                return;
            }
            if code == SILENCE {
                while socket.read_frame().await.is_ok_and(|frame| frame.opcode != OpCode::Close) {}
                return;
            }
            say(&mut socket, &ServerMessage::Bye { code, retry_ms: 0, url: None }).await;
            let _ = socket.write_frame(Frame::close(code, b"")).await;
            while socket.read_frame().await.is_ok_and(|frame| frame.opcode != OpCode::Close) {}
            return;
        }
        if n.is_multiple_of(20) {
            continue; // skipped
        }
        let late = matches!(cut, Some((after, LATE)) if n >= after);
        say(&mut socket, &snapshot(n, first + n, late)).await;
        if n % 30 == 1 {
            let feed =
                ServerMessage::Feed { killer: Some(YOU), victim: Slot(1), weapon: Weapon::Pulse, rewind: 0 };
            say(&mut socket, &feed).await;
        }
    }
}

/// A fake server, and its URL.
async fn server(cut: Option<(u32, u16)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, cut));
        }
    });
    url
}

fn config(url: Endpoint, duration: Duration) -> Config {
    Config {
        url,
        trust: Trust::system(),
        bots: 2,
        duration,
        rate: 100.0,
        room: None,
        rooms: None,
        profiles: Mix::default(),
        sources: 1,
        seed: 1,
        predict: 0.5,
        metrics: None,
        threads: 1,
    }
}

async fn run(bots: u32, cut: Option<(u32, u16)>) -> Outcome {
    let url = server(cut).await.parse().unwrap();
    let duration = Duration::from_secs(2);
    let config = Config { bots, ..config(url, duration) };
    swarm::run(config, std::future::pending(), |_| {}).await
}

#[tokio::test]
async fn a_swarm_counts_what_happened() {
    let Outcome { report, charts, first_failure, .. } = run(4, None).await;
    assert!((1..=2).contains(&charts.seconds.len()) && charts.seconds[0].interval_p99 > 25.0, "{charts:?}");
    assert!(charts.latency.len() > 10 && !charts.intervals.is_empty(), "{charts:?}");
    assert_eq!(first_failure, None);
    assert_eq!((report.bots.connected, report.bots.failed), (4, 0));
    assert!(report.is_clean(), "{report}");
    // Wide bounds: this machine may be busy.
    assert!((25.0..35.0).contains(&report.snapshots.per_second_per_client), "{report}");
    assert!((25.0..40.0).contains(&report.interval_ms.p50), "{report}");
    assert!((120.0..240.0).contains(&report.shots_per_bot_minute), "{report}");
    assert!((60.0..180.0).contains(&report.pickups_per_bot_minute), "{report}");
    assert!((20.0..100.0).contains(&report.kills_per_bot_minute), "{report}");
    assert!(report.latency_ms.p50 > 0.0 && report.latency_ms.p50 < 500.0, "{report}");
    assert!(report.bytes_per_second.down > 30.0 * report.snapshot_bytes.mean, "headers count: {report}");
    // The head, the own ship, and for a second each pulse that was fired three times a second.
    assert!((45.0..75.0).contains(&report.whole_view_bytes.mean), "{report}");
    assert!(report.bytes_per_second.up > 300.0, "inputs of 15 bytes, 30 a second: {report}");
}

#[tokio::test]
async fn a_ship_that_never_moves_is_mispredicted_and_that_is_told() {
    let Outcome { report, first_misprediction, .. } = run(2, None).await;
    assert!(report.mispredictions > 0 && report.mispredictions <= report.predicted_snapshots, "{report}");
    let first = first_misprediction.expect("there is one");
    assert_eq!((first.actual.x, first.before.x), (1000, 1000));
    assert_eq!((report.snapshot_sections.own, report.snapshot_sections.updates), (21.0, 0.0));
    assert!(report.snapshot_sections.pulses > 1.0 && report.snapshot_sections.pickups > 0.5, "{report}");
    assert!(report.snapshots.skipped >= 4, "{report}");
    assert_eq!(report.resyncs, 0);
    assert!((45.0..55.0).contains(&report.late_percent), "{report}");
}

#[tokio::test]
async fn a_server_that_falls_silent_is_seen_in_every_figure_that_it_concerns() {
    let Outcome { report, charts, .. } = run(2, Some((15, SILENCE))).await;
    assert!(report.interval_ms.max >= 1000.0 && report.snapshots.long_gaps >= 2, "{report}");
    assert!(report.snapshots.per_second_per_client < 20.0, "{report}");
    assert!(report.instability_ratio > 0.2, "{report}");
    assert!(charts.seconds.iter().skip(1).all(|second| second.interval_p99.is_nan()), "{charts:?}");
}

#[tokio::test]
async fn an_input_that_is_late_is_answered_by_no_snapshot_without_it() {
    let Outcome { report, .. } = run(2, Some((1, LATE))).await;
    assert_eq!(report.late_percent, 100.0, "{report}");
    // Half of the window, where every one waits to its end.
    assert!(report.latency_ms.p50 > 700.0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sends_without_end_is_left_in_time() {
    let begun = Instant::now();
    let Outcome { report, .. } = run(2, Some((20, FLOOD))).await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{report}");
    assert!(report.bytes_per_second.down > 10_000.0, "{report}");
    assert!(report.snapshots.long_gaps >= 2, "{report}");
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_is_one_long_gap() {
    let Outcome { report, .. } = run(2, Some((1, BREAK))).await;
    assert_eq!((report.snapshots.per_second_per_client, report.is_clean()), (0.0, false), "{report}");
    assert!(report.interval_ms.max > 1500.0 && report.snapshots.long_gaps == 2, "{report}");
    assert!((4..40).contains(&report.reconnects.tried), "{report}");
}

#[tokio::test]
async fn bots_whom_nobody_answers_any_more_are_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for n in 0.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            if n < 2 {
                tokio::spawn(serve(stream, Some((15, BREAK))));
            } else {
                silent.push(stream);
            }
        }
    });
    let config = config(url, Duration::from_secs(2));
    let Outcome { report, .. } = swarm::run(config, std::future::pending(), |_| {}).await;
    assert_eq!((report.reconnects.tried, report.reconnects.ok), (2, 0), "{report}");
    assert_eq!(report.disconnects.values().sum::<u32>(), 2, "{report}");
    // One jump of some 1.5 s in 2 s, by the formula that the ratio has.
    assert!(report.instability_ratio > 0.25, "{report}");
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_read_breaks_the_protocol() {
    let Outcome { report, first_protocol_error, .. } = run(2, Some((20, TORN))).await;
    assert_eq!((report.resyncs, report.protocol_errors, report.is_clean()), (2, 2, false), "{report}");
    assert!(first_protocol_error.is_some_and(|error| error.contains("snapshot")));
}

#[tokio::test]
async fn visitors_too_notice_what_a_server_does_wrong() {
    for (cut, broken, lost) in [(BABBLE, true, false), (4003, false, true)] {
        let url = server(Some((5, cut))).await.parse().unwrap();
        let profiles: Mix = "join-storm".parse().unwrap();
        let config = Config { profiles, ..config(url, Duration::from_secs(1)) };
        let Outcome { report, .. } = swarm::run(config, std::future::pending(), |_| {}).await;
        assert_eq!((report.protocol_errors > 0, report.disconnects.contains_key(&4003)), (broken, lost));
        assert!(!report.is_clean(), "{report}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_swarm_that_stood_still_is_not_valid_though_its_clock_left_the_time_out() {
    let url = server(None).await;
    let swarm = std::process::Command::new(env!("CARGO_BIN_EXE_bot-client"))
        .args(["swarm", "--bots", "2", "--duration", "4s", "--url", &url])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let pid = swarm.id().to_string();
    for (signal, then) in [("-STOP", 1500), ("-CONT", 0)] {
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        tokio::time::sleep(Duration::from_millis(then)).await;
    }
    let out = tokio::task::spawn_blocking(|| swarm.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(out.status.code() == Some(4) && text.contains("INVALID"), "{text}");
}

/// Runs the binary for a second.
async fn exit_code(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_bot-client"));
    command.args(["swarm", "--bots", "2", "--duration", "1s", "--url", url]).args(arguments);
    // This machine may be busy with other tests.
    command.arg("--allow-invalid");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn exit_codes_tell_what_was_wrong() {
    let (good, cutting, babbling) =
        tokio::join!(server(None), server(Some((20, 4003))), server(Some((20, BABBLE))));
    let file = std::env::temp_dir().join(format!("swarm-{}.json", std::process::id()));
    let page = file.with_extension("html");
    let html = ["--html", page.to_str().unwrap()];
    let json = ["--fail", "resyncs<=0, snapshots.per_second_per_client>=1", "--json", file.to_str().unwrap()];
    let ((kept, _), (broken, why), (cut, _), (babbled, what)) = tokio::join!(
        exit_code(&good, &json),
        exit_code(&good, &["--fail", "resyncs<=0", "--fail", "server.missed_ticks<=3,resyncs>0"]),
        exit_code(&cutting, &[]),
        exit_code(&babbling, &html),
    );
    assert_eq!((kept, broken, cut, babbled), (Some(0), Some(1), Some(1), Some(3)), "{why}{what}");
    assert!(why.contains("resyncs>0: it is 0") && why.contains("missed_ticks<=3: not known"), "{why}");
    assert!(what.contains("the first protocol error"), "{what}");
    let html = std::fs::read_to_string(&page).unwrap();
    std::fs::remove_file(page).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.matches("<svg").count() == 3, "{html}");
    let mut compare = std::process::Command::new(env!("CARGO_BIN_EXE_bot-client"));
    let compared = compare.arg("compare").args([&file, &file]).output().unwrap();
    let text = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.status.success() && text.starts_with("0 numbers differ"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    std::fs::remove_file(file).unwrap();
    assert_eq!(json["environment"]["arguments"][0], "swarm");
    assert!(json["valid"].is_boolean() && json["server"]["rss_bytes"].is_null(), "{json}");
}

#[tokio::test]
async fn only_bots_that_play_are_measured_and_visitors_are_counted() {
    let url = server(None).await.parse().unwrap();
    let profiles: Mix = "play,idle,slow-reader,join-storm,garbage".parse().unwrap();
    let config = Config { bots: 5, profiles, sources: 3, ..config(url, Duration::from_secs(3)) };
    let Outcome { report, first_failure, .. } = swarm::run(config, std::future::pending(), |_| {}).await;
    assert_eq!((report.bots.connected, first_failure), (5, None));
    assert!(report.is_clean(), "{report}");
    // One bot's rate, though three have their seats all the time.
    assert!((25.0..35.0).contains(&report.snapshots.per_second_per_client), "{report}");
    assert!((2..=6).contains(&report.visits.made) && report.visits.refused == 0, "{report}");
}

#[tokio::test]
async fn a_seat_that_the_server_takes_away_is_a_disconnect() {
    let Outcome { report, .. } = run(2, Some((30, 4003))).await;
    assert_eq!(report.disconnects.get(&4003), Some(&2), "{report}");
    assert!(!report.is_clean());
}

#[tokio::test]
async fn a_server_that_answers_another_handshake_gives_no_seats() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
            let answer = format!("{SWITCHING}s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let config = config(url, Duration::from_secs(1));
    let Outcome { report, first_failure, .. } = swarm::run(config, std::future::pending(), |_| {}).await;
    assert_eq!((report.bots.connected, report.bots.failed, report.protocol_errors), (0, 2, 2));
    assert!(first_failure.is_some_and(|why| why.contains("Sec-WebSocket-Accept of another request")));
}
