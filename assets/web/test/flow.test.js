// What the client owes the server: an acknowledgement of every snapshot, a word when it lost track, and the truth about
// how late it sees the others.

import test from 'node:test';
import assert from 'node:assert/strict';

import { CHANGED, FLAG, MARGIN_MISSING } from '../client/codec.js';
import { newBody } from '../client/step.js';
import { controls, play, seated, snapshotBytes } from './server.js';

const body = { ...newBody(), x: 500 * 256, y: 500 * 256, energy: 25600 };
const DT = 1000 / 30;
const ROUND_TRIP = 40;

/** A game that was welcomed, its socket, and a way to let snapshots arrive. */
function start() {
  const { game, world, socket } = seated();
  /** When the input of each tick left. */
  const left = new Map();
  let seen = 0;
  const arrive = (n, flags = n === 0 ? FLAG.OWN | FLAG.FULL : FLAG.OWN) => {
    for (const { type, tick } of socket.sent.slice(seen)) if (type === 'Input') left.set(tick, world.time);
    seen = socket.sent.length;
    world.time = (n + 1) * DT;
    const margin = Math.floor(world.time - ROUND_TRIP - left.get(1001 + n));
    socket.receive(snapshotBytes(n, 1001 + n, margin >= 0 ? margin : MARGIN_MISSING, body, CHANGED.PICKUP, flags));
  };
  const said = (type) => socket.sent.filter((m) => m.type === type);
  return { game, socket, world, arrive, said };
}

test('a page that sends no inputs acknowledges each snapshot', () => {
  const { arrive, said } = start();
  for (let n = 0; n < 300; n++) arrive(n);
  assert.deepEqual(said('Ack').map(({ seq }) => seq), Array.from({ length: 300 }, (_, n) => n & 255));
});

test('inputs acknowledge by themselves', () => {
  const { game, arrive, said } = start();
  for (let n = 0; n < 60; n++) {
    arrive(n);
    game.pump(() => controls(n));
  }
  assert.ok(said('Ack').length <= 2, `${said('Ack').length}`);
  const inputs = said('Input');
  assert.ok(inputs.length > 50);
  assert.equal(inputs.at(-1).ack, 59);
  game.setIdle(true);
  const before = said('Ack').length;
  for (let n = 60; n < 70; n++) {
    arrive(n);
    game.pump(() => controls(n));
  }
  assert.ok(said('Ack').length >= before + 7, 'a hidden page sends no inputs');
  assert.equal(said('Ack').at(-1).seq, 69);
});

test('a view that no longer adds up is asked for anew, once', () => {
  const { game, arrive, said } = start();
  arrive(0);
  arrive(1);
  arrive(2, FLAG.OWN | FLAG.EVENTS);
  for (let n = 3; n < 6; n++) arrive(n);
  assert.equal(said('Resync').length, 1);
  assert.equal(game.stats.resyncs, 1);
  assert.ok(game.own, 'the own ship stays');
  assert.equal(said('Ack').at(-1).seq, 5, 'what cannot be used is acknowledged all the same');
  arrive(6, FLAG.OWN | FLAG.FULL);
  assert.equal(game.reader.lost, false);
  arrive(7);
  arrive(8, FLAG.OWN | FLAG.EVENTS);
  assert.equal(said('Resync').length, 2);
});

test('a full snapshot that cannot be read ends the line', () => {
  const { game, arrive } = start();
  arrive(0, FLAG.OWN | FLAG.FULL | FLAG.EVENTS);
  assert.equal(game.net.status.phase, 'closed');
});

test('only unreadable snapshots are silence', () => {
  const { game, arrive, world } = start();
  arrive(0);
  for (let n = 1; n < 100; n++) {
    arrive(n, FLAG.OWN | FLAG.EVENTS);
    game.pump(() => controls(n));
  }
  assert.equal(game.silent, true);
  world.time += 2000;
  game.pump(() => controls(0));
  assert.equal(game.net.status.phase, 'waiting', 'a new connection starts anew');
});

for (const delay of [10, 60]) {
  test(`an input says how late the others are seen, ${delay * 2} ms away`, () => {
    const inputs = [];
    const game = play({ delay, seconds: 8, heard: (m) => inputs.push(m) });
    const { clock } = game;
    const expected = ((clock.delay + clock.lead) / DT) * 8;
    const told = inputs.slice(-60).reduce((sum, { view }) => sum + view, 0) / 60;
    // An input leaves up to a tick's eighth after its time.
    assert.ok(Math.abs(told - expected) < 3, `${told} told, ${expected} shown`);
    assert.ok(inputs.slice(-60).every(({ view }) => Math.abs(view - told) < 8));
  });
}
