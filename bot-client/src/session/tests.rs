//! Sessions fed by hand.

use super::*;
use protocol::message::Snapshot;
use protocol::snapshot::{CellChange, CellOp, CellWindow, Item, Own, Pickup, PickupKind, Pulse, Writer};
use protocol::{PROTOCOL, Seq};

fn session_of(you: Option<Slot>) -> Session {
    let welcome = Welcome {
        protocol: PROTOCOL,
        resume: None,
        you,
        tick: Tick(70_000),
        hz: 30,
        side: 2400,
        rules: 0,
        trig: 0,
        obstacles: vec![WireObstacle { x: 4, y: 8, r: 160 }],
        resumed: false,
        room: "LOBBY".into(),
    };
    Session::new(&welcome, Instant::now())
}

fn session() -> Session {
    session_of(Some(Slot(7)))
}

/// A snapshot with new pulses of slot 7 and with pickups taken by some.
fn snapshot(tick: u32, full: bool, own_pulses: &[(u16, u8)], taken: &[u16]) -> Snapshot {
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body, full);
    writer.own(&Own::default());
    writer.updates(&[], &[], false);
    let foreign = Pulse { id: 1, owner: Slot(8), x: 0, y: 0, direction: 0, fired: tick as u8 };
    let own = own_pulses.iter().map(|&(id, fired)| Pulse { id, owner: Slot(7), fired, ..foreign });
    let pulses: Vec<Pulse> = own.chain([foreign]).collect();
    writer.pulses(&pulses, &[]);
    let (cell, item) = Item::of(&Pickup { kind: PickupKind::Shard, x: 640, y: 64 });
    let window = CellWindow { x: 0, y: 0, width: 1, height: 1 };
    let ops: Vec<CellOp> = taken
        .iter()
        .flat_map(|&slot| [CellOp::Append(item), CellOp::Remove { index: 0, by: Some(Slot(slot)) }])
        .collect();
    if full {
        writer.pickups(window, 1, std::iter::once((cell, CellChange::Full(&[]))));
    } else if !ops.is_empty() {
        writer.pickups(window, 1, std::iter::once((cell, CellChange::Ops(&ops))));
    }
    let flags = writer.finish();
    Snapshot { seq: Seq(tick as u8), tick: Tick(tick).wire(), margin: 9, flags, body }
}

fn take(session: &mut Session, snapshot: Snapshot) -> Result<Change, SnapshotError> {
    session.take(&ServerMessage::Snapshot(snapshot), Instant::now())
}

#[test]
fn own_deeds_are_counted_once() {
    let (mut session, now) = (session(), Instant::now());
    for (tick, full, pulses, taken) in [
        (70_001, true, &[(3, 110)][..], &[][..]),
        (70_002, false, &[(3, 110), (4, 113)], &[7, 8]), // id 3 flew out of view and back
        (70_032, false, &[(3, 142)], &[7]),              // id 3 again, but fired later
    ] {
        assert_eq!(take(&mut session, snapshot(tick, full, pulses, taken)), Ok(Change::View));
    }
    for (killer, victim) in [(Some(Slot(7)), Slot(1)), (None, Slot(7)), (Some(Slot(1)), Slot(2))] {
        let feed = ServerMessage::Feed { killer, victim, weapon: Weapon::Pulse, rewind: 0 };
        assert!(matches!(session.take(&feed, now), Ok(Change::Destroyed { .. })));
    }
    assert_eq!(session.tally, Tally { shots: 3, kills: 1, deaths: 1, pickups: 2 });
    assert!(session.ledger().pickups > 0);
}

#[test]
fn an_input_acknowledges_the_newest_view_and_says_how_old_it_is() {
    let mut session = session();
    take(&mut session, snapshot(70_004, true, &[], &[])).unwrap();
    let input = session.input(Tick(70_007), Controls::default());
    assert_eq!((input.tick, input.ack, input.view), (Tick(70_007).wire(), Seq(116), 24));
    assert_eq!(session.input(Tick(71_000), Controls::default()).view, 255);
    assert_eq!(session.reply(), None, "inputs acknowledge");
    assert_eq!(session.map.obstacles()[0], Obstacle { x: 256, y: 512, r: 40 * 256 });
}

#[test]
fn after_a_bad_snapshot_a_full_one_is_asked_for_once() {
    let mut session = session();
    take(&mut session, snapshot(70_001, true, &[], &[])).unwrap();
    let mut bad = snapshot(70_002, false, &[], &[]);
    bad.body.pop();
    assert_eq!(take(&mut session, bad), Err(SnapshotError::Truncated));
    assert_eq!(session.reply(), Some(ClientMessage::Resync));
    for tick in 70_003..70_006 {
        assert_eq!(take(&mut session, snapshot(tick, false, &[], &[])), Err(SnapshotError::WaitingForFull));
        assert_eq!(session.reply(), None);
    }
    assert_eq!(session.view().seq, Seq(117), "what cannot be read is acknowledged, too");
    assert_eq!(take(&mut session, snapshot(70_006, true, &[], &[])), Ok(Change::View));
    assert_eq!(take(&mut session, snapshot(70_007, false, &[], &[])), Ok(Change::View));
    assert_eq!((session.resyncs, session.reply()), (1, None));
}

#[test]
fn a_spectator_acknowledges_every_snapshot() {
    let mut session = session_of(None);
    for (tick, bad) in [(70_001u32, false), (70_002, true), (70_003, false)] {
        let mut snapshot = snapshot(tick, tick == 70_001, &[], &[]);
        if bad {
            snapshot.body.pop();
        }
        assert_eq!(take(&mut session, snapshot).is_ok(), tick == 70_001);
        let resync = bad.then_some(ClientMessage::Resync);
        let ack = Some(ClientMessage::Ack { seq: Seq(tick as u8) });
        for said in resync.map(Some).into_iter().chain([ack, None]) {
            assert_eq!(session.reply(), said);
        }
    }
}
