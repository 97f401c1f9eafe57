// Names and hull bars of the others, in CSS pixels. In a crowd a name gives way to one that is nearer, so that all that are
// shown can be read.

import { COLOUR } from './palette.js';

/** Names do not share a cell of the screen, CSS pixels. */
const CELL = 14;
/** Mean width of a letter, CSS pixels: measuring each name each frame would cost more than it is worth. */
const LETTER = 6.9;
const BAR = 36;
/** A name that is there gives way to one that is nearer by this much, so that names do not flicker. */
const STAY = 0.6;

/** @typedef {import('../client/interpolate.js').ShownShip} ShownShip */

export class Labels {
  #columns = 0;
  #taken = new Uint8Array(0);
  /** By slot: 1 if its name was shown in the last frame. */
  #shown = new Uint8Array(4096);
  /** @type {ShownShip[]} */
  #order = [];
  /** By slot: how much its name matters; the least first. */
  #rank = new Float64Array(4096);

  /**
   * @param {CanvasRenderingContext2D} ctx @param {import('./camera.js').Camera} camera
   * @param {import('./renderer.js').Scene} scene
   */
  draw(ctx, camera, scene) {
    this.#clear(camera);
    const order = this.#order;
    const rank = this.#rank;
    const below = Math.max(20, 32 * camera.scale);
    order.length = 0;
    for (const ship of scene.ships) {
      if (!camera.sees(ship.x, ship.y, 40)) {
        this.#shown[ship.slot] = 0;
        continue;
      }
      rank[ship.slot] = Math.hypot(ship.x - camera.x, ship.y - camera.y) * (this.#shown[ship.slot] ? STAY : 1);
      order.push(ship);
      if (ship.hp < 100) this.#mark(camera.toScreenX(ship.x), camera.toScreenY(ship.y) - below - 5);
    }
    order.sort((a, b) => rank[a.slot] - rank[b.slot]);
    ctx.font = '600 12px system-ui, sans-serif';
    ctx.textAlign = 'center';
    ctx.textBaseline = 'alphabetic';
    for (const ship of order) {
      const x = camera.toScreenX(ship.x);
      const y = camera.toScreenY(ship.y);
      const person = scene.people.get(ship.slot);
      const fits = person !== undefined && this.#take(x, y + below + 8, person.name.length * LETTER);
      this.#shown[ship.slot] = fits ? 1 : 0;
      if (fits) {
        ctx.fillStyle = person.pilot ? COLOUR.dim : COLOUR.text;
        ctx.globalAlpha = person.pilot ? 0.75 : 1;
        ctx.fillText(person.name, x, y + below + 12);
        ctx.globalAlpha = 1;
      }
      if (ship.hp < 100) {
        ctx.fillStyle = 'rgba(6, 9, 15, 0.75)';
        ctx.fillRect(x - BAR / 2 - 1, y - below - 7, BAR + 2, 5);
        ctx.fillStyle = ship.hp > 35 ? COLOUR.repair : COLOUR.bad;
        ctx.fillRect(x - BAR / 2, y - below - 6, (BAR * ship.hp) / 100, 3);
      }
    }
  }

  /** @param {import('./camera.js').Camera} camera */
  #clear(camera) {
    this.#columns = Math.ceil(camera.width / CELL) + 2;
    const cells = this.#columns * (Math.ceil(camera.height / CELL) + 6);
    if (this.#taken.length === cells) this.#taken.fill(0);
    else this.#taken = new Uint8Array(cells);
  }

  /** The place of a hull bar is taken. @param {number} x Its middle. @param {number} y */
  #mark(x, y) {
    const row = Math.floor(y / CELL);
    if (row < 0) return;
    const first = Math.max(0, Math.floor((x - BAR / 2) / CELL));
    const last = Math.min(this.#columns - 1, Math.floor((x + BAR / 2) / CELL));
    for (let column = first; column <= last; column++) this.#taken[row * this.#columns + column] = 1;
  }

  /** Takes the place of a name, if it is free. @param {number} x Its middle. @param {number} y @param {number} width */
  #take(x, y, width) {
    const first = Math.max(0, Math.floor((x - width / 2) / CELL));
    const last = Math.min(this.#columns - 1, Math.floor((x + width / 2) / CELL));
    const row = Math.floor(y / CELL) * this.#columns;
    if (row < 0 || row >= this.#taken.length) return true;
    // The row above and the one below, too: a name is about as high as a cell, wherever it begins in it.
    for (let at = row + first; at <= row + last; at++) if (this.#taken[at]) return false;
    for (let at = row + first; at <= row + last; at++) {
      this.#taken[at] = 1;
      if (at >= this.#columns) this.#taken[at - this.#columns] = 1;
      if (at + this.#columns < this.#taken.length) this.#taken[at + this.#columns] = 1;
    }
    return true;
  }
}
