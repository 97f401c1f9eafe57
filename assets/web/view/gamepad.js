// A gamepad in the standard mapping: two sticks and what is pressed. In cards its buttons move the focus instead.

/** Part of a stick's way that counts as rest. */
const REST = 0.18;
/** Buttons of the standard mapping. */
const A = 0;
const B = 1;
const LB = 4;
const RB = 5;
const LT = 6;
const RT = 7;
const START = 9;
const UP = 12;
const DOWN = 13;

/** @param {number} x @param {number} y @param {{length: number, angle: number}} into */
function stick(x, y, into) {
  const length = Math.min(1, Math.hypot(x, y));
  into.length = length < REST ? 0 : (length - REST) / (1 - REST);
  if (into.length > 0) into.angle = Math.atan2(y, x);
}

export class Gamepads {
  #present = false;
  /** Buttons that were down at the last look. */
  #down = new Set();
  left = { length: 0, angle: 0 };
  right = { length: 0, angle: 0 };
  fire = false;
  boost = false;
  lance = false;

  /** @param {{menu: () => void, card: () => HTMLElement | null}} on `card`: the one that has the buttons, if any. */
  constructor(on) {
    this.on = on;
    window.addEventListener('gamepadconnected', () => (this.#present = true));
  }

  /** Looks at the first pad; once a frame. */
  poll() {
    if (!this.#present) return;
    const pad = navigator.getGamepads().find((one) => one && one.connected && one.mapping === 'standard');
    if (!pad) {
      this.left.length = this.right.length = 0;
      this.fire = this.boost = this.lance = false;
      return;
    }
    const held = (/** @type {number} */ button) => (pad.buttons[button]?.value ?? 0) > 0.4;
    stick(pad.axes[0] ?? 0, pad.axes[1] ?? 0, this.left);
    stick(pad.axes[2] ?? 0, pad.axes[3] ?? 0, this.right);
    this.fire = held(RT);
    this.boost = held(LT) || held(A);
    this.lance = held(RB) || held(LB);
    for (const button of [A, B, START, UP, DOWN]) {
      const is = held(button);
      if (is && !this.#down.has(button)) this.#pressed(button);
      if (is) this.#down.add(button);
      else this.#down.delete(button);
    }
  }

  /** @param {number} button */
  #pressed(button) {
    if (button === START) {
      this.on.menu();
      return;
    }
    const card = this.on.card();
    if (!card) return;
    if (button === B) {
      this.on.menu();
      return;
    }
    const all = /** @type {HTMLElement[]} */ ([...card.querySelectorAll('button, input, select')]).filter((one) => one.checkVisibility());
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (button === A) all[Math.max(0, at)]?.click();
    else all[(at + (button === DOWN ? 1 : -1) + all.length) % all.length]?.focus();
  }
}
