// The whole arena in a corner: obstacles once, then whoever is in view, the crown and the own ship.

import { COLOUR, HUES } from './palette.js';
import { hueOf } from './renderer.js';

/** Redrawn so often, ms. */
const EVERY = 66;

export class Minimap {
  #ground = document.createElement('canvas');
  #due = 0;
  #size = 0;
  #key = '';

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  }

  /**
   * @param {import('./renderer.js').Scene} scene @param {import('./camera.js').Camera} camera
   * @param {{slot: number, x: number, y: number} | null} crown quarter-units @param {number} you
   * @param {number} ms since the last frame
   */
  frame(scene, camera, crown, you, ms) {
    this.#due -= ms;
    if (this.#due > 0 || scene.side === 0) return;
    this.#due = EVERY;
    const css = this.canvas.clientWidth;
    if (css === 0) return;
    const size = Math.round(css * camera.dpr);
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    this.#size = size;
    this.#prepare(scene);
    const { ctx } = this;
    const pad = 5 * camera.dpr;
    const scale = (size - pad * 2) / scene.side;
    const at = (/** @type {number} */ v) => pad + v * scale;
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, size, size);
    ctx.drawImage(this.#ground, 0, 0);
    ctx.lineWidth = camera.dpr;
    ctx.strokeStyle = 'rgba(231, 237, 247, 0.4)';
    ctx.strokeRect(
      at(scene.x - camera.viewWidth / 2), at(scene.y - camera.viewHeight / 2),
      camera.viewWidth * scale, camera.viewHeight * scale,
    );
    const unit = camera.dpr;
    for (const ship of scene.ships) {
      ctx.fillStyle = HUES[hueOf(scene, ship.slot)].base;
      ctx.fillRect(at(ship.x) - 1.8 * unit, at(ship.y) - 1.8 * unit, 3.6 * unit, 3.6 * unit);
    }
    if (crown && crown.slot !== you) {
      const x = at(crown.x / 4);
      const y = at(crown.y / 4);
      ctx.fillStyle = COLOUR.gold;
      ctx.strokeStyle = '#1a1404';
      ctx.beginPath();
      ctx.moveTo(x - 5 * unit, y + 3.5 * unit);
      ctx.lineTo(x - 5.5 * unit, y - 3 * unit);
      ctx.lineTo(x - 2 * unit, y);
      ctx.lineTo(x, y - 4.5 * unit);
      ctx.lineTo(x + 2 * unit, y);
      ctx.lineTo(x + 5.5 * unit, y - 3 * unit);
      ctx.lineTo(x + 5 * unit, y + 3.5 * unit);
      ctx.closePath();
      ctx.stroke();
      ctx.fill();
    }
    const { own } = scene;
    if (own) {
      ctx.save();
      ctx.translate(at(own.x), at(own.y));
      ctx.rotate(own.aim);
      ctx.scale(unit, unit);
      ctx.beginPath();
      ctx.moveTo(6.5, 0);
      ctx.lineTo(-4.5, 4.5);
      ctx.lineTo(-2, 0);
      ctx.lineTo(-4.5, -4.5);
      ctx.closePath();
      ctx.fillStyle = '#ffffff';
      ctx.fill();
      ctx.restore();
    }
  }

  /** Obstacles never change, so they are drawn once a world and size. @param {import('./renderer.js').Scene} scene */
  #prepare(scene) {
    const key = `${this.#size}|${scene.side}|${scene.obstacles.length}|${scene.obstacles[0]?.x}`;
    if (key === this.#key) return;
    this.#key = key;
    const ground = this.#ground;
    ground.width = ground.height = this.#size;
    const ctx = ground.getContext('2d');
    if (!ctx) return;
    const pad = (this.#size / Math.max(1, this.canvas.clientWidth)) * 5;
    const scale = (this.#size - pad * 2) / scene.side;
    ctx.fillStyle = 'rgba(140, 178, 236, 0.26)';
    for (const { x, y, r } of scene.obstacles) {
      ctx.beginPath();
      ctx.arc(pad + x * scale, pad + y * scale, Math.max(1, r * scale), 0, Math.PI * 2);
      ctx.fill();
    }
    ctx.strokeStyle = 'rgba(140, 178, 236, 0.3)';
    ctx.strokeRect(pad, pad, scene.side * scale, scene.side * scale);
  }
}
