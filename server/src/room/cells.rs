//! Pickups by cell: what lies where, and what changed in the last eight ticks, in the order in which clients are told.
//!
//! All clients who know a cell have the same list of it, because all are told the same operations.

use protocol::Tick;
use protocol::snapshot::{CellChange, CellOp, CellWindow, Item, Pickup};
use sim::world::Rect;
use sim::{Event, Lying, World};

use super::states::KEPT;

/// Cells in a row of the grid: enough for the largest world.
const COLUMNS: usize = 32;

/// The cells of a room.
#[derive(Debug)]
pub struct Cells {
    now: Tick,
    /// What lies in each cell, row by row, in the order of the clients' lists.
    cells: Vec<Cell>,
    /// By pickup id: where it lies.
    places: Vec<Option<Place>>,
    /// By tick modulo [`KEPT`]: what happened then, by cell; the operations of one cell in their order.
    ops: [Vec<((u8, u8), CellOp)>; KEPT],
    lying: Vec<Lying>,
}

#[derive(Debug, Clone, Default)]
struct Cell {
    items: Vec<Item>,
    /// Ids of the items.
    ids: Vec<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    cell: (u8, u8),
    item: Item,
    /// The last tick it lay there.
    seen: Tick,
}

impl Default for Cells {
    fn default() -> Self {
        Cells {
            now: Tick(0),
            cells: vec![Cell::default(); COLUMNS * COLUMNS],
            places: Vec::new(),
            ops: Default::default(),
            lying: Vec::new(),
        }
    }
}

fn index((x, y): (u8, u8)) -> usize {
    usize::from(y) * COLUMNS + usize::from(x)
}

impl Cells {
    /// Notes what lies where after the world's last step.
    pub fn record(&mut self, world: &World) {
        self.now = world.tick();
        let at = self.now.0 as usize % KEPT;
        let mut ops = std::mem::take(&mut self.ops[at]);
        ops.clear();
        let mut lying = std::mem::take(&mut self.lying);
        lying.clear();
        world.pickups_in(Rect { x0: 0, y0: 0, x1: i32::MAX, y1: i32::MAX }, &mut lying);
        for pickup in &lying {
            self.see(pickup, &mut ops);
        }
        for id in 0..self.places.len() {
            if let Some(place) = self.places[id].filter(|place| place.seen != self.now) {
                self.remove(id as u16, place, world, &mut ops);
            }
        }
        self.lying = lying;
        ops.sort_by_key(|(cell, _)| *cell);
        self.ops[at] = ops;
    }

    fn see(&mut self, pickup: &Lying, ops: &mut Vec<((u8, u8), CellOp)>) {
        let (cell, item) = Item::of(&Pickup { kind: pickup.kind, x: pickup.x, y: pickup.y });
        let id = usize::from(pickup.id);
        if self.places.len() <= id {
            self.places.resize(id + 1, None);
        }
        match &mut self.places[id] {
            Some(place) if (place.cell, place.item) == (cell, item) => place.seen = self.now,
            other => {
                // An id that is used again within one tick: the old one is gone, by whom nobody can tell.
                if let Some(old) = other.take() {
                    ops.push((old.cell, self.cells[index(old.cell)].take(pickup.id)));
                }
                self.places[id] = Some(Place { cell, item, seen: self.now });
                let list = &mut self.cells[index(cell)];
                list.items.push(item);
                list.ids.push(pickup.id);
                ops.push((cell, CellOp::Append(item)));
            }
        }
    }

    fn remove(&mut self, id: u16, place: Place, world: &World, ops: &mut Vec<((u8, u8), CellOp)>) {
        let taker = world.events().iter().find_map(|event| match event {
            Event::Taken { id: taken, slot, .. } if *taken == id => Some(*slot),
            _ => None,
        });
        self.places[usize::from(id)] = None;
        let mut op = self.cells[index(place.cell)].take(id);
        if let CellOp::Remove { by, .. } = &mut op {
            *by = taker;
        }
        ops.push((place.cell, op));
    }

    /// Collects what a client has to be told of `window` that knows the cells of `known` as they were at `base`.
    pub fn changes(&self, window: CellWindow, known: CellWindow, base: Tick, out: &mut Changes) {
        out.full.clear();
        out.ops.clear();
        out.cells.clear();
        if window != known {
            out.full.extend(window.cells().filter(|&cell| !known.has(cell)));
        }
        for tick in base.0 + 1..=self.now.0 {
            // By cell is by column first.
            let ops = &self.ops[tick as usize % KEPT];
            let columns = &ops[ops.partition_point(|((x, _), _)| *x < window.x)..];
            let columns = columns.iter().take_while(|((x, _), _)| x - window.x < window.width);
            out.ops.extend(columns.filter(|(cell, _)| window.has(*cell) && known.has(*cell)));
        }
        // Stable: the operations of one cell keep their order.
        out.ops.sort_by_key(|(cell, _)| *cell);
        out.sorted.clear();
        out.sorted.extend(out.ops.iter().map(|(_, op)| *op));
        for (n, (cell, _)) in out.ops.iter().enumerate() {
            match out.cells.last_mut() {
                Some((last, _, end)) if last == cell => *end = n + 1,
                _ => out.cells.push((*cell, n, n + 1)),
            }
        }
    }

    /// What was collected, as the writer takes it.
    pub fn told<'a>(&'a self, changes: &'a Changes) -> impl Iterator<Item = ((u8, u8), CellChange<'a>)> {
        let full = changes.full.iter().map(|&cell| (cell, CellChange::Full(&self.cells[index(cell)].items)));
        let ops =
            changes.cells.iter().map(|&(cell, from, to)| (cell, CellChange::Ops(&changes.sorted[from..to])));
        full.chain(ops)
    }
}

impl Cell {
    fn take(&mut self, id: u16) -> CellOp {
        let at = self.ids.iter().position(|&i| i == id).expect("a placed pickup is in its cell's list");
        self.ids.swap_remove(at);
        self.items.swap_remove(at);
        CellOp::Remove { index: at as u16, by: None }
    }
}

/// What one client has to be told of its window. Kept for its buffers.
#[derive(Debug, Default)]
pub struct Changes {
    /// Cells that are new in the window.
    full: Vec<(u8, u8)>,
    ops: Vec<((u8, u8), CellOp)>,
    sorted: Vec<CellOp>,
    /// Cells with operations, and the range of these.
    cells: Vec<((u8, u8), usize, usize)>,
}

impl Changes {
    /// Cells that have something new.
    pub fn cells(&self) -> usize {
        self.full.len() + self.cells.len()
    }
}
