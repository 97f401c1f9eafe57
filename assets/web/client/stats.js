// Every figure of the line and the prediction in one object, for the net readout and for tests.
// Measures nothing itself but rates.

/** Values that a series keeps. */
const KEPT = 120;

/** The last values of something, oldest first from `at(0)`. */
export class Series {
  #values = new Float32Array(KEPT);
  #count = 0;

  /** @param {number} value */
  push(value) {
    this.#values[this.#count++ % KEPT] = value;
  }

  /** Values that are there. */
  get length() {
    return Math.min(KEPT, this.#count);
  }

  /** @param {number} index */
  at(index) {
    return this.#values[(this.#count - this.length + index) % KEPT];
  }

  /** The largest of the last values; 0 if there are none. */
  get max() {
    let max = 0;
    for (let i = 0; i < this.length; i++) max = Math.max(max, this.#values[i]);
    return max;
  }

  /** Their mean; 0 if there are none. */
  get mean() {
    let sum = 0;
    for (let i = 0; i < this.length; i++) sum += this.#values[i];
    return this.length > 0 ? sum / this.length : 0;
  }
}

/**
 * @typedef {ReturnType<typeof newStats>} Stats
 */

/** All figures at zero. */
export function newStats() {
  return {
    /** Round trip by inputs and margins, or by Pong; ms. */
    ping: NaN,
    pong: NaN,
    snapshots: 0,
    inputs: 0,
    /** A second, and kB a second, over the last second. */
    snapshotRate: 0,
    inputRate: 0,
    downRate: 0,
    upRate: 0,
    /** Mean size of a snapshot's body, bytes. */
    bodyBytes: 0,
    /** The last snapshots' bodies in bytes, and how much later than the fastest they came, ms. */
    sizes: new Series(),
    lateness: new Series(),
    /** The last frames: ms since the one before, and ms that they took to make. */
    frameGaps: new Series(),
    frameWork: new Series(),
    /** Ticks that no snapshot told of, in all and a second. */
    skipped: 0,
    skippedRate: 0,
    /** Part of the inputs that came too late, 0..1, over some seconds. */
    late: 0,
    /** Times that the view no longer added up and was asked for anew. */
    resyncs: 0,
    mispredictions: 0,
    corrections: 0,
    stalls: 0,
    reconnects: 0,
    predicting: true,
    /** The server's tick, µs; 0 where it does not tell. */
    serverTick: 0,
    serverTickMax: 0,
    /** Snapshots that the server knows to be under way; -1 where it does not tell. */
    inFlight: -1,
    frames: 0,
    fps: 0,
    window: { at: 0, snapshots: 0, inputs: 0, received: 0, sent: 0, frames: 0, skipped: 0 },
  };
}

/**
 * Brings the rates up to date, once a second.
 * @param {Stats} stats @param {{received: number, sent: number}} net @param {number} now
 */
export function rate(stats, net, now) {
  const { window } = stats;
  const seconds = (now - window.at) / 1000;
  if (seconds < 1) return;
  if (window.at > 0) {
    stats.snapshotRate = (stats.snapshots - window.snapshots) / seconds;
    stats.inputRate = (stats.inputs - window.inputs) / seconds;
    stats.downRate = (net.received - window.received) / seconds / 1000;
    stats.upRate = (net.sent - window.sent) / seconds / 1000;
    stats.skippedRate = (stats.skipped - window.skipped) / seconds;
    stats.fps = (stats.frames - window.frames) / seconds;
  }
  window.at = now;
  window.snapshots = stats.snapshots;
  window.inputs = stats.inputs;
  window.received = net.received;
  window.sent = net.sent;
  window.frames = stats.frames;
  window.skipped = stats.skipped;
}

/**
 * Notes a snapshot that arrived.
 * @param {Stats} stats @param {number} bytes of its body @param {number} ticks since the one before
 * @param {number} late ms
 */
export function noteSnapshot(stats, bytes, ticks, late) {
  stats.snapshots++;
  stats.bodyBytes += (bytes - stats.bodyBytes) / 16;
  stats.skipped += Math.max(0, ticks - 1);
  stats.sizes.push(bytes);
  stats.lateness.push(Math.max(0, late));
}
