// The net graph: every figure of the line, the clocks and the prediction, and how they went lately.
// Reads the game and measures nothing; hidden it costs nothing.

import { byId, make, setText } from './dom.js';

/** Figures and lines are drawn anew so often, ms. */
const TEXT_MS = 250;
const LINE_MS = 100;
const LINE_HEIGHT = 30;

/** @typedef {import('../client/game.js').Game} Game */
/** @typedef {import('../client/stats.js').Series} Series */

/** Label, what it means, and its text. @type {readonly [string, string, (game: Game) => string][]} */
const FIGURES = [
  ['Ping', 'Round trip', ({ stats }) => ms(stats.ping)],
  ['Jitter', 'Mean deviation of how late snapshots come', ({ clock }) => ms(clock.jitter, 1)],
  ['Interpolation', 'How far behind what could have arrived the others are shown', ({ clock }) => ms(clock.delay)],
  ['Lead', 'How far ahead of what could have arrived the own ship is', ({ clock }) => ms(clock.lead)],
  ['Margin', 'How early the last input was at the server', ({ clock }) => ms(clock.margin)],
  ['Late inputs', 'Part of the inputs that came too late', ({ stats }) => `${(stats.late * 100).toFixed(1)} %`],
  ['Snapshots', 'Snapshots a second', ({ stats }) => `${stats.snapshotRate.toFixed(0)} /s`],
  ['Skipped', 'Ticks a second that no snapshot told of', ({ stats }) => `${stats.skippedRate.toFixed(0)} /s`],
  ['Down', 'Bytes received', ({ stats }) => `${stats.downRate.toFixed(1)} kB/s`],
  ['Up', 'Bytes sent', ({ stats }) => `${stats.upRate.toFixed(1)} kB/s`],
  ['Mispredicted', 'Times that the server disagreed though nothing acted on the ship', ({ stats }) => String(stats.mispredictions)],
  ['Resyncs', 'Times that the view no longer added up', ({ stats }) => String(stats.resyncs)],
  ['Server tick', 'Mean and longest of the last second, where the server tells', ({ stats }) => tick(stats)],
  ['In flight', 'Snapshots under way or unacknowledged, where the server tells', ({ stats }) => (stats.inFlight < 0 ? '–' : String(stats.inFlight))],
  ['Frame', 'Longest time that one of the last frames took to make', ({ stats }) => ms(stats.frameWork.max, 1)],
  ['Frames', 'Frames drawn a second', ({ stats }) => `${stats.fps.toFixed(0)} /s`],
];

/** Label, unit, what is drawn, and the least that the full height stands for. @type {readonly [string, string, (game: Game) => Series, number][]} */
const LINES = [
  ['Snapshot', 'B', ({ stats }) => stats.sizes, 200],
  ['Lateness', 'ms', ({ stats }) => stats.lateness, 20],
  ['Frame gap', 'ms', ({ stats }) => stats.frameGaps, 34],
];

export class NetGraph {
  #panel = byId('netgraph');
  #values;
  #lines;
  #textDue = 0;
  #lineDue = 0;

  constructor() {
    const figures = make('dl');
    this.#values = FIGURES.map(([label, title]) => {
      const row = make('div');
      const value = make('dd', '', '–');
      row.title = title;
      row.append(make('dt', '', label), value);
      figures.append(row);
      return value;
    });
    const lines = make('div', 'lines');
    this.#lines = LINES.map(([label, unit]) => {
      const row = make('div');
      const canvas = /** @type {HTMLCanvasElement} */ (make('canvas'));
      const value = make('span', 'value');
      row.append(make('span', 'label', label), canvas, value);
      lines.append(row);
      return { canvas, value, unit, ctx: canvas.getContext('2d') };
    });
    this.#panel.append(figures, lines);
  }

  get shown() {
    return !this.#panel.hidden;
  }

  /** @param {boolean} [shown] */
  toggle(shown = !this.shown) {
    this.#panel.hidden = !shown;
    this.#textDue = this.#lineDue = 0;
  }

  /** @param {Game} game @param {number} passed ms since the last frame */
  frame(game, passed) {
    if (!this.shown) return;
    this.#textDue -= passed;
    if (this.#textDue <= 0) {
      this.#textDue = TEXT_MS;
      FIGURES.forEach(([, , text], i) => setText(this.#values[i], text(game)));
    }
    this.#lineDue -= passed;
    if (this.#lineDue <= 0) {
      this.#lineDue = LINE_MS;
      LINES.forEach(([, , series, least], i) => this.#draw(i, series(game), least));
    }
  }

  /** @param {number} index @param {Series} series @param {number} least */
  #draw(index, series, least) {
    const { canvas, ctx, value, unit } = this.#lines[index];
    const css = canvas.clientWidth;
    if (!ctx || css === 0) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(css * ratio);
    const height = LINE_HEIGHT * ratio;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const { max, length } = series;
    const top = Math.max(least, max);
    setText(value, `${Math.round(series.mean)} · ${Math.round(max)} ${unit}`);
    ctx.clearRect(0, 0, width, height);
    ctx.fillStyle = 'rgba(148, 178, 224, 0.16)';
    ctx.fillRect(0, height - ratio, width, ratio);
    const step = width / 120;
    ctx.fillStyle = '#56b4e9';
    for (let i = 0; i < length; i++) {
      const high = Math.max(ratio, (series.at(i) / top) * (height - ratio));
      ctx.fillRect((120 - length + i) * step, height - high, Math.max(1, step * 0.7), high);
    }
  }
}

/** @param {number} value @param {number} [digits] */
function ms(value, digits = 0) {
  return Number.isFinite(value) ? `${value.toFixed(digits)} ms` : '–';
}

/** @param {import('../client/stats.js').Stats} stats */
function tick({ serverTick, serverTickMax }) {
  return serverTickMax > 0 ? `${(serverTick / 1000).toFixed(1)} · ${(serverTickMax / 1000).toFixed(1)} ms` : '–';
}
