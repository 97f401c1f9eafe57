// The own ship ahead of the server: steps it with the inputs just sent, and corrects it when a snapshot disagrees.
// Draws nothing; what the eye should not see of a correction is an offset that fades.

import { copyBody, newBody, sameBody, step } from './step.js';

/** Ticks remembered. */
const KEPT = 128;
/** Ticks that the server repeats a missing input for. */
const REPEATED = 8;
/** How fast a correction fades, ms, and beyond what it is not hidden at all, units. */
const FADE_MS = 80;
const SNAP = 150;

/** @param {import('./snapshot.js').Own} own @param {import('./step.js').Body} into */
function fromOwn(own, into) {
  into.x = own.x;
  into.y = own.y;
  into.vx = own.vx;
  into.vy = own.vy;
  into.energy = own.energy;
  into.pulse = own.timers.pulse;
  into.lance = own.timers.lance;
  into.windup = own.timers.windup;
  into.shield = own.timers.shield;
  into.overdrive = own.timers.overdrive;
  into.regen = own.timers.regen;
}

/** Predicts one ship. */
export class Predictor {
  #bodies = Array.from({ length: KEPT }, newBody);
  #bodyTick = new Float64Array(KEPT).fill(-1);
  #inputs = Array.from({ length: KEPT }, () => ({ ctl: 0, dir: 0, aim: 0 }));
  #inputTick = new Float64Array(KEPT).fill(-1);
  #server = newBody();
  #held = { ctl: 0, dir: 0, aim: 0 };

  /** @param {import('./step.js').Arena} arena */
  constructor(arena) {
    this.arena = arena;
    /** The newest predicted tick; -1 before the first snapshot. */
    this.tick = -1;
    /** False while the ship is destroyed. */
    this.alive = false;
    /** Units that the ship is shown off from where it is. */
    this.errorX = 0;
    this.errorY = 0;
    /** Times that the server disagreed though nothing acted on the ship from outside. */
    this.mispredictions = 0;
    /** Times that it disagreed at all, and ticks stepped to catch up. */
    this.corrections = 0;
    this.replayed = 0;
    /** The last misprediction, for whoever looks for its cause. @type {object | null} */
    this.lastMiss = null;
  }

  /** The ship after the newest predicted tick. */
  get body() {
    return this.#bodies[Math.max(0, this.tick) % KEPT];
  }

  /** The ship one tick before. */
  get before() {
    const i = Math.max(0, this.tick - 1) % KEPT;
    return this.#bodyTick[i] === this.tick - 1 ? this.#bodies[i] : this.body;
  }

  /**
   * Steps to `tick`, the next one, with these controls. Returns what the ship did, as bits of DEED.
   * @param {number} tick @param {import('./step.js').Controls} controls
   */
  apply(tick, controls) {
    const i = tick % KEPT;
    this.#inputTick[i] = tick;
    const input = this.#inputs[i];
    input.ctl = controls.ctl;
    input.dir = controls.dir;
    input.aim = controls.aim;
    return this.#advance(tick);
  }

  /**
   * Lets ticks pass for which no input was sent.
   * @param {number} tick
   */
  skipTo(tick) {
    while (this.tick < tick) this.#advance(this.tick + 1);
  }

  /** @param {number} tick */
  #advance(tick) {
    const i = tick % KEPT;
    copyBody(this.#bodies[i], this.body);
    this.#bodyTick[i] = tick;
    this.tick = tick;
    return this.alive ? step(this.#bodies[i], this.#inputAt(tick), this.arena) : 0;
  }

  /** What the server uses for a tick: its input, or the last one for a while. @param {number} tick */
  #inputAt(tick) {
    for (let back = 0; back <= REPEATED; back++) {
      const i = (tick - back) % KEPT;
      if (tick >= back && this.#inputTick[i] === tick - back) return this.#inputs[i];
    }
    this.#held.ctl = 0;
    return this.#held;
  }

  /**
   * Takes the server's word for `tick`, and steps the ticks since then again if it differs.
   * @param {number} tick @param {import('./snapshot.js').Own} own
   */
  reconcile(tick, own) {
    const server = this.#server;
    fromOwn(own, server);
    const alive = own.hp > 0;
    const i = tick % KEPT;
    const known = this.tick >= tick && this.#bodyTick[i] === tick;
    if (known && alive === this.alive && sameBody(this.#bodies[i], server)) return;
    const fresh = this.tick < 0 || alive !== this.alive;
    if (known && !fresh) {
      this.corrections++;
      if (own.changed === 0 && this.#inputTick[i] === tick) {
        this.mispredictions++;
        this.lastMiss = { tick, predicted: { ...this.#bodies[i] }, server: { ...server } };
      }
    }
    const oldX = this.body.x;
    const oldY = this.body.y;
    const target = Math.max(this.tick, tick);
    this.alive = alive;
    copyBody(this.#bodies[i], server);
    this.#bodyTick[i] = tick;
    this.tick = tick;
    while (this.tick < target) {
      this.#advance(this.tick + 1);
      this.replayed++;
    }
    if (!fresh && known) {
      this.errorX += (oldX - this.body.x) / 256;
      this.errorY += (oldY - this.body.y) / 256;
    }
    if (fresh || Math.hypot(this.errorX, this.errorY) > SNAP) this.errorX = this.errorY = 0;
  }

  /** Lets a hidden correction fade. @param {number} ms */
  fade(ms) {
    const keep = Math.exp(-ms / FADE_MS);
    this.errorX *= keep;
    this.errorY *= keep;
  }

  /**
   * Where to show the ship, in units: `part` of the way from the tick before to the newest.
   * @param {number} part 0..1 @param {{x: number, y: number}} out
   */
  shown(part, out) {
    const { before, body } = this;
    const teleport = Math.abs(body.x - before.x) + Math.abs(body.y - before.y) > 60 * 512;
    const t = teleport ? 1 : part;
    out.x = (before.x + (body.x - before.x) * t) / 256 + this.errorX;
    out.y = (before.y + (body.y - before.y) * t) / 256 + this.errorY;
  }
}
