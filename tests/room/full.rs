//! A full room: whose place a newcomer gets, and whose never.

use harness::rig::{Hands, Rig};
use protocol::message::Role;
use protocol::snapshot::state;
use protocol::{CloseCode, Slot};
use server::farewell::Farewell;
use server::record::replay::{Plan, replay};
use server::room::inbound::End;
use server::room::recorder::{Keep, Recorder};
use sim::WorldConfig;

/// A full room of four.
fn full() -> Rig {
    let mut rig = Rig::new(31, 4).bots(4);
    rig.run(2);
    rig
}

fn lose(rig: &mut Rig, player: usize) {
    rig.players[player].mailbox.open().wishes.end = Some(End::Lost);
    rig.tick();
}

/// Whose slot and tenants there are.
fn tenants(rig: &Rig) -> Vec<(Slot, u8)> {
    rig.room.world().ships().map(|(slot, ship)| (slot, ship.generation)).collect()
}

/// One more player comes; returns whose slot that is now, none if there was no seat.
fn displaced(rig: &mut Rig) -> Option<usize> {
    let before = tenants(rig);
    let slots: Vec<Slot> = rig.players[..4].iter().map(|player| player.slot()).collect();
    let newcomer = rig.join(Role::Player, Hands::None);
    rig.tick();
    let after = tenants(rig);
    if rig.players[newcomer].session.is_none() {
        let refused = Some(Farewell::bye(CloseCode::RoomFull).retry_after(2000));
        assert_eq!((&rig.players[newcomer].farewell, after), (&refused, before));
        return None;
    }
    let slot = rig.players[newcomer].slot();
    let changed: Vec<Slot> = after.iter().filter(|tenant| !before.contains(tenant)).map(|t| t.0).collect();
    assert_eq!((changed, after.len()), (vec![slot], 4), "one ship for another");
    slots.iter().position(|&other| other == slot)
}

#[test]
fn whose_ship_is_gone_goes_first_then_who_is_away_for_longest_and_never_who_is_there() {
    let mut rig = full();
    assert_eq!(displaced(&mut rig), None, "everybody is there");
    lose(&mut rig, 1);
    rig.run(200);
    lose(&mut rig, 3);
    rig.run(100);
    lose(&mut rig, 0);
    // The first one's ship has left the world, the others' are still in their grace.
    rig.run(160);
    assert!(rig.room.world().ship(rig.players[1].slot()).is_some_and(|ship| ship.parked()));
    let order: Vec<_> = (0..4).map(|_| displaced(&mut rig)).collect();
    assert_eq!(order, [Some(1), Some(3), Some(0), None]);
    assert_eq!(rig.players[2].farewell, None);
    rig.run(30);
    let last = rig.players[2].snapshots.last();
    assert_eq!(last, Some(&rig.room.world().tick()), "who is there plays on");
}

#[test]
fn a_ship_that_nobody_looked_at_is_gone_before_one_in_its_grace() {
    let mut rig = full();
    rig.players[2].mailbox.open().wishes.idle = Some(true);
    rig.run(650);
    lose(&mut rig, 0);
    rig.run(60);
    lose(&mut rig, 2);
    assert_eq!(displaced(&mut rig), Some(2));
    assert_eq!(displaced(&mut rig), Some(0));
}

#[test]
fn a_room_that_is_not_full_lets_everybody_keep_the_seat() {
    let mut rig = full();
    lose(&mut rig, 1);
    rig.players[2].mailbox.open().wishes.end = Some(End::Left);
    rig.tick();
    let newcomer = rig.join(Role::Player, Hands::None);
    rig.tick();
    assert!(rig.players[newcomer].session.is_some());
    assert!(rig.room.world().ship(rig.players[1].slot()).is_some_and(|ship| ship.state() & state::AWAY != 0));
}

#[test]
fn who_goes_and_who_comes_in_one_tick_are_recorded() {
    let world = WorldConfig { capacity: 4, pilots: 0, seed: 31 };
    let mut rig = full();
    let keep = Keep { segment: 1 << 20, flight: true };
    rig.room.record(Recorder::new(rig.room.code().clone(), world, keep));
    lose(&mut rig, 3);
    rig.run(40);
    assert_eq!(displaced(&mut rig), Some(3));
    rig.run(40);
    let recording = rig.room.flight().expect("it is recorded");
    let summary = replay(&recording, Plan { verify: true, from: None }).expect("the same way");
    assert_eq!(summary.digests, 82);
}
