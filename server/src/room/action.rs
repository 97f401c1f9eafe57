//! What flies and what happens in a client's field: pulses that are new to it, hits, explosions and beams.
//!
//! Most of what happens in a tick happens out of a client's sight, so what every client goes through is short and flat.

use protocol::snapshot::{Event as WireEvent, Hit, Pulse};
use sim::{Event, World};

use super::interest::Field;
use super::seat::Baseline;
use super::states::KEPT;

/// Most pulses that are told in one snapshot; more are told a tick later.
const MAX_SPAWNS: usize = 100;

/// Most events of a kind that are told in one snapshot: they are only shown.
const MAX_EVENTS: usize = 60;

/// What there is to tell of fights. Kept between ticks for its buffers.
#[derive(Debug, Default)]
pub struct Action {
    /// By tick modulo [`KEPT`]: what happened then.
    moments: [Moment; KEPT],
    /// Pulses in view.
    pulses: Vec<Pulse>,
    /// Of these the ones that are to be told, ascending id.
    pub spawns: Vec<Pulse>,
    /// Hits since the last snapshot.
    pub hits: Vec<Hit>,
    /// Explosions and beams since the last snapshot.
    pub shown: Vec<WireEvent>,
}

/// What happened in one tick, in order.
#[derive(Debug, Default)]
struct Moment {
    /// Where each hit was, Q8.
    places: Vec<(i32, i32)>,
    hits: Vec<Hit>,
    /// The pulses that hit.
    spent: Spent,
    /// Ships destroyed and beams.
    sights: Vec<Event>,
}

impl Action {
    /// Notes what the last step did; before any client is told of it.
    pub fn record(&mut self, world: &World) {
        let Moment { places, hits, spent, sights } = &mut self.moments[world.tick().0 as usize % KEPT];
        places.clear();
        hits.clear();
        sights.clear();
        *spent = Spent::default();
        for event in world.events() {
            match *event {
                Event::Hit { pulse, victim, damage, x, y, .. } => {
                    places.push((x, y));
                    hits.push(Hit { pulse, victim, damage });
                    spent.add(pulse);
                }
                Event::Destroyed { .. } | Event::Beam { .. } => sights.push(*event),
                Event::Taken { .. } => {}
            }
        }
    }

    /// Ships destroyed and beams of the last step.
    pub fn sights(&self, world: &World) -> &[Event] {
        &self.moments[world.tick().0 as usize % KEPT].sights
    }

    /// Finds out what is to be told since the baseline, and makes the pulses in view the baseline.
    pub fn look(&mut self, world: &World, field: &Field, baseline: &mut Baseline) {
        self.happened(world, field, baseline);
        self.pulses.clear();
        world.pulses_in(field.enter, &mut self.pulses);
        self.spawns.clear();
        let told = &mut baseline.pulses;
        let mut before = told.iter().copied().peekable();
        for pulse in &self.pulses {
            while before.next_if(|(id, _)| *id < pulse.id).is_some() {}
            if before.next_if(|known| *known == (pulse.id, pulse.fired)).is_none() {
                self.spawns.push(*pulse);
            }
        }
        // In a crowd some are told a tick later, the last ones fired first.
        let late = self.spawns.len().saturating_sub(MAX_SPAWNS);
        let waiting = &self.spawns[..late];
        told.clear();
        let in_time = self.pulses.iter().filter(|p| !waiting.iter().any(|w| w.id == p.id));
        told.extend(in_time.map(|p| (p.id, p.fired)));
        self.spawns.drain(..late);
    }

    /// Hits of pulses that the client knows or in view, explosions and beams in view.
    fn happened(&mut self, world: &World, field: &Field, baseline: &Baseline) {
        self.hits.clear();
        self.shown.clear();
        let told = &baseline.pulses;
        let now = world.tick();
        let base = baseline.tick.unwrap_or(now.minus(1));
        for tick in base.0 + 1..=now.0 {
            let Moment { places, hits, spent, sights } = &self.moments[tick as usize % KEPT];
            let any_known = told.iter().any(|(id, _)| spent.may_have(*id));
            for (&(x, y), hit) in places.iter().zip(hits) {
                let in_view = field.shows(x, y) && self.hits.len() < MAX_EVENTS;
                if in_view || any_known && told.binary_search_by_key(&hit.pulse, |(id, _)| *id).is_ok() {
                    self.hits.push(*hit);
                }
            }
            self.shown.extend(sights.iter().filter_map(|event| visible(event, field)));
        }
        self.shown.truncate(MAX_EVENTS);
    }

    /// Forgets what the last look found: nobody looks now.
    pub fn look_away(&mut self) {
        self.spawns.clear();
    }
}

/// The event as the client is told of it, if it is.
fn visible(event: &Event, field: &Field) -> Option<WireEvent> {
    match *event {
        Event::Destroyed { victim, x, y, .. } if field.shows(x, y) => {
            Some(WireEvent::Explosion { slot: victim, x, y })
        }
        Event::Beam { slot, x, y, to_x, to_y, victim, damage, rewind }
            if field.shows(x, y) || field.shows(to_x, to_y) =>
        {
            Some(WireEvent::Beam { slot, x, y, to_x, to_y, victim, damage, rewind })
        }
        _ => None,
    }
}

/// The ids of some pulses, roughly: it may say that it has one that it has not.
#[derive(Debug, Default)]
struct Spent([u64; 32]);

impl Spent {
    fn place(id: u16) -> (usize, u64) {
        (usize::from(id / 64 % 32), 1 << (id % 64))
    }

    fn add(&mut self, id: u16) {
        let (word, bit) = Spent::place(id);
        self.0[word] |= bit;
    }

    fn may_have(&self, id: u16) -> bool {
        let (word, bit) = Spent::place(id);
        self.0[word] & bit != 0
    }
}

const _: () =
    assert!(sim::rules::PULSE_LIFE == protocol::snapshot::PULSE_LIFE, "clients end pulses themselves");
