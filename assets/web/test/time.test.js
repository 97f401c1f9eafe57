// Clock and interpolation in made-up time.

import test from 'node:test';
import assert from 'node:assert/strict';

import { Clock } from '../client/clock.js';
import { MARGIN_MISSING } from '../client/codec.js';
import { Interpolator } from '../client/interpolate.js';

const DT = 1000 / 30;
const near = (actual, expected, by, what) => assert.ok(Math.abs(actual - expected) <= by, `${what}: ${actual}, not ${expected} ± ${by}`);

/** A deterministic generator, 0..1. */
function dice(seed) {
  return () => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32);
}

/**
 * A line with a delay each way: every ms the client's clock advances, sends inputs that are due, and gets snapshots with
 * the margin that the server would have measured. What comes first comes `first` ms later still. Returns the margins from
 * `from` ms on, -1 for a missing one.
 */
function run(clock, { up, down, jitter = 0, seconds, seed = 1, first = 0, from = 4000 }) {
  const random = dice(seed);
  const arrivals = [];
  const inputAt = new Map();
  let tick = 1000;
  let sent = -1;
  let lastArrival = 0;
  const margins = [];
  for (let now = 0; now < seconds * 1000; now++) {
    while (tick * DT <= now + 1000 * DT) {
      const at = inputAt.get(tick);
      // In order, as TCP has it.
      lastArrival = Math.max(lastArrival, now + down + (lastArrival === 0 ? first : 0) + random() * jitter);
      arrivals.push({ tick, at: lastArrival, margin: at === undefined ? MARGIN_MISSING : Math.round(Math.min(127, now - at)) });
      tick++;
    }
    while (arrivals.length > 0 && arrivals[0].at <= now) {
      const { tick: shown, margin } = arrivals.shift();
      clock.onSnapshot(shown, now);
      clock.onMargin(shown, margin, now);
      if (now > from) margins.push(margin === MARGIN_MISSING ? -1 : margin);
    }
    clock.advance(now);
    if (!clock.running) continue;
    const due = Math.floor(clock.ownTick(now));
    if (sent < 0) sent = due - 1;
    while (sent < due) {
      sent++;
      clock.onInputSent(sent, now);
      const at = now + up + random() * jitter;
      if (at <= sent * DT - 1000 * DT + 1000 * DT) inputAt.set(sent, at);
    }
  }
  return margins;
}

test('on a calm line inputs come a little early and others are shown a little late', () => {
  const clock = new Clock(30);
  const margins = run(clock, { up: 40, down: 40, seconds: 10 });
  near(clock.rtt, 80, 3, 'round trip');
  assert.equal(margins.filter((m) => m < 0).length, 0);
  const mean = margins.reduce((sum, m) => sum + m, 0) / margins.length;
  near(mean, clock.target, 6, 'margin');
  near(clock.delay, 45, 6, 'delay');
});

test('a second after the first snapshot inputs come in time and not much earlier, however late that one was', () => {
  for (const first of [0, 33, 55]) {
    for (const up of [5, 20, 40, 70, 110]) {
      const margins = run(new Clock(30), { up, down: 20, seconds: 3, first, from: 1000 });
      assert.ok(margins.every((margin) => margin >= 0 && margin < 14), `${first}, ${up}: ${margins}`);
    }
  }
});

test('who sends no inputs has a clock that steps at first and then never', () => {
  const clock = new Clock(30);
  let before = NaN;
  for (let tick = 0; tick < 300; tick++) {
    // The line gets 60 ms slower, and then as fast as it was.
    const late = tick === 0 ? 50 : tick > 90 && tick < 200 ? 80 : 20;
    const now = tick * DT + late;
    clock.onSnapshot(tick, now);
    clock.advance(now);
    if (tick === 1) near(clock.offset, 20, 0.001, 'the step');
    if (tick > 40) assert.ok(Math.abs(clock.offset - before) <= (DT + 60) * 0.05 + 0.001, `${clock.offset} after ${before} at ${tick}`);
    before = clock.offset;
  }
});

test('where snapshots are rarer, others are shown later, so that there is always one ahead', () => {
  const clock = new Clock(30);
  for (let tick = 1; tick <= 300; tick += 3) {
    clock.onSnapshot(tick, tick * DT);
    for (let now = tick * DT; now < (tick + 3) * DT; now += 5) clock.advance(now);
  }
  near(clock.spacing, 3, 0.01, 'spacing');
  assert.ok(clock.delay > 3 * DT && clock.delay < 5 * DT, `${clock.delay}`);
});

test('a trembling line gets more of both, and inputs still come in time', () => {
  const calm = new Clock(30);
  run(calm, { up: 40, down: 40, seconds: 10 });
  const clock = new Clock(30);
  const margins = run(clock, { up: 60, down: 60, jitter: 40, seconds: 30 });
  assert.ok(clock.delay > calm.delay + 15, `${clock.delay}`);
  assert.ok(clock.target > calm.target);
  assert.ok(margins.filter((m) => m < 0).length < margins.length * 0.03, 'nearly none is late');
});

test('the lead grows at 5% and shrinks at 2% of the time that passes', () => {
  const clock = new Clock(30);
  let tick = 0;
  const feed = (now, margin) => {
    clock.onInputSent(tick, now);
    clock.onSnapshot(tick, now);
    clock.onMargin(tick++, margin, now);
  };
  feed(0, 8);
  const before = clock.lead;
  for (let i = 1; i <= 30; i++) {
    feed(i * DT, -60);
    clock.advance(i * DT);
  }
  const grown = clock.lead - before;
  assert.ok(grown > 0 && grown <= 30 * DT * 0.05 + 0.001, `${grown}`);
  const top = clock.lead;
  for (let i = 31; i <= 90; i++) {
    feed(i * DT, 127);
    clock.advance(i * DT);
  }
  assert.ok(clock.lead < top && top - clock.lead <= 60 * DT * 0.02 + 0.001);
});

const ship = (slot, x, over = {}) => ({ slot, generation: 0, x: x * 256, y: 0, aim: 0, hp: 100, state: 0, ...over });

test('between two snapshots a ship is between its two places', () => {
  const others = new Interpolator(30);
  others.push(10, [ship(1, 100, { aim: 250 })]);
  others.push(12, [ship(1, 120, { aim: 6 })]);
  const [shown] = others.sample(11);
  assert.equal(shown.x, 110);
  assert.equal(shown.vx, 300);
  near(shown.aim, Math.PI * 2, 1e-9, 'aim turns the short way');
});

test('without news a ship flies on for three ticks and then holds', () => {
  const others = new Interpolator(30);
  others.push(10, [ship(1, 100)]);
  others.push(11, [ship(1, 110)]);
  assert.equal(others.sample(12)[0].x, 120);
  assert.equal(others.sample(14)[0].x, 140);
  assert.equal(others.sample(40)[0].x, 140);
  assert.equal(others.starved, 3);
});

test('a ship appears and goes when its snapshots do', () => {
  const others = new Interpolator(30);
  others.push(10, []);
  others.push(11, [ship(1, 100)]);
  assert.equal(others.sample(10.5).length, 0);
  assert.equal(others.sample(11).length, 1);
  others.push(12, []);
  assert.equal(others.sample(11.9).length, 1);
  assert.equal(others.sample(12).length, 0);
});

test('who was put elsewhere does not fly there, and a new tenant of a slot starts anew', () => {
  const others = new Interpolator(30);
  others.push(10, [ship(1, 100)]);
  others.push(11, [ship(1, 2000)]);
  assert.equal(others.sample(10.9)[0].x, 100);
  assert.equal(others.sample(11)[0].x, 2000);
  others.push(12, [ship(1, 2010, { generation: 1 })]);
  assert.equal(others.sample(11.9).length, 0);
  assert.equal(others.sample(12)[0].generation, 1);
});

test('a ship that snapshots leave out flies on, is not gone, and turns where it did once it is told of again', () => {
  const others = new Interpolator(30);
  const ship = (x) => [{ slot: 3, generation: 0, x: x * 256, y: 0, aim: 0, hp: 100, state: 0 }];
  others.push(10, ship(100));
  others.push(11, ship(110), Uint8Array.of(1));
  for (const tick of [12, 13, 14]) others.push(tick, ship(110), Uint8Array.of(0));
  assert.equal(others.sample(13)[0].x, 130);
  assert.equal(others.sample(14.5)[0].x, 140, 'three ticks, then it holds');
  others.push(15, ship(150), Uint8Array.of(1));
  assert.equal(others.sample(14)[0].x, 140);
  others.push(16, ship(150), Uint8Array.of(0));
  others.push(17, [], Uint8Array.of());
  assert.equal(others.sample(17).length, 0);
});
