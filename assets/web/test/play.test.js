// Prediction, pulses and the line, against a server of a few lines that runs the same step.

import test from 'node:test';
import assert from 'node:assert/strict';

import { encodeClient, CHANGED } from '../client/codec.js';
import { Connection } from '../client/net.js';
import { Predictor } from '../client/predict.js';
import { newBody, step } from '../client/step.js';
import { byeBytes, controls, FakeSocket, identity, outside, play, seated, token, welcomeBytes } from './server.js';

const arena = { side: 2400 * 256, obstacles: [{ x: 700 * 256, y: 500 * 256, r: 90 * 256 }] };
function ownOf(body, changed = 0, hp = 100) {
  const { x, y, vx, vy, energy, pulse, lance, windup, shield, overdrive, regen } = body;
  return { x, y, vx, vy, energy, timers: { pulse, lance, windup, shield, overdrive, respawn: 0, regen }, hp, changed };
}

function start() {
  const body = newBody();
  Object.assign(body, { x: 500 * 256, y: 500 * 256, energy: 25600 });
  const predictor = new Predictor(arena);
  predictor.reconcile(0, ownOf(body, CHANGED.SPAWN));
  return { body, predictor };
}

test('a prediction with the same inputs is never corrected', () => {
  const { body, predictor } = start();
  for (let tick = 1; tick <= 600; tick++) {
    predictor.apply(tick, controls(tick));
    if (tick <= 6) continue;
    step(body, controls(tick - 6), arena);
    predictor.reconcile(tick - 6, ownOf(body));
  }
  assert.equal(predictor.corrections, 0);
  assert.equal(predictor.mispredictions, 0);
});

test('what acts from outside is taken over and not counted against the prediction', () => {
  const { body, predictor } = start();
  for (let tick = 1; tick <= 10; tick++) predictor.apply(tick, controls(tick));
  for (let tick = 1; tick <= 4; tick++) step(body, controls(tick), arena);
  body.x += 40 * 256;
  predictor.reconcile(4, ownOf(body, CHANGED.PICKUP));
  assert.equal(predictor.corrections, 1);
  assert.equal(predictor.mispredictions, 0);
  for (let tick = 5; tick <= 10; tick++) step(body, controls(tick), arena);
  assert.deepEqual({ ...predictor.body }, { ...body });
  assert.ok(Math.abs(predictor.errorX + 40) < 2, 'the eye does not see the jump');
  predictor.fade(80);
  assert.ok(Math.abs(predictor.errorX + 40 / Math.E) < 2);
});

test('the same without a reason is a misprediction, and a long way is not hidden', () => {
  const { body, predictor } = start();
  for (let tick = 1; tick <= 10; tick++) predictor.apply(tick, controls(tick));
  for (let tick = 1; tick <= 4; tick++) step(body, controls(tick), arena);
  body.y += 400 * 256;
  predictor.reconcile(4, ownOf(body));
  assert.equal(predictor.mispredictions, 1);
  assert.equal(predictor.errorY, 0);
});

test('missing inputs are repeated for eight ticks, as the server does', () => {
  const { body, predictor } = start();
  predictor.apply(1, controls(1));
  predictor.skipTo(15);
  for (let tick = 1; tick <= 15; tick++) step(body, tick <= 9 ? controls(1) : { ctl: 0, dir: 0, aim: 0 }, arena);
  assert.deepEqual({ ...predictor.body }, { ...body });
});

test('a lost line comes back with the seat\'s token', () => {
  const world = outside();
  const statuses = [];
  const net = new Connection('ws://x/ws', world, () => {}, (s) => statuses.push(s.phase));
  net.open(identity);
  const [first] = FakeSocket.all;
  assert.deepEqual(first.protocols, ['drift.v1.bincode']);
  first.accept();
  assert.equal(first.sent[0].type, 'Hello');
  assert.equal(first.sent[0].resume, null);
  assert.equal(net.send({ type: 'Spawn' }), false, 'nothing leaves before the welcome');
  first.receive(welcomeBytes());
  assert.equal(net.send({ type: 'Spawn' }), true);
  first.end(1006);
  assert.deepEqual(statuses, ['connecting', 'open', 'waiting']);
  assert.equal(world.timers.at(-1).ms, 250);
  world.timers.at(-1).run();
  const second = FakeSocket.all[1];
  second.accept();
  assert.equal(second.sent[0].resume, token);
});

test('a seat of an earlier page is asked back, and whoever gets another one is told', () => {
  const world = outside();
  const net = new Connection('ws://x/ws', world, () => {}, () => {});
  assert.equal(net.seat, null);
  net.open(identity, token);
  const arrive = (resumed) => {
    const socket = FakeSocket.all.at(-1);
    socket.accept();
    assert.equal(socket.sent[0].resume, token);
    socket.receive(welcomeBytes(true, resumed));
    return socket;
  };
  arrive(true).end(4006);
  assert.equal(net.anew, null, 'it is the same seat');
  assert.deepEqual(net.seat, { token, identity });
  world.timers.at(-1).run();
  const last = arrive(false);
  assert.equal(net.anew, 4006);
  last.end(1006);
  world.timers.at(-1).run();
  arrive(true);
  assert.equal(net.anew, null);
  net.close();
  assert.equal(net.seat, null, 'whoever leaves has no seat');
});

test('close codes decide whether and when the line is tried again', () => {
  const after = (code, times = 1, bye = 0) => {
    const world = outside();
    const net = new Connection('ws://x/ws', world, () => {}, () => {});
    net.open(identity);
    for (let i = 0; i < times; i++) {
      const socket = FakeSocket.all.at(-1);
      socket.accept();
      if (bye) socket.receive(byeBytes(code, bye));
      socket.end(code);
      if (i < times - 1) world.timers.at(-1).run();
    }
    return { phase: net.status.phase, pause: net.status.retryAt - world.time };
  };
  for (const code of [1006, 1001, 1011, 4003, 4005, 4006, 4011]) assert.equal(after(code).phase, 'waiting', `${code}`);
  for (const code of [1000, 4000, 4001, 4002, 4007, 4008, 4009, 4010]) assert.equal(after(code).phase, 'closed', `${code}`);
  assert.deepEqual(after(4004), { phase: 'waiting', pause: 5250 });
  assert.equal(after(4004, 2).phase, 'closed');
  assert.equal(after(4006, 1, 2500).pause, 2500, 'a Bye may ask for a longer pause');
  assert.equal(after(1006, 4).pause, 2000);
});

test('bytes that make no sense close the line for good', () => {
  for (const bytes of [Uint8Array.of(99), Uint8Array.of(), Uint8Array.of(3, 0)]) {
    const net = new Connection('ws://x/ws', outside(), () => {}, () => {});
    net.open(identity);
    FakeSocket.all[0].accept();
    FakeSocket.all[0].receive(bytes);
    assert.equal(net.status.phase, 'closed');
  }
});

for (const delay of [0, 30, 90]) {
  test(`a game ${delay * 2} ms away runs without a misprediction`, () => {
    const game = play({ delay, seconds: 20 });
    assert.equal(game.stats.mispredictions, 0);
    assert.ok(game.stats.corrections < 30, `${game.stats.corrections} corrections`);
    assert.ok(game.stats.snapshots > 550);
    assert.ok(game.stats.inputs > 550);
    assert.ok(Math.abs(game.stats.ping - delay * 2) < 12, `ping ${game.stats.ping}`);
  });
}

test('snapshots that were skipped cost nothing but their news', () => {
  const game = play({ delay: 40, seconds: 15, lose: (tick) => tick % 3 !== 0 });
  assert.equal(game.stats.mispredictions, 0);
});

test('silence raises the banner and then a new connection', () => {
  const { game, world, socket } = seated();
  const pumpAt = (now) => {
    world.time = now;
    game.pump(() => controls(0));
  };
  pumpAt(2400);
  assert.equal(game.silent, false);
  pumpAt(2600);
  assert.equal(game.silent, true);
  pumpAt(5100);
  assert.equal(game.net.status.phase, 'waiting');
  assert.equal(socket.readyState, 3);
});

test('a socket that closes under the game does not hang it', () => {
  const game = play({ delay: 10, seconds: 2 });
  const [socket] = FakeSocket.all;
  for (const state of [2, 3]) {
    socket.readyState = state;
    game.outside.time += 100;
    game.pump(() => controls(0));
  }
  socket.end(1006);
  game.outside.time += 1000;
  game.pump(() => controls(0));
  assert.equal(game.net.status.phase, 'waiting');
});

test('an input is nine bytes', () => {
  assert.equal(encodeClient({ type: 'Input', tick: 65535, ack: 255, view: 255, ctl: 255, dir: 255, aim: 65535 }).length, 9);
});
