//! What a snapshot would weigh without deltas: the whole quantised view, as one message that starts anew. Sends nothing.

use std::collections::BTreeMap;

use protocol::codec::{self, Encoding};
use protocol::message::Snapshot;
use protocol::quantize::Q8;
use protocol::snapshot::{CELL, CellChange, CellWindow, Item, Pulse, View, Writer};
use protocol::{Seq, ServerMessage};

/// Cells that a window can number.
const MOST_CELLS: usize = 255;

/// Encodes whole views and keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Whole {
    body: Vec<u8>,
    message: Vec<u8>,
    pulses: Vec<Pulse>,
    cells: BTreeMap<(u8, u8), Vec<Item>>,
}

impl Whole {
    /// Length of the message that says all of `view` to somebody who knows nothing: the own ship, every other one as
    /// an enter, of the pulses those in `flying`, every pickup by cell. Same layout and same head as the real ones, so the
    /// difference is what the deltas save. None for a view that no window of cells can cover.
    pub(super) fn len<'p>(&mut self, view: &View, flying: impl Iterator<Item = &'p Pulse>) -> Option<usize> {
        self.pulses.clear();
        self.pulses.extend(flying.copied());
        self.cells.clear();
        for pickup in &view.pickups {
            let (cell, item) = Item::of(pickup);
            self.cells.entry(cell).or_default().push(item);
        }
        self.body.clear();
        let mut writer = Writer::new(&mut self.body, true);
        match &view.own {
            Some(own) => writer.own(own),
            None => writer.focus(view.focus),
        }
        writer.updates(&[], &[], !view.ships.is_empty());
        if writer.has_ships() {
            writer.enters(&view.ships);
        }
        writer.pulses(&self.pulses, &[]);
        if let Some(window) = window(self.cells.keys())? {
            let changes = self.cells.iter().map(|(&cell, items)| (cell, CellChange::Full(items)));
            writer.pickups(window, self.cells.len(), changes);
        }
        let flags = writer.finish();
        let body = std::mem::take(&mut self.body);
        let snapshot = Snapshot { seq: Seq(0), tick: view.tick.wire(), margin: 0, flags, body };
        let message = ServerMessage::Snapshot(snapshot);
        self.message.clear();
        codec::encode_server(Encoding::Bincode, &message, &mut self.message);
        if let ServerMessage::Snapshot(snapshot) = message {
            self.body = snapshot.body;
        }
        Some(self.message.len())
    }
}

/// The smallest window around cells; inner none: there are no cells, outer: it would be too large to number them.
fn window<'c>(cells: impl Iterator<Item = &'c (u8, u8)>) -> Option<Option<CellWindow>> {
    let bounds = cells.fold(None, |bounds, &(x, y)| {
        let (x0, y0, x1, y1) = bounds.unwrap_or((x, y, x, y));
        Some((x.min(x0), y.min(y0), x.max(x1), y.max(y1)))
    });
    let Some((x0, y0, x1, y1)) = bounds else { return Some(None) };
    let q8 = |cell: u8| i32::from(cell) * CELL * Q8;
    let window = CellWindow::around(q8(x0), q8(y0), q8(x1), q8(y1));
    let few = usize::from(window.width) * usize::from(window.height) <= MOST_CELLS;
    (few && window.has((x0, y0)) && window.has((x1, y1))).then_some(Some(window))
}

#[cfg(test)]
mod tests {
    use protocol::snapshot::{Own, Pickup, PickupKind, Reader, Ship};
    use protocol::{Slot, Tick};

    use super::*;

    fn pickup(x: i32, y: i32) -> Pickup {
        Pickup { kind: PickupKind::Shard, x: x * Q8, y: y * Q8 }
    }

    fn view() -> View {
        let ship = |n: u16| Ship { slot: Slot(n), generation: 1, x: 640, y: 64, aim: 3, hp: 100, state: 0 };
        let pulse = Pulse { id: 9, owner: Slot(1), x: 640, y: 640, direction: 77, fired: 99 };
        View {
            tick: Tick(100),
            own: Some(Own { hp: 100, x: 1000, y: 1000, ..Own::default() }),
            ships: (0..12).map(ship).collect(),
            pulses: vec![pulse],
            pickups: vec![pickup(100, 100), pickup(600, 100), pickup(130, 100), pickup(600, 1200)],
            ..View::default()
        }
    }

    #[test]
    fn it_is_a_message_that_a_reader_takes_and_then_knows_it_all() {
        let (view, mut whole) = (view(), Whole::default());
        let len = whole.len(&view, view.pulses.iter()).unwrap();
        assert_eq!(whole.message.len(), len);
        let Ok(ServerMessage::Snapshot(snapshot)) = codec::decode_server(Encoding::Bincode, &whole.message)
        else {
            panic!("a snapshot")
        };
        let mut reader = Reader::new(Tick(99));
        let read = reader.read(&snapshot).expect("it is well-formed");
        assert_eq!((read.own, &read.ships, &read.pulses), (view.own, &view.ships, &view.pulses));
        let sorted = |view: &View| {
            let mut places: Vec<_> = view.pickups.iter().map(|p| (p.x, p.y)).collect();
            places.sort_unstable();
            places
        };
        assert_eq!(sorted(read), sorted(&view));
    }

    #[test]
    fn it_counts_what_is_there_and_refuses_what_cannot_be_written() {
        let mut whole = Whole::default();
        let nothing = whole.len(&View::default(), [].iter()).unwrap();
        let view = view();
        let all = whole.len(&view, view.pulses.iter()).unwrap();
        let grounded = whole.len(&view, [].iter()).unwrap();
        assert!(nothing < 12, "{nothing}");
        assert_eq!(
            all - grounded,
            12,
            "two counts, and ten bytes of a pulse: what no longer flies is left out"
        );
        let wide = View { pickups: vec![pickup(0, 0), pickup(16_000, 16_000)], ..View::default() };
        assert_eq!(whole.len(&wide, [].iter()), None, "more cells than a byte can number");
        assert_eq!(whole.len(&View::default(), [].iter()), Some(nothing), "and nothing is left behind");
    }
}
