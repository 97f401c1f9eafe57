//! Films of recordings: what a client's reader makes of one is what the world was, and faults are told. The golden
//! recordings' films are read by the page's own reader in assets/web/test/film.test.js.

use std::collections::BTreeMap;
use std::path::PathBuf;

use harness::rig::Rig;
use protocol::codec::{Encoding, decode_server};
use protocol::message::ServerMessage;
use protocol::snapshot::{MAX_KNOWN, Reader, flags};
use protocol::{Slot, TICK_HZ, Tick};
use server::record::film::{MAGIC, Reel, film};
use server::record::format::{FormatError, Header};
use server::record::replay::{Plan, Stopped, Viewer, watch};
use server::room::recorder::{Keep, Recorder};
use sim::{Deed, World, WorldConfig};

const ALL: Reel = Reel { ticks: u32::MAX, bytes: usize::MAX, until: None };

fn golden(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/replays").join(name);
    std::fs::read(path).expect("a golden recording")
}

/// The head and the messages with their ticks.
fn parts(film: &[u8]) -> (serde_json::Value, Vec<(u32, ServerMessage)>) {
    let mut rest = film.strip_prefix(&MAGIC).expect("a film begins like one");
    let (mut head, mut messages) = (None, Vec::new());
    while let Some((length, after)) = rest.split_first_chunk() {
        let (tick, after) = after.split_first_chunk().expect("a tick");
        let (body, after) = after.split_at(u32::from_le_bytes(*length) as usize);
        match &head {
            None => head = Some(serde_json::from_slice(body).expect("JSON")),
            Some(_) => {
                let message = decode_server(Encoding::Bincode, body).expect("a message");
                messages.push((u32::from_le_bytes(*tick), message));
            }
        }
        rest = after;
    }
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    (head.expect("a head"), messages)
}

/// Where the living ships are after each tick: place in Q8, hull.
#[derive(Default)]
struct Truth(BTreeMap<u32, BTreeMap<Slot, (i32, i32, u8)>>);

impl Viewer for Truth {
    fn begins(&mut self, _: &Header, _: &World) {}

    fn stepped(&mut self, world: &World, _: &[Deed]) -> bool {
        let alive = world.ships().filter(|(_, ship)| ship.alive);
        // What travels is rounded to quarter-units.
        let quarter = |v: i32| protocol::quantize::from_quarter(protocol::quantize::to_quarter(v));
        let ships = alive.map(|(slot, ship)| (slot, (quarter(ship.x), quarter(ship.y), ship.hp())));
        self.0.insert(world.tick().0, ships.collect());
        true
    }
}

#[test]
fn a_film_shows_every_ship_where_it_was_in_every_tick() {
    for name in ["crowd.drift", "duel.drift", "seats.drift"] {
        let recording = golden(name);
        let mut truth = Truth::default();
        let summary = watch(&recording, Plan::default(), &mut truth).expect("it runs");
        let film = film(&recording, None, ALL).expect("a film").bytes;
        let (head, messages) = parts(&film);
        assert_eq!(head["first"], summary.ticks.0.next().0, "{name}");
        assert_eq!(head["last"], summary.ticks.1.0, "{name}: to its end");
        assert!(head["next"].is_null() && head["stopped"].is_null() && head["crowded"] == false, "{head}");
        let Some((_, ServerMessage::Welcome(welcome))) = messages.first() else { panic!("a Welcome first") };
        assert_eq!((welcome.you, welcome.resume), (None, None));
        let mut reader = Reader::new(welcome.tick);
        let (mut ticks, mut boards, mut named, mut fulls) = (0, 0, Vec::new(), Vec::new());
        for (tick, message) in &messages {
            match message {
                ServerMessage::Roster { entries } => named.extend(entries.iter().map(|entry| entry.slot)),
                ServerMessage::Board(_) => boards += 1,
                ServerMessage::Snapshot(snapshot) => {
                    let view = reader.read(snapshot).expect("it follows what came before");
                    assert_eq!(view.tick.0, *tick);
                    let shown: BTreeMap<_, _> =
                        view.ships.iter().map(|ship| (ship.slot, (ship.x, ship.y, ship.hp))).collect();
                    assert_eq!(Some(&shown), truth.0.get(tick), "{name}: tick {tick}");
                    assert!(shown.keys().all(|slot| named.contains(slot)), "{name}: who has a name");
                    if snapshot.flags & flags::FULL != 0 {
                        fulls.push(*tick);
                    }
                    ticks += 1;
                }
                _ => {}
            }
        }
        assert_eq!(ticks, summary.run, "{name}: a snapshot a tick");
        assert_eq!(boards, summary.run / u32::from(TICK_HZ), "{name}");
        assert!(fulls.windows(2).all(|pair| pair[1] - pair[0] == u32::from(TICK_HZ)), "{name}: {fulls:?}");
        println!(
            "{name}: {} bytes of film for {} ticks, {} of recording",
            film.len(),
            ticks,
            recording.len()
        );
        assert!(film.len() < 1000 * ticks as usize, "{name}: {} bytes", film.len());
    }
}

#[test]
fn the_pages_reader_is_tried_on_the_film_that_is_made_today() {
    let recording = golden("duel.drift");
    let mut truth = Truth::default();
    watch(&recording, Plan::default(), &mut truth).expect("it runs");
    let places: BTreeMap<u32, Vec<(Slot, i32, i32, u8)>> = [1, 29, 30, 31, 100, 217, 299, 300]
        .map(|tick| (tick, truth.0[&tick].iter().map(|(&slot, &(x, y, hp))| (slot, x, y, hp)).collect()))
        .into();
    let film = film(&recording, None, ALL).expect("a film").bytes;
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/golden");
    let text = format!("{}\n", serde_json::to_string(&places).expect("JSON"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(dir.join("duel.film"), &film).expect("writable");
        std::fs::write(dir.join("film.json"), &text).expect("writable");
    }
    let same = std::fs::read(dir.join("duel.film")).is_ok_and(|golden| golden == film);
    assert!(same, "if films are meant to be others, run once with UPDATE_GOLDEN=1");
    assert_eq!(std::fs::read_to_string(dir.join("film.json")).expect("a golden file"), text);
}

#[test]
fn of_a_crowd_those_next_to_the_leader_are_shown() {
    let world = WorldConfig { capacity: 400, pilots: 0, seed: 5 };
    let mut rig = Rig::new(5, world.capacity).wanderers(320);
    rig.room.record(Recorder::new(rig.room.code().clone(), world, Keep { segment: 8 << 20, flight: true }));
    rig.run(150);
    let film = film(&rig.room.flight().expect("it is recorded"), None, ALL).expect("a film").bytes;
    let (head, messages) = parts(&film);
    assert_eq!((&head["crowded"], &head["stopped"]), (&true.into(), &serde_json::Value::Null), "{head}");
    let mut reader = Reader::new(Tick(0));
    let mut most = 0;
    for (_, message) in &messages {
        if let ServerMessage::Snapshot(snapshot) = message {
            let view = reader.read(snapshot).expect("it follows what came before");
            most = most.max(view.ships.len());
            let leader = view.focus.is_some_and(|slot| view.ships.iter().any(|ship| ship.slot == slot));
            assert!(leader, "whoever leads is there");
        }
    }
    assert_eq!(most, MAX_KNOWN);
    println!("{} bytes for {} messages", film.len(), messages.len());
}

#[test]
fn a_long_recording_is_shown_in_parts_that_follow_each_other() {
    let recording = golden("seats.drift");
    let (mut from, mut seen) = (None, Vec::new());
    loop {
        let (head, messages) =
            parts(&film(&recording, from, Reel { ticks: 200, ..ALL }).expect("a film").bytes);
        let snapshots = messages.iter().filter(|(_, message)| matches!(message, ServerMessage::Snapshot(_)));
        seen.extend(snapshots.map(|(tick, _)| *tick));
        let Some(ServerMessage::Snapshot(first)) =
            messages.iter().map(|(_, message)| message).find(|m| matches!(m, ServerMessage::Snapshot(_)))
        else {
            panic!("a snapshot")
        };
        assert_ne!(first.flags & flags::FULL, 0, "each part can be read for itself");
        match head["next"].as_u64() {
            Some(next) => from = Some(Tick(next as u32)),
            None => break,
        }
    }
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "{seen:?}");
    assert_eq!(seen.len(), 750);
    let small = film(&recording, None, Reel { bytes: 20_000, ..ALL }).expect("a film").bytes;
    assert!(small.len() < 30_000 && parts(&small).0["next"].is_u64(), "{}", small.len());
}

#[test]
fn what_comes_before_a_fault_is_shown_and_the_fault_is_told() {
    let mut recording = golden("duel.drift");
    let cut = &recording[..recording.len() - 1000];
    let (head, messages) = parts(&film(cut, None, ALL).expect("what there is").bytes);
    let last = head["last"].as_u64().expect("a tick");
    assert!(last > 100 && messages.last().is_some_and(|(tick, _)| u64::from(*tick) == last));
    assert!(head["stopped"].as_str().is_some_and(|text| text.contains("cut off")), "{head}");
    // The last part of one that is being written can be asked for, too.
    let (rest, _) = parts(&film(cut, Some(Tick(100)), ALL).expect("what there is").bytes);
    assert_eq!((rest["first"].as_u64(), rest["last"].as_u64()), (Some(100), Some(last)));
    let middle = recording.len() * 3 / 4;
    recording[middle] ^= 4;
    let (head, _) = parts(&film(&recording, None, ALL).expect("what there is").bytes);
    assert!(head["stopped"].as_str().is_some_and(|text| text.contains("damaged")), "{head}");
    recording[20] ^= 1;
    assert!(matches!(film(&recording, None, ALL), Err(Stopped::Format(FormatError::Damaged { .. }))));
    assert_eq!(film(b"no", None, ALL), Err(Stopped::Format(FormatError::NotARecording)));
    let late = film(&golden("duel.drift"), Some(Tick(1_000_000)), ALL);
    assert!(matches!(late, Err(Stopped::NoSuchTick { .. })), "{late:?}");
}
