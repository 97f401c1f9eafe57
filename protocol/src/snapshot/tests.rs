//! Writer and reader are inverses over whole connections, and the reader survives anything.
//!
//! A [`Story`] is what a server might tell one client, by seed: it keeps its own account of what the client must know
//! after each snapshot, and the reader must come to the same.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::*;
use crate::ids::Wire16;
use crate::message::Snapshot;
use crate::quantize::from_quarter;

struct Story {
    dice: Pcg64Mcg,
    /// What the client must know.
    view: View,
    cells: BTreeMap<(u8, u8), Vec<Item>>,
    window: CellWindow,
    /// Cells in the order in which the client came to know them.
    order: Vec<(u8, u8)>,
    next_slot: u16,
}

impl Story {
    fn new(seed: u64) -> Story {
        Story {
            dice: Pcg64Mcg::seed_from_u64(seed),
            view: View { tick: Tick(70_000), ..View::default() },
            cells: BTreeMap::new(),
            window: CellWindow::default(),
            order: Vec::new(),
            next_slot: 0,
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice.next_u64() % sides
    }

    fn point(&mut self) -> (i32, i32) {
        (from_quarter(self.roll(65_536) as u16), from_quarter(self.roll(65_536) as u16))
    }

    fn slot(&mut self) -> Slot {
        Slot(self.roll(4096) as u16)
    }

    /// The next snapshot.
    fn next(&mut self) -> Snapshot {
        let mut body = Vec::new();
        let full = self.view.seq == Seq(0) || self.roll(40) == 0;
        let skipped = if self.roll(5) == 0 { self.roll(8) as u32 } else { 0 };
        self.view.tick = self.view.tick.plus(1 + skipped);
        self.view.seq = self.view.seq.next();
        self.view.margin = self.roll(256) as u8 as i8;
        self.view.events.clear();
        let mut writer = Writer::new(&mut body, full);
        if full {
            self.view.ships.clear();
            self.view.pulses.clear();
            self.cells.clear();
            self.order.clear();
            self.window = CellWindow::default();
        }
        self.whose(&mut writer);
        self.ships(&mut writer);
        self.pulses(&mut writer);
        self.pickups(&mut writer);
        self.events(&mut writer);
        if self.roll(3) == 0 {
            writer.check(check(self.view.ships.iter().map(|s| (s.slot, s.generation))));
        }
        let flags = writer.finish();
        let View { seq, tick, margin, .. } = self.view;
        Snapshot { seq, tick: tick.wire(), margin, flags, body }
    }

    fn whose(&mut self, writer: &mut Writer<'_>) {
        self.view.own = None;
        self.view.focus = None;
        if self.roll(10) == 0 {
            self.view.focus = if self.roll(2) == 0 { None } else { Some(self.slot()) };
            return writer.focus(self.view.focus);
        }
        let mut byte = || self.dice.next_u64() as u8;
        let timers = Timers {
            pulse: byte(),
            lance: byte(),
            windup: byte(),
            shield: byte(),
            overdrive: byte(),
            respawn: byte(),
            regen: byte(),
        };
        let (hp, changed) = (byte(), byte());
        let q8 = |story: &mut Story| story.roll(1 << 24) as i32 - (1 << 23);
        let own = Own {
            x: q8(self),
            y: q8(self),
            vx: self.roll(65_536) as u16 as i16,
            vy: self.roll(65_536) as u16 as i16,
            energy: self.roll(65_536) as u16,
            timers,
            hp,
            changed,
        };
        self.view.own = Some(own);
        writer.own(&own);
    }

    fn ships(&mut self, writer: &mut Writer<'_>) {
        let mut leaves = Vec::new();
        for index in (0..self.view.ships.len()).rev() {
            if self.roll(12) == 0 {
                self.view.ships.swap_remove(index);
                leaves.push(index as u8);
            }
        }
        let budget = self.roll(10) == 0;
        let mut runs = Vec::new();
        for n in 0..self.view.ships.len() {
            let base = self.view.ships[n].state();
            let mut now = base;
            match self.roll(4) {
                0 => {}
                1 => (now.x, now.y) = (self.roll(65_536) as u16, self.roll(65_536) as u16),
                _ => {
                    let near =
                        |story: &mut Story, at: u16| at.saturating_add_signed(story.roll(255) as i16 - 127);
                    (now.x, now.y) = (near(self, base.x), near(self, base.y));
                }
            }
            if self.roll(2) == 0 {
                (now.aim, now.hp) = (self.roll(256) as u8, self.roll(101) as u8);
            }
            if self.roll(8) == 0 {
                now.state = self.roll(64) as u8;
            }
            let run = match self.roll(20) {
                0 if budget => None,
                1 => Some(Run::absolute(&now)),
                _ => Run::between(&base, &now),
            };
            if run.is_some() {
                self.view.ships[n].set(&now);
            }
            runs.push(run);
        }
        let room = MAX_KNOWN - self.view.ships.len();
        let entering = match self.roll(30) {
            0 => room,
            n => (n as usize / 6).min(room),
        };
        let enters: Vec<Ship> = (0..entering)
            .map(|_| {
                self.next_slot = (self.next_slot + 1) % 4096;
                let (x, y) = self.point();
                let (generation, aim) = (self.roll(256) as u8, self.roll(256) as u8);
                Ship { slot: Slot(self.next_slot), generation, x, y, aim, hp: 100, state: 0 }
            })
            .collect();
        writer.updates(&leaves, &runs, !enters.is_empty());
        if writer.has_ships() {
            writer.enters(&enters);
        }
        if budget {
            writer.over_budget();
        }
        self.view.ships.extend(enters);
    }

    fn pulses(&mut self, writer: &mut Writer<'_>) {
        let tick = self.view.tick;
        self.view.pulses.retain(|p| p.steps(tick) < PULSE_LIFE);
        let spawns: Vec<Pulse> = (0..self.roll(4))
            .map(|_| {
                let (x, y) = self.point();
                let caught_up = self.roll(6) as u16;
                let direction = self.roll(4096) as u16 | caught_up << 12;
                Pulse {
                    id: self.roll(65_536) as u16,
                    owner: self.slot(),
                    x,
                    y,
                    direction,
                    fired: tick.0 as u8,
                }
            })
            .collect();
        for pulse in &spawns {
            match self.view.pulses.iter_mut().find(|p| p.id == pulse.id) {
                Some(known) => *known = *pulse,
                None => self.view.pulses.push(*pulse),
            }
        }
        let mut hits = Vec::new();
        if self.roll(3) == 0 && !self.view.pulses.is_empty() {
            let n = self.roll(self.view.pulses.len() as u64) as usize;
            let pulse = self.view.pulses.remove(n).id;
            let victim = self.slot();
            hits.push(Hit { pulse, victim, damage: 20 });
            self.view.events.push(Event::Hit { pulse, victim, damage: 20 });
        }
        writer.pulses(&spawns, &hits);
    }

    fn item(&mut self, cell: (u8, u8)) -> Item {
        let (x, y) = (self.roll(2048) as u16, self.roll(2048) as u16);
        let at = |cell: u8, within: u16| from_quarter(u16::from(cell) * 2048 + within);
        let kind = PickupKind::ALL[self.roll(3) as usize];
        let (found, item) = Item::of(&Pickup { kind, x: at(cell.0, x), y: at(cell.1, y) });
        assert_eq!(found, cell);
        item
    }

    fn pickups(&mut self, writer: &mut Writer<'_>) {
        let before = self.window;
        if before.width == 0 || self.roll(20) == 0 {
            let (x, y) = (self.roll(28) as u8, self.roll(28) as u8);
            self.window = CellWindow { x, y, width: 1 + self.roll(4) as u8, height: 1 + self.roll(4) as u8 };
        }
        let window = self.window;
        self.cells.retain(|&cell, _| window.has(cell));
        self.order.retain(|&cell| window.has(cell));
        let (mut fulls, mut changes) = (Vec::new(), Vec::new());
        for cell in window.cells() {
            if !before.has(cell) {
                let items: Vec<Item> = (0..self.roll(5)).map(|_| self.item(cell)).collect();
                self.cells.insert(cell, items.clone());
                self.order.push(cell);
                fulls.push((cell, items));
            } else if self.roll(6) == 0 {
                changes.push((cell, self.operate(cell)));
            }
        }
        if before != window || !changes.is_empty() {
            let full = fulls.iter().map(|(cell, items)| (*cell, CellChange::Full(items)));
            let ops = changes.iter().map(|(cell, ops)| (*cell, CellChange::Ops(ops)));
            writer.pickups(window, fulls.len() + changes.len(), full.chain(ops));
        }
        let lying =
            self.order.iter().flat_map(|cell| self.cells[cell].iter().map(|item| item.in_cell(*cell)));
        self.view.pickups = lying.map(Option::unwrap).collect();
    }

    fn operate(&mut self, cell: (u8, u8)) -> Vec<CellOp> {
        let count = 1 + self.roll(3);
        (0..count)
            .map(|_| {
                let len = self.cells[&cell].len() as u64;
                if len == 0 || self.roll(2) == 0 {
                    let item = self.item(cell);
                    self.cells.get_mut(&cell).unwrap().push(item);
                    return CellOp::Append(item);
                }
                let index = self.roll(len) as u16;
                let by = if self.roll(2) == 0 { None } else { Some(self.slot()) };
                let gone = self.cells.get_mut(&cell).unwrap().swap_remove(usize::from(index));
                if let Some(slot) = by {
                    let Pickup { kind, x, y } = gone.in_cell(cell).unwrap();
                    self.view.events.push(Event::Taken { slot, item: kind, x, y });
                }
                CellOp::Remove { index, by }
            })
            .collect()
    }

    fn events(&mut self, writer: &mut Writer<'_>) {
        let mut events = Vec::new();
        for _ in 0..self.roll(3) {
            let ((x, y), slot) = (self.point(), self.slot());
            if self.roll(2) == 0 {
                events.push(Event::Explosion { slot, x, y });
            } else {
                let ((to_x, to_y), rewind) = (self.point(), self.roll(57) as u8);
                let victim = if self.roll(2) == 0 { None } else { Some(self.slot()) };
                let damage = if victim.is_some() { 45 } else { 0 };
                events.push(Event::Beam { slot, x, y, to_x, to_y, victim, damage, rewind });
            }
        }
        writer.events(&events);
        self.view.events.extend(events);
    }
}

proptest! {
    #[test]
    fn the_reader_comes_to_what_the_story_tells(seed in any::<u64>()) {
        let mut story = Story::new(seed);
        let mut reader = Reader::new(story.view.tick);
        let mut bytes = 0;
        for _ in 0..120 {
            let snapshot = story.next();
            let view = reader.read(&snapshot);
            prop_assert_eq!(view.as_deref(), Ok(&story.view));
            bytes += snapshot.body.len() as u64;
        }
        let Ledger { own, updates, enters, pulses, pickups, events } = *reader.ledger();
        prop_assert_eq!(own + updates + enters + pulses + pickups + events, bytes, "every byte is booked");
    }

    #[test]
    fn every_cut_of_a_body_is_an_error_until_the_next_full_one(seed in any::<u64>(), cut in 1usize..40) {
        let mut story = Story::new(seed);
        let mut reader = Reader::new(story.view.tick);
        for _ in 0..5 {
            reader.read(&story.next()).unwrap();
        }
        let mut snapshot = story.next();
        let keep = snapshot.body.len().saturating_sub(cut);
        snapshot.body.truncate(keep);
        prop_assert!(reader.read(&snapshot).is_err());
        let again = loop {
            let snapshot = story.next();
            if snapshot.flags & flags::FULL != 0 {
                break snapshot;
            }
            prop_assert_eq!(reader.read(&snapshot), Err(SnapshotError::WaitingForFull));
        };
        prop_assert_eq!(reader.read(&again), Ok(&story.view));
    }

    #[test]
    fn any_bytes_are_survived(bodies in vec((any::<u8>(), vec(any::<u8>(), 0..300)), 1..10)) {
        let mut reader = Reader::new(Tick(0));
        for (flags, body) in bodies {
            let _ = reader.read(&Snapshot { seq: Seq(0), tick: Wire16::new(0), margin: 0, flags, body });
        }
    }

    #[test]
    fn flipped_bits_are_survived(seed in any::<u64>(), at in any::<u16>(), bit in 0u8..8) {
        let mut story = Story::new(seed);
        let mut reader = Reader::new(story.view.tick);
        for _ in 0..20 {
            let mut snapshot = story.next();
            if let n @ 1.. = snapshot.body.len() {
                snapshot.body[usize::from(at) % n] ^= 1 << bit;
            }
            let _ = reader.read(&snapshot);
        }
    }
}

#[test]
fn a_known_list_that_differs_is_noticed() {
    let ship = Ship { slot: Slot(3), generation: 0, x: 0, y: 0, aim: 0, hp: 100, state: 0 };
    let snapshot = |generation| {
        let mut body = Vec::new();
        let mut writer = Writer::new(&mut body, true);
        writer.focus(None);
        writer.updates(&[], &[], true);
        writer.enters(&[ship]);
        writer.check(check([(Slot(3), generation)].into_iter()));
        let flags = writer.finish();
        Snapshot { seq: Seq(0), tick: Wire16::new(0), margin: 0, flags, body }
    };
    let mut reader = Reader::new(Tick(0));
    assert!(reader.read(&snapshot(0)).is_ok());
    assert_eq!(reader.read(&snapshot(1)), Err(SnapshotError::CheckFailed));
}

#[test]
fn a_moving_ship_costs_three_bytes_and_a_boosting_one_five_after_a_gap() {
    let base = ShipState { x: 1000, y: 1000, aim: 3, hp: 100, state: 0 };
    assert_eq!(Run::between(&base, &base), None);
    let cruising = ShipState { x: 1048, y: 990, ..base };
    assert_eq!(Run::between(&base, &cruising).unwrap().bytes(), [1, 48, 246]);
    let boosting = ShipState { x: 1206, ..base };
    assert_eq!(Run::between(&base, &boosting).unwrap().bytes().len(), 5);
    assert_eq!(Run::absolute(&base).bytes().len(), 8);
}

/// A story for readers in other languages: `assets/golden/snapshots.json`.
#[test]
fn a_story_matches_the_golden_vectors() {
    #[derive(Serialize)]
    struct Told {
        tick: u16,
        flags: u8,
        body_hex: String,
        view: View,
    }
    let mut story = Story::new(2026);
    let told: Vec<Told> = (0..60)
        .map(|_| {
            let Snapshot { tick, flags, body, .. } = story.next();
            let body_hex = body.iter().map(|b| format!("{b:02x}")).collect();
            Told { tick: tick.get(), flags, body_hex, view: story.view.clone() }
        })
        .collect();
    // One line a snapshot: a change of the layout shows as lines of a diff.
    let lines: Vec<String> = told.iter().map(|t| serde_json::to_string(t).unwrap()).collect();
    crate::golden::check("snapshots.json", &format!("[\n{}\n]\n", lines.join(",\n")));
}
