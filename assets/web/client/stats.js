// Every figure of the line and the prediction in one object, for the net readout and for tests.
// Measures nothing itself but rates.

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
    /** Longest recent gap between two snapshots, ms; fades. */
    longestGap: 0,
    mispredictions: 0,
    corrections: 0,
    stalls: 0,
    reconnects: 0,
    predicting: true,
    hp: 0,
    /** The server's tick, µs; 0 where it does not tell. */
    serverTick: 0,
    serverTickMax: 0,
    frames: 0,
    fps: 0,
    window: { at: 0, snapshots: 0, inputs: 0, received: 0, sent: 0, frames: 0 },
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
    stats.fps = (stats.frames - window.frames) / seconds;
  }
  window.at = now;
  window.snapshots = stats.snapshots;
  window.inputs = stats.inputs;
  window.received = net.received;
  window.sent = net.sent;
  window.frames = stats.frames;
}
