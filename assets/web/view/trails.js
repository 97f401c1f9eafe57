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

  /** Adds where a ship is, and draws its trail. @param {CanvasRenderingContext2D} ctx In world units. */
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
    const points = Math.min(POINTS, trail.count);
    ctx.strokeStyle = HUES[hue].base;
    // Three strokes over each other: long and thin, half and wider, short and widest.
    for (let layer = 1; layer <= 3; layer++) {
      const length = Math.ceil((points * (4 - layer)) / 3);
      ctx.globalAlpha = (strong ? 0.3 : 0.17) * (0.6 + layer * 0.2);
      ctx.lineWidth = (strong ? 3.6 : 2.4) * layer;
      ctx.beginPath();
      ctx.moveTo(x, y);
      for (let n = 0; n < length; n++) {
        const i = (trail.count - 1 - n) % POINTS;
        ctx.lineTo(trail.x[i], trail.y[i]);
      }
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
  }

  /** Forgets the trails of ships that were not drawn. */
  end() {
    for (const [key, trail] of this.trails) if (trail.mark !== this.mark) this.trails.delete(key);
  }
}
