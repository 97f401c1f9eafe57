// Messages to bincode bytes and back, in the shapes of the JSON subprotocol (a snapshot's body stays bytes).
// Knows the layout and nothing of what a message is for.

import { ByteReader, ByteWriter, DecodeError } from './bytes.js';

/** Number of the protocol spoken here. */
export const PROTOCOL = 1;
/** WebSocket subprotocol: binary frames, one bincode value each. */
export const SUBPROTOCOL = 'drift.v1.bincode';
/** Longest message that a server sends, bytes. */
export const SERVER_MESSAGE_LIMIT = 1 << 20;

/** Bits of a snapshot's `flags`. */
export const FLAG = Object.freeze({
  OWN: 1, EVENTS: 2, FULL: 4, BUDGET: 8, CHECK: 16, SHIPS: 32, PULSES: 64, PICKUPS: 128,
});
/** Bits of a ship's `state`. */
export const STATE = Object.freeze({ BOOST: 1, SHIELD: 2, WINDUP: 4, OVERDRIVE: 8, CROWN: 16, AWAY: 32 });
/** Bits of the own ship's `changed`. */
export const CHANGED = Object.freeze({
  PICKUP: 1, DAMAGE: 2, SPAWN: 4, OVERDRIVE: 8, INPUT_MISSING: 16, DEATH: 32,
});
/** Held buttons; `ctl` carries them from bit 3 on. */
export const BUTTON = Object.freeze({ FIRE: 1, BOOST: 2, LANCE: 4 });
/** `Snapshot.margin` when no input for the tick had arrived. */
export const MARGIN_MISSING = -128;

/**
 * @typedef {{type: 'Hello', protocol: number, name: string, hue: number, room: string, ticket: string | null,
 *   resume: string | null, aspect: number, role: 'player' | 'spectator'}} Hello
 * @typedef {{type: 'Input', tick: number, ack: number, view: number, ctl: number, dir: number, aim: number}} Input
 * @typedef {Hello | Input | {type: 'Ack', seq: number} | {type: 'Spawn'} | {type: 'View', aspect: number}
 *   | {type: 'Watch', slot: number | null} | {type: 'Idle', idle: boolean} | {type: 'Ping', t: number}
 *   | {type: 'Chat', text: string} | {type: 'Resync'}} ClientMessage
 *
 * @typedef {{x: number, y: number, r: number}} Obstacle In quarter-units.
 * @typedef {{type: 'Welcome', protocol: number, resume: string | null, you: number | null, tick: number, hz: number,
 *   side: number, rules: number, trig: number, obstacles: Obstacle[], resumed: boolean, room: string}} Welcome
 * @typedef {{type: 'Snapshot', seq: number, tick: number, margin: number, flags: number, body: Uint8Array}} Snapshot
 * @typedef {{slot: number, generation: number, hue: number, pilot: boolean, name: string}} RosterEntry
 * @typedef {{type: 'Board', top: {slot: number, score: number}[], rank: number, score: number, ships: number,
 *   players: number, crown: {slot: number, x: number, y: number} | null, spectators: number}} Board
 * @typedef {{type: 'Feed', killer: number | null, victim: number, weapon: 'pulse' | 'lance',
 *   rewind: number}} Feed `rewind`: how far back the shot was judged, eighths of a tick.
 * @typedef {{type: 'Bye', code: number, retry_ms: number, url: string | null}} Bye
 * @typedef {Welcome | Snapshot | {type: 'Roster', entries: RosterEntry[]} | Board | Feed | {type: 'Pong', t: number}
 *   | Bye | {type: 'Debug', tick_us: number, tick_max_us: number, in_flight: number}} ServerMessage
 */

const ROLES = /** @type {const} */ (['player', 'spectator']);
const WEAPONS = /** @type {const} */ (['pulse', 'lance']);

/**
 * A client's message as bytes.
 * @param {ClientMessage} m
 * @param {ByteWriter} [into] Reused by callers on the hot path; what they get is then only good until the next call.
 * @returns {Uint8Array}
 */
export function encodeClient(m, into = new ByteWriter()) {
  const out = into;
  out.clear();
  switch (m.type) {
    case 'Hello':
      out.u8(0);
      out.varint(m.protocol);
      out.string(m.name);
      out.u8(m.hue);
      out.string(m.room);
      out.option(m.ticket, (ticket) => out.string(ticket));
      out.option(m.resume, (token) => out.raw(unhex(token)));
      out.varint(m.aspect);
      out.varint(Math.max(0, ROLES.indexOf(m.role)));
      break;
    case 'Input':
      out.u8(1);
      out.u16(m.tick);
      out.u8(m.ack);
      out.u8(m.view);
      out.u8(m.ctl);
      out.u8(m.dir);
      out.u16(m.aim);
      break;
    case 'Ack':
      out.u8(2);
      out.u8(m.seq);
      break;
    case 'Spawn':
      out.u8(3);
      break;
    case 'View':
      out.u8(4);
      out.varint(m.aspect);
      break;
    case 'Watch':
      out.u8(5);
      out.option(m.slot, (slot) => out.varint(slot));
      break;
    case 'Idle':
      out.u8(6);
      out.u8(m.idle ? 1 : 0);
      break;
    case 'Ping':
      out.u8(7);
      out.varint(m.t);
      break;
    case 'Chat':
      out.u8(8);
      out.string(m.text);
      break;
    case 'Resync':
      out.u8(9);
      break;
    default:
      throw new TypeError('unknown message');
  }
  return out.written();
}

/**
 * Reads a client's message: for tests and for servers written in JavaScript.
 * @param {Uint8Array} bytes
 * @returns {ClientMessage}
 */
export function decodeClient(bytes) {
  const b = new ByteReader(bytes);
  const m = clientBody(b);
  b.end();
  return m;
}

/** @param {ByteReader} b @returns {ClientMessage} */
function clientBody(b) {
  switch (b.varU32()) {
    case 0:
      return {
        type: 'Hello',
        protocol: b.varU16(),
        name: b.string(),
        hue: b.u8(),
        room: b.string(),
        ticket: b.option(() => b.string()),
        resume: b.option(() => hex(b.take(16))),
        aspect: b.varU16(),
        role: variant(ROLES, b.varU32()),
      };
    case 1:
      return { type: 'Input', tick: b.u16(), ack: b.u8(), view: b.u8(), ctl: b.u8(), dir: b.u8(), aim: b.u16() };
    case 2:
      return { type: 'Ack', seq: b.u8() };
    case 3:
      return { type: 'Spawn' };
    case 4:
      return { type: 'View', aspect: b.varU16() };
    case 5:
      return { type: 'Watch', slot: b.option(() => b.varU16()) };
    case 6:
      return { type: 'Idle', idle: b.bool() };
    case 7:
      return { type: 'Ping', t: b.varU32() };
    case 8:
      return { type: 'Chat', text: b.string() };
    case 9:
      return { type: 'Resync' };
    default:
      throw new DecodeError('unknown message');
  }
}

/**
 * Reads a server's message.
 * @param {Uint8Array} bytes
 * @returns {ServerMessage}
 * @throws {DecodeError}
 */
export function decodeServer(bytes) {
  if (bytes.length > SERVER_MESSAGE_LIMIT) throw new DecodeError('too large');
  const b = new ByteReader(bytes);
  const m = serverBody(b);
  b.end();
  return m;
}

/** @param {ByteReader} b @returns {ServerMessage} */
function serverBody(b) {
  switch (b.varU32()) {
    case 0:
      return {
        type: 'Welcome',
        protocol: b.varU16(),
        resume: b.option(() => hex(b.take(16))),
        you: b.option(() => b.varU16()),
        tick: b.varU32(),
        hz: b.u8(),
        side: b.varU16(),
        rules: b.varU32(),
        trig: b.varU32(),
        obstacles: b.list(() => ({ x: b.varU16(), y: b.varU16(), r: b.varU16() })),
        resumed: b.bool(),
        room: b.string(),
      };
    case 1: {
      const seq = b.u8();
      const tick = b.u16();
      const margin = b.i8();
      const flags = b.u8();
      return { type: 'Snapshot', seq, tick, margin, flags, body: b.take(b.count()) };
    }
    case 2:
      return {
        type: 'Roster',
        entries: b.list(() => ({
          slot: b.varU16(), generation: b.u8(), hue: b.u8(), pilot: b.bool(), name: b.string(),
        })),
      };
    case 3:
      return {
        type: 'Board',
        top: b.list(() => ({ slot: b.varU16(), score: b.varU32() })),
        rank: b.varU16(),
        score: b.varU32(),
        ships: b.varU16(),
        players: b.varU16(),
        crown: b.option(() => ({ slot: b.varU16(), x: b.varU16(), y: b.varU16() })),
        spectators: b.varU16(),
      };
    case 4:
      return {
        type: 'Feed',
        killer: b.option(() => b.varU16()),
        victim: b.varU16(),
        weapon: variant(WEAPONS, b.varU32()),
        rewind: b.u8(),
      };
    case 5:
      return { type: 'Pong', t: b.varU32() };
    case 6:
      return { type: 'Bye', code: b.varU16(), retry_ms: b.varU32(), url: b.option(() => b.string()) };
    case 7:
      return { type: 'Debug', tick_us: b.varU32(), tick_max_us: b.varU32(), in_flight: b.u8() };
    default:
      throw new DecodeError('unknown message');
  }
}

/** @template T @param {readonly T[]} names @param {number} index @returns {T} */
function variant(names, index) {
  if (index >= names.length) throw new DecodeError('unknown variant');
  return names[index];
}

/** @param {Uint8Array} bytes @returns {string} */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {string} text @returns {Uint8Array} */
function unhex(text) {
  if (!/^[0-9a-f]{32}$/i.test(text)) throw new TypeError('a resume token has 32 hex digits');
  return Uint8Array.from({ length: 16 }, (_, i) => parseInt(text.slice(i * 2, i * 2 + 2), 16));
}
