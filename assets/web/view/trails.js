// The fading lines that ships draw behind them: one short ring of positions each.

import { HUES } from './palette.js';

const POINTS = 18;
/** Seconds between two points, and the jump that starts a trail anew, units. */
const EVERY = 1 / 30;
const JUMP = 120;

class Trail {
  constructor() {
    this.x = new Float32Array(POINTS);
    this.y = new Float32Array(POINTS);
    this.count = 0;
    this.due = 0;
    this.mark = 0;
  }
}

export class Trails {
  constructor() {
    /** @type {Map<number, Trail>} */
    this.trails = new Map();
    this.mark = 0;
  }

  clear() {
    this.trails.clear();
  }

  /** Starts a frame. */
  begin() {
    this.mark++;
  }

  /**
   * Adds where a ship is, and draws its trail.
   * @param {CanvasRenderingContext2D} ctx In world units.
   * @param {number} key @param {number} x @param {number} y @param {number} hue @param {boolean} strong
   * @param {number} seconds since the last frame
   */
  draw(ctx, key, x, y, hue, strong, seconds) {
    let trail = this.trails.get(key);
    if (!trail) this.trails.set(key, (trail = new Trail()));
    trail.mark = this.mark;
    const last = (trail.count - 1 + POINTS) % POINTS;
    if (trail.count > 0 && Math.abs(trail.x[last] - x) + Math.abs(trail.y[last] - y) > JUMP) trail.count = 0;
    trail.due -= seconds;
    if (trail.due <= 0 || trail.count === 0) {
      trail.due = EVERY;
      const i = trail.count % POINTS;
      trail.x[i] = x;
      trail.y[i] = y;
      trail.count++;
      // Kept a multiple of the ring away from overflow and from 0, which means empty.
      if (trail.count >= POINTS * 4) trail.count -= POINTS * 2;
    }
    ctx.fillStyle = HUES[hue].base;
    ctx.globalAlpha = strong ? 0.34 : 0.2;
    ribbon(ctx, trail, x, y, strong ? 7 : 5);
    ctx.globalAlpha = strong ? 0.5 : 0.28;
    ribbon(ctx, trail, x, y, strong ? 2.6 : 1.8);
    ctx.globalAlpha = 1;
  }

  /** Forgets the trails of ships that were not drawn. */
  end() {
    for (const [key, trail] of this.trails) if (trail.mark !== this.mark) this.trails.delete(key);
  }
}

/**
 * A band along a trail that narrows to nothing: there along one edge, back along the other.
 * @param {CanvasRenderingContext2D} ctx @param {Trail} trail @param {number} x @param {number} y @param {number} half
 */
function ribbon(ctx, trail, x, y, half) {
  const points = Math.min(POINTS, trail.count);
  ctx.beginPath();
  ctx.moveTo(x, y);
  for (let n = 0; n < points; n++) edge(ctx, trail, n, points, half, x, y);
  for (let n = points - 1; n >= 0; n--) edge(ctx, trail, n, points, -half, x, y);
  ctx.fill();
}

/**
 * One point of an edge: aside of the trail, by less the older it is.
 * @param {CanvasRenderingContext2D} ctx @param {Trail} trail @param {number} n @param {number} points
 * @param {number} half @param {number} x @param {number} y
 */
function edge(ctx, trail, n, points, half, x, y) {
  const i = (trail.count - 1 - n) % POINTS;
  const j = (trail.count - n) % POINTS;
  const fromX = n === 0 ? x : trail.x[j];
  const fromY = n === 0 ? y : trail.y[j];
  const dx = trail.x[i] - fromX;
  const dy = trail.y[i] - fromY;
  const length = Math.sqrt(dx * dx + dy * dy);
  const aside = length > 0.01 ? (half * (1 - (n + 1) / points)) / length : 0;
  ctx.lineTo(trail.x[i] - dy * aside, trail.y[i] + dx * aside);
}
