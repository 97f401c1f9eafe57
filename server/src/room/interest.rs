//! Who may know of what: the part of the world that one seat's client is told of.
//!
//! What lies outside is never sent, so no client can show more than its window.

use protocol::Slot;
use protocol::quantize::Q8;
use protocol::snapshot::{CELL, CellWindow, state};
use sim::world::Rect;
use sim::{Ship, World};

use super::seat::Seat;

/// Area of every window, square units: 1600 x 900, whatever its shape.
pub const VIEW_AREA: u32 = 1600 * 900;

/// Range of the shape, width / height in thousandths.
pub const ASPECT: std::ops::RangeInclusive<u16> = 560..=2100;

/// How far beyond the edge of the window a client is told of things, units: nothing may pop up inside.
pub const ENTER_MARGIN: i32 = 160;

/// How far beyond the edge a ship that is known is kept, units: more, so that none comes and goes at the border.
pub const LEAVE_MARGIN: i32 = 240;

/// Side of the largest field of a seat that sees everything, Q8: a window of cells has at most 16 columns and rows. No
/// world for fewer than 256 players is larger.
const EVERYWHERE: i32 = 15 * CELL * Q8;

/// The shape of a client's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Half its width and height, Q8.
    half: (i32, i32),
}

impl Window {
    /// The window of a client whose screen has this width / height, thousandths; all have the same area.
    pub fn of(aspect: u16) -> Window {
        let aspect = u32::from(aspect.clamp(*ASPECT.start(), *ASPECT.end()));
        let width = (VIEW_AREA / 1000 * aspect).isqrt();
        let height = VIEW_AREA / width;
        Window { half: (width as i32 / 2 * Q8, height as i32 / 2 * Q8) }
    }

    /// The window around a point, and `margin` units beyond each edge, in Q8.
    pub fn around(&self, (x, y): (i32, i32), margin: i32) -> Rect {
        let (half_w, half_h) = (self.half.0 + margin * Q8, self.half.1 + margin * Q8);
        Rect { x0: x - half_w, y0: y - half_h, x1: x + half_w, y1: y + half_h }
    }
}

/// The part of the world that a client is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Middle of the window, Q8.
    pub centre: (i32, i32),
    /// What is told.
    pub enter: Rect,
    /// Where known ships are kept.
    keep: Rect,
    /// The inner half of the window.
    near: Rect,
    /// The ship that the view is centred on, when it is not the own one.
    pub focus: Option<Slot>,
}

impl Field {
    /// The field of a seat: around the own ship, where it is or was; for spectators around the ship that they follow,
    /// or the middle of the world.
    pub fn of(world: &World, seat: &Seat) -> Field {
        let alive = |slot: &Slot| world.ship(*slot).is_some_and(|s| s.alive);
        let slot = seat.slot.or_else(|| {
            let leader = || world.ranking().iter().copied().find(alive);
            seat.watch.filter(alive).or_else(leader)
        });
        let middle = i32::from(world.side()) * Q8 / 2;
        let centre = slot.and_then(|slot| world.ship(slot)).map_or((middle, middle), |ship| (ship.x, ship.y));
        let focus = if seat.slot.is_none() { slot } else { None };
        if seat.everywhere {
            let all = all_around(centre, i32::from(world.side()) * Q8);
            return Field { centre, enter: all, keep: all, near: all, focus };
        }
        let mut near = seat.window.around(centre, 0);
        near.x0 = (near.x0 + centre.0) / 2;
        near.x1 = (near.x1 + centre.0) / 2;
        near.y0 = (near.y0 + centre.1) / 2;
        near.y1 = (near.y1 + centre.1) / 2;
        Field {
            centre,
            enter: seat.window.around(centre, ENTER_MARGIN),
            keep: seat.window.around(centre, LEAVE_MARGIN),
            near,
            focus,
        }
    }

    /// Is the client told of what happens here?
    pub fn shows(&self, x: i32, y: i32) -> bool {
        inside(&self.enter, x, y)
    }

    /// Is a known ship kept here?
    pub fn keeps(&self, x: i32, y: i32) -> bool {
        inside(&self.keep, x, y)
    }

    /// Is this in the inner half of the window?
    pub fn is_near(&self, x: i32, y: i32) -> bool {
        inside(&self.near, x, y)
    }

    /// How much a ship matters to the player, 1..=32: the nearer the more, and more while it is dangerous.
    pub fn weight(&self, ship: &Ship) -> u32 {
        let reach = distance(self.centre, (self.enter.x1, self.enter.y1)).max(1);
        let near = reach.saturating_sub(distance(self.centre, (ship.x, ship.y)));
        let dangerous = ship.state() & (state::WINDUP | state::CROWN) != 0 || ship.timers.pulse > 0;
        1 + near * 15 / reach + if dangerous { 16 } else { 0 }
    }

    /// The pickup cells that the client is told of.
    pub fn cells(&self) -> CellWindow {
        let Rect { x0, y0, x1, y1 } = self.enter;
        CellWindow::around(x0, y0, x1, y1)
    }
}

/// Distance in units, rounded down.
pub fn distance((x0, y0): (i32, i32), (x1, y1): (i32, i32)) -> u32 {
    let (dx, dy) = (i64::from((x1 - x0) / Q8), i64::from((y1 - y0) / Q8));
    (dx * dx + dy * dy).isqrt() as u32
}

/// The whole world, or of a larger one than [`EVERYWHERE`] as much as that around a point. Q8.
fn all_around((x, y): (i32, i32), side: i32) -> Rect {
    let span = side.min(EVERYWHERE);
    let from = |at: i32| (at - span / 2).clamp(0, side - span);
    Rect { x0: from(x), y0: from(y), x1: from(x) + span, y1: from(y) + span }
}

fn inside(rect: &Rect, x: i32, y: i32) -> bool {
    (rect.x0..=rect.x1).contains(&x) && (rect.y0..=rect.y1).contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_sees_the_whole_world_or_a_window_with_numbers_for_its_cells() {
        let whole = all_around((5 * Q8, 900 * Q8), 2400 * Q8);
        assert_eq!(whole, Rect { x0: 0, y0: 0, x1: 2400 * Q8, y1: 2400 * Q8 });
        assert!(i32::from(sim::rules::side(255)) * Q8 <= EVERYWHERE);
        let side = 16_384 * Q8;
        for at in [(0, 0), (side, side), (side / 2 + 77, side / 3)] {
            let Rect { x0, y0, x1, y1 } = all_around(at, side);
            assert!(
                x0 >= 0 && y0 >= 0 && x1 <= side && y1 <= side && inside(&all_around(at, side), at.0, at.1)
            );
            let window = CellWindow::around(x0, y0, x1, y1);
            assert!(u32::from(window.width) * u32::from(window.height) <= 256, "{window:?}");
        }
    }

    #[test]
    fn every_window_has_the_same_area() {
        for aspect in [560, 1000, 1778, 2100] {
            let r = Window::of(aspect).around((0, 0), 0);
            let (w, h) = ((r.x1 - r.x0) / Q8, (r.y1 - r.y0) / Q8);
            assert!((w * h - VIEW_AREA as i32).abs() < VIEW_AREA as i32 / 200, "{aspect}: {w} x {h}");
        }
        assert_eq!(Window::of(0), Window::of(560), "clamped");
        assert_eq!(Window::of(u16::MAX), Window::of(2100), "clamped");
    }
}
