// What the player holds: keys, mouse, gamepad or two thumbs, as the three numbers of an Input.
// Sends nothing; the page asks once a tick.

import { BUTTON } from '../client/codec.js';
import { Thumbs } from './thumbs.js';

/** How fast keys turn the aim, radians a second, and how long until they do so in full, s. */
const TURN = 4.2;
const TURN_EASE = 0.22;
/** How far the reticle of an aim without a mouse is from the ship, CSS pixels. */
const RETICLE = 190;

export class Controls {
  /** @type {Set<string>} Codes of the keys that are down. */
  #held = new Set();
  #out = { ctl: 0, dir: 0, aim: 0 };
  #mouseDown = false;
  #rightDown = false;

  #reticle = { x: 0, y: 0 };
  #turning = 0;
  #sampledAt = 0;

  /**
   * @param {HTMLElement} target The canvas. @param {() => boolean} active True while keys belong to the game.
   * @param {import('./settings.js').Settings} settings What the keys are for. @param {import('./gamepad.js').Gamepads} pad
   */
  constructor(target, active, settings, pad) {
    this.active = active;
    this.settings = settings;
    this.pad = pad;
    /** True while keys or a gamepad aim: then there is a reticle where a mouse would be. */
    this.blind = false;
    this.thumbs = new Thumbs(target);
    /** The mouse in CSS pixels; null until it moved or after a thumb took over. @type {{x: number, y: number} | null} */
    this.pointer = null;
    /** Where the own ship is on the canvas, CSS pixels; the page sets it each frame. */
    this.shipX = 0;
    this.shipY = 0;
    /** Aim in radians, thrust heading in radians, thrust 0..1: for drawing. */
    this.aim = 0;
    this.heading = 0;
    this.push = 0;
    this.boosting = false;

    window.addEventListener('keydown', (event) => {
      const key = settings.action(event.code);
      if (!key || !this.active() || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      this.#held.add(event.code);
    });
    window.addEventListener('keyup', (event) => {
      this.#held.delete(event.code);
    });
    window.addEventListener('blur', () => this.release());
    window.addEventListener('pointermove', (event) => {
      if (event.pointerType === 'touch') return;
      this.pointer ??= { x: 0, y: 0 };
      this.blind = false;
      this.pointer.x = event.clientX;
      this.pointer.y = event.clientY;
    });
    target.addEventListener('pointerdown', (event) => {
      if (event.pointerType === 'touch') {
        this.pointer = null;
        this.blind = false;
      } else if (event.button === 0) {
        this.#mouseDown = true;
      } else if (event.button === 2) {
        this.#rightDown = true;
      }
    });
    // A second button of a mouse that has one down already is a move, not a `pointerdown`.
    for (const type of /** @type {const} */ (['pointermove', 'pointerup'])) {
      window.addEventListener(type, (event) => {
        if (event.pointerType === 'touch') return;
        if (event.button === 0 || event.button === 2) {
          this.#mouseDown = (event.buttons & 1) !== 0 && (this.#mouseDown || event.target === target);
          this.#rightDown = (event.buttons & 2) !== 0 && (this.#rightDown || event.target === target);
        }
      });
    }
    target.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** Lets go of everything. */
  release() {
    this.#held.clear();
    this.#mouseDown = this.#rightDown = false;
    this.thumbs.release();
  }

  /** @param {import('./settings.js').Action} action */
  #holds(action) {
    for (const code of this.settings.keys[action]) if (this.#held.has(code)) return true;
    return false;
  }

  /** Where the player aims at, CSS pixels; null for thumbs. */
  get reticle() {
    if (!this.blind) return this.pointer;
    this.#reticle.x = this.shipX + Math.cos(this.aim) * RETICLE;
    this.#reticle.y = this.shipY + Math.sin(this.aim) * RETICLE;
    return this.#reticle;
  }

  /** Keys turn the aim, slowly at first. @param {number} seconds */
  #turn(seconds) {
    const side = (this.#holds('aimRight') ? 1 : 0) - (this.#holds('aimLeft') ? 1 : 0);
    if (side === 0) {
      this.#turning = 0;
      return;
    }
    this.#turning = Math.min(1, this.#turning + seconds / TURN_EASE);
    this.blind = true;
    this.aim += side * TURN * (0.25 + 0.75 * this.#turning) * seconds;
  }

  /** The controls now, in an object that the next call uses again. @returns {import('../client/step.js').Controls} */
  sample() {
    const out = this.#out;
    const { thumbs, pad } = this;
    const now = performance.now();
    const seconds = Math.min(0.1, (now - this.#sampledAt) / 1000);
    this.#sampledAt = now;
    const active = this.active();
    let magnitude = 0;
    let fire = this.#mouseDown || this.#holds('fire') || (active && pad.fire);
    let boost = this.#holds('boost') || (active && pad.boost);
    const lance = this.#rightDown || this.#holds('lance') || thumbs.lance.id >= 0 || (active && pad.lance);
    const x = (this.#holds('right') ? 1 : 0) - (this.#holds('left') ? 1 : 0);
    const y = (this.#holds('down') ? 1 : 0) - (this.#holds('up') ? 1 : 0);
    if (x !== 0 || y !== 0) {
      magnitude = 7;
      this.heading = Math.atan2(y, x);
    } else if (thumbs.left.length > 0.15) {
      magnitude = Math.max(1, Math.min(7, Math.round(thumbs.left.length * 7)));
      this.heading = thumbs.left.angle;
    } else if (active && pad.left.length > 0) {
      magnitude = Math.max(1, Math.round(pad.left.length * 7));
      this.heading = pad.left.angle;
    }
    boost ||= thumbs.left.length > 1.25;
    this.#turn(seconds);
    if (active && pad.right.length > 0) {
      this.aim = pad.right.angle;
      this.blind = true;
    } else if (thumbs.right.length > 0.25) {
      this.aim = thumbs.right.angle;
      fire ||= thumbs.right.length > 0.6;
    } else if (this.blind) {
      // It stays where keys or a stick left it.
    } else if (this.pointer) {
      this.aim = Math.atan2(this.pointer.y - this.shipY, this.pointer.x - this.shipX);
    } else if (magnitude > 0) {
      this.aim = this.heading;
    }
    this.push = magnitude / 7;
    this.boosting = boost && magnitude > 0;
    out.ctl = magnitude | (((fire ? BUTTON.FIRE : 0) | (boost ? BUTTON.BOOST : 0) | (lance ? BUTTON.LANCE : 0)) << 3);
    out.dir = Math.round((this.heading * 128) / Math.PI) & 255;
    out.aim = Math.round((this.aim * 2048) / Math.PI) & 4095;
    return out;
  }
}
