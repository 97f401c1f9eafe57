//! What players said since the last tick: one mailbox per seat, filled by the session, emptied by the room.
//!
//! Inputs have one place per tick, so that a flood of them only overwrites itself; everything else is a
//! field where the newest word counts. A mailbox cannot fill up, and putting something in wakes nobody.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use protocol::{Controls, Input, Seq, Slot, Tick};

use sim::Command;
use sim::rules::MAX_REWIND_TICKS;

use crate::time::Stamp;

/// How far ahead of the room an input may be, ticks.
pub const INPUT_WINDOW: u32 = 12;

/// For how many ticks the last input is repeated when none arrives; then the ship holds nothing.
pub const REPEAT_TICKS: u8 = 8;

/// Inputs by tick; writing a tick again replaces it.
///
/// Nearly always one waits at most. It lies beside what else is looked at in every tick, and all others, if there ever are
/// any, lie elsewhere.
#[derive(Debug, Default)]
struct Inputs {
    one: Waiting,
    /// A place per tick, of as many as the window has, and a few more.
    others: Option<Box<[Waiting; 16]>>,
}

/// An input and its tick.
type Waiting = Option<(Tick, Arrived)>;

impl Inputs {
    /// Keeps `input` for `tick`. The caller keeps ticks within a window shorter than the ring.
    fn put(&mut self, tick: Tick, input: Arrived) {
        match &mut self.one {
            Some((other, _)) if *other != tick => {
                self.others.get_or_insert_default()[tick.0 as usize % 16] = Some((tick, input));
            }
            one => *one = Some((tick, input)),
        }
    }

    /// Takes out the input for `tick`, if it is there. Whatever is older came just after its tick had been taken, and goes,
    /// too: else it would keep its place for ever.
    fn take(&mut self, tick: Tick) -> Option<Arrived> {
        let other = self.others.as_mut().and_then(|others| others[tick.0 as usize % 16].take());
        let one = self.one.take_if(|(of, _)| *of <= tick);
        let found = [one, other].into_iter().flatten().find(|(of, _)| *of == tick);
        found.map(|(_, input)| input)
    }
}

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// It will be used.
    Taken,
    /// Its tick has been simulated already.
    Late,
    /// Its tick is further ahead than the window.
    Early,
}

/// An input and when it came.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    /// The controls.
    pub controls: Controls,
    /// How far in the past the player saw the others, eighths of a tick.
    pub view: u8,
    /// When the reader had it.
    pub at: Stamp,
}

/// One player's mailbox. The session holds one end; the room, which empties it every tick, the other.
#[derive(Debug)]
pub struct Mailbox {
    /// The room's tick, for the input window.
    clock: Arc<AtomicU32>,
    said: Mutex<Said>,
}

/// The content of a mailbox.
#[derive(Debug, Default)]
pub struct Said {
    inputs: Inputs,
    next: Option<Arrived>,
    /// Everything else.
    pub wishes: Wishes,
}

/// What a player said beside its inputs. The newest word counts.
#[derive(Debug, Default)]
pub struct Wishes {
    /// The newest acknowledgement and when it came.
    pub ack: Option<(Seq, Stamp)>,
    /// The client's view no longer adds up.
    pub resync: bool,
    /// The window's new aspect, thousandths.
    pub aspect: Option<u16>,
    /// Whom to follow from now on; the inner none is the leader.
    pub watch: Option<Option<Slot>>,
    /// The page went out of sight or came back.
    pub idle: Option<bool>,
    /// Asked for a ship.
    pub spawn: bool,
    /// The connection is over; nothing follows.
    pub end: Option<End>,
}

/// How a connection ended, as far as the seat is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The player left.
    Left,
    /// The connection was lost; the player may come back.
    Lost,
}

impl Mailbox {
    /// An empty mailbox for the room whose last simulated tick `clock` shows.
    pub fn new(clock: Arc<AtomicU32>) -> Mailbox {
        Mailbox { clock, said: Mutex::default() }
    }

    /// The content, for the session to add to or for the room to empty.
    pub fn open(&self) -> MutexGuard<'_, Said> {
        // A room that panics while it listens must not take the session with it.
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For [`fetch`](crate::fetch::fetch). Locks nothing: who waits for a lock does not look ahead.
    pub fn touch(&self) -> usize {
        usize::from(self.said.is_poisoned())
    }

    /// Puts in an input that arrived `at`.
    pub fn put_input(&self, input: &Input, at: Stamp) -> Reception {
        let arrived = Arrived { controls: input.controls(), view: input.view, at };
        let mut said = self.open();
        said.wishes.ack = Some((input.ack, at));
        if input.for_next_tick() {
            said.next = Some(arrived);
            return Reception::Taken;
        }
        let now = Tick(self.clock.load(Ordering::Acquire));
        let tick = Tick::from_wire(input.tick, now);
        match tick.since(now) {
            ..=0 => Reception::Late,
            1..=12 => {
                said.inputs.put(tick, arrived);
                Reception::Taken
            }
            _ => Reception::Early,
        }
    }
}
const _: () =
    assert!(INPUT_WINDOW == 12 && INPUT_WINDOW < 16, "the match above and the places know the window");

impl Said {
    /// Takes out everything but the inputs for later ticks: what the ship is to hold in `tick`, and the rest.
    pub fn take(&mut self, tick: Tick) -> (Option<Arrived>, Wishes) {
        (self.take_input(tick), std::mem::take(&mut self.wishes))
    }

    /// Takes the input for `tick`.
    pub fn take_input(&mut self, tick: Tick) -> Option<Arrived> {
        let exact = self.inputs.take(tick);
        let next = self.next.take();
        exact.or(next)
    }
}

/// What a ship holds when inputs may be missing: the last one for a while, then nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held {
    controls: Controls,
    view: u8,
    repeats: u8,
}

impl Held {
    /// What the ship holds in `tick`, given what arrived for it, by a player who is known to have seen `acked`.
    pub fn resolve(&mut self, arrived: Option<Arrived>, tick: Tick, acked: Tick) -> Command {
        match arrived {
            Some(Arrived { controls, view, .. }) => *self = Held { controls, view, repeats: 0 },
            None if self.repeats < REPEAT_TICKS => self.repeats += 1,
            None => self.controls = Controls { aim: self.controls.aim, ..Controls::default() },
        }
        Command { controls: self.controls, rewind: rewind(self.view, tick, acked) }
    }
}

/// How far back a shot in `tick` is judged, eighths of a tick: as far as the player says to have seen, at least to the
/// newest tick that the client is known to have, at most [`MAX_REWIND_TICKS`].
fn rewind(view: u8, tick: Tick, acked: Tick) -> u8 {
    let unseen = u8::try_from(tick.since(acked).saturating_mul(8)).unwrap_or(u8::MAX);
    view.max(unseen).min(MAX_REWIND_TICKS * 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Seq;

    fn input(tick: u32, magnitude: u8) -> Input {
        Input::new(Tick(tick).wire(), Seq(0), Controls { magnitude, ..Controls::default() })
    }

    fn mailbox(now: u32) -> Mailbox {
        Mailbox::new(Arc::new(AtomicU32::new(now)))
    }

    #[test]
    fn the_window_is_the_next_twelve_ticks() {
        let mailbox = mailbox(70_000);
        let put = |tick| mailbox.put_input(&input(tick, 1), Stamp(0));
        assert_eq!(put(69_999), Reception::Late);
        assert_eq!(put(70_000), Reception::Late);
        assert_eq!(put(70_001), Reception::Taken);
        assert_eq!(put(70_012), Reception::Taken);
        assert_eq!(put(70_013), Reception::Early);
        let mut said = mailbox.open();
        assert!(said.take_input(Tick(70_001)).is_some());
        assert!(said.take_input(Tick(70_001)).is_none(), "taken once");
        assert!(said.take_input(Tick(70_002)).is_none());
        assert!(said.take_input(Tick(70_012)).is_some());
    }

    #[test]
    fn a_flood_for_one_tick_counts_once_and_the_newest_wins() {
        let mailbox = mailbox(0);
        for magnitude in 0..8 {
            mailbox.put_input(&input(5, magnitude), Stamp(0));
        }
        assert_eq!(mailbox.open().take_input(Tick(5)).unwrap().controls.magnitude, 7);
    }

    #[test]
    fn inputs_for_several_ticks_wait_together_and_the_newest_of_each_wins() {
        let mailbox = mailbox(0);
        let put = |tick, magnitude| mailbox.put_input(&input(tick, magnitude), Stamp(0));
        let take = |tick| mailbox.open().take_input(Tick(tick)).map(|input| input.controls.magnitude);
        for tick in [3, 1, 2, 4] {
            put(tick, tick as u8);
        }
        put(4, 5);
        assert_eq!((take(1), take(2), take(3)), (Some(1), Some(2), Some(3)));
        // The first place is free again by now.
        put(4, 6);
        put(5, 7);
        assert_eq!((take(4), take(4), take(5)), (Some(6), None, Some(7)));
    }

    #[test]
    fn an_input_that_came_just_too_late_keeps_no_place() {
        let mailbox = mailbox(0);
        assert!(mailbox.open().take_input(Tick(1)).is_none());
        // The clock is set when the tick is over.
        assert_eq!(mailbox.put_input(&input(1, 1), Stamp(0)), Reception::Taken);
        assert!(mailbox.open().take_input(Tick(2)).is_none());
        mailbox.put_input(&input(3, 3), Stamp(0));
        let mut said = mailbox.open();
        assert!(said.inputs.others.is_none(), "the first place was free");
        assert_eq!(said.take_input(Tick(3)).unwrap().controls.magnitude, 3);
    }

    #[test]
    fn an_input_for_the_next_tick_needs_no_clock() {
        let mailbox = mailbox(1000);
        let mut any = input(3, 4);
        any.ctl |= Input::NEXT_TICK;
        assert_eq!(mailbox.put_input(&any, Stamp(0)), Reception::Taken);
        assert_eq!(mailbox.open().take_input(Tick(1001)).unwrap().controls.magnitude, 4);
        assert!(mailbox.open().take_input(Tick(1002)).is_none());
    }

    #[test]
    fn a_missing_input_repeats_the_last_one_for_eight_ticks() {
        let mut held = Held::default();
        let full = Controls { magnitude: 7, aim: 99, ..Controls::default() };
        let arrived = Some(Arrived { controls: full, view: 0, at: Stamp(0) });
        let mut resolve = |arrived| held.resolve(arrived, Tick(5), Tick(5)).controls;
        assert_eq!(resolve(arrived), full);
        for _ in 0..REPEAT_TICKS {
            assert_eq!(resolve(None), full);
        }
        assert_eq!(resolve(None), Controls { aim: 99, ..Controls::default() });
        assert_eq!(resolve(arrived), full);
    }

    #[test]
    fn a_shot_is_judged_where_the_player_can_have_seen_the_others() {
        assert_eq!(rewind(20, Tick(100), Tick(99)), 20, "as the player says");
        assert_eq!(rewind(0, Tick(100), Tick(97)), 24, "nobody sees what has not arrived");
        assert_eq!(rewind(255, Tick(100), Tick(99)), 56, "at most seven ticks");
        assert_eq!(rewind(0, Tick(100), Tick(2)), 56, "nor more on a path that is slower still");
        assert_eq!(rewind(3, Tick(100), Tick(100)), 3);
    }
}
