// Reads snapshot bodies into the view that they add up to: one stateful reader a connection, because each body says only
// what changed. Knows the layout, not what is drawn or predicted from it. Pickups by cell are in cells.js.

import { ByteReader, DecodeError } from './bytes.js';
import { Cells } from './cells.js';
import { FLAG } from './codec.js';

/**
 * @typedef {{pulse: number, lance: number, windup: number, shield: number, overdrive: number, respawn: number,
 *   regen: number}} Timers Ticks left of each.
 * @typedef {{x: number, y: number, vx: number, vy: number, energy: number, timers: Timers, hp: number,
 *   changed: number}} Own Exact: positions in Q8, velocities in Q8 a tick.
 * @typedef {{slot: number, generation: number, x: number, y: number, aim: number, hp: number, state: number}} Ship
 * @typedef {{id: number, owner: number, x: number, y: number, direction: number, fired: number}} Pulse
 * @typedef {{kind: import('./cells.js').PickupKind, x: number, y: number}} Pickup
 * @typedef {{kind: 'hit', pulse: number, victim: number, damage: number}} Hit
 * @typedef {{kind: 'taken', slot: number, item: import('./cells.js').PickupKind, x: number, y: number}} Taken
 * @typedef {{kind: 'explosion', slot: number, x: number, y: number}} Explosion
 * @typedef {{kind: 'beam', slot: number, x: number, y: number, to_x: number, to_y: number, victim: number | null,
 *   damage: number, rewind: number}} Beam
 * @typedef {Hit | Taken | Explosion | Beam} GameEvent
 * @typedef {{type: 'View', seq: number, tick: number, margin: number, own: Own | null, focus: number | null,
 *   ships: Ship[], pulses: Pulse[], pickups: Pickup[], events: GameEvent[]}} View
 */

/** Most ships in a known-list. */
const MAX_KNOWN = 255;
/** Ticks that a pulse lives, those that it caught up included. */
const PULSE_LIFE = 30;
/** Bits of a run's mask. */
const MOVED = 1;
const ABSOLUTE = 2;
const AIM = 4;
const HP = 8;
const STATE = 16;
const RUN = 31;

/**
 * The full tick of which only the low 16 bits arrived: the one closest to `near`, never below 0.
 * @param {number} wire @param {number} near @returns {number}
 */
export function tickFromWire(wire, near) {
  const ahead = ((wire - near) << 16) >> 16;
  return Math.max(0, near + ahead);
}

/** Reads the snapshots of one connection, in order, and holds the view that they add up to. */
export class Reader {
  #body = new ByteReader(new Uint8Array(0));
  /** @type {Own} */
  #own = {
    x: 0, y: 0, vx: 0, vy: 0, energy: 0,
    timers: { pulse: 0, lance: 0, windup: 0, shield: 0, overdrive: 0, respawn: 0, regen: 0 },
    hp: 0, changed: 0,
  };
  /** Ships and pulses that are in no list now, to be used again. @type {Ship[]} */
  #freeShips = [];
  /** @type {Pulse[]} */
  #freePulses = [];
  #cells = new Cells();

  /** @param {number} tick The tick that `Welcome` named. */
  constructor(tick) {
    /**
     * The view after the last snapshot. It and all in it belong to the reader and change with the next snapshot: copy
     * what must outlive that. Only events are new objects each time, and may be kept.
     * @type {View}
     */
    this.view = {
      type: 'View', seq: 0, tick, margin: 0, own: null, focus: null, ships: [], pulses: [], pickups: this.#cells.pickups, events: [],
    };
    /** For each of the view's ships, 1 if the last snapshot told where it is now; 0: it was left out, see BUDGET. */
    this.told = new Uint8Array(MAX_KNOWN);
    /** After an error: nothing but a full snapshot is read. */
    this.lost = false;
  }

  /**
   * Takes the next snapshot and returns the new view.
   * @param {import('./codec.js').Snapshot} snapshot
   * @returns {View}
   * @throws {DecodeError} The body does not follow the layout or does not fit what came before. The view must not be
   *   used until a full snapshot has been read; only its `seq`, `tick` and `margin` go on.
   */
  read(snapshot) {
    const { view } = this;
    const { flags } = snapshot;
    view.seq = snapshot.seq;
    view.tick = tickFromWire(snapshot.tick, view.tick);
    view.margin = snapshot.margin;
    if ((flags & FLAG.FULL) !== 0) this.#forget();
    else if (this.lost) throw new DecodeError('waiting for a full snapshot');
    this.lost = true;
    this.#read(flags, snapshot.body);
    this.lost = false;
    return view;
  }

  #forget() {
    const { ships, pulses } = this.view;
    while (ships.length > 0) this.#freeShips.push(/** @type {Ship} */ (ships.pop()));
    while (pulses.length > 0) this.#freePulses.push(/** @type {Pulse} */ (pulses.pop()));
    this.#cells.clear();
  }

  /** @param {number} flags @param {Uint8Array} body */
  #read(flags, body) {
    const { view } = this;
    const b = this.#body;
    b.reset(body);
    view.events.length = 0;
    view.own = null;
    view.focus = null;
    if ((flags & FLAG.OWN) !== 0) view.own = this.#readOwn(b);
    else view.focus = b.maybeSlot();
    if ((flags & FLAG.SHIPS) !== 0) this.#leaves(b);
    this.#updates(b, (flags & FLAG.BUDGET) !== 0);
    if ((flags & FLAG.SHIPS) !== 0) this.#enters(b);
    this.#endPulses();
    if ((flags & FLAG.PULSES) !== 0) this.#readPulses(b);
    if ((flags & FLAG.PICKUPS) !== 0) this.#cells.read(b, view.events);
    if ((flags & FLAG.EVENTS) !== 0) {
      for (let n = b.shortU16(); n > 0; n--) view.events.push(readEvent(b));
    }
    if ((flags & FLAG.CHECK) !== 0 && b.u16() !== check(view.ships)) {
      throw new DecodeError("the known ships differ from the server's");
    }
    b.end();
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
  #leaves(b) {
    const { ships } = this.view;
    for (let n = b.u8(); n > 0; n--) {
      const index = b.u8();
      if (index >= ships.length) throw new DecodeError('no such ship');
      this.#freeShips.push(ships[index]);
      const last = /** @type {Ship} */ (ships.pop());
      if (index < ships.length) ships[index] = last;
    }
  }

  /** @param {ByteReader} b @param {boolean} budget */
  #updates(b, budget) {
    const { ships } = this.view;
    const { told } = this;
    const bitmap = b.skip((ships.length + 7) >> 3);
    for (let i = 0; i < ships.length; i++) {
      const changed = ((b.bytes[bitmap + (i >> 3)] >> (i & 7)) & 1) !== 0;
      if (changed) readRun(b, ships[i]);
      told[i] = changed || !budget ? 1 : 0;
    }
  }

  /** @param {ByteReader} b */
  #enters(b) {
    const { ships } = this.view;
    for (let n = b.u8(); n > 0; n--) {
      if (ships.length === MAX_KNOWN) throw new DecodeError('too many ships');
      const ship = this.#freeShips.pop() ?? { slot: 0, generation: 0, x: 0, y: 0, aim: 0, hp: 0, state: 0 };
      this.told[ships.length] = 1;
      ships.push(ship);
      ship.slot = b.shortU16();
      ship.generation = b.u8();
      ship.x = b.quarter();
      ship.y = b.quarter();
      ship.aim = b.u8();
      ship.hp = b.u8();
      ship.state = b.u8();
    }
  }

  /** Drops the pulses whose time is over. */
  #endPulses() {
    const { pulses, tick } = this.view;
    let kept = 0;
    for (let i = 0; i < pulses.length; i++) {
      const pulse = pulses[i];
      if (((tick - pulse.fired) & 255) + (pulse.direction >> 12) < PULSE_LIFE) pulses[kept++] = pulse;
      else this.#freePulses.push(pulse);
    }
    pulses.length = kept;
  }

  /** @param {ByteReader} b */
  #readPulses(b) {
    const { pulses, events } = this.view;
    for (let n = b.shortU16(); n > 0; n--) {
      const id = b.u16();
      // One that flew out of view and back in is told again.
      let pulse = pulses[indexOf(pulses, id)];
      if (!pulse) {
        pulse = this.#freePulses.pop() ?? { id: 0, owner: 0, x: 0, y: 0, direction: 0, fired: 0 };
        pulses.push(pulse);
      }
      pulse.id = id;
      pulse.owner = b.shortU16();
      pulse.x = b.quarter();
      pulse.y = b.quarter();
      pulse.direction = b.u16();
      pulse.fired = b.u8();
    }
    for (let n = b.shortU16(); n > 0; n--) {
      const id = b.u16();
      const index = indexOf(pulses, id);
      if (index >= 0) {
        this.#freePulses.push(pulses[index]);
        pulses.copyWithin(index, index + 1);
        pulses.length--;
      }
      events.push({ kind: 'hit', pulse: id, victim: b.shortU16(), damage: b.u8() });
    }
  }
}

/** @param {ByteReader} b @param {Ship} ship */
function readRun(b, ship) {
  const mask = b.u8();
  if ((mask & ~RUN) !== 0) throw new DecodeError('unknown run');
  if ((mask & MOVED) !== 0) {
    // Wraps as the server's 16-bit quarter-units do.
    ship.x = (ship.x + b.i8() * 64) & 0x3fffff;
    ship.y = (ship.y + b.i8() * 64) & 0x3fffff;
  }
  if ((mask & ABSOLUTE) !== 0) {
    ship.x = b.quarter();
    ship.y = b.quarter();
  }
  if ((mask & AIM) !== 0) ship.aim = b.u8();
  if ((mask & HP) !== 0) ship.hp = b.u8();
  if ((mask & STATE) !== 0) ship.state = b.u8();
}

/** @param {Pulse[]} pulses @param {number} id */
function indexOf(pulses, id) {
  for (let i = 0; i < pulses.length; i++) if (pulses[i].id === id) return i;
  return -1;
}

/** @param {ByteReader} b @returns {GameEvent} */
function readEvent(b) {
  switch (b.u8()) {
    case 0:
      return { kind: 'explosion', slot: b.shortU16(), x: b.quarter(), y: b.quarter() };
    case 1:
      return {
        kind: 'beam', slot: b.shortU16(), x: b.quarter(), y: b.quarter(), to_x: b.quarter(), to_y: b.quarter(),
        victim: b.maybeSlot(), damage: b.u8(), rewind: b.u8(),
      };
    default:
      throw new DecodeError('unknown event');
  }
}

/**
 * Checksum of a known-list: FNV-1a-32 over slot (two bytes, little-endian) and generation of each ship in order, its
 * halves exclusive-ored.
 * @param {Ship[]} ships
 */
export function check(ships) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < ships.length; i++) {
    const { slot, generation } = ships[i];
    hash = Math.imul(hash ^ (slot & 255), 0x01000193);
    hash = Math.imul(hash ^ (slot >> 8), 0x01000193);
    hash = Math.imul(hash ^ generation, 0x01000193);
  }
  return (hash ^ (hash >>> 16)) & 0xffff;
}
