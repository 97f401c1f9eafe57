// Other ships between two snapshots: a short history each, sampled at a tick in the past.
// Draws nothing, and knows no clock: the tick is an argument.

/** Samples kept of a ship. */
const KEPT = 16;
/** Ticks to go on along the last velocity when nothing newer came; then the ship holds. */
export const EXTRAPOLATE = 3;
/** Q8 a tick beyond which a ship did not fly but was put elsewhere. */
const TELEPORT = 60 * 256;

/**
 * @typedef {{slot: number, generation: number, x: number, y: number, vx: number, vy: number, aim: number, hp: number,
 *   state: number}} ShownShip Position in units, velocity in units a second, aim in radians.
 */

/** One ship's history. */
class Track {
  /** @param {number} slot @param {number} generation */
  constructor(slot, generation) {
    this.slot = slot;
    this.generation = generation;
    this.count = 0;
    /** The tick of the first snapshot without the ship; Infinity while it is in view. */
    this.goneAt = Infinity;
    /** The tick of the last snapshot with it, even if that did not tell where it is. */
    this.seen = 0;
    this.tick = new Float64Array(KEPT);
    this.x = new Float64Array(KEPT);
    this.y = new Float64Array(KEPT);
    this.aim = new Uint8Array(KEPT);
    this.hp = new Uint8Array(KEPT);
    this.state = new Uint8Array(KEPT);
    /** @type {ShownShip} */
    this.shown = { slot, generation, x: 0, y: 0, vx: 0, vy: 0, aim: 0, hp: 0, state: 0 };
  }

  /** @param {number} tick @param {import('./snapshot.js').Ship} ship */
  push(tick, ship) {
    const i = this.count++ % KEPT;
    this.tick[i] = tick;
    this.x[i] = ship.x;
    this.y[i] = ship.y;
    this.aim[i] = ship.aim;
    this.hp[i] = ship.hp;
    this.state[i] = ship.state;
  }

  /** Sets `shown` to the ship at `tick`; false if it was not there yet. @param {number} tick @param {number} hz */
  sample(tick, hz) {
    const oldest = Math.max(0, this.count - KEPT);
    let after = this.count - 1;
    if (this.tick[oldest % KEPT] > tick) return false;
    while (after > oldest && this.tick[(after - 1) % KEPT] > tick) after--;
    const b = after % KEPT;
    const a = Math.max(oldest, after - 1) % KEPT;
    const { shown } = this;
    const gap = this.tick[b] - this.tick[a];
    const apart = gap > 0 ? Math.max(Math.abs(this.x[b] - this.x[a]), Math.abs(this.y[b] - this.y[a])) / gap : 0;
    const flew = gap > 0 && apart <= TELEPORT;
    const vx = flew ? (this.x[b] - this.x[a]) / gap : 0;
    const vy = flew ? (this.y[b] - this.y[a]) / gap : 0;
    // From b, backwards while tick < b, forwards for a while when nothing newer came.
    const from = this.tick[b] > tick && !flew ? a : b;
    const along = flew ? Math.min(tick - this.tick[b], EXTRAPOLATE) : 0;
    shown.x = (this.x[from] + vx * along) / 256;
    shown.y = (this.y[from] + vy * along) / 256;
    shown.vx = (vx * hz) / 256;
    shown.vy = (vy * hz) / 256;
    const part = gap > 0 ? Math.min(1, Math.max(0, (tick - this.tick[a]) / gap)) : 1;
    const turn = ((this.aim[b] - this.aim[a]) << 24) >> 24;
    shown.aim = ((this.aim[a] + turn * part) * Math.PI) / 128;
    const now = this.tick[b] <= tick ? b : a;
    shown.hp = this.hp[now];
    shown.state = this.state[now];
    return true;
  }
}

/** The other ships of one connection. */
export class Interpolator {
  /** @type {Map<number, Track>} */
  #tracks = new Map();
  /** @type {ShownShip[]} */
  #shown = [];

  /** @param {number} hz Ticks a second. */
  constructor(hz) {
    this.hz = hz;
    /** Times that the newest snapshot was too old to show something between two. */
    this.starved = 0;
    this.newest = -1;
  }

  /**
   * Takes a snapshot's ships. Those that it left out go on as they flew.
   * @param {number} tick @param {import('./snapshot.js').Ship[]} ships
   * @param {Uint8Array} [told] For each ship, 1 if the snapshot tells where it is at `tick`; without it, all.
   */
  push(tick, ships, told) {
    this.newest = tick;
    for (let i = 0; i < ships.length; i++) {
      const ship = ships[i];
      let track = this.#tracks.get(ship.slot);
      // A tenant that left, or a ship that came back into view, does not fly in from where it was.
      if (!track || track.generation !== ship.generation || track.goneAt !== Infinity) {
        track = new Track(ship.slot, ship.generation);
        this.#tracks.set(ship.slot, track);
      }
      track.seen = tick;
      if (!told || told[i] === 1 || track.count === 0) track.push(tick, ship);
    }
    for (const track of this.#tracks.values()) {
      if (track.goneAt === Infinity && track.seen !== tick) track.goneAt = tick;
    }
  }

  /** The ships as the last `sample` had them. @returns {readonly ShownShip[]} */
  get shown() {
    return this.#shown;
  }

  /** The ships at `tick`, in an array that the next call uses again. @param {number} tick @returns {ShownShip[]} */
  sample(tick) {
    if (this.newest >= 0 && tick > this.newest) this.starved++;
    const shown = this.#shown;
    shown.length = 0;
    for (const track of this.#tracks.values()) {
      if (tick >= track.goneAt) this.#tracks.delete(track.slot);
      else if (track.sample(tick, this.hz)) shown.push(track.shown);
    }
    return shown;
  }
}
