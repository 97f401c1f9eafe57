//! Whatever happens to connections, a client's view is what the server last told it.
//!
//! Random joins, leaves, stalls, hidden pages, window shapes and crowds by seed; after each snapshot every ship in the
//! view is compared with what the world was at the tick up to which the client was told of it.

use std::collections::BTreeMap;

use harness::rig::{Hands, Rig};
use protocol::message::Role;
use protocol::quantize::Q8;
use protocol::snapshot::{CellWindow, ShipState, View, flags};
use protocol::{Slot, Tick};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use server::farewell::Farewell;
use server::room::inbound::End;
use server::room::interest::{ENTER_MARGIN, LEAVE_MARGIN, Window};
use sim::world::Rect;

/// What every living ship was after a tick.
type Past = BTreeMap<Tick, BTreeMap<Slot, (u8, ShipState)>>;

struct Story {
    rig: Rig,
    dice: Pcg64Mcg,
    past: Past,
    /// Per player and ship: the tick that its place in the view is known to be of, at the earliest.
    shown: BTreeMap<(usize, Slot, u8), Tick>,
    aspects: Vec<u16>,
    /// Every so many players' views are compared.
    every: usize,
    snapshots: usize,
    over_budget: usize,
    crowded: usize,
}

impl Story {
    fn new(seed: u64, capacity: u16) -> Story {
        Story {
            rig: Rig::with_pilots(seed, capacity, 16),
            dice: Pcg64Mcg::seed_from_u64(seed),
            past: Past::new(),
            shown: BTreeMap::new(),
            aspects: Vec::new(),
            every: 1,
            snapshots: 0,
            over_budget: 0,
            crowded: 0,
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice.next_u64() % sides
    }

    fn join(&mut self, hands: Hands) {
        self.rig.join(Role::Player, hands);
        self.aspects.push(1778);
    }

    /// Something that happens to connections.
    fn disturb(&mut self) {
        let n = self.roll(self.rig.players.len() as u64) as usize;
        let what = self.roll(12);
        let aspect = 500 + self.roll(1800) as u16;
        let bot = Hands::Bot(Box::new(bot_client::Bot::new(self.dice.next_u64())));
        let player = &mut self.rig.players[n];
        if player.farewell.is_some() || player.session.is_none() {
            return;
        }
        match what {
            0 => player.mailbox.open().wishes.end = Some(End::Left),
            1 => self.join(bot),
            2..=4 => player.deaf = !player.deaf,
            5 => {
                player.mailbox.open().wishes.aspect = Some(aspect);
                self.aspects[n] = aspect;
            }
            6 => player.mailbox.open().wishes.idle = Some(true),
            7..=9 => player.mailbox.open().wishes.idle = Some(false),
            10 => player.mailbox.open().wishes.spawn = true,
            _ => player.mailbox.open().wishes.resync = true,
        }
    }

    fn tick(&mut self) {
        let before: Vec<usize> = self.rig.players.iter().map(|p| p.snapshots.len()).collect();
        self.rig.tick();
        let world = self.rig.room.world();
        let alive = world.ships().filter(|(_, ship)| ship.alive);
        let now =
            alive.map(|(slot, s)| (slot, (s.generation, ShipState::new(s.x, s.y, s.aim, s.hp(), s.state()))));
        self.past.insert(world.tick(), now.collect());
        for n in 0..self.rig.players.len() {
            let watched = n.is_multiple_of(self.every);
            if watched && self.rig.players[n].snapshots.len() > before.get(n).copied().unwrap_or(0) {
                self.check(n);
            }
        }
    }

    fn check(&mut self, n: usize) {
        self.snapshots += 1;
        let player = &self.rig.players[n];
        let view = player.session().view();
        let budget = player.flags & flags::BUDGET != 0;
        self.over_budget += usize::from(budget);
        self.crowded += usize::from(view.ships.len() == 255);
        let mut now_shown = Vec::new();
        for ship in &view.ships {
            let key = (n, ship.slot, ship.generation);
            let since = self.shown.get(&key).copied().unwrap_or(Tick(0));
            let was = |tick: Tick| self.past[&tick].get(&ship.slot) == Some(&(ship.generation, ship.state()));
            let tick = if budget {
                // Not later than now and never back in time.
                let mut ticks = self.past.range(since..=view.tick).map(|(tick, _)| *tick);
                ticks
                    .find(|tick| was(*tick))
                    .unwrap_or_else(|| panic!("{ship:?} is of no tick since {since:?}"))
            } else {
                assert!(was(view.tick), "player {n}, {:?}: {ship:?} is not what it was", view.tick);
                view.tick
            };
            now_shown.push((key, tick));
        }
        self.check_field(n, view, budget);
        self.shown.retain(|(player, ..), _| *player != n);
        self.shown.extend(now_shown);
    }

    /// Everything in the field is shown and nothing far outside. The snapshot of this tick is compared; one that was
    /// read later is of a world that has moved on.
    fn check_field(&self, n: usize, view: &View, budget: bool) {
        let world = self.rig.room.world();
        let (Some(own), true) = (view.own, view.tick == world.tick()) else { return };
        let aspect = self.aspects[n];
        let keep = Window::of(aspect).around((own.x, own.y), LEAVE_MARGIN);
        let inside = |r: &Rect, x: i32, y: i32| (r.x0..=r.x1).contains(&x) && (r.y0..=r.y1).contains(&y);
        for ship in &view.ships {
            let (_, real) = self.past[&view.tick][&ship.slot];
            let (x, y) = (i32::from(real.x) * 64, i32::from(real.y) * 64);
            let slack = Rect { x0: keep.x0 - 64, y0: keep.y0 - 64, x1: keep.x1 + 64, y1: keep.y1 + 64 };
            assert!(inside(&slack, x, y), "{ship:?} is out of sight");
        }
        let enter = Window::of(aspect).around((own.x, own.y), ENTER_MARGIN);
        let you = self.rig.players[n].slot();
        if !budget && view.ships.len() < 255 {
            let mut there = Vec::new();
            world.ships_in(enter, &mut there);
            for slot in there.iter().filter(|slot| **slot != you) {
                let waits = view.ships.len() > 60;
                assert!(waits || view.ships.iter().any(|s| s.slot == *slot), "{slot:?} is not shown");
            }
            let mut pulses = Vec::new();
            world.pulses_in(enter, &mut pulses);
            for pulse in pulses.iter().take(50).filter(|_| pulses.len() < 50) {
                assert!(view.pulses.contains(pulse), "{pulse:?} is not shown");
            }
        }
        let cells = CellWindow::around(enter.x0, enter.y0, enter.x1, enter.y1);
        let mut lying = Vec::new();
        world.pickups_in(Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX }, &mut lying);
        let cell = |q8: i32| (q8 / (512 * Q8)) as u8;
        let mut real: Vec<(i32, i32)> =
            lying.iter().filter(|p| cells.has((cell(p.x), cell(p.y)))).map(|p| (p.x, p.y)).collect();
        let mut shown: Vec<(i32, i32)> = view.pickups.iter().map(|p| (p.x, p.y)).collect();
        real.sort_unstable();
        shown.sort_unstable();
        assert_eq!(shown, real, "player {n}: what lies around");
    }

    fn assert_good(&self) {
        for (n, player) in self.rig.players.iter().enumerate() {
            let resyncs = player.session.as_ref().map_or(0, |session| session.resyncs);
            assert_eq!(resyncs, 0, "player {n} lost its view");
            let slow = matches!(player.farewell, Some(Farewell::Bye { .. }));
            assert!(!slow || player.deaf || player.was_deaf, "player {n}: {:?}", player.farewell);
        }
    }
}

#[test]
fn views_are_what_was_told_through_joins_leaves_and_stalls() {
    for seed in 0..6 {
        let mut story = Story::new(seed, 60);
        for n in 0..30 {
            story.join(Hands::Bot(Box::new(bot_client::Bot::new(seed * 100 + n))));
        }
        for _ in 0..700 {
            if story.roll(4) == 0 {
                story.disturb();
            }
            story.tick();
        }
        story.assert_good();
        assert!(story.snapshots > 10_000, "{}", story.snapshots);
    }
}

#[test]
fn views_are_what_was_told_in_a_crowd_beyond_every_limit() {
    let mut story = Story::new(77, 400);
    for n in 0..350 {
        story.join(if n % 10 == 0 { Hands::Bot(Box::new(bot_client::Bot::new(n))) } else { Hands::Gather });
    }
    story.every = 10;
    let mut largest = 0;
    for tick in 0..800 {
        if tick % 7 == 0 {
            story.disturb();
        }
        story.tick();
        largest = largest.max(story.rig.players.iter().map(|p| p.largest).max().unwrap_or(0));
    }
    story.assert_good();
    assert!(story.over_budget > 300, "{} snapshots were over budget", story.over_budget);
    assert!(story.crowded > 100, "{} views were full", story.crowded);
    assert!(largest <= 8192, "the largest message has {largest} bytes");
}
