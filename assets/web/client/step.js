// The movement step that the server runs, in the same integers: what a client predicts its own ship with.
// Knows no other ship, and so no damage and no pickup: those come with snapshots.
//
// Products stay below 2^53 and divisions truncate, so this is exact; no float takes part in the result.

import { BUTTON } from './codec.js';

export const TURN = 4096;
export const SHIP_RADIUS = 18 * 256;
const THRUST = 232;
const THRUST_BOOST = 500;
const DRAG = 238;
const ENERGY_MAX = 25600;
const ENERGY_REGAIN = 128;
const BOOST_ENERGY = 384;
const PULSE_ENERGY = 8 * 256;
const PULSE_COOLDOWN = 6;
const PULSE_COOLDOWN_OVERDRIVE = 3;
export const LANCE_ENERGY = 50 * 256;
const LANCE_COOLDOWN = 45;
const LANCE_COOLDOWN_OVERDRIVE = 22;
/** Ticks from the press to the beam. */
export const LANCE_WINDUP = 4;
/** From the ship's centre, Q8. */
export const LANCE_RANGE = 700 * 256;
/** Q8 a tick, ticks, and from the ship's centre in Q8. */
export const PULSE_SPEED = 7680;
export const PULSE_LIFE = 30;
export const PULSE_RADIUS = 4 * 256;
export const PULSE_MUZZLE = SHIP_RADIUS + PULSE_RADIUS;

/** Bits of what a ship did during a step: fired a pulse, began to wind up a Lance, fired it. */
export const DEED = Object.freeze({ FIRED: 1, WOUND: 2, BEAMED: 4 });

/** Sine of k / 4096 turns times 16384, rounded half away from zero. */
export const TRIG = Int32Array.from({ length: TURN }, (_, k) => {
  const exact = Math.sin((k * Math.PI) / 2048) * 16384;
  return Math.sign(exact) * Math.floor(Math.abs(exact) + 0.5);
});

/** @param {number} angle 4096 steps a turn; wraps. */
export const sin = (angle) => TRIG[angle & 4095];
/** @param {number} angle 4096 steps a turn; wraps. */
export const cos = (angle) => TRIG[(angle + 1024) & 4095];

/** FNV-1a-32 over the table as little-endian i32s; `Welcome.trig` has the server's. @returns {number} */
export function trigHash() {
  let hash = 0x811c9dc5;
  for (const value of TRIG) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((value >> shift) & 255), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * @typedef {{x: number, y: number, vx: number, vy: number, energy: number, pulse: number, lance: number,
 *   windup: number, shield: number, overdrive: number, regen: number}} Body What of a ship follows from its inputs alone. Q8, Q8 a tick, ticks.
 * @typedef {{ctl: number, dir: number, aim: number}} Controls As they travel in an `Input`.
 * @typedef {{side: number, obstacles: readonly {x: number, y: number, r: number}[]}} Arena All in Q8, ascending id.
 */

/** @returns {Body} */
export function newBody() {
  return { x: 0, y: 0, vx: 0, vy: 0, energy: 0, pulse: 0, lance: 0, windup: 0, shield: 0, overdrive: 0, regen: 0 };
}

/** @param {Body} to @param {Body} from */
export function copyBody(to, from) {
  to.x = from.x;
  to.y = from.y;
  to.vx = from.vx;
  to.vy = from.vy;
  to.energy = from.energy;
  to.pulse = from.pulse;
  to.lance = from.lance;
  to.windup = from.windup;
  to.shield = from.shield;
  to.overdrive = from.overdrive;
  to.regen = from.regen;
}

/** @param {Body} a @param {Body} b */
export function sameBody(a, b) {
  return a.x === b.x && a.y === b.y && a.vx === b.vx && a.vy === b.vy && a.energy === b.energy && a.pulse === b.pulse
    && a.lance === b.lance && a.windup === b.windup && a.shield === b.shield && a.overdrive === b.overdrive && a.regen === b.regen;
}

/**
 * The largest r with r * r <= n, for 0 <= n < 2^52.
 * @param {number} n
 */
export function isqrt(n) {
  let r = Math.floor(Math.sqrt(n));
  while (r * r > n) r--;
  while ((r + 1) * (r + 1) <= n) r++;
  return r;
}

/**
 * One tick of a living ship. Returns what it did, as bits of DEED; pulse and beam go where the controls aim.
 * @param {Body} body Changed in place.
 * @param {Controls} controls
 * @param {Arena} arena
 * @returns {number}
 */
export function step(body, controls, arena) {
  const { trunc } = Math;
  const magnitude = controls.ctl & 7;
  const buttons = (controls.ctl >> 3) & 7;
  const boost = (buttons & BUTTON.BOOST) !== 0 && magnitude > 0 && body.energy >= BOOST_ENERGY;
  const push = magnitude * (boost ? THRUST_BOOST : THRUST);
  const heading = controls.dir * 16;
  let vx = trunc(((body.vx + trunc((cos(heading) * push) / 114688)) * DRAG) / 256);
  let vy = trunc(((body.vy + trunc((sin(heading) * push) / 114688)) * DRAG) / 256);
  let x = body.x + vx;
  let y = body.y + vy;

  const { obstacles } = arena;
  for (let i = 0; i < obstacles.length; i++) {
    const o = obstacles[i];
    const reach = SHIP_RADIUS + o.r;
    const dx = x - o.x;
    if (dx >= reach || -dx >= reach) continue;
    const dy = y - o.y;
    const d2 = dx * dx + dy * dy;
    if (d2 >= reach * reach) continue;
    const d = isqrt(d2);
    const nx = d === 0 ? 1024 : trunc((dx * 1024) / d);
    const ny = d === 0 ? 0 : trunc((dy * 1024) / d);
    x = o.x + trunc((nx * reach) / 1024);
    y = o.y + trunc((ny * reach) / 1024);
    const vn = trunc((vx * nx + vy * ny) / 1024);
    if (vn < 0) {
      vx -= trunc((vn * nx * 384) / 262144);
      vy -= trunc((vn * ny * 384) / 262144);
    }
  }

  const far = arena.side - SHIP_RADIUS;
  if (x < SHIP_RADIUS) {
    x = SHIP_RADIUS;
    if (vx < 0) vx = trunc((-vx * 128) / 256);
  } else if (x > far) {
    x = far;
    if (vx > 0) vx = trunc((-vx * 128) / 256);
  }
  if (y < SHIP_RADIUS) {
    y = SHIP_RADIUS;
    if (vy < 0) vy = trunc((-vy * 128) / 256);
  } else if (y > far) {
    y = far;
    if (vy > 0) vy = trunc((-vy * 128) / 256);
  }

  body.x = x;
  body.y = y;
  // `+ 0` turns the -0 that truncation leaves into 0.
  body.vx = vx + 0;
  body.vy = vy + 0;

  const beamed = body.windup === 1;
  if (body.pulse > 0) body.pulse--;
  if (body.lance > 0) body.lance--;
  if (body.windup > 0) body.windup--;
  if (body.shield > 0) body.shield--;
  if (body.overdrive > 0) body.overdrive--;
  if (body.regen > 0) body.regen--;
  body.energy = Math.min(ENERGY_MAX, body.energy - (boost ? BOOST_ENERGY : 0) + ENERGY_REGAIN);
  let deeds = beamed ? DEED.BEAMED : 0;
  if ((buttons & BUTTON.FIRE) !== 0 && body.pulse === 0 && body.energy >= PULSE_ENERGY) {
    body.energy -= PULSE_ENERGY;
    body.pulse = body.overdrive > 0 ? PULSE_COOLDOWN_OVERDRIVE : PULSE_COOLDOWN;
    deeds |= DEED.FIRED;
  }
  if ((buttons & BUTTON.LANCE) !== 0 && body.lance === 0 && body.energy >= LANCE_ENERGY) {
    body.energy -= LANCE_ENERGY;
    body.lance = body.overdrive > 0 ? LANCE_COOLDOWN_OVERDRIVE : LANCE_COOLDOWN;
    body.windup = LANCE_WINDUP;
    deeds |= DEED.WOUND;
  }
  if ((deeds & (DEED.FIRED | DEED.BEAMED)) !== 0) body.shield = 0;
  return deeds;
}
