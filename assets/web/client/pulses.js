// Pulses in flight: each flies straight from where and when it was fired, so nothing is sent while it does.
// The own ones appear at once, before the server has confirmed them. Draws nothing.

import { cos, PULSE_LIFE, PULSE_MUZZLE, PULSE_SPEED, SHIP_RADIUS, sin } from './step.js';

/** Ticks over which a pulse that starts in one time flies into another. */
const MERGE = 8;
/** Ticks of flight that a pulse is moved within a tick when its prediction had another catch-up. */
const EASE = 0.25;
/** Ticks after which a prediction that was not confirmed is wrong: in a crowd the server tells of some pulses later. */
const UNCONFIRMED = 3;
/** Most Q8 off the way of a predicted pulse that a ship struck at the muzzle may be. */
const NEAR = 40 * 256;

/**
 * @typedef {{x: number, y: number, angle: number, owner: number, own: boolean, age: number}} ShownPulse Units, radians,
 *   ticks.
 * @typedef {{key: number, id: number, owner: number, own: boolean, x: number, y: number, direction: number,
 *   catchUp: number, eased: number, fired: number, reach: number, seen: number, over: boolean, leaving: boolean,
 *   shown: ShownPulse}} Flight `eased`: the catch-up that is shown; `leaving`: gone for the server, and here as soon as
 *   it is shown to have flown its way.
 */

/** The pulses of one connection. */
export class Pulses {
  /** @type {Map<number, Flight>} */
  #flights = new Map();
  /** @type {ShownPulse[]} */
  #shown = [];
  #lastOwnTick = 0;
  #lastTick = -1;

  /** @param {import('./step.js').Arena} arena @param {number} you The own slot. */
  constructor(arena, you) {
    this.arena = arena;
    this.you = you;
    /** Those that the last `sample` found stopped by something solid, for the first time. @type {ShownPulse[]} */
    this.stopped = [];
  }

  /**
   * The own ship fired in the prediction.
   * @param {number} tick @param {import('./step.js').Body} body @param {number} aim
   * @param {number} catchUp Ticks of flight that the server will give it because of what the player saw.
   */
  predict(tick, body, aim, catchUp) {
    const x = muzzle(body.x, cos(aim), this.arena.side);
    const y = muzzle(body.y, sin(aim), this.arena.side);
    const flight = this.#launch(ghostKey(tick), -1, this.you, x, y, aim, catchUp, tick);
    flight.seen = tick;
  }

  /** Takes a snapshot's pulses; `strike` for its hits and then `settle` must follow. @param {import('./snapshot.js').View} view */
  push({ tick, pulses }) {
    for (let i = 0; i < pulses.length; i++) {
      const pulse = pulses[i];
      const fired = tick - ((tick - pulse.fired) & 255);
      let flight = this.#flights.get(pulse.id);
      if (!flight || flight.fired !== fired) {
        flight = this.#launch(
          pulse.id, pulse.id, pulse.owner, pulse.x, pulse.y, pulse.direction & 4095, pulse.direction >> 12, fired,
        );
        const ghost = flight.own ? this.#flights.get(ghostKey(fired)) : undefined;
        if (ghost) {
          // The confirmed one takes over from its prediction, where that is.
          flight.eased = ghost.eased;
          this.#flights.delete(ghost.key);
        }
      }
      flight.seen = tick;
    }
  }

  /**
   * A hit used up a pulse. Returns whose it was, or -1, and sets where it came from: from the victim's centre to where
   * it was struck, Q8. One that struck at the muzzle was in no snapshot; then the prediction tells whether it was ours.
   * @param {number} id @param {number} tick of the snapshot @param {{x: number, y: number} | null} victim Q8
   * @param {boolean} atOnce It is to be shown at once, and not when the others are where they were.
   * @param {{x: number, y: number}} out
   */
  strike(id, tick, victim, atOnce, out) {
    const flight = this.#flights.get(id) ?? this.#ghostNear(tick, victim);
    out.x = out.y = 0;
    if (!flight) return -1;
    out.x = (-cos(flight.direction) * SHIP_RADIUS) / 16384;
    out.y = (-sin(flight.direction) * SHIP_RADIUS) / 16384;
    flight.reach = Math.min(flight.reach, Math.max(0, tick - flight.fired) + flight.catchUp);
    flight.over = flight.leaving = true;
    if (atOnce) this.#flights.delete(flight.key);
    return flight.owner;
  }

  /** The predicted pulse of the last ticks on whose first way a ship is. @param {number} tick @param {{x: number, y: number} | null} at */
  #ghostNear(tick, at) {
    if (!at) return undefined;
    for (const ghost of this.#flights.values()) {
      if (ghost.id >= 0 || ghost.leaving || ghost.fired > tick || ghost.fired <= this.#lastTick) continue;
      const c = cos(ghost.direction) / 16384;
      const s = sin(ghost.direction) / 16384;
      const dx = at.x - ghost.x;
      const dy = at.y - ghost.y;
      const along = Math.min((ghost.catchUp + 1) * PULSE_SPEED, Math.max(0, dx * c + dy * s));
      if (Math.hypot(dx - along * c, dy - along * s) < NEAR) return ghost;
    }
    return undefined;
  }

  /** Lets go of what the snapshot of `tick` no longer has. @param {number} tick */
  settle(tick) {
    this.#lastTick = tick;
    for (const flight of this.#flights.values()) {
      if (flight.leaving || flight.seen + (flight.id < 0 ? UNCONFIRMED : 0) >= tick) continue;
      // One whose time is over may still be shown earlier in its flight.
      if (flight.id >= 0 && tick - flight.fired + flight.catchUp >= PULSE_LIFE) flight.leaving = true;
      else this.#flights.delete(flight.key);
    }
  }

  /**
   * @param {number} key @param {number} id @param {number} owner @param {number} x @param {number} y
   * @param {number} direction @param {number} catchUp @param {number} fired
   * @returns {Flight}
   */
  #launch(key, id, owner, x, y, direction, catchUp, fired) {
    const angle = (direction * Math.PI) / 2048;
    const own = owner === this.you;
    /** @type {Flight} */
    const flight = {
      key, id, owner, own, x, y, direction, catchUp, eased: catchUp, fired, reach: reach(this.arena, x, y, direction),
      seen: fired, over: false, leaving: false, shown: { x: 0, y: 0, angle, owner, own, age: 0 },
    };
    this.#flights.set(key, flight);
    return flight;
  }

  /**
   * The pulses as they are to be shown, in an array that the next call uses again. The own ones leave in the own ship's
   * time and soon fly in that of the ships they are aimed at, which is what the server's catch-up makes true; others
   * leave their ship in the past, where it is shown, and soon fly in the own ship's time.
   * @param {number} shownTick @param {number} ownTick
   * @returns {ShownPulse[]}
   */
  sample(shownTick, ownTick) {
    const out = this.#shown;
    out.length = 0;
    this.stopped.length = 0;
    const ease = EASE * Math.min(4, Math.max(0, ownTick - this.#lastOwnTick));
    this.#lastOwnTick = ownTick;
    for (const flight of this.#flights.values()) {
      let age = (flight.own ? ownTick : shownTick) - flight.fired;
      if (age < 0) continue;
      flight.eased += Math.min(ease, Math.max(-ease, flight.catchUp - flight.eased));
      const gain = flight.eased + (flight.own ? shownTick - ownTick : ownTick - shownTick);
      age = Math.max(0, age + gain * Math.min(1, age / MERGE));
      if (age > flight.reach) {
        if (!flight.over && flight.reach < PULSE_LIFE) this.stopped.push(flight.shown);
        flight.over = true;
        if (flight.leaving) this.#flights.delete(flight.key);
        continue;
      }
      const way = (age * PULSE_SPEED) / 16384 / 256;
      const { shown } = flight;
      shown.x = flight.x / 256 + cos(flight.direction) * way;
      shown.y = flight.y / 256 + sin(flight.direction) * way;
      shown.age = age;
      out.push(shown);
    }
    return out;
  }
}

/** Predicted pulses live beside the server's 16-bit ids. @param {number} tick */
function ghostKey(tick) {
  return 65536 + tick;
}

/**
 * Where a pulse starts on one axis: the nearest quarter-unit to the muzzle, inside the world. Q8.
 * @param {number} at The ship's centre. @param {number} part Cosine or sine of the aim. @param {number} side
 */
export function muzzle(at, part, side) {
  const ahead = at + Math.trunc((part * PULSE_MUZZLE) / 16384);
  return Math.floor((Math.min(side, Math.max(0, ahead)) + 32) / 64) * 64;
}

/** A pulse's velocity on one axis, Q8 a tick. @param {number} part Cosine or sine of its direction. */
export function velocity(part) {
  return Math.trunc((part * PULSE_SPEED) / 16384);
}

/**
 * Ticks after which a pulse is gone if it strikes no ship: it has flown its way, or is in something solid.
 * @param {import('./step.js').Arena} arena @param {number} x @param {number} y @param {number} direction
 */
export function reach(arena, x, y, direction) {
  const vx = velocity(cos(direction));
  const vy = velocity(sin(direction));
  let flown = 0;
  while (flown < PULSE_LIFE && !blocked(arena, x + vx * flown, y + vy * flown)) flown++;
  return flown;
}

/** @param {import('./step.js').Arena} arena @param {number} x @param {number} y */
function blocked({ side, obstacles }, x, y) {
  if (x < 0 || y < 0 || x > side || y > side) return true;
  for (let i = 0; i < obstacles.length; i++) {
    const o = obstacles[i];
    const dx = x - o.x;
    const dy = y - o.y;
    if (dx * dx + dy * dy < o.r * o.r) return true;
  }
  return false;
}
