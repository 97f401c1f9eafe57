// What part of the world the canvas shows: the same area for every shape of window.
// Draws nothing.

/** Area in view, square units, and the bounds of its shape. */
const AREA = 1600 * 900;
const ASPECT_MIN = 0.56;
const ASPECT_MAX = 2.1;

export class Camera {
  constructor() {
    /** Size of the canvas, CSS pixels, and device pixels in one. */
    this.width = 1;
    this.height = 1;
    this.dpr = 1;
    /** Size of the view in units, CSS pixels in a unit, and its aspect in thousandths as the server wants it. */
    this.viewWidth = 1600;
    this.viewHeight = 900;
    this.scale = 1;
    this.aspect = 1778;
    /** Centre of the view, units. */
    this.x = 0;
    this.y = 0;
    this.shake = 0;
    this.shakeX = 0;
    this.shakeY = 0;
  }

  /** @param {number} width @param {number} height CSS pixels @param {number} ratio devicePixelRatio */
  resize(width, height, ratio) {
    this.width = Math.max(1, width);
    this.height = Math.max(1, height);
    this.dpr = Math.min(2, Math.max(1, ratio));
    const aspect = Math.min(ASPECT_MAX, Math.max(ASPECT_MIN, this.width / this.height));
    this.aspect = Math.round(aspect * 1000);
    this.viewWidth = Math.sqrt(AREA * aspect);
    this.viewHeight = AREA / this.viewWidth;
    this.scale = Math.min(this.width / this.viewWidth, this.height / this.viewHeight);
  }

  /** Lets the shaking fade. @param {number} ms */
  settle(ms) {
    this.shake *= Math.exp(-ms / 110);
    if (this.shake < 0.1) this.shake = 0;
    this.shakeX = (Math.random() - 0.5) * 2 * this.shake;
    this.shakeY = (Math.random() - 0.5) * 2 * this.shake;
  }

  /** Lets the context draw in world units. @param {CanvasRenderingContext2D} ctx */
  world(ctx) {
    const s = this.scale * this.dpr;
    ctx.setTransform(
      s, 0, 0, s,
      (this.width / 2) * this.dpr - (this.x + this.shakeX) * s,
      (this.height / 2) * this.dpr - (this.y + this.shakeY) * s,
    );
  }

  /** Lets the context draw in CSS pixels. @param {CanvasRenderingContext2D} ctx */
  screen(ctx) {
    ctx.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
  }

  /** @param {number} x units */
  toScreenX(x) {
    return (x - this.x - this.shakeX) * this.scale + this.width / 2;
  }

  /** @param {number} y units */
  toScreenY(y) {
    return (y - this.y - this.shakeY) * this.scale + this.height / 2;
  }

  /** True if a circle may be on the canvas. @param {number} x @param {number} y @param {number} r */
  sees(x, y, r) {
    return Math.abs(x - this.x) - r < this.width / 2 / this.scale && Math.abs(y - this.y) - r < this.height / 2 / this.scale;
  }
}
