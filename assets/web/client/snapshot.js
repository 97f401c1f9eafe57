// Reads snapshot bodies into the view that they add up to: one stateful reader a connection.
// Knows the layout, not what is drawn or predicted from it.

import { ByteReader, DecodeError } from './bytes.js';
import { FLAG } from './codec.js';

/**
 * @typedef {{pulse: number, lance: number, windup: number, shield: number, overdrive: number, respawn: number,
 *   regen: number}} Timers Ticks left of each.
 * @typedef {{x: number, y: number, vx: number, vy: number, energy: number, timers: Timers, hp: number,
 *   changed: number}} Own Exact: positions in Q8, velocities in Q8 a tick.
 * @typedef {{slot: number, generation: number, x: number, y: number, aim: number, hp: number, state: number}} Ship
 * @typedef {{id: number, owner: number, x: number, y: number, direction: number, fired: number}} Pulse
 * @typedef {{id: number, kind: 'shard' | 'repair' | 'overdrive', x: number, y: number}} Pickup
 * @typedef {{kind: 'hit', pulse: number, victim: number, x: number, y: number, damage: number}
 *   | {kind: 'explosion', slot: number, x: number, y: number}
 *   | {kind: 'taken', id: number, slot: number}} GameEvent
 * @typedef {{type: 'View', seq: number, tick: number, margin: number, own: Own | null, focus: number | null,
 *   ships: Ship[], pulses: Pulse[], pickups: Pickup[], events: GameEvent[]}} View
 */

const KINDS = /** @type {const} */ (['shard', 'repair', 'overdrive']);

/**
 * The full tick of which only the low 16 bits arrived: the one closest to `near`, never below 0.
 * @param {number} wire @param {number} near @returns {number}
 */
export function tickFromWire(wire, near) {
  const ahead = ((wire - near) << 16) >> 16;
  return Math.max(0, near + ahead);
}

/** Reads the snapshots of one connection, in order. */
export class Reader {
  #body = new ByteReader(new Uint8Array(0));
  /** @type {Own} */
  #own = {
    x: 0, y: 0, vx: 0, vy: 0, energy: 0,
    timers: { pulse: 0, lance: 0, windup: 0, shield: 0, overdrive: 0, respawn: 0, regen: 0 },
    hp: 0, changed: 0,
  };
  #ships = new Pool(() => ({ slot: 0, generation: 0, x: 0, y: 0, aim: 0, hp: 0, state: 0 }));
  #pulses = new Pool(() => ({ id: 0, owner: 0, x: 0, y: 0, direction: 0, fired: 0 }));
  #pickups = new Pool(() => /** @type {Pickup} */ ({ id: 0, kind: 'shard', x: 0, y: 0 }));

  /** @param {number} tick The tick that `Welcome` named. */
  constructor(tick) {
    /**
     * The view after the last snapshot. Its objects are used again by the next one: copy what must outlive that.
     * @type {View}
     */
    this.view = {
      type: 'View', seq: 0, tick, margin: 0, own: null, focus: null,
      ships: this.#ships.live, pulses: this.#pulses.live, pickups: this.#pickups.live, events: [],
    };
  }

  /**
   * Takes the next snapshot and returns the new view. After an error the view is incomplete and must not be used.
   * @param {import('./codec.js').Snapshot} snapshot
   * @returns {View}
   * @throws {DecodeError}
   */
  read(snapshot) {
    const b = this.#body;
    b.reset(snapshot.body);
    const { view } = this;
    view.seq = snapshot.seq;
    view.tick = tickFromWire(snapshot.tick, view.tick);
    view.margin = snapshot.margin;
    view.own = snapshot.flags & FLAG.OWN ? this.#readOwn(b) : null;
    view.focus = snapshot.flags & FLAG.FOCUS ? b.shortU16() : null;
    this.#readShips(b);
    this.#readPulses(b);
    this.#readPickups(b);
    view.events.length = 0;
    for (let n = b.shortU16(); n > 0; n--) view.events.push(readEvent(b));
    b.end();
    return view;
  }

  /** @param {ByteReader} b @returns {Own} */
  #readOwn(b) {
    const own = this.#own;
    own.x = b.i24();
    own.y = b.i24();
    own.vx = b.i16();
    own.vy = b.i16();
    own.energy = b.u16();
    const t = own.timers;
    t.pulse = b.u8();
    t.lance = b.u8();
    t.windup = b.u8();
    t.shield = b.u8();
    t.overdrive = b.u8();
    t.respawn = b.u8();
    t.regen = b.u8();
    own.hp = b.u8();
    own.changed = b.u8();
    return own;
  }

  /** @param {ByteReader} b */
  #readShips(b) {
    this.#ships.clear();
    for (let n = b.shortU16(); n > 0; n--) {
      const ship = this.#ships.add();
      ship.slot = b.shortU16();
      ship.generation = b.u8();
      ship.x = quarter(b);
      ship.y = quarter(b);
      ship.aim = b.u8();
      ship.hp = b.u8();
      ship.state = b.u8();
    }
  }

  /** @param {ByteReader} b */
  #readPulses(b) {
    this.#pulses.clear();
    for (let n = b.shortU16(); n > 0; n--) {
      const pulse = this.#pulses.add();
      pulse.id = b.u16();
      pulse.owner = b.shortU16();
      pulse.x = quarter(b);
      pulse.y = quarter(b);
      pulse.direction = b.u16();
      pulse.fired = b.u8();
    }
  }

  /** @param {ByteReader} b */
  #readPickups(b) {
    this.#pickups.clear();
    for (let n = b.shortU16(); n > 0; n--) {
      const pickup = this.#pickups.add();
      pickup.id = b.u16();
      const kind = b.u8();
      if (kind >= KINDS.length) throw new DecodeError('unknown pickup');
      pickup.kind = KINDS[kind];
      pickup.x = quarter(b);
      pickup.y = quarter(b);
    }
  }
}

/** Objects that are used again; `live` holds those in use, in order. @template T */
class Pool {
  /** @param {() => T} make */
  constructor(make) {
    this.make = make;
    /** @type {T[]} */
    this.all = [];
    /** @type {T[]} */
    this.live = [];
  }

  clear() {
    this.live.length = 0;
  }

  /** @returns {T} */
  add() {
    const index = this.live.length;
    if (index === this.all.length) this.all.push(this.make());
    this.live.push(this.all[index]);
    return this.all[index];
  }
}

/** A coordinate in quarter-units, as Q8. @param {ByteReader} b @returns {number} */
function quarter(b) {
  return b.u16() * 64;
}

/** @param {ByteReader} b @returns {GameEvent} */
function readEvent(b) {
  switch (b.u8()) {
    case 0:
      return { kind: 'hit', pulse: b.u16(), victim: b.shortU16(), x: quarter(b), y: quarter(b), damage: b.u8() };
    case 1:
      return { kind: 'explosion', slot: b.shortU16(), x: quarter(b), y: quarter(b) };
    case 2:
      return { kind: 'taken', id: b.u16(), slot: b.shortU16() };
    default:
      throw new DecodeError('unknown event');
  }
}
