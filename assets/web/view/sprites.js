// Everything with a glow, drawn once offscreen and stamped from then on. Made anew when the size of a pixel changes.

import { COLOUR, HUES } from './palette.js';

/** Outlines in units, nose to the east. The own skiff is a plain chevron, the others have a split tail. */
const OWN = [[23, 0], [-15, 16], [-7, 0], [-15, -16]];
const OTHER = [[24, 0], [-14, 17], [-6, 6], [-13, 0], [-6, -6], [-14, -17]];

/** Sides of the sprites, units. */
export const SHIP_SIZE = 96;
export const PULSE_SIZE = 48;
export const PICKUP_SIZE = 56;
export const SPARK_SIZE = 32;

export class Sprites {
  constructor() {
    this.density = 0;
    /** @type {HTMLCanvasElement[]} */
    this.own = [];
    /** @type {HTMLCanvasElement[]} */
    this.other = [];
    /** @type {HTMLCanvasElement[]} */
    this.ownPulse = [];
    /** @type {HTMLCanvasElement[]} */
    this.pulse = [];
    /** @type {HTMLCanvasElement[]} */
    this.spark = [];
    /** @type {HTMLCanvasElement | null} */
    this.shardGlow = null;
    this.repair = null;
    this.overdrive = null;
  }

  /** @param {number} density Device pixels in a unit. */
  prepare(density) {
    if (Math.abs(density - this.density) < 0.001) return;
    this.density = density;
    this.own = HUES.map((hue) => this.#sprite(SHIP_SIZE, (ctx) => {
      glow(ctx, hue, 44, 0.34);
      outline(ctx, OWN);
      ctx.fillStyle = hue.base;
      ctx.fill();
      ctx.lineWidth = 3;
      ctx.strokeStyle = '#ffffff';
      ctx.stroke();
    }));
    this.other = HUES.map((hue) => this.#sprite(SHIP_SIZE, (ctx) => {
      glow(ctx, hue, 36, 0.2);
      outline(ctx, OTHER);
      ctx.fillStyle = hue.dark;
      ctx.fill();
      ctx.lineWidth = 3.2;
      ctx.strokeStyle = hue.base;
      ctx.stroke();
      ctx.beginPath();
      ctx.moveTo(14, 0);
      ctx.lineTo(-4, 0);
      ctx.lineWidth = 2.5;
      ctx.strokeStyle = hue.light;
      ctx.stroke();
    }));
    this.ownPulse = HUES.map((hue) => this.#sprite(PULSE_SIZE, (ctx) => {
      glow(ctx, hue, 20, 0.45);
      capsule(ctx, 13, 3.6, hue.light);
      capsule(ctx, 10, 2, '#ffffff');
    }));
    this.pulse = HUES.map((hue) => this.#sprite(PULSE_SIZE, (ctx) => {
      glow(ctx, hue, 20, 0.5);
      capsule(ctx, 13, 4.4, hue.base);
      capsule(ctx, 9, 1.8, COLOUR.slate);
    }));
    this.spark = HUES.map((hue) => this.#sprite(SPARK_SIZE, (ctx) => glow(ctx, hue, 15, 1)));
    this.shardGlow = this.#sprite(PICKUP_SIZE, (ctx) => glow(ctx, { r: 150, g: 225, b: 255 }, 17, 0.3));
    this.repair = this.#sprite(PICKUP_SIZE, (ctx) => {
      glow(ctx, { r: 61, g: 220, b: 151 }, 26, 0.45);
      ctx.beginPath();
      ctx.roundRect(-13, -13, 26, 26, 8);
      ctx.fillStyle = '#0f2a22';
      ctx.fill();
      ctx.lineWidth = 2.4;
      ctx.strokeStyle = COLOUR.repair;
      ctx.stroke();
      ctx.fillStyle = COLOUR.repair;
      ctx.fillRect(-2.5, -8, 5, 16);
      ctx.fillRect(-8, -2.5, 16, 5);
    });
    this.overdrive = this.#sprite(PICKUP_SIZE, (ctx) => {
      glow(ctx, { r: 240, g: 201, b: 74 }, 26, 0.45);
      ctx.beginPath();
      ctx.arc(0, 0, 14, 0, Math.PI * 2);
      ctx.fillStyle = '#2c240d';
      ctx.fill();
      ctx.lineWidth = 2.4;
      ctx.strokeStyle = COLOUR.gold;
      ctx.stroke();
      ctx.beginPath();
      for (const x of [-6, 1]) {
        ctx.moveTo(x - 2, -6);
        ctx.lineTo(x + 4, 0);
        ctx.lineTo(x - 2, 6);
      }
      ctx.lineWidth = 3;
      ctx.stroke();
    });
  }

  /** @param {number} size units @param {(ctx: CanvasRenderingContext2D) => void} draw */
  #sprite(size, draw) {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = Math.ceil(size * this.density);
    const ctx = canvas.getContext('2d');
    if (ctx) {
      ctx.scale(canvas.width / size, canvas.width / size);
      ctx.translate(size / 2, size / 2);
      ctx.lineJoin = 'round';
      ctx.lineCap = 'round';
      draw(ctx);
    }
    return canvas;
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {{r: number, g: number, b: number}} hue @param {number} radius
 * @param {number} strength
 */
function glow(ctx, { r, g, b }, radius, strength) {
  const light = ctx.createRadialGradient(0, 0, 0, 0, 0, radius);
  light.addColorStop(0, `rgba(${r}, ${g}, ${b}, ${strength})`);
  light.addColorStop(0.5, `rgba(${r}, ${g}, ${b}, ${strength * 0.35})`);
  light.addColorStop(1, `rgba(${r}, ${g}, ${b}, 0)`);
  ctx.fillStyle = light;
  ctx.fillRect(-radius, -radius, radius * 2, radius * 2);
}

/** @param {CanvasRenderingContext2D} ctx @param {number[][]} points */
function outline(ctx, points) {
  ctx.beginPath();
  points.forEach(([x, y], i) => (i === 0 ? ctx.moveTo(x, y) : ctx.lineTo(x, y)));
  ctx.closePath();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} half @param {number} radius @param {string} colour */
function capsule(ctx, half, radius, colour) {
  ctx.beginPath();
  ctx.moveTo(-half + radius, 0);
  ctx.lineTo(half - radius, 0);
  ctx.lineWidth = radius * 2;
  ctx.strokeStyle = colour;
  ctx.stroke();
}
