// The lab's panel: dials of a line that is worse than the real one, so that anybody can feel what the netcode does.

import { byId, setText } from './dom.js';

/** Dial, its unit, and what one step of the slider is. @type {readonly ['delay' | 'jitter' | 'stall', string, number][]} */
const DIALS = [['delay', 'ms', 1], ['jitter', 'ms', 1], ['stall', '%', 0.01]];

export class LabPanel {
  #panel = byId('lab');
  /** @type {import('../client/lab.js').Dials} */
  dials = { delay: 0, jitter: 0, stall: 0 };

  constructor() {
    for (const [name] of DIALS) {
      byId(`lab-${name}`).addEventListener('input', () => this.#read());
    }
    byId('lab-reset').addEventListener('click', () => {
      for (const [name] of DIALS) /** @type {HTMLInputElement} */ (byId(`lab-${name}`)).value = '0';
      this.#read();
    });
    byId('lab-close').addEventListener('click', () => this.toggle(false));
    this.#read();
  }

  #read() {
    for (const [name, unit, step] of DIALS) {
      const { value } = /** @type {HTMLInputElement} */ (byId(`lab-${name}`));
      this.dials[name] = Number(value) * step;
      setText(byId(`lab-${name}-value`), `${value} ${unit}`);
    }
  }

  get shown() {
    return !this.#panel.hidden;
  }

  /** @param {boolean} [shown] */
  toggle(shown = !this.shown) {
    this.#panel.hidden = !shown;
  }
}
