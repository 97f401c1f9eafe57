// Short-lived things: sparks, rings, numbers. Fixed stores, so that a battle makes no garbage.
// Purely for the eye: nothing here is asked by the game.

import { HUES } from './palette.js';
import { SPARK_SIZE } from './sprites.js';

const SPARKS = 640;
const RINGS = 32;
const NUMBERS = 24;
const BEAMS = 12;
/** Seconds that a beam is seen. */
const BEAM_LIFE = 0.32;

export class Effects {
  constructor() {
    this.x = new Float32Array(SPARKS);
    this.y = new Float32Array(SPARKS);
    this.vx = new Float32Array(SPARKS);
    this.vy = new Float32Array(SPARKS);
    this.size = new Float32Array(SPARKS);
    /** Seconds left and given. */
    this.left = new Float32Array(SPARKS);
    this.life = new Float32Array(SPARKS).fill(1);
    this.hue = new Uint8Array(SPARKS);
    this.next = 0;
    this.rings = Array.from({ length: RINGS }, () => ({ x: 0, y: 0, from: 0, to: 0, width: 0, left: 0, life: 1, colour: '' }));
    this.nextRing = 0;
    this.numbers = Array.from({ length: NUMBERS }, () => ({ x: 0, y: 0, left: 0, text: '', colour: '' }));
    this.nextNumber = 0;
    this.beams = Array.from({ length: BEAMS }, () => ({ x: 0, y: 0, toX: 0, toY: 0, left: 0, hue: 0 }));
    this.nextBeam = 0;
    /** Seconds left of the mark that the crosshair shows after a hit. */
    this.hitMark = 0;
  }

  /**
   * One spark. Units, units a second, seconds.
   * @param {number} x @param {number} y @param {number} vx @param {number} vy @param {number} size @param {number} life
   * @param {number} hue
   */
  spark(x, y, vx, vy, size, life, hue) {
    const i = this.next;
    this.next = (i + 1) % SPARKS;
    this.x[i] = x;
    this.y[i] = y;
    this.vx[i] = vx;
    this.vy[i] = vy;
    this.size[i] = size;
    this.left[i] = this.life[i] = life;
    this.hue[i] = hue;
  }

  /**
   * Many sparks in all directions.
   * @param {number} x @param {number} y @param {number} count @param {number} speed @param {number} size
   * @param {number} life @param {number} hue
   */
  burst(x, y, count, speed, size, life, hue) {
    for (let n = 0; n < count; n++) {
      const angle = Math.random() * Math.PI * 2;
      const v = speed * (0.25 + Math.random() * 0.75);
      this.spark(x, y, Math.cos(angle) * v, Math.sin(angle) * v, size * (0.6 + Math.random() * 0.8), life * (0.5 + Math.random() * 0.5), hue);
    }
  }

  /**
   * A circle that grows or shrinks.
   * @param {number} x @param {number} y @param {number} from @param {number} to @param {number} width
   * @param {number} life @param {string} colour
   */
  ring(x, y, from, to, width, life, colour) {
    const ring = this.rings[this.nextRing];
    this.nextRing = (this.nextRing + 1) % RINGS;
    ring.x = x;
    ring.y = y;
    ring.from = from;
    ring.to = to;
    ring.width = width;
    ring.left = ring.life = life;
    ring.colour = colour;
  }

  /** A word that rises. @param {number} x @param {number} y @param {string} text @param {string} colour */
  number(x, y, text, colour) {
    const number = this.numbers[this.nextNumber];
    this.nextNumber = (this.nextNumber + 1) % NUMBERS;
    number.x = x + (Math.random() - 0.5) * 16;
    number.y = y;
    number.left = 0.8;
    number.text = text;
    number.colour = colour;
  }

  /** A pulse struck a ship. @param {number} x @param {number} y @param {number} hue @param {number} damage */
  hit(x, y, hue, damage) {
    if (damage === 0) {
      this.ring(x, y, 8, 26, 3, 0.25, '#9adcff');
      this.burst(x, y, 5, 160, 7, 0.25, 1);
      return;
    }
    this.burst(x, y, 9, 260, 9, 0.35, hue);
    this.ring(x, y, 4, 20, 3, 0.2, HUES[hue].light);
  }

  /**
   * A Lance fired.
   * @param {number} x @param {number} y @param {number} toX @param {number} toY @param {number} hue
   */
  beam(x, y, toX, toY, hue) {
    const beam = this.beams[this.nextBeam];
    this.nextBeam = (this.nextBeam + 1) % BEAMS;
    beam.x = x;
    beam.y = y;
    beam.toX = toX;
    beam.toY = toY;
    beam.hue = hue;
    beam.left = BEAM_LIFE;
    const length = Math.hypot(toX - x, toY - y);
    for (let at = 30; at < length; at += 26) {
      const part = at / length;
      const drift = (Math.random() - 0.5) * 70;
      const side = (Math.random() - 0.5) * 70;
      this.spark(x + (toX - x) * part, y + (toY - y) * part, side, drift, 5 + Math.random() * 4, 0.25 + Math.random() * 0.3, hue);
    }
    this.burst(toX, toY, 8, 220, 10, 0.35, hue);
    this.ring(x, y, 18, 40, 3, 0.22, '#ffffff');
  }

  /** A ship was destroyed. @param {number} x @param {number} y @param {number} hue */
  explosion(x, y, hue) {
    this.burst(x, y, 34, 420, 17, 0.9, hue);
    this.burst(x, y, 14, 190, 24, 0.6, 7);
    this.ring(x, y, 10, 130, 8, 0.55, HUES[hue].light);
    this.ring(x, y, 6, 70, 14, 0.35, '#ffffff');
  }

  /** A ship came into the world. @param {number} x @param {number} y @param {number} hue */
  arrival(x, y, hue) {
    this.ring(x, y, 90, 20, 3, 0.45, HUES[hue].light);
    this.ring(x, y, 20, 60, 2, 0.6, '#ffffff');
  }

  clear() {
    this.left.fill(0);
    for (const ring of this.rings) ring.left = 0;
    for (const number of this.numbers) number.left = 0;
    for (const beam of this.beams) beam.left = 0;
    this.hitMark = 0;
  }

  /** @param {number} seconds */
  advance(seconds) {
    const drag = Math.exp(-2.6 * seconds);
    for (let i = 0; i < SPARKS; i++) {
      if (this.left[i] <= 0) continue;
      this.left[i] -= seconds;
      this.x[i] += this.vx[i] * seconds;
      this.y[i] += this.vy[i] * seconds;
      this.vx[i] *= drag;
      this.vy[i] *= drag;
    }
    for (const ring of this.rings) ring.left -= seconds;
    for (const beam of this.beams) beam.left -= seconds;
    for (const number of this.numbers) {
      number.left -= seconds;
      number.y -= 34 * seconds;
    }
    this.hitMark -= seconds;
  }

  /**
   * @param {CanvasRenderingContext2D} ctx In world units.
   * @param {import('./sprites.js').Sprites} sprites
   * @param {import('./camera.js').Camera} camera
   */
  draw(ctx, sprites, camera) {
    ctx.globalCompositeOperation = 'lighter';
    this.#drawBeams(ctx);
    for (let i = 0; i < SPARKS; i++) {
      if (this.left[i] <= 0 || !camera.sees(this.x[i], this.y[i], SPARK_SIZE)) continue;
      const part = this.left[i] / this.life[i];
      const size = this.size[i] * (0.4 + 0.6 * part) * 1.6;
      ctx.globalAlpha = Math.min(1, part * 1.6);
      ctx.drawImage(sprites.spark[this.hue[i]], this.x[i] - size / 2, this.y[i] - size / 2, size, size);
    }
    for (const ring of this.rings) {
      if (ring.left <= 0) continue;
      const gone = 1 - ring.left / ring.life;
      const ease = 1 - (1 - gone) * (1 - gone);
      ctx.globalAlpha = 1 - gone;
      ctx.lineWidth = Math.max(0.5, ring.width * (1 - gone));
      ctx.strokeStyle = ring.colour;
      ctx.beginPath();
      ctx.arc(ring.x, ring.y, Math.max(0, ring.from + (ring.to - ring.from) * ease), 0, Math.PI * 2);
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.globalCompositeOperation = 'source-over';
  }

  /** A wide glow, the hue, and a white core, all narrowing. @param {CanvasRenderingContext2D} ctx In world units. */
  #drawBeams(ctx) {
    ctx.lineCap = 'round';
    for (const beam of this.beams) {
      if (beam.left <= 0) continue;
      const part = beam.left / BEAM_LIFE;
      ctx.beginPath();
      ctx.moveTo(beam.x, beam.y);
      ctx.lineTo(beam.toX, beam.toY);
      ctx.strokeStyle = HUES[beam.hue].base;
      ctx.globalAlpha = 0.28 * part;
      ctx.lineWidth = 6 + 20 * part;
      ctx.stroke();
      ctx.globalAlpha = 0.85 * part;
      ctx.lineWidth = 2 + 7 * part;
      ctx.stroke();
      ctx.strokeStyle = '#ffffff';
      ctx.globalAlpha = Math.min(1, part * 1.5);
      ctx.lineWidth = 0.5 + 3 * part;
      ctx.stroke();
    }
    ctx.lineCap = 'butt';
  }

  /** @param {CanvasRenderingContext2D} ctx In CSS pixels. @param {import('./camera.js').Camera} camera */
  drawNumbers(ctx, camera) {
    ctx.font = '700 14px system-ui, sans-serif';
    ctx.textAlign = 'center';
    for (const number of this.numbers) {
      if (number.left <= 0) continue;
      ctx.globalAlpha = Math.min(1, number.left * 2.5);
      ctx.fillStyle = number.colour;
      ctx.fillText(number.text, camera.toScreenX(number.x), camera.toScreenY(number.y));
    }
    ctx.globalAlpha = 1;
  }
}
