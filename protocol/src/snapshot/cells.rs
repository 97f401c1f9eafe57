//! Pickups by cell: windows of cells, packed items, and the operations that change a cell's list.

use super::{CELL, Pickup, PickupKind};
use crate::ids::Slot;
use crate::quantize::{Q8, from_quarter, to_quarter};

/// Side of a cell, Q8.
const CELL_Q8: i32 = CELL * Q8;

/// Side of a cell, quarter-units: eleven bits.
const CELL_QUARTERS: u16 = (CELL * 4) as u16;
const _: () = assert!(CELL_QUARTERS == 1 << 11);

/// The cells that a client is told of: a rectangle of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CellWindow {
    /// Column of the first cell.
    pub x: u8,
    /// Row of the first cell.
    pub y: u8,
    /// Columns; 0 if there is no window yet.
    pub width: u8,
    /// Rows.
    pub height: u8,
}

impl CellWindow {
    /// The cells that overlap a Q8 rectangle; what lies west or north of the world is cut off.
    pub fn around(x0: i32, y0: i32, x1: i32, y1: i32) -> CellWindow {
        let cell = |q8: i32| (q8 / CELL_Q8).clamp(0, 31) as u8;
        let (x, y) = (cell(x0), cell(y0));
        CellWindow { x, y, width: cell(x1) - x + 1, height: cell(y1) - y + 1 }
    }

    /// True if it contains a cell.
    pub fn has(&self, (x, y): (u8, u8)) -> bool {
        let inside = |at: u8, from: u8, n: u8| at >= from && at - from < n;
        inside(x, self.x, self.width) && inside(y, self.y, self.height)
    }

    /// The number of a cell of the window, row by row.
    pub(super) fn number(&self, (x, y): (u8, u8)) -> u8 {
        (y - self.y) * self.width + (x - self.x)
    }

    /// The cell of a number; none outside the window.
    pub(super) fn cell(&self, number: u8) -> Option<(u8, u8)> {
        let (column, row) = (number.checked_rem(self.width)?, number.checked_div(self.width)?);
        (row < self.height).then(|| (self.x.saturating_add(column), self.y.saturating_add(row)))
    }

    /// The cells, row by row.
    pub fn cells(self) -> impl Iterator<Item = (u8, u8)> {
        (0..self.height)
            .flat_map(move |row| (0..self.width).map(move |column| (self.x + column, self.y + row)))
    }
}

/// A pickup within its cell: kind and place in 24 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item(u32);

impl Item {
    /// The cell that a pickup lies in, and the item that it is there.
    pub fn of(pickup: &Pickup) -> ((u8, u8), Item) {
        let (x, y) = (to_quarter(pickup.x), to_quarter(pickup.y));
        let within = |q: u16| u32::from(q % CELL_QUARTERS);
        let bits = u32::from(pickup.kind.wire()) << 22 | within(y) << 11 | within(x);
        (((x / CELL_QUARTERS) as u8, (y / CELL_QUARTERS) as u8), Item(bits))
    }

    /// The pickup that the item is in a cell; none if its kind is unknown.
    pub fn in_cell(self, (cx, cy): (u8, u8)) -> Option<Pickup> {
        let kind = *PickupKind::ALL.get((self.0 >> 22) as usize)?;
        let place = |cell: u8, bits: u32| {
            from_quarter(u16::from(cell).wrapping_mul(CELL_QUARTERS) | (bits & 0x7ff) as u16)
        };
        Some(Pickup { kind, x: place(cx, self.0), y: place(cy, self.0 >> 11) })
    }

    pub(super) fn to_bytes(self) -> [u8; 3] {
        let [a, b, c, _] = self.0.to_le_bytes();
        [a, b, c]
    }

    pub(super) fn from_bytes([a, b, c]: [u8; 3]) -> Item {
        Item(u32::from_le_bytes([a, b, c, 0]))
    }
}

/// One change to a cell's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellOp {
    /// An item appeared; it is the last one now.
    Append(Item),
    /// The item at this index is gone; the last one takes its place.
    Remove {
        /// Index into the list.
        index: u16,
        /// Who took it; none: its time was over.
        by: Option<Slot>,
    },
}

/// What a client is told of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellChange<'a> {
    /// All that lies in it.
    Full(&'a [Item]),
    /// What changed since the last snapshot; not empty.
    Ops(&'a [CellOp]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_place_to_the_quarter_unit() {
        for (x, y) in [(0, 0), (64, 131_072), (131_008, 4_194_240), (1_234_560, 777_728)] {
            for kind in PickupKind::ALL {
                let pickup = Pickup { kind, x, y };
                let (cell, item) = Item::of(&pickup);
                assert_eq!(Item::from_bytes(item.to_bytes()).in_cell(cell), Some(pickup));
            }
        }
    }

    #[test]
    fn a_window_numbers_its_cells_row_by_row() {
        let window = CellWindow::around(-5, CELL_Q8, 2 * CELL_Q8, 2 * CELL_Q8 + 1);
        assert_eq!(window, CellWindow { x: 0, y: 1, width: 3, height: 2 });
        for (n, cell) in window.cells().enumerate() {
            assert_eq!(window.number(cell), n as u8);
            assert_eq!(window.cell(n as u8), Some(cell));
            assert!(window.has(cell));
        }
        assert_eq!(window.cell(6), None);
        assert!(!window.has((3, 1)) && !window.has((0, 0)) && !window.has((0, 3)));
        assert_eq!(CellWindow::default().cell(0), None);
    }
}
