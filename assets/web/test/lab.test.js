import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lab } from '../client/lab.js';

/** A socket that echoes into `log`, and time that a test moves. */
function rig(dials) {
  const timers = [];
  const log = [];
  let inner;
  const outside = {
    time: 0,
    now: () => outside.time,
    random: () => 0.5,
    setTimeout: (run, ms) => timers.push({ run, at: outside.time + ms }),
    clearTimeout: () => {},
    WebSocket: class {
      readyState = 1;
      constructor() {
        inner = this;
      }
      send(bytes) {
        log.push([outside.time, ...bytes]);
      }
      close() {}
    },
  };
  const socket = new (lab(outside, dials).WebSocket)('ws://x', []);
  const until = (time) => {
    for (;;) {
      timers.sort((a, b) => a.at - b.at);
      if (timers.length === 0 || timers[0].at > time) break;
      const { run, at } = timers.shift();
      outside.time = Math.max(outside.time, at);
      run();
    }
    outside.time = time;
  };
  return { socket, inner, log, until, outside };
}

test('with all dials at zero a message goes straight through', () => {
  const { socket, inner, log } = rig({ delay: 0, jitter: 0, stall: 0 });
  socket.send(Uint8Array.of(1));
  assert.deepEqual(log, [[0, 1]]);
  const heard = [];
  socket.onmessage = (event) => heard.push(event.data);
  inner.onmessage({ data: 7 });
  assert.deepEqual(heard, [7]);
});

test('messages are late by half the round trip, keep their bytes and their order, and the dials work while it runs', () => {
  const dials = { delay: 100, jitter: 0, stall: 0 };
  const { socket, log, until } = rig(dials);
  const buffer = Uint8Array.of(1);
  socket.send(buffer);
  buffer[0] = 2;
  until(10);
  dials.delay = 0;
  socket.send(buffer);
  until(49);
  assert.deepEqual(log, [], 'what comes later waits for what came before');
  until(60);
  assert.deepEqual(log, [[50, 1], [50, 2]]);
  socket.send(Uint8Array.of(3));
  assert.deepEqual(log.at(-1), [60, 3]);
});

test('a stall holds all that follows', () => {
  const dials = { delay: 0, jitter: 0, stall: 1 };
  const { socket, inner, until, outside } = rig(dials);
  const heard = [];
  socket.onmessage = (event) => heard.push([event.data, outside.time]);
  inner.onmessage({ data: 'a' });
  dials.stall = 0;
  until(20);
  inner.onmessage({ data: 'b' });
  until(199);
  assert.deepEqual(heard, []);
  until(300);
  assert.deepEqual(heard, [['a', 200], ['b', 200]]);
});
