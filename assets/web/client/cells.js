// The pickups in view, cell by cell, as snapshots tell them: a whole cell when it comes into view, then what changes.
// Draws nothing; one instance belongs to one snapshot reader.

import { DecodeError } from './bytes.js';

/** @typedef {'shard' | 'repair' | 'overdrive'} PickupKind */

const KINDS = /** @type {readonly PickupKind[]} */ (['shard', 'repair', 'overdrive']);
/** Side of a cell, quarter-units: eleven bits. */
const CELL = 2048;
/** Most cells that a window has. */
const MAX_CELLS = 256;

/** @typedef {{x: number, y: number, items: number[]}} Cell Items as they travel: kind, y and x in 24 bits. */

export class Cells {
  /** @type {Cell[]} */
  #cells = [];
  /** Cells and pickups that are in no list now, to be used again. @type {Cell[]} */
  #freeCells = [];
  /** @type {import('./snapshot.js').Pickup[]} */
  #freePickups = [];
  #x = 0;
  #y = 0;
  #width = 0;
  #height = 0;

  constructor() {
    /** All that lie in the window, cell by cell. @type {import('./snapshot.js').Pickup[]} */
    this.pickups = [];
  }

  /** Forgets everything. */
  clear() {
    while (this.#cells.length > 0) this.#freeCells.push(/** @type {Cell} */ (this.#cells.pop()));
    this.#width = this.#height = 0;
    this.#list();
  }

  /**
   * Reads the section PICKUPS and lists anew what lies in view.
   * @param {import('./bytes.js').ByteReader} b
   * @param {import('./snapshot.js').GameEvent[]} events What was taken is added here.
   */
  read(b, events) {
    this.#x = b.u8();
    this.#y = b.u8();
    this.#width = b.u8();
    this.#height = b.u8();
    if (this.#width * this.#height > MAX_CELLS) throw new DecodeError('too many cells');
    this.#keepInside();
    for (let n = b.shortU16(); n > 0; n--) {
      const number = b.u8();
      if (number >= this.#width * this.#height) throw new DecodeError('no such cell');
      const x = Math.min(255, this.#x + (number % this.#width));
      const y = Math.min(255, this.#y + Math.floor(number / this.#width));
      const known = this.#find(x, y);
      let ops = b.shortU16();
      if (ops === 0) {
        const { items } = known ?? this.#add(x, y);
        items.length = 0;
        for (let left = b.shortU16(); left > 0; left--) items.push(readItem(b));
      } else {
        if (!known) throw new DecodeError('a change to an unknown cell');
        while (ops-- > 0) change(b, known, events);
      }
    }
    this.#list();
  }

  /** Forgets the cells outside the window. */
  #keepInside() {
    const cells = this.#cells;
    let kept = 0;
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i];
      const column = cell.x - this.#x;
      const row = cell.y - this.#y;
      if (column >= 0 && column < this.#width && row >= 0 && row < this.#height) cells[kept++] = cell;
      else this.#freeCells.push(cell);
    }
    cells.length = kept;
  }

  /** @param {number} x @param {number} y */
  #find(x, y) {
    for (const cell of this.#cells) if (cell.x === x && cell.y === y) return cell;
    return undefined;
  }

  /** @param {number} x @param {number} y */
  #add(x, y) {
    const cell = this.#freeCells.pop() ?? { x: 0, y: 0, items: [] };
    cell.x = x;
    cell.y = y;
    this.#cells.push(cell);
    return cell;
  }

  #list() {
    const { pickups } = this;
    while (pickups.length > 0) this.#freePickups.push(/** @type {any} */ (pickups.pop()));
    for (const cell of this.#cells) {
      for (const item of cell.items) {
        const pickup = this.#freePickups.pop() ?? { kind: KINDS[0], x: 0, y: 0 };
        pickup.kind = KINDS[item >> 22];
        pickup.x = place(cell.x, item);
        pickup.y = place(cell.y, item >> 11);
        pickups.push(pickup);
      }
    }
  }
}

/** A coordinate of an item, Q8. @param {number} cell @param {number} bits */
function place(cell, bits) {
  return (((cell * CELL) & 0xffff) | (bits & (CELL - 1))) * 64;
}

/** @param {import('./bytes.js').ByteReader} b */
function readItem(b) {
  const item = b.u16() | (b.u8() << 16);
  if (item >> 22 >= KINDS.length) throw new DecodeError('unknown pickup');
  return item;
}

/** One operation on a cell's list. @param {import('./bytes.js').ByteReader} b @param {Cell} cell @param {import('./snapshot.js').GameEvent[]} events */
function change(b, cell, events) {
  const { items } = cell;
  const number = b.shortU16();
  if (number === 0) {
    items.push(readItem(b));
    return;
  }
  const slot = b.maybeSlot();
  if (number > items.length) throw new DecodeError('no such pickup');
  const item = items[number - 1];
  const last = /** @type {number} */ (items.pop());
  if (number <= items.length) items[number - 1] = last;
  if (slot !== null) {
    events.push({ kind: 'taken', slot, item: KINDS[item >> 22], x: place(cell.x, item), y: place(cell.y, item >> 11) });
  }
}
