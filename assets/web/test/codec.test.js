// The wire against the golden vectors that the Rust side writes, and hostile bytes.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { decodeClient, decodeServer, encodeClient, FLAG } from '../client/codec.js';
import { DecodeError } from '../client/bytes.js';
import { Reader, tickFromWire } from '../client/snapshot.js';

const golden = (name) => JSON.parse(readFileSync(new URL(`../../golden/${name}`, import.meta.url), 'utf8'));
const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (bytes) => Buffer.from(bytes).toString('hex');
/** What JSON would carry: bodies as plain arrays. */
const plain = (message) => JSON.parse(JSON.stringify(message, (_, v) => (v instanceof Uint8Array ? [...v] : v)));

const messages = golden('messages.json');
const fromClient = (m) => ['Hello', 'Input', 'Ack', 'Spawn', 'View', 'Watch', 'Idle', 'Ping', 'Chat', 'Resync'].includes(m.json.type);

for (const vector of messages) {
  test(`golden message: ${vector.name}`, () => {
    const bytes = unhex(vector.bytes_hex);
    if (fromClient(vector)) {
      assert.equal(hex(encodeClient(vector.json)), vector.bytes_hex);
      assert.deepEqual(decodeClient(bytes), vector.json);
    } else {
      assert.deepEqual(plain(decodeServer(bytes)), vector.json);
    }
  });
}

test('the body of the golden snapshot reads as the golden view, twice with the same reader', () => {
  const { bytes_hex } = messages.find((m) => m.name === 'snapshot');
  const reader = new Reader(70_000);
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(plain(reader.read(decodeServer(unhex(bytes_hex)))), golden('view.json'));
  }
});

const told = golden('snapshots.json').map(({ tick, flags, body_hex, view }) => (
  { view, snapshot: { seq: view.seq, margin: view.margin, tick, flags, body: unhex(body_hex) } }
));

test('a whole connection of golden snapshots adds up to the golden views', () => {
  const reader = new Reader(70_000);
  for (const { snapshot, view } of told) assert.deepEqual(plain(reader.read(snapshot)), view, `tick ${view.tick}`);
});

test('after an error only a full snapshot is read, and all is well again', () => {
  const full = told[0].snapshot;
  assert.ok(full.flags & FLAG.FULL);
  const broken = { ...told[1].snapshot, body: told[1].snapshot.body.slice(0, -1) };
  const reader = new Reader(70_000);
  reader.read(full);
  assert.throws(() => reader.read(broken), DecodeError);
  assert.ok(reader.lost);
  assert.throws(() => reader.read(told[1].snapshot), /waiting for a full snapshot/);
  assert.equal(reader.view.tick, told[1].view.tick, 'the clock goes on');
  for (const { snapshot, view } of told) assert.deepEqual(plain(reader.read(snapshot)), view);
});

test('a known-list that differs is noticed by its check', () => {
  const at = told.findIndex(({ snapshot }) => (snapshot.flags & FLAG.CHECK) !== 0);
  const reader = new Reader(70_000);
  for (const { snapshot } of told.slice(0, at)) reader.read(snapshot);
  const { snapshot } = told[at];
  const body = snapshot.body.slice();
  body[body.length - 1] ^= 1;
  assert.throws(() => reader.read({ ...snapshot, body }), /differ/);
});

test('cut and flipped bodies of a running connection are errors or views, and never hang', () => {
  let seed = 3;
  const random = (n) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8) % n;
  let errors = 0;
  for (let round = 0; round < 300; round++) {
    const reader = new Reader(70_000);
    for (const { snapshot } of told) {
      const body = snapshot.body.slice(0, random(4) === 0 ? random(snapshot.body.length + 1) : undefined);
      if (body.length > 0 && random(4) === 0) body[random(body.length)] ^= 1 + random(255);
      const flags = random(16) === 0 ? random(256) : snapshot.flags;
      try {
        reader.read({ ...snapshot, flags, body });
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error.stack));
        errors++;
      }
      assert.ok(reader.view.ships.length <= 255);
    }
  }
  assert.ok(errors > 1000);
});

test('a ship that was left out for want of room is marked', () => {
  const reader = new Reader(0);
  const slots = [3, 300];
  const enters = slots.flatMap((slot) => [...(slot > 250 ? [251, slot & 255, slot >> 8] : [slot]), 1, 16, 0, 32, 0, 5, 100, 0]);
  reader.read({ seq: 0, tick: 1, margin: 0, flags: FLAG.FULL | FLAG.SHIPS, body: Uint8Array.of(0, 0, slots.length, ...enters) });
  assert.deepEqual([...reader.told.slice(0, 2)], [1, 1]);
  reader.read({ seq: 1, tick: 2, margin: 0, flags: FLAG.BUDGET, body: Uint8Array.of(0, 2, 1, 255, 4) });
  assert.deepEqual([...reader.told.slice(0, 2)], [0, 1]);
  assert.deepEqual(reader.view.ships.map(({ x, y }) => [x, y]), [[1024, 2048], [15 * 64, 36 * 64]]);
  reader.read({ seq: 2, tick: 3, margin: 0, flags: 0, body: Uint8Array.of(0, 0) });
  assert.deepEqual([...reader.told.slice(0, 2)], [1, 1]);
});

test('a tick comes back from its low bits', () => {
  for (const near of [0, 5, 40_000, 65_535, 65_536, 1_000_000]) {
    for (const ahead of [-300, -1, 0, 1, 12, 300]) {
      const tick = near + ahead;
      if (tick >= 0) assert.equal(tickFromWire(tick & 0xffff, near), tick);
    }
  }
});

test('truncated and extended messages are errors', () => {
  for (const vector of messages) {
    const bytes = unhex(vector.bytes_hex);
    const decode = fromClient(vector) ? decodeClient : decodeServer;
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.subarray(0, length)), DecodeError, `${vector.name} cut at ${length}`);
    }
    assert.throws(() => decode(Uint8Array.of(...bytes, 0)), DecodeError, `${vector.name} and a byte`);
  }
});

test('counts that announce more than there is are refused at once', () => {
  assert.throws(() => decodeServer(unhex('02fd0000000000010000')), DecodeError);
  assert.throws(() => decodeServer(unhex('02fcffffffff')), DecodeError);
  assert.throws(() => new Reader(0).read({ seq: 0, tick: 0, margin: 0, flags: FLAG.FULL | FLAG.PULSES, body: unhex('00fbffff') }), DecodeError);
});

test('flipped and random bytes give messages or errors, nothing else', () => {
  let seed = 7;
  const random = (n) => ((seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) >>> 8) % n;
  const tryAll = (bytes) => {
    for (const decode of [decodeServer, decodeClient]) {
      try {
        const m = decode(bytes);
        if (m.type === 'Snapshot') new Reader(0).read(m);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error.stack));
      }
    }
  };
  const started = process.cpuUsage();
  for (let i = 0; i < 20_000; i++) {
    const bytes = unhex(messages[random(messages.length)].bytes_hex);
    bytes[random(bytes.length)] ^= 1 + random(255);
    tryAll(bytes);
    tryAll(Uint8Array.from({ length: random(300) }, () => random(256)));
  }
  // Of this process: what others take of the machine does not count.
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 10e6, `${user + system} µs`);
});

test('a snapshot without OWN has no own ship', () => {
  const view = new Reader(0).read({ seq: 1, tick: 1, margin: 0, flags: FLAG.FULL, body: Uint8Array.of(8) });
  assert.equal(view.focus, 7);
  assert.equal(view.own, null);
  assert.deepEqual(view.ships, []);
});
