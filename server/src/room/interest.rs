//! Who may know of what: the part of the world that one seat's client is told of.
//!
//! What lies outside is never sent, so no client can show more than its window.

use protocol::Slot;
use protocol::quantize::Q8;
use protocol::snapshot::{Event as WireEvent, Pickup, Pulse};
use sim::world::Rect;
use sim::{Event, World};

use super::seat::Seat;

/// Area of every window, square units: 1600 x 900, whatever its shape.
pub const VIEW_AREA: u32 = 1600 * 900;

/// Range of the shape, width / height in thousandths.
pub const ASPECT: std::ops::RangeInclusive<u16> = 560..=2100;

/// How far beyond the edge of the window a client is told of things, units: nothing may pop up inside.
pub const ENTER_MARGIN: i32 = 160;

/// Most ships in one snapshot; the nearest ones.
pub const MAX_SHIPS: usize = 255;

/// Most pulses, and most pickups, in one snapshot.
const MAX_ITEMS: usize = 400;

/// What one client may know of after a tick. Kept between ticks for its buffers.
#[derive(Debug, Default)]
pub struct Sight {
    /// The ship that the view is centred on, when it is not the own one.
    pub focus: Option<Slot>,
    /// Other ships, ascending slot.
    pub ships: Vec<Slot>,
    /// Pulses, ascending id.
    pub pulses: Vec<Pulse>,
    /// Pickups, ascending id.
    pub pickups: Vec<Pickup>,
    /// What happened, in order.
    pub events: Vec<WireEvent>,
}

impl Sight {
    /// Looks at the world from a seat.
    pub fn look(&mut self, world: &World, seat: &Seat) {
        self.ships.clear();
        self.pulses.clear();
        self.pickups.clear();
        self.events.clear();
        let centre = self.centre(world, seat);
        let rect = window(centre, seat.aspect, ENTER_MARGIN);
        world.ships_in(rect, &mut self.ships);
        self.ships.retain(|&slot| Some(slot) != seat.slot);
        if self.ships.len() > MAX_SHIPS {
            nearest(world, centre, &mut self.ships);
        }
        world.pulses_in(rect, &mut self.pulses);
        self.pulses.truncate(MAX_ITEMS);
        world.pickups_in(rect, &mut self.pickups);
        self.pickups.truncate(MAX_ITEMS);
        self.events.extend(world.events().iter().filter_map(|event| visible(event, rect)));
    }

    /// The own ship, where it is or was; for spectators the ship they follow, or the middle of the world.
    fn centre(&mut self, world: &World, seat: &Seat) -> (i32, i32) {
        let alive = |slot: &Slot| world.ship(*slot).is_some_and(|s| s.alive);
        let slot = seat.slot.or_else(|| {
            let leader = || world.ranking().iter().copied().find(alive);
            seat.watch.filter(alive).or_else(leader)
        });
        self.focus = if seat.slot.is_none() { slot } else { None };
        let middle = i32::from(world.side()) * Q8 / 2;
        slot.and_then(|slot| world.ship(slot)).map_or((middle, middle), |ship| (ship.x, ship.y))
    }
}

fn nearest(world: &World, (x, y): (i32, i32), ships: &mut Vec<Slot>) {
    let distance = |slot: &Slot| {
        world.ship(*slot).map_or(i64::MAX, |ship| {
            let (dx, dy) = (i64::from(ship.x - x), i64::from(ship.y - y));
            dx * dx + dy * dy
        })
    };
    ships.sort_unstable_by_key(|slot| (distance(slot), *slot));
    ships.truncate(MAX_SHIPS);
    ships.sort_unstable();
}

/// The window around a point, and `margin` units beyond each edge, in Q8.
pub fn window((x, y): (i32, i32), aspect: u16, margin: i32) -> Rect {
    let aspect = u32::from(aspect.clamp(*ASPECT.start(), *ASPECT.end()));
    let width = (VIEW_AREA / 1000 * aspect).isqrt();
    let height = VIEW_AREA / width;
    let half_w = (width as i32 / 2 + margin) * Q8;
    let half_h = (height as i32 / 2 + margin) * Q8;
    Rect { x0: x - half_w, y0: y - half_h, x1: x + half_w, y1: y + half_h }
}

fn visible(event: &Event, rect: Rect) -> Option<WireEvent> {
    let inside = |x, y| (rect.x0..=rect.x1).contains(&x) && (rect.y0..=rect.y1).contains(&y);
    match *event {
        Event::Hit { pulse, victim, x, y, damage, .. } if inside(x, y) => {
            Some(WireEvent::Hit { pulse, victim, x, y, damage })
        }
        Event::Destroyed { victim, x, y, .. } if inside(x, y) => {
            Some(WireEvent::Explosion { slot: victim, x, y })
        }
        Event::Taken { id, slot, x, y, .. } if inside(x, y) => Some(WireEvent::Taken { id, slot }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_has_the_same_area() {
        for aspect in [560, 1000, 1778, 2100] {
            let r = window((0, 0), aspect, 0);
            let (w, h) = ((r.x1 - r.x0) / Q8, (r.y1 - r.y0) / Q8);
            assert!((w * h - VIEW_AREA as i32).abs() < VIEW_AREA as i32 / 200, "{aspect}: {w} x {h}");
        }
        assert_eq!(window((0, 0), 0, 0), window((0, 0), 560, 0), "clamped");
        assert_eq!(window((0, 0), u16::MAX, 0), window((0, 0), 2100, 0), "clamped");
    }
}
