//! `server replay` from outside: what it prints and its exit codes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use protocol::{Slot, Tick};
use server::record::format::{self, Header, Reader, Record};
use server::record::replay::{Plan, Viewer, watch};
use sim::{Deed, World};

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_server")).args(args).output().expect("the server starts")
}

/// Runs the server; returns its exit code and its one line on stderr.
fn complaint(args: &[&str]) -> (Option<i32>, String) {
    let out = run(args);
    let text = String::from_utf8(out.stderr).expect("text");
    assert_eq!(text.trim_end().lines().count(), 1, "{args:?}: {text}");
    assert!(out.stdout.is_empty(), "{args:?}");
    (out.status.code(), text)
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/replays").join(name)
}

#[test]
fn a_recording_runs_again_and_a_broken_one_is_refused_in_one_line() {
    let seats = golden("seats.drift");
    let path = seats.to_str().expect("a plain path");
    let out = run(&["replay", path, "--verify"]);
    let text = String::from_utf8(out.stdout).expect("text");
    assert_eq!(out.status.code(), Some(0), "{text}");
    for part in
        ["room RIG", "ticks 1 to 750: 25.0 s", "times real time", "750 ticks and 25 checksums compared"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = complaint(&["replay", path, "--from", "751"]);
    assert!(code == Some(2) && text.contains("from 1 to 750"), "{text}");

    let broken = std::env::temp_dir().join(format!("drift-arena-broken-{}.drift", std::process::id()));
    let at = broken.to_str().expect("a plain path");
    let whole = std::fs::read(&seats).expect("it is there");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut older = whole.clone();
    older[8] = 1;
    for (bytes, word) in [
        (&whole[..whole.len() - 1], "cut off after tick 750"),
        (&flipped, "damaged at byte"),
        (&older, "a recording in format 1; this program reads format 2"),
        (b"", "not a rec"),
    ] {
        std::fs::write(&broken, bytes).expect("a temporary file");
        let (code, text) = complaint(&["replay", at, "--verify"]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(word) && text.contains(at), "{text}");
    }
    // A film shows what can be shown, and its maker says what is wrong all the same.
    let out = std::env::temp_dir().join(format!("drift-arena-broken-{}.film", std::process::id()));
    let film = out.to_str().expect("a plain path");
    std::fs::write(&broken, &flipped).expect("a temporary file");
    let (code, text) = complaint(&["replay", at, "--verify", "--film", film]);
    assert!(code == Some(2) && text.contains("damaged at byte") && !out.exists(), "{text}");
    let filmed = run(&["replay", at, "--film", film]);
    let text = String::from_utf8(filmed.stderr).expect("text");
    assert!(filmed.status.code() == Some(2) && text.contains("damaged at byte") && out.exists(), "{text}");
    let (code, text) = complaint(&["replay", path, "--film", at]);
    assert!(code == Some(2) && text.contains("a recording is there"), "{text}");
    assert_eq!(std::fs::read(&broken).expect("it is there"), flipped);
    #[cfg(unix)]
    {
        let limited =
            format!("ulimit -f 2; exec {} replay {path} --film {film}", env!("CARGO_BIN_EXE_server"));
        let limited = Command::new("sh").args(["-c", &limited]).output().expect("a shell");
        let text = String::from_utf8(limited.stderr).expect("text");
        assert!(limited.status.code() == Some(2) && text.contains("cannot write"), "{text}");
        let piped = run(&["replay", path, "--verify", "--film", "/dev/stdout"]).stdout;
        assert!(piped.starts_with(&server::record::film::MAGIC), "nothing but the film");
    }
    assert_eq!(run(&["replay", path, "--verify", "--film", film]).status.code(), Some(0));
    let _ = std::fs::remove_file(&out);
    std::fs::remove_file(&broken).expect("it was there");
    #[cfg(unix)]
    assert_eq!(complaint(&["replay", "/dev/zero"]).0, Some(2), "it has no end");
    assert!(complaint(&["replay"]).1.contains("<FILE>"));
    for args in [&["replay"][..], &["replay", "/does/not/exist.drift"], &["--seed", "1", "replay", path]] {
        assert_eq!(complaint(args).0, Some(2));
    }
}

/// A recording with what the ships hold in one tick altered, and every record sealed again.
fn altered(recording: &[u8], at: Tick, alter: impl Fn(&mut Vec<sim::Command>)) -> Vec<u8> {
    let (header, mut reader) = Reader::open(recording).expect("a recording");
    let mut out = Vec::new();
    header.write(&mut out);
    let (mut commands, mut held) = (Vec::new(), Vec::new());
    while let Some(record) = reader.next_record().expect("a whole recording") {
        match record {
            Record::Keyframe { tick, checksum, world } => {
                format::keyframe(&mut out, tick, checksum, &world);
                commands.clear();
                held.clear();
            }
            Record::Tick { tick, deeds, changes, digest } => {
                for (slot, command) in changes {
                    commands.resize(commands.len().max(slot.index() + 1), sim::Command::default());
                    commands[slot.index()] = command;
                }
                let mut now = commands.clone();
                if tick == at {
                    alter(&mut now);
                }
                let begin = out.len();
                format::tick(&mut out, tick, &deeds, &now, &mut held);
                format::outcome(&mut out[begin..], digest.expect("every tick came to its end"));
            }
            Record::Checksum { tick, checksum } => format::checksum(&mut out, tick, checksum),
            Record::End => format::end(&mut out),
        }
    }
    out
}

/// A ship that is there after each tick.
#[derive(Default)]
struct Alive(Vec<Slot>);

impl Viewer for Alive {
    fn begins(&mut self, _: &Header, _: &World) {}

    fn stepped(&mut self, world: &World, _: &[Deed]) -> bool {
        let mut alive = world.ships().filter(|(_, ship)| ship.alive && !ship.pilot);
        self.0.push(alive.next().expect("somebody lives").0);
        true
    }
}

#[test]
fn the_first_tick_that_goes_another_way_is_named() {
    let recording = std::fs::read(golden("duel.drift")).expect("it is there");
    let mut alive = Alive::default();
    watch(&recording, Plan::default(), &mut alive).expect("it runs");
    assert_eq!(altered(&recording, Tick(0), |_| ()), recording, "nothing else is altered");
    let path = std::env::temp_dir().join(format!("drift-arena-altered-{}.drift", std::process::id()));
    let file = path.to_str().expect("a plain path");
    for tick in [1, 29, 30, 31, 47, 61, 200, 299, 300] {
        let slot = alive.0[tick as usize - 1].index();
        let other = altered(&recording, Tick(tick), |held| {
            held.resize(held.len().max(slot + 1), sim::Command::default());
            held[slot].controls.aim ^= 1;
        });
        std::fs::write(&path, other).expect("a temporary file");
        let (code, text) = complaint(&["replay", file, "--verify"]);
        assert_eq!(code, Some(1), "{text}");
        let named = format!("tick {tick} differs (another digest); {} was still the same", tick - 1);
        assert!(text.contains(&named), "{named}: {text}");
        assert_eq!(run(&["replay", file]).status.code(), Some(0), "nobody asked whether it is the same");
    }
    std::fs::remove_file(&path).expect("it was there");
}
