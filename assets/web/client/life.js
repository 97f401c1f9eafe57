// The own ship's life as snapshots tell it: hurt, destroyed, back, and asking for a ship. Predicts and sends nothing.

/** @typedef {{hurt?: (hp: number) => void, died?: () => void, spawned?: () => void}} Listeners */

export class Life {
  /** @type {boolean | null} Null before the first snapshot. */
  #alive = null;
  #hp = 0;
  #asked = false;

  /** @param {Listeners} on */
  constructor(on) {
    this.on = on;
  }

  /** Wants a ship as soon as there can be one. */
  ask() {
    this.#asked = true;
  }

  /**
   * Takes what a snapshot says. Returns true if a ship is to be asked for now.
   * @param {import('./snapshot.js').Own} own
   */
  take({ hp, timers }) {
    const before = this.#alive;
    const alive = hp > 0;
    if (before !== null && hp < this.#hp) this.on.hurt?.(hp);
    this.#hp = hp;
    this.#alive = alive;
    if (before === true && !alive) this.on.died?.();
    if (before !== true && alive) {
      this.#asked = false;
      this.on.spawned?.();
    }
    const due = !alive && this.#asked && timers.respawn === 0;
    if (due) this.#asked = false;
    return due;
  }
}
