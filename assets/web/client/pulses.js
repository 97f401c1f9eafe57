// Pulses in flight: each flies straight from where and when it was fired, so nothing is sent while it does.
// The own ones appear at once, before the server has confirmed them.

import { cos, PULSE_LIFE, PULSE_MUZZLE, PULSE_SPEED, sin } from './step.js';

/** Ticks over which a pulse that starts in the past flies into the present. */
const MERGE = 8;

/**
 * @typedef {{x: number, y: number, angle: number, owner: number, own: boolean, age: number}} ShownPulse Units, radians,
 *   ticks.
 * @typedef {{key: number, id: number, owner: number, own: boolean, x: number, y: number, direction: number,
 *   catchUp: number, fired: number, reach: number, seen: number, over: boolean,
 *   shown: ShownPulse}} Flight
 */

/** The pulses of one connection. */
export class Pulses {
  /** @type {Map<number, Flight>} */
  #flights = new Map();
  /** @type {ShownPulse[]} */
  #shown = [];

  /** @param {import('./step.js').Arena} arena @param {number} you The own slot. */
  constructor(arena, you) {
    this.arena = arena;
    this.you = you;
    /** Those that the last `sample` found stopped by something solid, for the first time. @type {ShownPulse[]} */
    this.stopped = [];
  }

  /**
   * The own ship fired in the prediction.
   * @param {number} tick @param {import('./step.js').Body} body @param {number} aim @param {number} catchUp ticks
   */
  predict(tick, body, aim, catchUp) {
    const x = muzzle(body.x, cos(aim), this.arena.side);
    const y = muzzle(body.y, sin(aim), this.arena.side);
    const flight = this.#launch(ghostKey(tick), -1, this.you, x, y, aim, catchUp, tick);
    flight.seen = tick;
  }

  /** Takes a snapshot's pulses. @param {import('./snapshot.js').View} view */
  push(view) {
    const { tick, pulses } = view;
    for (let i = 0; i < pulses.length; i++) {
      const pulse = pulses[i];
      const fired = tick - ((tick - pulse.fired) & 255);
      let flight = this.#flights.get(pulse.id);
      if (!flight || flight.fired !== fired) {
        flight = this.#launch(
          pulse.id, pulse.id, pulse.owner, pulse.x, pulse.y, pulse.direction & 4095, pulse.direction >> 12, fired,
        );
        if (flight.own) {
          // The confirmed one takes over from its prediction.
          this.#flights.delete(ghostKey(fired));
        }
      }
      flight.seen = tick;
    }
    for (const flight of this.#flights.values()) {
      if (flight.seen < tick) this.#flights.delete(flight.key);
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
      key, id, owner, own, x, y, direction, catchUp, fired, reach: reach(this.arena, x, y, direction), seen: fired, over: false,
      shown: { x: 0, y: 0, angle, owner, own, age: 0 },
    };
    this.#flights.set(key, flight);
    return flight;
  }

  /**
   * The pulses as they are to be shown, in an array that the next call uses again. The own ones fly in the own ship's
   * time; others leave their ship in the past, where it is shown, and soon fly in the own ship's time too.
   * @param {number} shownTick @param {number} ownTick
   * @returns {ShownPulse[]}
   */
  sample(shownTick, ownTick) {
    const out = this.#shown;
    out.length = 0;
    this.stopped.length = 0;
    for (const flight of this.#flights.values()) {
      let age = (flight.own ? ownTick : shownTick) - flight.fired;
      if (age < 0) continue;
      const gain = flight.catchUp + (flight.own ? 0 : ownTick - shownTick);
      age += gain * Math.min(1, age / MERGE);
      if (age > flight.reach) {
        if (!flight.over && flight.reach < PULSE_LIFE) this.stopped.push(flight.shown);
        flight.over = true;
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

  /**
   * A hit used up a pulse: it is gone. Returns whose it was, or -1. One that struck at the muzzle was never in a
   * snapshot; then the prediction tells whether it was the player's.
   * @param {number} id @param {number} x @param {number} y Q8 @param {number} tick
   */
  strike(id, x, y, tick) {
    let flight = this.#flights.get(id);
    if (!flight) {
      for (const ghost of this.#flights.values()) {
        if (ghost.id < 0 && ghost.fired === tick && Math.abs(ghost.x - x) + Math.abs(ghost.y - y) < 32 * 256) flight = ghost;
      }
    }
    if (!flight) return -1;
    this.#flights.delete(flight.key);
    return flight.owner;
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
