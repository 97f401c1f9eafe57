//! A prediction against a server made of the same step.

use super::*;
use protocol::input::Buttons;
use protocol::quantize::Q8;
use protocol::snapshot::{Timers, changed};
use sim::Obstacle;

const START: u32 = 1000;

/// The server's side: one ship, and what it held last.
struct Server {
    map: Arc<Map>,
    tick: Tick,
    body: Body,
    changed: u8,
}

impl Server {
    fn new() -> Server {
        let rock = Obstacle { x: 600 * Q8, y: 500 * Q8, r: 60 * Q8 };
        let map = Arc::new(Map::new(1000 * Q8, vec![rock]));
        let body = Body { x: 500 * Q8, y: 490 * Q8, energy: 25_600, ..Body::default() };
        Server { map, tick: Tick(START), body, changed: changed::SPAWN }
    }

    fn step(&mut self, controls: Controls) {
        self.tick = self.tick.next();
        let near = self.map.near(self.body.x, self.body.y);
        sim::body::step(&mut self.body, controls, self.map.side(), near);
    }

    /// Sends a snapshot.
    fn own(&mut self) -> Own {
        let Body { x, y, vx, vy, energy, timers } = self.body;
        let changed = std::mem::take(&mut self.changed);
        Own { x, y, vx: vx as i16, vy: vy as i16, energy, timers, hp: 100, changed }
    }
}

/// Controls that turn, boost, fire and bounce.
fn controls(tick: u32) -> Controls {
    let buttons = [Buttons::FIRE, Buttons::BOOST, Buttons::LANCE, Buttons::default()];
    Controls {
        magnitude: (tick / 3 % 8) as u8,
        buttons: buttons[(tick / 7 % 4) as usize],
        dir: (tick * 5 % 256) as u8,
        aim: (tick * 31 % 4096) as u16,
    }
}

/// Plays `ticks` with inputs sent `lead` ticks ahead. Of the ticks for which `sends` is false no snapshot comes.
fn play(server: &mut Server, ticks: u32, lead: u32, sends: impl Fn(u32) -> bool) -> Prediction {
    let mut prediction = Prediction::new(Arc::clone(&server.map), server.tick);
    let first = server.tick.0;
    for n in 1..=ticks + lead {
        let tick = first + n;
        prediction.commit(Tick(tick), controls(tick));
        if n > lead {
            server.step(controls(tick - lead));
            if sends(tick - lead) {
                prediction.confirm(server.tick, Some(&server.own()));
            }
        }
    }
    prediction
}

#[test]
fn a_ship_left_alone_is_where_it_was_predicted() {
    let mut server = Server::new();
    let prediction = play(&mut server, 600, 5, |_| true);
    assert_eq!(prediction.tally(), Tally { compared: 599, mispredictions: 0 });
    for n in 1..=5 {
        server.step(controls(START + 600 + n));
    }
    assert_eq!(
        prediction.newest(),
        Some((server.tick, server.body)),
        "and the newest step is ahead of the server"
    );
}

#[test]
fn snapshots_that_are_skipped_change_nothing() {
    let mut server = Server::new();
    let sends = |tick: u32| !tick.is_multiple_of(3) && !(1100..1140).contains(&tick);
    let tally = play(&mut server, 600, 5, sends).tally();
    assert_eq!(tally.mispredictions, 0);
    assert!(tally.compared > 350, "{tally:?}");
}

#[test]
fn what_the_server_owns_up_to_is_no_misprediction_and_is_replayed() {
    let mut server = Server::new();
    let mut prediction = play(&mut server, 50, 4, |_| true);
    let before = prediction.newest().map(|(_, body)| body);
    server.step(controls(server.tick.0 + 1));
    server.body.energy -= 100;
    server.body.timers.regen = 150;
    server.changed = changed::DAMAGE;
    prediction.confirm(server.tick, Some(&server.own()));
    assert_eq!(prediction.tally().mispredictions, 0);
    let (newest, body) = prediction.newest().unwrap();
    assert_ne!(Some(body), before);
    while server.tick < newest {
        server.step(controls(server.tick.0 + 1));
    }
    assert_eq!(body, server.body);
}

#[test]
fn what_it_does_not_own_up_to_is_counted_once() {
    let mut server = Server::new();
    let mut prediction = play(&mut server, 50, 4, |_| true);
    server.step(controls(server.tick.0 + 1));
    server.body.vx += 1;
    prediction.confirm(server.tick, Some(&server.own()));
    server.step(controls(server.tick.0 + 1));
    prediction.confirm(server.tick, Some(&server.own()));
    assert_eq!(prediction.tally().mispredictions, 1);
    let first = prediction.first().unwrap();
    assert_eq!((first.tick, first.actual.vx), (Tick(START + 51), first.predicted.vx + 1));
    assert!(first.to_string().contains("tick 1051, 1 after"), "{first}");
}

#[test]
fn a_missing_input_is_predicted_as_the_server_repeats_it() {
    let mut server = Server::new();
    let mut prediction = Prediction::new(Arc::clone(&server.map), server.tick);
    let full = Controls { magnitude: 7, aim: 9, ..Controls::default() };
    prediction.commit(Tick(START + 1), full);
    server.step(full);
    prediction.confirm(server.tick, Some(&server.own()));
    for n in 2..=20 {
        server.step(if n <= 9 { full } else { Controls { aim: 9, ..Controls::default() } });
        server.changed = changed::INPUT_MISSING;
        let tick = server.tick;
        prediction.confirm(tick, Some(&server.own()));
        assert_eq!(prediction.newest(), Some((tick, server.body)));
    }
    // Had there been a difference, the server would be right: look at what is predicted without it.
    let mut ahead = Prediction::new(Arc::clone(&server.map), Tick(START));
    let mut server = Server::new();
    server.step(full);
    ahead.commit(Tick(START + 1), full);
    ahead.confirm(server.tick, Some(&server.own()));
    ahead.commit(Tick(START + 20), full);
    for n in 2..=20 {
        let neutral = Controls { aim: 9, ..Controls::default() };
        server.step(if n <= 9 || n == 20 { full } else { neutral });
    }
    assert_eq!(ahead.newest(), Some((server.tick, server.body)));
}

#[test]
fn what_was_sent_for_a_tick_stays() {
    let server = Server::new();
    let mut prediction = Prediction::new(Arc::clone(&server.map), server.tick);
    let (one, other) = (controls(1), controls(99));
    assert_eq!(prediction.commit(Tick(START + 3), one), one);
    assert_eq!(prediction.commit(Tick(START + 3), other), one, "sent again");
    assert_eq!(prediction.commit(Tick(START + 2), other), other, "left out before");
    assert_eq!(prediction.commit(Tick(START + 2), one), other);
    assert_eq!(prediction.commit(Tick(START), one), one, "too late to matter");
}

#[test]
fn death_a_lost_snapshot_and_long_silence_only_interrupt() {
    let mut server = Server::new();
    let mut prediction = play(&mut server, 20, 3, |_| true);
    let mut compared = prediction.tally().compared;
    let dead = Own { timers: Timers { respawn: 60, ..Timers::default() }, ..Own::default() };
    for n in 0..60 {
        server.step(controls(0));
        let own = Own { changed: if n == 0 { changed::DEATH } else { 0 }, ..dead };
        prediction.confirm(server.tick, Some(&own));
        assert_eq!(prediction.newest(), None);
    }
    server.body = Body { x: 300 * Q8, y: 300 * Q8, ..Body::default() };
    server.changed = changed::SPAWN;
    let mut go = |prediction: &mut Prediction, ticks: u32| {
        for _ in 0..ticks {
            let next = server.tick.next();
            prediction.commit(next, controls(next.0));
            server.step(controls(next.0));
        }
        prediction.confirm(server.tick, Some(&server.own()));
        prediction.tally().compared
    };
    assert_eq!(go(&mut prediction, 1), compared, "the spawn is not predicted");
    compared = go(&mut prediction, 1);
    prediction.lose();
    assert_eq!(go(&mut prediction, 2), compared, "who knows what the lost one said");
    assert_eq!(go(&mut prediction, 1), compared + 1);
    assert_eq!(go(&mut prediction, 1000), compared + 1, "too long ago");
    assert_eq!(go(&mut prediction, 1), compared + 2);
    prediction.confirm(Tick(1_000_000), Some(&Own { hp: 1, ..Own::default() }));
    assert_eq!(prediction.tally(), Tally { compared: compared + 2, mispredictions: 0 });
}
