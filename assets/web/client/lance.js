// Where a Lance's beam goes, for the eye: what it really struck, the server says. In floats, from what is shown.

import { cos, LANCE_RANGE, SHIP_RADIUS, sin } from './step.js';

/**
 * Units from a ship's centre along `aim` to the first wall or obstacle, or to the end of a beam's range.
 * @param {import('./step.js').Arena} arena @param {number} x units @param {number} y units @param {number} aim 0..4095
 */
export function solidAhead({ side, obstacles }, x, y, aim) {
  const c = cos(aim) / 16384;
  const s = sin(aim) / 16384;
  let reach = LANCE_RANGE / 256;
  if (c !== 0) reach = Math.min(reach, Math.max(0, c < 0 ? x : side / 256 - x) / Math.abs(c));
  if (s !== 0) reach = Math.min(reach, Math.max(0, s < 0 ? y : side / 256 - y) / Math.abs(s));
  for (let i = 0; i < obstacles.length; i++) {
    const o = obstacles[i];
    reach = Math.min(reach, rim(o.x / 256 - x, o.y / 256 - y, o.r / 256, c, s));
  }
  return reach;
}

/**
 * The same, or to the first of the ships that stands in the way.
 * @param {import('./step.js').Arena} arena @param {number} x units @param {number} y units @param {number} aim 0..4095
 * @param {readonly {x: number, y: number}[]} ships As the player sees them: that is where the server judges.
 */
export function beamLength(arena, x, y, aim, ships) {
  const c = cos(aim) / 16384;
  const s = sin(aim) / 16384;
  let reach = solidAhead(arena, x, y, aim);
  for (let i = 0; i < ships.length; i++) reach = Math.min(reach, rim(ships[i].x - x, ships[i].y - y, SHIP_RADIUS / 256, c, s));
  return reach;
}

/**
 * Distance along a ray to where it enters a circle; Infinity if it does not.
 * @param {number} dx @param {number} dy @param {number} r @param {number} c @param {number} s
 */
function rim(dx, dy, r, c, s) {
  const along = dx * c + dy * s;
  const aside = dx * s - dy * c;
  if (along <= 0 || Math.abs(aside) >= r) return Infinity;
  return Math.max(0, along - Math.sqrt(r * r - aside * aside));
}
