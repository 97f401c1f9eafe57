// Draws one frame of a scene onto the canvas. Keeps only what fades; what there is to see comes in with the scene.

import { STATE } from '../client/codec.js';
import { drawCrownArrow } from './arrow.js';
import { Camera } from './camera.js';
import { Effects } from './effects.js';
import { Labels } from './labels.js';
import { COLOUR, HUES } from './palette.js';
import { PICKUP_SIZE, PULSE_SIZE, SHIP_SIZE, Sprites } from './sprites.js';
import { drawTelegraph } from './telegraph.js';
import { drawFloor, drawObstacles } from './terrain.js';
import { Trails } from './trails.js';

/**
 * @typedef {{x: number, y: number, vx: number, vy: number, aim: number, hp: number, state: number, slot: number,
 *   thrust: number, push: number}} OwnShown `thrust`: heading of the engine in radians; `push`: 0..1.
 * @typedef {{side: number, obstacles: readonly {x: number, y: number, r: number}[],
 *   arena: import('../client/step.js').Arena, x: number, y: number,
 *   own: OwnShown | null, ships: readonly import('../client/interpolate.js').ShownShip[],
 *   pulses: readonly import('../client/pulses.js').ShownPulse[],
 *   pickups: readonly import('../client/snapshot.js').Pickup[],
 *   people: ReadonlyMap<number, import('../client/game.js').Person>, pointer: {x: number, y: number} | null,
 *   crown: {slot: number, x: number, y: number} | null}} Scene `crown`: whoever leads, unless that is who is looked at; quarter-units.
 */

const OWN_TRAIL = -1;

export class Renderer {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.ctx = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
    this.camera = new Camera();
    this.sprites = new Sprites();
    this.effects = new Effects();
    this.trails = new Trails();
    this.labels = new Labels();
    this.seconds = 0;
  }

  /** Fits the canvas to its place on the page. */
  resize() {
    const { camera, canvas } = this;
    camera.resize(window.innerWidth, window.innerHeight, window.devicePixelRatio || 1);
    canvas.width = Math.round(camera.width * camera.dpr);
    canvas.height = Math.round(camera.height * camera.dpr);
    this.sprites.prepare(camera.scale * camera.dpr);
  }

  /** Forgets what fades: another world begins. */
  clear() {
    this.effects.clear();
    this.trails.clear();
  }

  /** @param {Scene} scene @param {number} ms since the last frame */
  draw(scene, ms) {
    const { ctx, camera, effects, trails } = this;
    const seconds = Math.min(0.1, ms / 1000);
    this.seconds += seconds;
    effects.advance(seconds);
    camera.x = scene.x;
    camera.y = scene.y;
    camera.settle(ms);
    drawFloor(ctx, camera, scene.side);
    this.#pickups(scene.pickups);
    ctx.lineCap = 'butt';
    ctx.lineJoin = 'round';
    ctx.globalCompositeOperation = 'lighter';
    trails.begin();
    for (const ship of scene.ships) {
      trails.draw(ctx, ship.slot, ship.x, ship.y, hueOf(scene, ship.slot), (ship.state & STATE.BOOST) !== 0, seconds);
    }
    const { own } = scene;
    if (own) trails.draw(ctx, OWN_TRAIL, own.x, own.y, hueOf(scene, own.slot), (own.state & STATE.BOOST) !== 0, seconds);
    trails.end();
    ctx.globalCompositeOperation = 'source-over';
    // A pulse that comes to an obstacle disappears below it.
    this.#pulses(scene);
    drawObstacles(ctx, camera, scene.obstacles);
    for (const ship of scene.ships) {
      if (ship.state & STATE.WINDUP) drawTelegraph(ctx, scene.arena, ship, hueOf(scene, ship.slot), false, this.seconds);
    }
    if (own && own.state & STATE.WINDUP) drawTelegraph(ctx, scene.arena, own, hueOf(scene, own.slot), true, this.seconds);
    for (const ship of scene.ships) this.#ship(ship, hueOf(scene, ship.slot), null);
    if (own) this.#ship(own, hueOf(scene, own.slot), own);
    effects.draw(ctx, this.sprites, camera);
    camera.screen(ctx);
    this.labels.draw(ctx, camera, scene);
    effects.drawNumbers(ctx, camera);
    this.#veil();
    drawCrownArrow(ctx, camera, scene.crown);
    if (scene.pointer && own) this.#crosshair(scene.pointer);
  }

  /** @param {Scene['pickups']} pickups */
  #pickups(pickups) {
    const { ctx, camera, sprites } = this;
    const half = PICKUP_SIZE / 2;
    for (let i = 0; i < pickups.length; i++) {
      const pickup = pickups[i];
      const x = pickup.x / 256;
      const y = pickup.y / 256;
      if (!camera.sees(x, y, half)) continue;
      const phase = (pickup.x + pickup.y) >> 6;
      if (pickup.kind === 'shard') {
        // A diamond that turns about its upright axis.
        const turn = Math.cos(this.seconds * 2.6 + phase * 1.7);
        const w = 2.5 + 5.5 * Math.abs(turn);
        ctx.drawImage(/** @type {any} */ (sprites.shardGlow), x - half, y - half, PICKUP_SIZE, PICKUP_SIZE);
        ctx.fillStyle = turn > 0 ? '#d8f3ff' : '#7fc4e8';
        ctx.beginPath();
        ctx.moveTo(x, y - 11);
        ctx.lineTo(x + w, y);
        ctx.lineTo(x, y + 11);
        ctx.lineTo(x - w, y);
        ctx.fill();
      } else {
        const bob = Math.sin(this.seconds * 3 + phase) * 2.5;
        const sprite = pickup.kind === 'repair' ? sprites.repair : sprites.overdrive;
        ctx.drawImage(/** @type {any} */ (sprite), x - half, y - half + bob, PICKUP_SIZE, PICKUP_SIZE);
      }
    }
  }

  /** @param {Scene} scene */
  #pulses(scene) {
    const { ctx, camera, sprites } = this;
    for (const pulse of scene.pulses) {
      if (!camera.sees(pulse.x, pulse.y, 30)) continue;
      const hue = hueOf(scene, pulse.owner);
      ctx.save();
      ctx.translate(pulse.x, pulse.y);
      ctx.rotate(pulse.angle);
      ctx.drawImage((pulse.own ? sprites.ownPulse : sprites.pulse)[hue], -PULSE_SIZE / 2, -PULSE_SIZE / 2, PULSE_SIZE, PULSE_SIZE);
      ctx.restore();
    }
  }

  /**
   * @param {import('../client/interpolate.js').ShownShip | OwnShown} ship @param {number} hue
   * @param {OwnShown | null} own
   */
  #ship(ship, hue, own) {
    const { ctx, camera, sprites } = this;
    const { x, y, state } = ship;
    if (!camera.sees(x, y, 60)) return;
    const boost = (state & STATE.BOOST) !== 0;
    if (own ? own.push > 0 : boost) {
      const heading = own ? own.thrust : Math.atan2(ship.vy, ship.vx);
      this.#flame(x, y, heading, boost ? 1 : 0.5, hue);
      if (boost) this.#wake(x, y, heading, hue);
    }
    if (state & STATE.OVERDRIVE) {
      ctx.globalAlpha = 0.5 + 0.3 * Math.sin(this.seconds * 18);
      ctx.strokeStyle = COLOUR.gold;
      ctx.lineWidth = 2;
      ctx.setLineDash(DASH);
      ctx.lineDashOffset = -this.seconds * 60;
      ctx.beginPath();
      ctx.arc(x, y, 25, 0, Math.PI * 2);
      ctx.stroke();
      ctx.setLineDash(SOLID);
      ctx.globalAlpha = 1;
    }
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(ship.aim);
    if (state & STATE.AWAY) ctx.globalAlpha = 0.45;
    ctx.drawImage((own ? sprites.own : sprites.other)[hue], -SHIP_SIZE / 2, -SHIP_SIZE / 2, SHIP_SIZE, SHIP_SIZE);
    ctx.restore();
    if (state & STATE.SHIELD) {
      ctx.strokeStyle = COLOUR.shield;
      ctx.globalAlpha = 0.14;
      ctx.lineWidth = 9;
      ctx.beginPath();
      ctx.arc(x, y, 29, 0, Math.PI * 2);
      ctx.stroke();
      ctx.globalAlpha = 0.7 + 0.2 * Math.sin(this.seconds * 9);
      ctx.lineWidth = 2;
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
    if (state & STATE.CROWN) this.#crown(x, y - 56);
  }

  /** Sparks behind a boost. @param {number} x @param {number} y @param {number} heading @param {number} hue */
  #wake(x, y, heading, hue) {
    const away = heading + Math.PI + (Math.random() - 0.5) * 0.9;
    const speed = 90 + Math.random() * 160;
    this.effects.spark(
      x + Math.cos(away) * 20, y + Math.sin(away) * 20, Math.cos(away) * speed, Math.sin(away) * speed,
      5 + Math.random() * 5, 0.35, hue,
    );
  }

  /** @param {number} x @param {number} y @param {number} heading @param {number} strength @param {number} hue */
  #flame(x, y, heading, strength, hue) {
    const { ctx } = this;
    const length = (26 + 10 * Math.sin(this.seconds * 47 + x)) * (0.5 + strength);
    ctx.save();
    ctx.translate(x, y);
    ctx.rotate(heading + Math.PI);
    ctx.globalCompositeOperation = 'lighter';
    ctx.globalAlpha = 0.75;
    ctx.fillStyle = HUES[hue].base;
    tongue(ctx, 8 + length, 5 + 4 * strength);
    ctx.globalAlpha = 0.9;
    ctx.fillStyle = '#fff3d6';
    tongue(ctx, 8 + length * 0.55, 2.5 + 2 * strength);
    ctx.restore();
  }

  /** @param {number} x @param {number} y */
  #crown(x, y) {
    const { ctx } = this;
    ctx.save();
    ctx.translate(x, y);
    ctx.beginPath();
    ctx.moveTo(-11, 7);
    ctx.lineTo(-12, -6);
    ctx.lineTo(-5, 0);
    ctx.lineTo(0, -9);
    ctx.lineTo(5, 0);
    ctx.lineTo(12, -6);
    ctx.lineTo(11, 7);
    ctx.closePath();
    ctx.fillStyle = COLOUR.gold;
    ctx.fill();
    ctx.lineWidth = 2;
    ctx.strokeStyle = '#3a2d08';
    ctx.stroke();
    ctx.restore();
  }

  /** Windows of extreme shape show more than the server tells of: dim what is unknown. */
  #veil() {
    const { ctx, camera } = this;
    const w = camera.viewWidth * camera.scale;
    const h = camera.viewHeight * camera.scale;
    const sideW = (camera.width - w) / 2;
    const sideH = (camera.height - h) / 2;
    ctx.fillStyle = 'rgba(5, 8, 14, 0.72)';
    if (sideW > 1) {
      ctx.fillRect(0, 0, sideW, camera.height);
      ctx.fillRect(camera.width - sideW, 0, sideW, camera.height);
    }
    if (sideH > 1) {
      ctx.fillRect(0, 0, camera.width, sideH);
      ctx.fillRect(0, camera.height - sideH, camera.width, sideH);
    }
  }

  /** @param {{x: number, y: number}} pointer CSS pixels */
  #crosshair({ x, y }) {
    const { ctx, effects } = this;
    ctx.strokeStyle = '#0a0f18';
    ctx.lineWidth = 4;
    cross(ctx, x, y);
    ctx.strokeStyle = '#ffffff';
    ctx.lineWidth = 1.8;
    cross(ctx, x, y);
    if (effects.hitMark > 0) {
      ctx.globalAlpha = Math.min(1, effects.hitMark * 6);
      ctx.strokeStyle = COLOUR.gold;
      ctx.lineWidth = 2.4;
      ctx.beginPath();
      for (let i = 0; i < 4; i++) {
        const sx = i & 1 ? 1 : -1;
        const sy = i & 2 ? 1 : -1;
        ctx.moveTo(x + sx * 7, y + sy * 7);
        ctx.lineTo(x + sx * 14, y + sy * 14);
      }
      ctx.stroke();
      ctx.globalAlpha = 1;
    }
  }
}

const DASH = [10, 8];
const SOLID = /** @type {number[]} */ ([]);

/** @param {Scene} scene @param {number} slot */
export function hueOf(scene, slot) {
  return scene.people.get(slot)?.hue ?? slot & 7;
}

/** @param {CanvasRenderingContext2D} ctx @param {number} length @param {number} width */
function tongue(ctx, length, width) {
  ctx.beginPath();
  ctx.moveTo(8, -width);
  ctx.quadraticCurveTo(8 + length * 0.5, -width * 0.7, 8 + length, 0);
  ctx.quadraticCurveTo(8 + length * 0.5, width * 0.7, 8, width);
  ctx.fill();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y */
function cross(ctx, x, y) {
  ctx.beginPath();
  ctx.arc(x, y, 9, 0, Math.PI * 2);
  ctx.moveTo(x + 1.2, y);
  ctx.arc(x, y, 1.2, 0, Math.PI * 2);
  ctx.stroke();
}
