//! What a tick costs: the room alone, without sockets. `cargo bench -p tests`
//!
//! Everybody flies and fires about; work grows with viewers times what they see, not with the square of the players.

use std::cell::RefCell;

use divan::Bencher;
use harness::rig::Rig;
use protocol::codec::{self, Encoding};
use protocol::message::{ServerMessage, Snapshot};
use protocol::snapshot::Reader;
use protocol::{Controls, Tick};
use server::room::recorder::{Keep, Recorder};
use sim::{Command, World, WorldConfig};

fn main() {
    divan::main();
}

/// A room in full swing.
fn rig(players: u16) -> Rig {
    let mut rig = Rig::new(1, players).wanderers(u32::from(players));
    for _ in 0..150 {
        let stamp = rig.hold();
        rig.room.tick(stamp);
        rig.skim(stamp);
    }
    rig
}

/// Simulation, interest and encoding for everybody.
#[divan::bench(args = [250, 500, 1000, 2000, 4000], sample_size = 1, sample_count = 200)]
fn tick(bencher: Bencher<'_, '_>, players: u16) {
    let rig = RefCell::new(rig(players));
    bencher
        .with_inputs(|| {
            let mut rig = rig.borrow_mut();
            let stamp = rig.hold();
            rig.skim(stamp);
            stamp
        })
        .bench_local_values(|stamp| rig.borrow_mut().room.tick(stamp));
}

/// Memory that a tick's messages go through on their way out, sockets and kernel, per player, bytes.
const ON_THE_WAY: usize = 8192;

/// The same when everything else has been through the caches since the last tick, as it is beside sockets.
#[divan::bench(args = [250, 500, 1000, 2000, 4000], sample_size = 1, sample_count = 200)]
fn cold_tick(bencher: Bencher<'_, '_>, players: u16) {
    let rig = RefCell::new(rig(players));
    let mut elsewhere = vec![0u8; usize::from(players) * ON_THE_WAY];
    bencher
        .with_inputs(|| {
            let mut rig = rig.borrow_mut();
            let stamp = rig.hold();
            rig.skim(stamp);
            elsewhere.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
            stamp
        })
        .bench_local_values(|stamp| rig.borrow_mut().room.tick(stamp));
}

/// Simulation alone.
#[divan::bench(args = [250, 500, 1000, 2000, 4000], sample_size = 1, sample_count = 200)]
fn step(bencher: Bencher<'_, '_>, players: u16) {
    let mut world = World::new(&WorldConfig { capacity: players, pilots: 0, seed: 1 });
    while world.join().is_some() {}
    let hold = |n: u16, tick: u32| {
        let turn = u32::from(n).wrapping_mul(7919) + tick / 15 * 977;
        let (dir, aim) = (turn as u8, turn as u16 & Controls::AIM_MASK);
        Command::from(Controls { magnitude: 7, dir, aim, buttons: protocol::Buttons::FIRE })
    };
    let mut inputs = vec![Command::default(); usize::from(players)];
    bencher.bench_local(|| {
        let tick = world.tick().0;
        for (n, input) in (0..players).zip(&mut inputs) {
            *input = hold(n, tick);
        }
        world.step(&inputs);
    });
}

/// What a tick that is recorded costs more, when everybody's commands change.
#[divan::bench(args = [100, 1000, 4000])]
fn record_tick(bencher: Bencher<'_, '_>, players: u16) {
    let rig = rig(players);
    let keep = Keep { segment: 64 << 20, flight: false };
    let config = WorldConfig { capacity: players, pilots: 0, seed: 1 };
    let mut recorder = Recorder::new(rig.room.code().clone(), config, keep);
    recorder.begin(rig.room.world());
    let mut inputs = vec![Command::default(); usize::from(players)];
    let mut n = 0;
    bencher.bench_local(|| {
        n += 1;
        for (slot, input) in inputs.iter_mut().enumerate() {
            input.controls.aim = (slot as u16 + n) & Controls::AIM_MASK;
            input.rewind = n as u8;
        }
        recorder.before(rig.room.world(), &inputs);
        recorder.after(rig.room.world());
    });
}

/// The keyframe that begins a segment, at most once in 30 s; a checksum included.
#[divan::bench(args = [100, 1000, 4000])]
fn record_keyframe(bencher: Bencher<'_, '_>, players: u16) {
    let rig = rig(players);
    let keep = Keep { segment: 8 << 20, flight: false };
    let config = WorldConfig { capacity: players, pilots: 0, seed: 1 };
    let mut recorder = Recorder::new(rig.room.code().clone(), config, keep);
    bencher.bench_local(|| recorder.begin(rig.room.world()));
}

/// The checksum of the world, once a second.
#[divan::bench(args = [100, 1000, 4000])]
fn checksum(bencher: Bencher<'_, '_>, players: u16) {
    let rig = rig(players);
    bencher.bench_local(|| rig.room.world().checksum());
}

/// Its digest, after every tick that is recorded.
#[divan::bench(args = [100, 1000, 4000])]
fn digest(bencher: Bencher<'_, '_>, players: u16) {
    let rig = rig(players);
    bencher.bench_local(|| rig.room.world().digest());
}

/// One player's snapshots as they were sent.
fn recorded() -> Vec<Snapshot> {
    let mut rig = Rig::new(1, 1000).wanderers(1000);
    let mut snapshots = Vec::new();
    for _ in 0..300 {
        let stamp = rig.hold();
        rig.room.tick(stamp);
        rig.skim(stamp);
        let bytes = rig.players[0].last_bytes();
        if let Ok(ServerMessage::Snapshot(snapshot)) = codec::decode_server(Encoding::Bincode, bytes) {
            snapshots.push(snapshot);
        }
    }
    snapshots
}

/// Reading 300 snapshots of a room of a thousand.
#[divan::bench]
fn read_300(bencher: Bencher<'_, '_>) {
    let snapshots = recorded();
    bencher.bench_local(|| {
        let mut reader = Reader::new(Tick(0));
        for snapshot in &snapshots {
            reader.read(snapshot).expect("the room's snapshots can be read");
        }
        reader.view().ships.len()
    });
}

/// The message around a body of the usual size, as the room writes it.
#[divan::bench]
fn enclose_body(bencher: Bencher<'_, '_>) {
    let Snapshot { seq, tick, margin, flags, body } = recorded().pop().expect("there were snapshots");
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        let begun = codec::begin_snapshot(&mut out);
        out.extend_from_slice(&body);
        codec::finish_snapshot(&mut out, begun, seq, tick, margin, flags);
        out.len()
    });
}
