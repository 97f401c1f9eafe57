// A server of a few lines that runs the same step as the client, and the socket to it: what tests play against.

import { decodeClient, CHANGED, FLAG, MARGIN_MISSING } from '../client/codec.js';
import { ByteWriter } from '../client/bytes.js';
import { Game } from '../client/game.js';
import { newBody, step } from '../client/step.js';

/** Turns, boosts and shoots with both weapons, now and then. */
export const controls = (tick) => ({ ctl: 7 | ((tick & 16 ? 3 : tick % 90 > 60 ? 4 : 0) << 3), dir: (tick * 3) & 255, aim: (tick * 37) & 4095 });

/** A WebSocket that a test plays the server of. */
export class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];
  constructor(url, protocols) {
    Object.assign(this, { url, protocols, readyState: 0, sent: [] });
    FakeSocket.all.push(this);
  }

  send(bytes) {
    this.sent.push(decodeClient(bytes.slice()));
  }

  close(code) {
    this.readyState = 3;
    this.closedWith = code;
  }

  accept() {
    this.readyState = 1;
    this.onopen();
  }

  receive(bytes) {
    this.onmessage({ data: bytes.slice().buffer });
  }

  end(code) {
    this.readyState = 3;
    this.onclose({ code });
  }
}

export function outside() {
  const timers = [];
  FakeSocket.all = [];
  return {
    WebSocket: FakeSocket, time: 0, timers,
    now() {
      return this.time;
    },
    random: () => 1,
    setTimeout: (run, ms) => timers.push({ run, ms }) - 1,
    clearTimeout: (id) => (timers[id] = null),
  };
}

export const identity = { name: 'Ada', hue: 1, room: 'LOBBY', aspect: 1600 };
export const token = 'a5'.repeat(16);

export function welcomeBytes(resume = true, resumed = false) {
  const out = new ByteWriter();
  out.u8(0);
  out.varint(1);
  out.u8(resume ? 1 : 0);
  if (resume) for (let i = 0; i < 16; i++) out.u8(0xa5);
  out.u8(1);
  out.varint(7);
  out.varint(1000);
  out.u8(30);
  out.varint(2400);
  out.varint(1);
  out.varint(0xc59bc7a7);
  out.varint(0);
  out.u8(resumed ? 1 : 0);
  out.string('LOBBY');
  return out.written().slice();
}

export function byeBytes(code, retry) {
  const out = new ByteWriter();
  out.u8(6);
  out.varint(code);
  out.varint(retry);
  out.u8(0);
  return out.written().slice();
}

/** A game that was welcomed and has said nothing since, its outside and its socket. */
export function seated() {
  const world = outside();
  const game = new Game('ws://x/ws', world, {});
  game.join(identity);
  const [socket] = FakeSocket.all;
  socket.accept();
  socket.receive(welcomeBytes());
  socket.sent.length = 0;
  return { game, world, socket };
}

/** Runs a game against a server of the same step, `delay` ms away each way, in made-up time. */
export function play({ delay, seconds, lose = () => false, heard = () => {} }) {
  const { game, world, socket } = seated();
  const body = newBody();
  Object.assign(body, { x: 500 * 256, y: 500 * 256, energy: 25600 });
  const inputs = new Map();
  const wires = [];
  let tick = 1000;
  let seq = 0;
  let held = { ctl: 0, dir: 0, aim: 0 };
  let missing = 0;
  let changed = CHANGED.SPAWN;
  for (let now = 0; now < seconds * 1000; now += 2) {
    world.time = now;
    for (const m of socket.sent.splice(0)) if (m.type === 'Input') wires.push({ at: now + delay, to: 'server', m });
    for (const wire of wires) {
      if (wire.done || wire.at > now) continue;
      wire.done = true;
      if (wire.to === 'client') socket.receive(wire.bytes);
      else heard(wire.m);
      if (wire.to === 'server' && wire.m.tick > tick && wire.m.tick <= tick + 12) inputs.set(wire.m.tick, { ...wire.m, at: now });
    }
    if (wires.length > 200) wires.splice(0, wires.length, ...wires.filter((wire) => !wire.done));
    if ((tick + 1 - 1000) * (1000 / 30) <= now) {
      tick++;
      const input = inputs.get(tick);
      inputs.delete(tick);
      missing = input ? 0 : missing + 1;
      if (input) held = input;
      else if (missing > 8) held = { ctl: 0, dir: 0, aim: 0 };
      step(body, held, { side: 2400 * 256, obstacles: [] });
      if (!input) changed |= CHANGED.INPUT_MISSING;
      const margin = input ? Math.min(127, Math.round(now - input.at)) : MARGIN_MISSING;
      if (!lose(tick)) {
        wires.push({ at: now + delay, to: 'client', bytes: snapshotBytes(seq++, tick, margin, body, changed) });
        changed = 0;
      }
    }
    game.pump(() => controls(Math.floor(now / 33)));
  }
  return game;
}

/** A snapshot of the own ship alone; the first one of a connection has to be full. */
export function snapshotBytes(seq, tick, margin, body, changed, flags = FLAG.OWN | FLAG.FULL) {
  const b = new ByteWriter();
  const i24 = (v) => {
    b.u16(v & 0xffff);
    b.u8((v >> 16) & 255);
  };
  i24(body.x);
  i24(body.y);
  b.u16(body.vx & 0xffff);
  b.u16(body.vy & 0xffff);
  b.u16(body.energy);
  for (const timer of [body.pulse, body.lance, body.windup, body.shield, body.overdrive, 0, body.regen]) b.u8(timer);
  b.u8(100);
  b.u8(changed);
  const out = new ByteWriter();
  out.u8(1);
  out.u8(seq & 255);
  out.u16(tick & 0xffff);
  out.u8(margin & 255);
  out.u8(flags);
  out.varint(b.at);
  out.raw(b.written());
  return out.written().slice();
}
