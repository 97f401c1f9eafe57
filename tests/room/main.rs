//! A room without sockets: what players are told, who may know of what, and what happens when somebody is slow.

mod converge;
mod films;
mod full;
mod replays;

use bot_client::Session;
use harness::rig::{Hands, Rig};
use protocol::message::{Board, Role};
use protocol::quantize::to_quarter;
use protocol::snapshot::changed;
use protocol::{CloseCode, Controls, ServerMessage, Tick};
use server::farewell::Farewell;
use server::room::inbound::End;
use server::room::interest::{LEAVE_MARGIN, Window};

fn boards(news: &[ServerMessage]) -> Vec<&Board> {
    news.iter().filter_map(|m| if let ServerMessage::Board(board) = m { Some(board) } else { None }).collect()
}

#[test]
fn a_player_gets_a_welcome_then_a_snapshot_for_every_tick() {
    let mut rig = Rig::new(1, 10).bots(1);
    rig.run(90);
    let player = &rig.players[0];
    assert!(matches!(player.news[0], ServerMessage::Welcome(_)));
    assert_eq!(player.snapshots, (1..=90).map(Tick).collect::<Vec<_>>());
    assert_eq!(boards(&player.news).len(), 3, "one a second");
    let name = &player.session().roster[&player.slot()].name;
    assert_eq!(name, "P0");
}

#[test]
fn a_crowd_that_comes_at_once_is_seated_over_some_ticks() {
    let mut rig = Rig::new(1, 200).bots(200);
    let joined: Vec<_> = (0..5).map(|_| rig.tick().joined).collect();
    assert_eq!(joined, [64, 64, 64, 8, 0]);
    assert!(rig.players.iter().all(|player| player.session.is_some()));
}

#[test]
fn thrust_moves_the_ship_and_silence_lets_it_drift() {
    let mut rig = Rig::new(2, 10);
    let east = Controls { magnitude: 7, dir: 0, ..Controls::default() };
    rig.join(Role::Player, Hands::Hold(east));
    rig.join(Role::Player, Hands::None);
    rig.run(2);
    let x = |rig: &Rig, n: usize| rig.players[n].session().view().own.expect("a ship").x;
    let (mover, drifter) = (x(&rig, 0), x(&rig, 1));
    rig.run(20);
    assert!(x(&rig, 0) != mover, "it moved");
    assert_eq!(x(&rig, 1), drifter, "it stayed");
    let own = rig.players[1].session().view().own.expect("a ship");
    assert_eq!(own.changed & changed::INPUT_MISSING, changed::INPUT_MISSING, "and was told why");
    assert_eq!(rig.players[0].session().view().own.expect("a ship").changed & changed::INPUT_MISSING, 0);
}

#[test]
fn bots_kill_each_other_and_come_back() {
    let mut rig = Rig::new(3, 8).bots(8);
    let dead = |session: &Session| session.view().own.is_some_and(|own| own.hp == 0);
    assert!(
        rig.run_until(3600, |rig| rig.players.iter().any(|p| dead(p.session()))),
        "nobody died in two minutes"
    );
    let victim = rig.players.iter().position(|p| dead(p.session())).expect("somebody is dead");
    let told = |rig: &Rig, n: usize| {
        rig.players[n]
            .news
            .iter()
            .any(|m| matches!(m, ServerMessage::Feed { victim: v, .. } if *v == rig.players[victim].slot()))
    };
    assert!(told(&rig, victim), "the victim is told");
    let back = |rig: &Rig| {
        let own = rig.players[victim].session().view().own.expect("a ship");
        own.hp == 100 && own.timers.shield > 0
    };
    assert!(rig.run_until(62, back), "back within two seconds, shielded");
    let kills: u32 = rig.players.iter().map(|p| p.session().tally.kills).sum();
    assert!(kills >= 1, "the killer is told");
}

#[test]
fn nobody_is_sent_what_they_cannot_see() {
    let mut rig = Rig::with_pilots(4, 100, 16).bots(40);
    for _ in 0..300 {
        rig.tick();
        for player in &rig.players {
            let view = player.session().view();
            let own = view.own.expect("a ship");
            let rect = Window::of(1778).around((own.x, own.y), LEAVE_MARGIN + 1);
            let inside =
                |x: i32, y: i32| (rect.x0..=rect.x1).contains(&x) && (rect.y0..=rect.y1).contains(&y);
            assert!(view.ships.iter().all(|s| inside(s.x, s.y)));
            // Pickups go by whole cells.
            let cell = protocol::snapshot::CELL * protocol::quantize::Q8;
            let near = |at: i32, from: i32, to: i32| (from - cell..=to + cell).contains(&at);
            assert!(view.pickups.iter().all(|p| near(p.x, rect.x0, rect.x1) && near(p.y, rect.y0, rect.y1)));
            assert!(
                view.ships.iter().all(|s| player.session().roster.contains_key(&s.slot)),
                "names come first"
            );
        }
    }
    let seen: usize = rig.players.iter().map(|p| p.session().view().ships.len()).sum();
    assert!(seen > 0, "some see each other");
    assert!(seen < 40 * 55, "not everybody sees everybody");
}

#[test]
fn everybody_in_view_is_shown() {
    let mut rig = Rig::new(5, 100).bots(60);
    rig.run(100);
    let world = rig.room.world();
    for player in &rig.players {
        let view = player.session().view();
        let own = view.own.expect("a ship");
        let rect = Window::of(1778).around((own.x, own.y), 0);
        let visible = world.ships().filter(|(slot, s)| {
            s.alive
                && *slot != player.slot()
                && (rect.x0..=rect.x1).contains(&s.x)
                && (rect.y0..=rect.y1).contains(&s.y)
        });
        for (slot, ship) in visible {
            let shown = view.ships.iter().find(|s| s.slot == slot).expect("a ship in the window is shown");
            assert!((shown.x - ship.x).abs() <= 32 && (shown.y - ship.y).abs() <= 32, "to a quarter-unit");
        }
    }
}

#[test]
fn a_player_who_reads_nothing_costs_one_snapshot_and_is_current_at_once() {
    let mut rig = Rig::new(6, 10).bots(3);
    rig.run(30);
    rig.players[1].deaf = true;
    rig.run(150);
    rig.players[1].deaf = false;
    let before = rig.players[1].snapshots.len();
    rig.run(2);
    let got = &rig.players[1].snapshots[before..];
    assert!(got.len() <= 3, "what waited was one snapshot, not 150: {got:?}");
    assert_eq!(*got.last().expect("a snapshot"), rig.room.world().tick());
    assert_eq!(rig.players[0].snapshots.len(), 182, "the others got every one");
}

#[test]
fn a_player_who_reads_nothing_for_long_is_sent_away() {
    let mut rig = Rig::new(7, 10).bots(2);
    rig.run(10);
    rig.players[1].deaf = true;
    rig.run(400);
    rig.players[1].deaf = false;
    rig.run(1);
    assert_eq!(rig.players[1].farewell, Some(Farewell::bye(CloseCode::TooSlow).retry_after(1000)));
    assert_eq!(rig.players[0].farewell, None);
}

#[test]
fn a_player_who_leaves_is_gone_and_the_others_play_on() {
    let mut rig = Rig::new(8, 10).bots(3);
    rig.run(5);
    let slot = rig.players[1].slot();
    rig.players[1].mailbox.open().wishes.end = Some(End::Left);
    rig.run(30);
    assert!(rig.room.world().ship(slot).is_none());
    let board = boards(&rig.players[0].news).last().copied().expect("a board").clone();
    assert_eq!((board.players, board.ships), (2, 2));
    assert_eq!(rig.players[0].snapshots.len(), 35);
}

#[test]
fn a_hidden_page_gets_one_snapshot_a_second_and_its_ship_is_parked() {
    let mut rig = Rig::new(9, 10).bots(2);
    rig.run(30);
    rig.players[0].mailbox.open().wishes.idle = Some(true);
    let before = rig.players[0].snapshots.len();
    rig.run(300);
    assert_eq!(rig.players[0].snapshots.len() - before, 10);
    rig.run(330);
    let slot = rig.players[0].slot();
    assert!(!rig.room.world().ship(slot).expect("it keeps its seat").alive, "parked after 20 s");
    rig.players[0].mailbox.open().wishes.idle = Some(false);
    rig.players[0].mailbox.open().wishes.spawn = true;
    rig.run(2);
    assert!(rig.room.world().ship(slot).expect("it is there").alive);
    let before = rig.players[0].snapshots.len();
    rig.run(30);
    assert_eq!(rig.players[0].snapshots.len() - before, 30);
    rig.players[0].mailbox.open().wishes.idle = Some(true);
    rig.run(600 * 30 + 10);
    assert_eq!(rig.players[0].farewell, Some(Farewell::bye(CloseCode::Parked)));
}

#[test]
fn spectators_follow_the_leader_or_whom_they_like() {
    let mut rig = Rig::new(10, 10).bots(4);
    let watcher = rig.join(Role::Spectator, Hands::None);
    rig.run(60);
    let view = rig.players[watcher].session().view();
    assert!(view.own.is_none());
    assert!(view.focus.is_some(), "somebody is followed");
    let slot = rig.players[2].slot();
    rig.players[watcher].mailbox.open().wishes.watch = Some(Some(slot));
    let followed = |rig: &Rig| rig.players[watcher].session().view().focus == Some(slot);
    assert!(rig.run_until(120, followed), "once the ship is alive");
    let board = boards(&rig.players[watcher].news).last().copied().expect("a board").clone();
    assert_eq!((board.rank, board.players, board.spectators), (0, 4, 1));
    let ticks = &rig.players[watcher].snapshots;
    assert!(
        ticks.windows(2).skip(1).all(|pair| pair[1].since(pair[0]) == 3),
        "ten snapshots a second: {ticks:?}"
    );
}

#[test]
fn spectators_see_a_room_late_and_choose_whom_to_follow_at_once() {
    const DELAY: u32 = 5 * 30;
    let mut rig = Rig::with_pilots(12, 20, 5);
    rig.delay_spectators(5);
    let mut rig = rig.bots(4);
    let early = rig.join(Role::Spectator, Hands::None);
    rig.run(60);
    assert!(matches!(rig.players[early].farewell, Some(Farewell::Bye { code: CloseCode::RoomFull, .. })));
    rig.run(DELAY);
    let watcher = rig.join(Role::Spectator, Hands::None);
    // What players see of each other, by tick.
    let mut past = std::collections::BTreeMap::new();
    let mut compared = 0;
    for n in 0..900 {
        match n {
            100 => rig.players[3].mailbox.open().wishes.end = Some(End::Left),
            200 => drop(rig.join(Role::Player, Hands::None)),
            _ => {}
        }
        rig.tick();
        let (tick, world) = (rig.room.world().tick(), rig.room.world());
        let ships: Vec<_> = world
            .ships()
            .map(|(slot, ship)| (slot, ship.alive, to_quarter(ship.x), to_quarter(ship.y)))
            .collect();
        past.insert(tick, ships);
        let Some(session) = &rig.players[watcher].session else { continue };
        let view = session.view();
        let Some(then) = past.get(&view.tick) else { continue };
        assert!(
            (DELAY..DELAY + 3).contains(&(tick.since(view.tick) as u32)),
            "{} ticks late",
            tick.since(view.tick)
        );
        for ship in &view.ships {
            let (_, alive, x, y) = then.iter().find(|(slot, ..)| *slot == ship.slot).expect("it was there");
            assert_eq!(
                (*alive, *x, *y),
                (true, to_quarter(ship.x), to_quarter(ship.y)),
                "in tick {:?}",
                view.tick
            );
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared} ships compared");
    let session = rig.players[watcher].session();
    let view = session.view();
    let other = view.ships.iter().map(|ship| ship.slot).find(|&slot| Some(slot) != view.focus);
    let other = other.unwrap_or(rig.players[1].slot());
    rig.players[watcher].mailbox.open().wishes.watch = Some(Some(other));
    assert!(rig.run_until(30, |rig| rig.players[watcher].session().view().focus == Some(other)), "at once");
    assert!(!rig.players[watcher].session().roster.is_empty());
}

#[test]
fn the_same_room_twice_is_the_same_to_the_byte() {
    let run = || {
        let mut rig = Rig::with_pilots(11, 20, 5).bots(6);
        let sums: Vec<u64> = (0..400)
            .map(|n| {
                if n == 100 {
                    rig.players[2].mailbox.open().wishes.end = Some(End::Left);
                }
                rig.tick();
                rig.room.world().checksum()
            })
            .collect();
        let view = rig.players[0].session().view().clone();
        (sums, view)
    };
    assert_eq!(run(), run());
}
