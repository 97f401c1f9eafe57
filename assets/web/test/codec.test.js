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
const fromClient = (m) => ['Hello', 'Input', 'Ack', 'Spawn', 'View', 'Watch', 'Idle', 'Ping', 'Chat'].includes(m.json.type);

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
  assert.throws(() => new Reader(0).read({ seq: 0, tick: 0, margin: 0, flags: 4, body: unhex('fbffff') }), DecodeError);
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
  const started = performance.now();
  for (let i = 0; i < 20_000; i++) {
    const bytes = unhex(messages[random(messages.length)].bytes_hex);
    bytes[random(bytes.length)] ^= 1 + random(255);
    tryAll(bytes);
    tryAll(Uint8Array.from({ length: random(300) }, () => random(256)));
  }
  assert.ok(performance.now() - started < 10_000);
});

test('a snapshot without OWN has no own ship', () => {
  const view = new Reader(0).read({ seq: 1, tick: 1, margin: 0, flags: FLAG.FULL, body: Uint8Array.of(0, 0, 0, 0) });
  assert.equal(view.own, null);
  assert.deepEqual(view.ships, []);
});
