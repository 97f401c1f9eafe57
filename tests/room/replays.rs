//! Recordings of a room in full swing, run again: on the disk, in memory, and those in `assets/replays`, which are
//! rewritten by `UPDATE_GOLDEN=1 cargo test -p tests --test room`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use harness::rig::{Hands, Rig};
use protocol::message::Role;
use protocol::{Buttons, Controls, Tick};
use server::metrics::Metrics;
use server::record::format::{FormatError, Header};
use server::record::replay::{Plan, Stopped, Summary, replay};
use server::record::{RecordLimits, Recordings};
use server::room::inbound::End;
use server::room::recorder::{Keep, Parcel, Recorder};
use sim::WorldConfig;

const VERIFY: Plan = Plan { verify: true, from: None };

/// Room for a segment of 30 s, and the one before.
const WHOLE: Keep = Keep { segment: 8 << 20, flight: true };

/// A rig whose room is recorded by `make`.
fn recorded(seed: u64, pilots: u16, make: impl FnOnce(Recorder) -> Recorder, keep: Keep) -> Rig {
    let world = WorldConfig { capacity: 20, pilots, seed };
    let mut rig = Rig::with_pilots(seed, world.capacity, pilots);
    let recorder = Recorder::new(rig.room.code().clone(), world, keep);
    rig.room.record(make(recorder));
    rig
}

/// All that can happen to a room: players come, fight, look away, lose their connections and go.
fn play(rig: &mut Rig, ticks: u32) {
    for tick in 0..ticks {
        match tick {
            0 | 20 | 45 => {
                _ = rig.join(Role::Player, Hands::Bot(Box::new(bot_client::Bot::new(tick.into()))))
            }
            5 => {
                let buttons = Buttons::LANCE.with(Buttons::BOOST);
                rig.join(Role::Player, Hands::Hold(Controls { magnitude: 7, buttons, dir: 30, aim: 700 }));
                rig.join(Role::Spectator, Hands::None);
                rig.join(Role::Player, Hands::Wander(7));
            }
            30 => rig.players[0].mailbox.open().wishes.idle = Some(true),
            60 => rig.players[4].mailbox.open().wishes.end = Some(End::Lost),
            70 => rig.players[1].mailbox.open().wishes.end = Some(End::Left),
            // The one that looked away for 20 s has been parked.
            700 => rig.players[0].mailbox.open().wishes.spawn = true,
            _ => {}
        }
        rig.tick();
    }
}

fn run(bytes: &[u8]) -> Result<Summary, Stopped> {
    replay(bytes, VERIFY)
}

#[test]
fn a_room_in_full_swing_runs_again_the_same_way() {
    let mut rig = recorded(5, 6, |recorder| recorder, WHOLE);
    play(&mut rig, 1000);
    let bytes = rig.room.flight().expect("it is recorded");
    let summary = run(&bytes).expect("the same way");
    assert_eq!((summary.ticks, summary.run, summary.segments), ((Tick(0), Tick(1000)), 1000, 2));
    // Checksums: one a second, and where one segment follows the other.
    assert_eq!((summary.digests, summary.checks), (1000, 34));
    assert_eq!((summary.gaps, summary.players), (0, 5));
    let again = replay(&bytes, Plan { from: Some(Tick(950)), ..VERIFY }).expect("the same way");
    assert_eq!((again.ticks, again.run), ((Tick(900), Tick(1000)), 100));
    let error = replay(&bytes, Plan { from: Some(Tick(1001)), ..VERIFY }).unwrap_err();
    assert_eq!(error.to_string(), "no tick 1001 in it: it goes from 1 to 1000");
    // Tick 900 ends the first segment.
    let again = replay(&bytes, Plan { from: Some(Tick(900)), ..VERIFY }).expect("the same way");
    assert_eq!(again.ticks.0, Tick(0));
}

#[test]
fn the_last_minute_is_kept_and_little_more() {
    let mut rig = recorded(6, 4, |recorder| recorder, WHOLE);
    play(&mut rig, 3000);
    let minute = run(&rig.room.flight().expect("it is recorded")).expect("the same way");
    assert_eq!((minute.ticks, minute.segments), ((Tick(900), Tick(3000)), 3));
    let mut rig = recorded(6, 4, |recorder| recorder, WHOLE);
    play(&mut rig, 2701);
    let minute = run(&rig.room.flight().expect("it is recorded")).expect("the same way");
    assert_eq!(minute.run, 1801, "never less than a minute");
    // Less memory, shorter segments.
    let small = Keep { segment: 10_000, flight: true };
    let mut rig = recorded(6, 4, |recorder| recorder, small);
    play(&mut rig, 3000);
    let bytes = rig.room.flight().expect("it is recorded");
    assert!(bytes.len() < 45_000, "{} bytes", bytes.len());
    let summary = run(&bytes).expect("the same way");
    assert!(summary.ticks.0 > Tick(1800), "{:?}", summary.ticks);
}

#[test]
fn a_different_tick_is_named() {
    let mut rig = recorded(7, 0, |recorder| recorder, WHOLE);
    play(&mut rig, 200);
    let bytes = rig.room.flight().expect("it is recorded");
    // The same ticks in another world: one whose dice fell otherwise.
    let mut other = recorded(8, 0, |recorder| recorder, WHOLE);
    play(&mut other, 200);
    let other = other.room.flight().expect("it is recorded");
    let tick = |bytes: &[u8], letter| position(bytes, letter);
    let spliced = [&other[..tick(&other, b'T')], &bytes[tick(&bytes, b'T')..]].concat();
    let error = run(&spliced).unwrap_err();
    assert_eq!(error.to_string(), "tick 1 differs (another digest); 0 was still the same");
    assert!(error.is_difference());
    replay(&spliced, Plan::default()).expect("nobody asked whether it is the same");
}

/// Where the first record with this letter begins.
fn position(bytes: &[u8], letter: u8) -> usize {
    let mut at = 10;
    while bytes[at + 8] != letter {
        at += 8
            + usize::from(bytes[at])
            + usize::from(bytes[at + 1]) * 256
            + usize::from(bytes[at + 2]) * 65536;
    }
    at
}

#[test]
fn broken_recordings_are_told_apart() {
    let mut rig = recorded(9, 4, |recorder| recorder, WHOLE);
    play(&mut rig, 100);
    let bytes = rig.room.flight().expect("it is recorded");
    assert_eq!(run(b"something else"), Err(FormatError::NotARecording.into()));
    let cut = run(&bytes[..bytes.len() - 30]).unwrap_err();
    assert!(cut.to_string().starts_with("cut off after tick 9"), "{cut}");
    let mut flipped = bytes.clone();
    let middle = bytes.len() / 2;
    flipped[middle] ^= 16;
    let error = run(&flipped).unwrap_err();
    assert!(error.to_string().starts_with("damaged at byte"), "{error}");
    let header = Header::new(rig.room.code().clone(), WorldConfig { capacity: 20, pilots: 4, seed: 9 });
    let mut other = Vec::new();
    Header { rules: header.rules ^ 1, ..header }.write(&mut other);
    other.extend(&bytes[position(&bytes, b'K')..]);
    let error = run(&other).unwrap_err();
    assert!(error.to_string().starts_with("recorded under other rules"), "{error}");
    for error in [cut, error] {
        assert!(!error.is_difference() && error.to_string().lines().count() == 1);
    }
}

/// What came over the channel, as a file.
fn received(parcels: &Receiver<Parcel>) -> Vec<u8> {
    let mut file = Vec::new();
    while let Ok(parcel) = parcels.try_recv() {
        match parcel {
            Parcel::Segment { sender, bytes, .. } => {
                if file.is_empty() {
                    file.extend(&*sender.header);
                }
                file.extend(bytes);
            }
            Parcel::More { bytes, .. } => file.extend(bytes),
            Parcel::Flight { .. } => panic!("nobody asked for one"),
        }
    }
    server::record::format::end(&mut file);
    file
}

#[test]
fn a_slow_disk_makes_a_gap_and_never_waits() {
    let (sender, parcels) = sync_channel(4);
    let metrics = Metrics::default();
    let gaps = metrics.recording_gaps.clone();
    let make = |recorder: Recorder| {
        recorder.sending(1, "RIG".parse().expect("a code"), sender, metrics.recording_gaps.clone())
    };
    let mut rig = recorded(10, 4, make, Keep { segment: 8 << 20, flight: false });
    // The channel holds the keyframe and three seconds; nobody takes anything out.
    play(&mut rig, 850);
    assert_eq!(gaps.get(), 1, "counted once");
    let mut file = received(&parcels);
    file.truncate(position(&file, b'E'));
    rig.run(150);
    let rest = received(&parcels);
    let whole = [&file[..], &rest[position(&rest, b'K')..]].concat();
    let summary = run(&whole).expect("what is there is right");
    assert_eq!((summary.gaps, summary.segments, gaps.get()), (1, 2, 1));
    assert_eq!((summary.run, summary.ticks), (90 + 90, (Tick(0), Tick(990))));
    let from = |tick| replay(&whole, Plan { from: Some(Tick(tick)), ..VERIFY });
    assert_eq!(from(950).expect("the same way").run, 90);
    for missing in [91, 500, 900, 991] {
        assert!(matches!(from(missing), Err(Stopped::NoSuchTick { .. })), "{missing}");
    }
}

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        Folder(std::env::temp_dir().join(format!("drift-arena-{name}-{}", std::process::id())))
    }

    /// The recordings in it, oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(&self.0).expect("it is there");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
        files.sort_by_key(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            name.rsplit('-').next().and_then(|n| n.parse::<u32>().ok())
        });
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_oldest_parts_go_when_there_is_no_more_space() {
    let folder = Folder::new("rotation");
    let metrics = Arc::new(Metrics::default());
    let limits =
        RecordLimits { dir: Some(folder.0.clone()), serve: false, max_bytes: 100_000, flight_bytes: 16_000 };
    let recordings = Recordings::start(limits.clone(), metrics.clone()).expect("a folder");
    let kept = folder.0.join("kept.drift");
    std::fs::write(&kept, b"mine").expect("writable");
    let world = WorldConfig { capacity: 20, pilots: 8, seed: 11 };
    let mut rig = Rig::with_pilots(11, 20, 8).wanderers(8);
    rig.room.record(recordings.recorder(rig.room.code(), &world).expect("it is recorded"));
    for _ in 0..100 {
        rig.run(90);
        // A disk that is not asked for more than it can do in this time.
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    drop(rig);
    recordings.finish();
    assert!(kept.exists(), "other files are left alone");
    std::fs::remove_file(&kept).expect("it was there");
    let files = folder.files();
    let sizes: Vec<u64> = files.iter().map(|file| file.metadata().expect("there").len()).collect();
    assert!(sizes.iter().sum::<u64>() <= 100_000 && sizes.len() > 3, "{sizes:?}");
    let mut next = None;
    for file in &files {
        let summary = run(&std::fs::read(file).expect("readable")).expect("each part stands for itself");
        assert!(next.is_none_or(|tick| tick == summary.ticks.0), "one follows the other");
        next = Some(summary.ticks.1);
    }
    assert_eq!(next, Some(Tick(9000)), "the newest is there");
    assert_eq!((metrics.recording_gaps.get(), metrics.recording_errors.get()), (0, 0));

    // Another run with less space begins with what is there.
    let limits = RecordLimits { max_bytes: 50_000, ..limits };
    let recordings = Recordings::start(limits, metrics).expect("a folder");
    let mut rig = Rig::with_pilots(11, 20, 8).wanderers(8);
    rig.room.record(recordings.recorder(rig.room.code(), &world).expect("it is recorded"));
    rig.run(90);
    drop(rig);
    recordings.finish();
    let left: u64 = folder.files().iter().map(|file| file.metadata().expect("there").len()).sum();
    assert!(left <= 50_000, "{left}");
}

#[test]
fn a_disk_that_is_gone_is_counted_and_the_game_goes_on() {
    let folder = Folder::new("gone");
    let metrics = Arc::new(Metrics::default());
    let limits =
        RecordLimits { dir: Some(folder.0.clone()), serve: false, max_bytes: 1 << 20, flight_bytes: 0 };
    let recordings = Recordings::start(limits, metrics.clone()).expect("a folder");
    // It is made anew, but for something else in its place.
    std::fs::remove_dir_all(&folder.0).expect("it was there");
    std::fs::write(&folder.0, b"").expect("writable");
    let world = WorldConfig { capacity: 20, pilots: 8, seed: 11 };
    let mut rig = Rig::with_pilots(11, 20, 8).bots(2);
    rig.room.record(recordings.recorder(rig.room.code(), &world).expect("it is recorded"));
    rig.run(300);
    assert_eq!(rig.players[0].snapshots.len(), 300);
    drop(rig);
    recordings.finish();
    assert_eq!(metrics.recording_errors.get(), 1, "no part could be begun");
    std::fs::remove_file(&folder.0).expect("it was there");
}

#[test]
fn the_golden_recordings_run_the_same_way() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/replays");
    let mut total = 0;
    for (name, seed, pilots, ticks) in [("crowd", 21, 16, 120), ("duel", 22, 0, 300), ("seats", 23, 6, 750)] {
        let path = dir.join(format!("{name}.drift"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let mut rig = recorded(seed, pilots, |recorder| recorder, WHOLE);
            play(&mut rig, ticks);
            std::fs::create_dir_all(&dir).expect("a folder");
            std::fs::write(&path, rig.room.flight().expect("it is recorded")).expect("writable");
        }
        let bytes = std::fs::read(&path).expect("a golden recording");
        total += bytes.len();
        let summary = run(&bytes).unwrap_or_else(|stopped| {
            panic!(
                "{name}: {stopped}; if the rules are meant to be others, run once with UPDATE_GOLDEN=1 and raise \
                 sim::keyframe::VERSION when only the code of a rule changed, not a number"
            )
        });
        assert_eq!((summary.run, summary.gaps), (ticks, 0), "{name}");
        assert_eq!((summary.digests, summary.checks), (ticks, ticks / 30), "{name}");
        assert_eq!(summary.header.world.seed, seed, "{name}");
    }
    assert!(total < 200_000, "{total} bytes");
}
