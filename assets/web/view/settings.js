// What the player set and keeps: keys, sound, motion, size. The card that shows it, and nothing of what it is used for.

import { byId, make, setText } from './dom.js';

const KEPT = 'drift.settings';

/** @typedef {'up' | 'left' | 'down' | 'right' | 'boost' | 'fire' | 'lance' | 'aimLeft' | 'aimRight' | 'netGraph'} Action */

/** @type {readonly [Action, string, readonly string[]][]} */
const ACTIONS = [
  ['up', 'Thrust up', ['KeyW']],
  ['left', 'Thrust left', ['KeyA']],
  ['down', 'Thrust down', ['KeyS']],
  ['right', 'Thrust right', ['KeyD']],
  ['boost', 'Boost', ['ShiftLeft', 'Space']],
  ['fire', 'Fire', ['ArrowUp', 'KeyF']],
  ['lance', 'Lance', ['KeyE', 'ArrowDown']],
  ['aimLeft', 'Aim left', ['ArrowLeft']],
  ['aimRight', 'Aim right', ['ArrowRight']],
  ['netGraph', 'Net graph', ['KeyN']],
];
/** Keys that are never bound: they lead out of wherever one is. */
const KEPT_FREE = new Set(['Escape', 'Tab', 'Enter']);

export class Settings {
  #card = byId('settings');
  #keys = byId('settings-keys');
  /** The button that waits for a key. @type {{action: Action, at: number, button: HTMLElement} | null} */
  #asking = null;

  /** @param {() => void} changed Something was set. */
  constructor(changed) {
    this.changed = changed;
    const kept = recall();
    this.volume = within(kept.volume, 0, 1, 0.6);
    this.muted = kept.muted === true;
    this.calm = kept.calm === true;
    this.scale = within(kept.scale, 1, 1.5, 1);
    /** @type {Record<Action, string[]>} */
    this.keys = /** @type {any} */ ({});
    for (const [action, , codes] of ACTIONS) {
      const own = kept.keys?.[action];
      this.keys[action] = Array.isArray(own) && own.every((code) => typeof code === 'string') ? own.slice(0, 2) : [...codes];
    }
    this.#input('settings-volume', 'input', (input) => (this.volume = Number(input.value) / 100));
    this.#input('settings-mute', 'change', (input) => (this.muted = input.checked));
    this.#input('settings-calm', 'change', (input) => (this.calm = input.checked));
    this.#input('settings-scale', 'change', (input) => (this.scale = Number(input.value)));
    byId('settings-reset').addEventListener('click', () => {
      for (const [action, , codes] of ACTIONS) this.keys[action] = [...codes];
      this.#set();
    });
    // Before the arena hears of it.
    window.addEventListener('keydown', (event) => this.#answer(event), true);
    this.#show();
  }

  get open() {
    return !this.#card.hidden;
  }

  /** True while the next key is for a binding. */
  get asking() {
    return this.#asking !== null;
  }

  /** What a key is for. @param {string} code @returns {Action | null} */
  action(code) {
    for (const [action] of ACTIONS) if (this.keys[action].includes(code)) return action;
    return null;
  }

  /** @param {boolean} open */
  toggle(open) {
    this.#card.hidden = !open;
    this.#asking = null;
    if (open) {
      this.#show();
      byId('settings-volume').focus();
    }
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.#set();
  }

  /** @param {string} id @param {string} type @param {(input: HTMLInputElement) => void} set */
  #input(id, type, set) {
    const input = /** @type {HTMLInputElement} */ (byId(id));
    input.addEventListener(type, () => {
      set(input);
      this.#set();
    });
  }

  #set() {
    const { volume, muted, calm, scale, keys } = this;
    try {
      localStorage.setItem(KEPT, JSON.stringify({ volume, muted, calm, scale, keys }));
    } catch {
      // Storage may be forbidden; then it holds until the page is left.
    }
    this.#show();
    this.changed();
  }

  #show() {
    const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (byId(id));
    input('settings-volume').value = String(Math.round(this.volume * 100));
    input('settings-mute').checked = this.muted;
    input('settings-calm').checked = this.calm;
    input('settings-scale').value = String(this.scale);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.key;
    this.#keys.replaceChildren(...ACTIONS.map(([action, label]) => {
      const row = make('div', 'binding');
      row.append(make('span', '', label));
      for (const at of [0, 1]) {
        const code = this.keys[action][at] ?? '';
        const button = make('button', 'key', code ? keyName(code) : '–');
        button.setAttribute('type', 'button');
        button.dataset.key = `${action}${at}`;
        button.setAttribute('aria-label', `${label}: ${code ? keyName(code) : 'no key'}. Change`);
        button.addEventListener('click', () => this.#ask(action, at, button));
        row.append(button);
      }
      return row;
    }));
    if (focused) /** @type {HTMLElement | null} */ (this.#keys.querySelector(`[data-key="${focused}"]`))?.focus();
  }

  /** @param {Action} action @param {number} at @param {HTMLElement} button */
  #ask(action, at, button) {
    if (this.#asking) setText(this.#asking.button, '–');
    this.#asking = { action, at, button };
    setText(button, 'press a key');
  }

  /** @param {KeyboardEvent} event */
  #answer(event) {
    if (!this.#asking) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { action, at } = this.#asking;
    this.#asking = null;
    if (event.code && !KEPT_FREE.has(event.code)) {
      // A key does one thing.
      for (const [other] of ACTIONS) this.keys[other] = this.keys[other].filter((code) => code !== event.code);
      if (event.code !== 'Backspace') this.keys[action].splice(Math.min(at, this.keys[action].length), 1, event.code);
      else this.keys[action].splice(at, 1);
    }
    this.#set();
  }
}

/** A key's code as a player would call it. @param {string} code */
export function keyName(code) {
  const arrows = { ArrowUp: '↑', ArrowDown: '↓', ArrowLeft: '←', ArrowRight: '→' };
  return /** @type {Record<string, string>} */ (arrows)[code]
    ?? code.replace(/^(Key|Digit)/, '').replace(/^(Shift|Control|Alt|Meta)(Left|Right)$/, '$1').replace(/^Numpad/, 'Num ');
}

/** @param {unknown} value @param {number} low @param {number} high @param {number} otherwise */
function within(value, low, high, otherwise) {
  return typeof value === 'number' && value >= low && value <= high ? value : otherwise;
}

/** @returns {any} */
function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? '{}');
    return typeof kept === 'object' && kept !== null ? kept : {};
  } catch {
    return {};
  }
}
