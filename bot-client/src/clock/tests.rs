//! The clock against a virtual server and link, in virtual time: 1 ms steps, no sockets, no waiting.

use std::collections::BTreeMap;

use super::*;

/// A room and a link with delays that a test chooses.
struct Link {
    /// ms from client to server and back, for the n-th message.
    up: fn(u64) -> u64,
    down: fn(u64) -> u64,
    /// Instants (ms) between which the server simulates nothing.
    stall: (u64, u64),
    /// The client reads nothing before this (ms).
    deaf: u64,
}

/// What happened to the inputs of the last part of a run.
#[derive(Debug, Default)]
struct Outcome {
    margins: Vec<i64>,
    missing: u32,
    sent: u32,
    clock_locked: bool,
    target: f64,
}

const DT: f64 = 1000.0 / 30.0;

impl Link {
    fn steady(up: fn(u64) -> u64, down: fn(u64) -> u64) -> Link {
        Link { up, down, stall: (0, 0), deaf: 0 }
    }

    /// Runs for `ms`, and judges what happens from `from` on.
    fn run(&self, ms: u64, from: u64) -> Outcome {
        let base = Instant::now();
        let at = |ms: u64| base + Duration::from_millis(ms);
        let first = 70_000;
        let mut clock: Option<Clock> = None;
        let mut out = Outcome::default();
        let (mut tick, mut next_step, mut messages) = (first, 0.0, 0);
        let mut arrived: BTreeMap<u32, u64> = BTreeMap::new(); // tick -> ms, at the server
        let mut uplink: Vec<(u64, u32)> = Vec::new();
        let mut downlink: Vec<(u64, u32, i8)> = Vec::new();
        let (mut last_up, mut last_down) = (0, 0);
        for now in 0..ms {
            uplink.retain(|&(when, input)| {
                if when <= now && input > tick && input <= tick + WINDOW {
                    arrived.entry(input).or_insert(when);
                }
                when > now
            });
            let stalled = (self.stall.0..self.stall.1).contains(&now);
            if !stalled && now as f64 >= next_step {
                next_step = if now as f64 - next_step > 5.0 * DT { now as f64 } else { next_step } + DT;
                tick += 1;
                let margin = match arrived.remove(&tick) {
                    Some(when) => (now - when).min(127) as i8,
                    None => MARGIN_MISSING,
                };
                if now >= from {
                    match margin {
                        MARGIN_MISSING => out.missing += 1,
                        m => out.margins.push(i64::from(m)),
                    }
                }
                messages += 1;
                last_down = last_down.max(now + (self.down)(messages));
                downlink.push((last_down, tick, margin));
            }
            downlink.retain(|&(when, tick, margin)| {
                let comes = when <= now && now >= self.deaf;
                if comes {
                    match &mut clock {
                        Some(clock) => clock.on_snapshot(Tick(tick), margin, at(now)),
                        None => clock = Some(Clock::new(Tick(tick), 30, at(now))),
                    }
                }
                !comes
            });
            let Some(clock) = &mut clock else { continue };
            while let Some(due) = clock.due(at(now)) {
                assert!(due.scheduled <= at(now));
                last_up = last_up.max(now + (self.up)(messages));
                uplink.push((last_up, due.tick.0));
                out.sent += u32::from(now >= from);
            }
            out.clock_locked = clock.locked();
            out.target = clock.target_ms();
        }
        out
    }
}

fn mean(margins: &[i64]) -> f64 {
    margins.iter().sum::<i64>() as f64 / margins.len() as f64
}

#[test]
fn on_a_quiet_link_inputs_arrive_just_in_time() {
    for link in [Link::steady(|_| 0, |_| 0), Link::steady(|_| 40, |_| 40), Link::steady(|_| 90, |_| 30)] {
        let out = link.run(6000, 2000);
        assert_eq!(out.missing, 0, "{out:?}");
        assert!((6.0..13.0).contains(&mean(&out.margins)), "{out:?}");
        assert!(out.target < 10.0, "{out:?}");
        assert!((118..=122).contains(&out.sent), "one input a tick: {out:?}");
    }
}

#[test]
fn jitter_widens_the_lead_instead_of_losing_inputs() {
    let out = Link::steady(|n| 20 + n * 7919 % 31, |n| 20 + n * 104_729 % 17).run(20_000, 5000);
    assert!(out.missing <= 9, "under 2 % of 450: {out:?}");
    assert!((20.0..60.0).contains(&out.target), "{out:?}");
}

#[test]
fn a_long_round_trip_is_found_by_seeking() {
    let out = Link::steady(|_| 150, |_| 150).run(8000, 4000);
    assert_eq!(out.missing, 0, "{out:?}");
    assert!(out.clock_locked);
}

#[test]
fn inputs_that_seeking_made_overdue_are_not_taken_for_slow_ones() {
    for up in [|_| 0, |_| 20, |_| 40, |_| 70, |_| 110] {
        // What comes first comes late, so that the clock begins to seek too late.
        let down = |n| if n < 2 { 53 } else { 20 };
        let out = Link::steady(up, down).run(3000, 1000);
        assert!(out.missing == 0 && out.target < 14.0 && mean(&out.margins) < 20.0, "{out:?}");
    }
}

#[test]
fn who_reads_the_first_messages_late_catches_up_at_once() {
    for deaf in [100, 300, 1900, 6000] {
        let out = Link { deaf, ..Link::steady(|_| 40, |_| 40) }.run(deaf + 3000, deaf + 1000);
        assert!(out.clock_locked && out.missing == 0, "{deaf} ms: {out:?}");
    }
}

#[test]
fn a_server_that_stalls_is_followed_again() {
    for delay in [|_| 0, |_| 5, |_| 80] {
        for end in [3500, 3700, 4200, 8000] {
            let link = Link { stall: (3000, end), ..Link::steady(delay, delay) };
            let at_once = link.run(end + 2000, end);
            assert!(at_once.missing <= 16, "a server that stood still to {end}: {at_once:?}");
            let out = link.run(end + 6000, end + 2300);
            assert!(out.missing == 0 && mean(&out.margins) < 30.0, "{out:?}");
        }
    }
}

#[test]
fn after_a_stall_of_ones_own_only_ticks_of_use_are_sent() {
    let base = Instant::now();
    let mut clock = Clock::new(Tick(100), 30, base);
    while clock.due(base).is_some() {}
    let late = base + Duration::from_secs(3);
    let mut sent = 0;
    while clock.due(late).is_some() {
        sent += 1;
    }
    assert!((1..=2).contains(&sent), "{sent}");
    assert!(clock.next_due() > late);
}

#[test]
fn the_phase_never_runs_away_from_time_by_more_than_it_may() {
    let base = Instant::now();
    let mut clock = Clock::new(Tick(0), 30, base);
    // Locks at a margin of 10 ms; then every input arrives 60 ms early.
    let (mut last, mut tick): (Option<Due>, u32) = (None, 1);
    for ms in 0..6000u32 {
        let now = base + Duration::from_millis(u64::from(ms));
        while let Some(due) = clock.due(now) {
            if let Some(last) = last.replace(due).filter(|last| last.tick > Tick(20)) {
                let gap = (due.scheduled - last.scheduled).as_secs_f64() * 1000.0 / DT;
                assert!((0.94..1.03).contains(&gap), "{gap} at {due:?}");
            }
        }
        if f64::from(ms) >= f64::from(tick) * DT {
            clock.on_snapshot(Tick(tick), if tick < 10 { 10 } else { 60 }, now);
            tick += 1;
        }
    }
}

/// How long before its tick each input is scheduled, ms, where the n-th is sent so many ms late.
fn lead(ahead: u64, late: impl Fn(u32) -> u64) -> Vec<f64> {
    let base = Instant::now();
    let mut clock = Clock::new(Tick(0), 30, base).ahead(Duration::from_millis(ahead));
    let (mut tick, mut sent, mut leads) = (1, BTreeMap::new(), Vec::new());
    for ms in 0..6000 {
        let now = base + Duration::from_millis(ms);
        if clock.next_due() + Duration::from_millis(late(tick)) <= now {
            while let Some(due) = clock.due(now) {
                sent.insert(due.tick.0, ms);
                let scheduled = (due.scheduled - base).as_secs_f64() * 1000.0;
                leads.extend((tick > 60).then_some(f64::from(due.tick.0) * DT - scheduled));
            }
        }
        if ms as f64 >= f64::from(tick) * DT {
            let margin = sent.remove(&tick).map_or(MARGIN_MISSING, |at: u64| (ms - at).min(127) as i8);
            clock.on_snapshot(Tick(tick), margin, now);
            tick += 1;
        }
    }
    leads
}

#[test]
fn who_is_ahead_keeps_the_schedule_through_lateness_that_others_make_up_for() {
    const LATE: [u64; 3] = [0, 5, 10];
    let leads = |ahead, late: bool| lead(ahead, move |n| if late { LATE[n as usize % 3] } else { 0 });
    for (ahead, late, expected) in [(0, false, 7.0..11.0), (20, false, 27.0..31.0), (20, true, 27.0..31.0)] {
        let leads = leads(ahead, late);
        let kept = leads.iter().all(|ms| expected.contains(ms));
        assert!(leads.len() > 100 && kept, "ahead by {ahead}, late: {late}: {leads:?}");
    }
    let moved = leads(0, true);
    assert!(moved.len() > 100 && moved.iter().all(|&ms| ms > 15.0), "{moved:?}");
}
