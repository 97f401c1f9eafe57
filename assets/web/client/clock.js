// The server's time as told by what arrives: no handshake, time is an argument.
// Steers three clocks: where others are shown (behind), where the own ship is (ahead), and by how much.

import { MARGIN_MISSING } from './codec.js';

const WINDOW_MS = 2000;
const BUCKET_MS = 250;
const BUCKETS = WINDOW_MS / BUCKET_MS;
const HISTORY = 128;
const JUMP_MS = 500;
/** After a start, for so long nobody notices a step. */
const SETTLE_MS = 1000;

/** @param {number} value @param {number} low @param {number} high */
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** One connection's clock. Times are ms of any monotonic clock; ticks may have fractions. */
export class Clock {
  #buckets = new Float64Array(BUCKETS).fill(Infinity);
  #bucket = 0;
  #sentTick = new Float64Array(HISTORY).fill(-1);
  #sentAt = new Float64Array(HISTORY);
  #dueAt = new Float64Array(HISTORY);
  #lastAdvance = -1;
  #lastArrival = -1;
  #lastTick = -1;
  /** Mean lead that would just do, ms. */
  #needed = 0;
  #measured = false;
  /** When the clock began to run or took its lead at once, ms. */
  #stepped = 0;
  /** Lead that the latest margin asks for, ms. */
  #wantedLead = 0;
  /** Best estimate of `arrival - tick * dt`, ms. */
  #wantedOffset = 0;

  /** @param {number} hz Ticks a second. */
  constructor(hz) {
    /** Length of a tick, ms. */
    this.dt = 1000 / hz;
    /** Arrival of tick 0, ms: a snapshot that nothing delayed arrives at `offset + tick * dt`. */
    this.offset = 0;
    /** How far the own ship is ahead of what could have arrived, ms. */
    this.lead = 60;
    /** How far the others are shown behind what could have arrived, ms. */
    this.delay = 100;
    /** Mean lateness of snapshots and its mean deviation, ms. */
    this.mean = 0;
    this.jitter = 5;
    /** Mean number of ticks from one snapshot to the next: 3 for spectators, 1 for players unless the server is busy. */
    this.spacing = 1;
    /** Mean deviation of the margins of our inputs, ms. */
    this.inputJitter = 2;
    /** Round trip, ms; NaN until measured. */
    this.rtt = NaN;
    /** The last margin that was not missing, ms. */
    this.margin = NaN;
    /** True once a snapshot arrived. */
    this.running = false;
  }

  /** A snapshot of `tick` arrived. @param {number} tick @param {number} now */
  onSnapshot(tick, now) {
    const offset = now - tick * this.dt;
    const bucket = Math.floor(now / BUCKET_MS);
    if (!this.running) {
      this.running = true;
      this.offset = offset;
      this.#lastAdvance = now;
      this.#stepped = now;
      this.#bucket = bucket;
    }
    const passed = Math.min(BUCKETS, bucket - this.#bucket);
    for (let i = 1; i <= passed; i++) this.#buckets[(this.#bucket + i) % BUCKETS] = Infinity;
    if (passed > 0) this.#bucket = bucket;
    const slot = bucket % BUCKETS;
    this.#buckets[slot] = Math.min(this.#buckets[slot], offset);
    let best = Infinity;
    for (let i = 0; i < BUCKETS; i++) best = Math.min(best, this.#buckets[i]);
    this.#wantedOffset = best;
    // What comes first may come late. Spectators send nothing that could be measured: they settle by time.
    if (!this.#measured && now - this.#stepped < SETTLE_MS) this.offset = best;
    const late = offset - best;
    if (this.#lastArrival >= 0) {
      this.mean += (late - this.mean) / 16;
      this.jitter += (Math.abs(late - this.mean) - this.jitter) / 16;
    }
    if (this.#lastTick >= 0) this.spacing += (clamp(tick - this.#lastTick, 1, 4) - this.spacing) / 16;
    this.#lastArrival = now;
    this.#lastTick = tick;
  }

  /** The input for `tick` leaves. @param {number} tick @param {number} now */
  onInputSent(tick, now) {
    const i = tick % HISTORY;
    this.#sentTick[i] = tick;
    this.#sentAt[i] = now;
    // What a step of the lead made due in the past could not leave before that step.
    this.#dueAt[i] = Math.max(this.offset + tick * this.dt - this.lead, this.#stepped);
  }

  /**
   * A snapshot told how early our input for its tick came.
   * @param {number} tick @param {number} margin ms, or MARGIN_MISSING @param {number} now
   */
  onMargin(tick, margin, now) {
    const i = tick % HISTORY;
    if (this.#sentTick[i] !== tick) return;
    const lead = this.offset + tick * this.dt - this.#dueAt[i];
    if (margin === MARGIN_MISSING) {
      // It came too late, by an unknown time: ask for a tick more than it had.
      this.#wantedLead = Math.max(this.#wantedLead, lead + this.dt);
      this.#needed = Math.max(this.#needed, lead);
      if (!this.#measured) this.#step(now);
      return;
    }
    this.margin = margin;
    const rtt = Math.max(0, now - this.#sentAt[i] - margin);
    this.rtt = Number.isNaN(this.rtt) ? rtt : this.rtt + (rtt - this.rtt) / 16;
    // The lead with which this input would have come at the last moment: what the lead is now does not matter to it.
    const needed = lead - margin;
    if (!this.#measured) this.#needed = needed;
    this.#needed += (needed - this.#needed) / 8;
    this.inputJitter += (Math.abs(needed - this.#needed) - this.inputJitter) / 16;
    this.#wantedLead = this.#needed + this.target;
    if (!this.#measured) this.#step(now);
    this.#measured = true;
  }

  /** Takes the lead that is wanted at once. @param {number} now */
  #step(now) {
    this.lead = this.#wantedLead;
    this.#stepped = now;
  }

  /** How early an input should come, ms. */
  get target() {
    return clamp(4 + 4 * this.inputJitter, 8, 80);
  }

  /** Moves the clocks towards what was measured, never faster than a player would accept. @param {number} now */
  advance(now) {
    if (!this.running) return;
    const passed = now - this.#lastAdvance;
    if (passed <= 0) return;
    this.#lastAdvance = now;
    this.offset = slew(this.offset, this.#wantedOffset, passed * 0.05, passed * 0.05, JUMP_MS);
    if (this.#measured) this.lead = slew(this.lead, this.#wantedLead, passed * 0.05, passed * 0.02, JUMP_MS);
    this.lead = clamp(this.lead, 0, 12 * this.dt);
    const gap = 1.25 * this.spacing * this.dt;
    const delay = clamp(gap + this.mean + 4 * this.jitter, 45, gap + 158);
    this.delay = slew(this.delay, delay, passed * 0.05, passed * 0.05, Infinity);
  }

  /** The tick that could just have arrived. @param {number} now */
  arrivedTick(now) {
    return (now - this.offset) / this.dt;
  }

  /** The tick at which others are shown. @param {number} now */
  shownTick(now) {
    return (now - this.offset - this.delay) / this.dt;
  }

  /** The tick at which the own ship is. @param {number} now */
  ownTick(now) {
    return (now - this.offset + this.lead) / this.dt;
  }
}

/**
 * A step from `value` to `wanted`, of at most `up` or `down`; all the way if they are more than `jump` apart.
 * @param {number} value @param {number} wanted @param {number} up @param {number} down @param {number} jump
 */
function slew(value, wanted, up, down, jump) {
  const gap = wanted - value;
  if (Math.abs(gap) > jump) return wanted;
  return value + clamp(gap, -down, up);
}
