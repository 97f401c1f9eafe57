// What a frame costs in a crowd: a hundred ships in view, pulses, pickups, and a correction of the own ship with every
// snapshot. Prints its figures; the limits are generous, because machines that test are busy.

import test from 'node:test';
import assert from 'node:assert/strict';

import { ByteWriter } from '../client/bytes.js';
import { CHANGED, FLAG } from '../client/codec.js';
import { Game } from '../client/game.js';

const SHIPS = 100;
const OBSTACLES = 60;
const TICKS = 900;
const DT = 1000 / 30;
/** What is aimed for is 1 ms. */
const LIMIT_MS = 4;

/** A server that tells of ships flying in circles, and of pulses. */
class Crowd {
  #ships = Array.from({ length: SHIPS }, (_, i) => ({ x: 0, y: 0, k: i }));
  #body = new ByteWriter(4096);
  #out = new ByteWriter(4096);
  #pulse = 0;
  #check = 0x811c9dc5;

  constructor() {
    for (const ship of this.#ships) this.#place(ship, 0);
  }

  welcome() {
    const out = this.#out;
    out.clear();
    out.u8(0);
    out.varint(1);
    out.u8(0);
    out.u8(1);
    out.varint(500);
    out.varint(1000);
    out.u8(30);
    out.varint(4000);
    out.varint(1);
    out.varint(0xc59bc7a7);
    out.varint(OBSTACLES);
    for (let i = 0; i < OBSTACLES; i++) for (const v of [(i * 997) % 16000, (i * 577) % 16000, 320]) out.varint(v);
    out.u8(0);
    out.string('CROWD');
    return out.written().slice().buffer;
  }

  /** @param {number} tick @param {number} margin ms */
  snapshot(tick, margin) {
    const b = this.#body;
    b.clear();
    const first = tick === 1001;
    // OWN: jumps about, so that every prediction is corrected.
    for (const v of [8000 * 64 + (tick % 7) * 256, 8000 * 64]) {
      b.u16(v & 0xffff);
      b.u8(v >> 16);
    }
    for (const v of [0, 0, 25600]) b.u16(v);
    for (let i = 0; i < 7; i++) b.u8(0);
    b.u8(100);
    b.u8(CHANGED.PICKUP);
    if (first) b.u8(0);
    else this.#updates(b, tick);
    if (first) this.#enters(b);
    this.#pulses(b, tick);
    if (first) this.#pickups(b);
    const out = this.#out;
    out.clear();
    out.u8(1);
    out.u8((tick - 1001) & 255);
    out.u16(tick & 0xffff);
    out.u8(margin & 255);
    out.u8(FLAG.OWN | FLAG.PULSES | (first ? FLAG.FULL | FLAG.SHIPS | FLAG.PICKUPS : 0));
    out.varint(b.at);
    out.raw(b.written());
    return out.written().slice().buffer;
  }

  #place(ship, tick) {
    const angle = tick * 0.05 + ship.k;
    ship.x = Math.round(8000 + Math.cos(angle) * (1200 + ship.k * 10));
    ship.y = Math.round(8000 + Math.sin(angle) * (700 + ship.k * 8));
  }

  #updates(b, tick) {
    for (let byte = 0; byte < (SHIPS + 7) >> 3; byte++) b.u8(byte * 8 + 8 <= SHIPS ? 255 : (1 << (SHIPS & 7)) - 1);
    for (const ship of this.#ships) {
      const { x, y } = ship;
      this.#place(ship, tick);
      b.u8(1 | 4);
      b.u8((ship.x - x) & 255);
      b.u8((ship.y - y) & 255);
      b.u8((tick * 3 + ship.k) & 255);
    }
  }

  #enters(b) {
    b.u8(SHIPS);
    for (const { x, y, k } of this.#ships) {
      b.varint(k);
      b.u8(1);
      b.u16(x);
      b.u16(y);
      for (const v of [0, 100, 0]) b.u8(v);
    }
  }

  /** Every tick some fire, and one pulse strikes. */
  #pulses(b, tick) {
    b.varint(8);
    for (let i = 0; i < 8; i++) {
      const ship = this.#ships[(tick * 8 + i) % SHIPS];
      b.u16(this.#pulse++ & 0xffff);
      b.varint(ship.k);
      b.u16(ship.x);
      b.u16(ship.y);
      b.u16((tick * 331 + i * 512) & 4095);
      b.u8(tick & 255);
    }
    b.varint(1);
    b.u16((this.#pulse - 9) & 0xffff);
    b.varint(tick % SHIPS);
    b.u8(20);
  }

  #pickups(b) {
    for (const v of [6, 6, 4, 4]) b.u8(v);
    b.varint(16);
    for (let cell = 0; cell < 16; cell++) {
      b.u8(cell);
      b.varint(0);
      b.varint(6);
      for (let i = 0; i < 6; i++) {
        b.u16((i * 300) | ((i & 1) << 15));
        b.u8(i);
      }
    }
  }
}

class Socket {
  static last = null;
  constructor() {
    this.readyState = 1;
    Socket.last = this;
  }

  send() {}

  close() {}
}

test(`a frame with ${SHIPS} ships in view`, () => {
  let now = 0;
  const outside = { WebSocket: Socket, now: () => now, random: () => 0.5, setTimeout: () => 0, clearTimeout: () => {} };
  let hits = 0;
  const game = new Game('ws://x/ws', outside, { event: () => hits++ });
  game.join({ name: 'Ada', hue: 1, room: '', aspect: 1778 });
  const crowd = new Crowd();
  Socket.last.onopen();
  Socket.last.onmessage({ data: crowd.welcome() });
  const held = { ctl: 7 | (1 << 3), dir: 0, aim: 0 };
  const controls = () => held;
  const frames = [];
  let decode = 0;
  let bytes = 0;
  for (let n = 1; n <= TICKS; n++) {
    // As if the line took 100 ms both ways.
    const data = crowd.snapshot(1000 + n, Math.round(Math.min(127, game.clock.lead - 100)));
    bytes += data.byteLength;
    held.dir = (n * 5) & 255;
    held.aim = (n * 41) & 4095;
    for (let half = 0; half < 2; half++) {
      now = (n + half / 2) * DT;
      const began = performance.now();
      if (half === 0) {
        Socket.last.onmessage({ data });
        decode += performance.now() - began;
      }
      game.pump(controls);
      game.interpolator.sample(game.shownTick);
      game.pulses.sample(game.shownTick, game.ownTick);
      // The first second warms the machine up.
      if (n > 30) frames.push(performance.now() - began);
    }
  }
  assert.equal(game.interpolator.shown.length, SHIPS);
  assert.equal(game.stats.resyncs, 0);
  assert.ok(game.stats.corrections > TICKS / 2, 'every snapshot corrects the own ship');
  assert.ok(hits > TICKS / 2);
  frames.sort((a, b) => a - b);
  const mean = frames.reduce((sum, ms) => sum + ms, 0) / frames.length;
  const at = (part) => frames[Math.floor(part * (frames.length - 1))];
  const us = (ms) => `${(ms * 1000).toFixed(0)} us`;
  console.log(
    `# a frame: mean ${us(mean)}, median ${us(at(0.5))}, p99 ${us(at(0.99))}, longest ${us(at(1))}; `
    + `of it a snapshot of ${(bytes / TICKS).toFixed(0)} B ${us(decode / TICKS)}; ${game.predictor.replayed} ticks stepped again`,
  );
  assert.ok(mean < LIMIT_MS, `${mean} ms a frame`);
});
