// Pulses between prediction, snapshots and the eye, and what a hit shows.

import test from 'node:test';
import assert from 'node:assert/strict';

import { Happenings } from '../client/happenings.js';
import { Pulses } from '../client/pulses.js';
import { newBody } from '../client/step.js';

const arena = { side: 2400 * 256, obstacles: [{ x: 700 * 256, y: 500 * 256, r: 90 * 256 }] };
const body = { ...newBody(), x: 300 * 256, y: 300 * 256 };
const wire = { id: 9, owner: 7, x: 322 * 256, y: 300 * 256, direction: 0, fired: 50 };
const ship = { slot: 2, generation: 0, x: 400 * 256, y: 300 * 256, aim: 0, hp: 80, state: 0 };

/** A snapshot arrives. Returns what is shown at once. */
function take(pulses, tick, flying, { events = [], ships = [], own = null } = {}, later = null) {
  const shown = [];
  const happenings = later ?? new Happenings(7, (event, x, y, byYou) => shown.push({ kind: event.kind, x, y, byYou }));
  const view = { tick, pulses: flying, events, ships, own };
  pulses.push(view);
  happenings.take(view, pulses, { x: 300, y: 300 });
  pulses.settle(tick);
  return { shown, happenings };
}

test('a fired pulse is there at once, and the confirmed one takes over where it is', () => {
  const pulses = new Pulses(arena, 7);
  pulses.predict(50, body, 0, 5);
  assert.equal(pulses.sample(45, 50)[0].x, 322, 'it leaves the muzzle in the own ship\'s time');
  take(pulses, 49, []);
  const before = pulses.sample(47, 52)[0].x;
  take(pulses, 50, [{ ...wire, direction: 4 << 12 }]);
  const shown = pulses.sample(47, 52);
  assert.equal(shown.length, 1);
  assert.equal(shown[0].x, before, 'though the server gave it another catch-up');
  for (let tick = 52; tick <= 60; tick += 0.25) pulses.sample(tick - 5, tick);
  assert.equal(pulses.sample(55, 60)[0].x, 322 + 30 * (55 - 50 + 4), 'with time it is where the server has it');
});

test('an own pulse meets the others where they are shown', () => {
  const pulses = new Pulses(arena, 7);
  pulses.predict(50, body, 0, 5);
  // Others are shown 5.5 ticks late; at the time of tick 60 the pulse has to be where the server has it at tick 60.
  assert.equal(pulses.sample(60, 65.5)[0].x, 322 + 30 * (10 + 5));
});

test('a prediction that nobody confirms is gone after a few ticks', () => {
  const pulses = new Pulses(arena, 7);
  pulses.predict(50, body, 0, 0);
  take(pulses, 51, []);
  assert.equal(pulses.sample(50, 52).length, 1);
  take(pulses, 54, []);
  assert.equal(pulses.sample(52, 54).length, 0);
});

test('another\'s pulse leaves its ship in the past and joins the present', () => {
  const pulses = new Pulses(arena, 7);
  take(pulses, 100, [{ id: 1, owner: 2, x: 300 * 256, y: 300 * 256, direction: 0, fired: 100 }]);
  assert.equal(pulses.sample(99.5, 105.5).length, 0);
  assert.equal(pulses.sample(100, 106)[0].x, 300);
  assert.equal(pulses.sample(108, 114)[0].x, 300 + 14 * 30);
});

test('a hit is shown on the victim when that is shown there, and ends the pulse', () => {
  const pulses = new Pulses(arena, 7);
  take(pulses, 50, [{ ...wire, direction: 2 << 12 }]);
  const { shown, happenings } = take(pulses, 52, [], { ships: [ship], events: [{ kind: 'hit', pulse: 9, victim: 2, damage: 20 }] });
  assert.deepEqual(shown, [], 'not before');
  assert.equal(pulses.sample(51, 53).length, 1, 'it is on its way');
  happenings.due(51.9);
  assert.deepEqual(shown, []);
  happenings.due(52);
  assert.deepEqual(shown, [{ kind: 'hit', x: 382, y: 300, byYou: true }]);
  assert.equal(pulses.sample(60, 62).length, 0);
  assert.deepEqual(pulses.stopped, [], 'a ship stopped it, nothing solid');
});

test('a pulse that struck at the muzzle was in no snapshot, and is known by its prediction', () => {
  const pulses = new Pulses(arena, 7);
  take(pulses, 49, []);
  pulses.predict(50, body, 0, 2);
  const events = [{ kind: 'hit', pulse: 33, victim: 2, damage: 20 }];
  const close = { ...ship, x: 350 * 256 };
  const { shown, happenings } = take(pulses, 50, [], { ships: [close], events });
  happenings.due(50);
  assert.equal(shown[0].byYou, true);
  const elsewhere = { ...ship, x: 900 * 256, y: 900 * 256 };
  pulses.predict(51, body, 0, 2);
  const other = take(pulses, 51, [], { ships: [elsewhere], events });
  other.happenings.due(51);
  assert.equal(other.shown[0].byYou, false);
});

test('what strikes the own ship is shown at once, on it', () => {
  const pulses = new Pulses(arena, 7);
  take(pulses, 50, [{ ...wire, owner: 2, x: 200 * 256 }]);
  const { shown } = take(pulses, 52, [], { own: { x: 310 * 256, y: 300 * 256 }, events: [{ kind: 'hit', pulse: 9, victim: 7, damage: 20 }] });
  assert.deepEqual(shown, [{ kind: 'hit', x: 282, y: 300, byYou: false }]);
  assert.equal(pulses.sample(51, 56).length, 0);
});

test('a pulse whose time is over for the server flies on until it is shown to be over', () => {
  const pulses = new Pulses(arena, 7);
  take(pulses, 50, [wire]);
  take(pulses, 81, []);
  assert.equal(pulses.sample(76, 81).length, 1);
  assert.equal(pulses.sample(81, 86).length, 0);
  assert.equal(pulses.sample(76, 81).length, 0, 'and is forgotten');
});
