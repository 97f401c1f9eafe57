// The cards: joining, being destroyed, the menu, and the banner about the connection. Says what the player chose
// through callbacks; knows no message.

import { byId, make, setText } from './dom.js';
import { HUE_NAMES } from './palette.js';

const KEPT = 'drift.pilot';

/**
 * @typedef {{name: string, hue: number, room: string}} Kept
 * @typedef {Kept & {role: 'player' | 'spectator'}} Choice
 */

export class Screens {
  #join = byId('join');
  #status = byId('join-status');
  #watch = /** @type {HTMLButtonElement} */ (byId('join-watch'));
  #play = /** @type {HTMLButtonElement} */ (byId('join-play'));
  #name = /** @type {HTMLInputElement} */ (byId('join-name'));
  #room = /** @type {HTMLInputElement} */ (byId('join-room'));
  #death = byId('death');
  #spawn = /** @type {HTMLButtonElement} */ (byId('death-spawn'));
  #menu = byId('menu');
  #banner = byId('banner');
  #joining = false;

  /**
   * @param {{play: (choice: Choice) => void, leave: () => void, spawn: () => void, hurry: () => void,
   *   netGraph: () => void, lab: () => void, settings: () => void, opened: (open: boolean) => void, invite: () => string}} on
   */
  constructor(on) {
    this.on = on;
    const kept = recall();
    this.#name.value = kept.name;
    this.#room.value = new URLSearchParams(location.search).get('room') ?? kept.room;
    const hues = byId('join-hues');
    HUE_NAMES.forEach((name, hue) => {
      const swatch = make('label', 'swatch');
      const radio = /** @type {HTMLInputElement} */ (make('input'));
      radio.type = 'radio';
      radio.name = 'hue';
      radio.value = String(hue);
      radio.checked = hue === kept.hue;
      radio.setAttribute('aria-label', name);
      swatch.title = name;
      swatch.append(radio, make('span', `hue-${hue}`));
      hues.append(swatch);
    });
    byId('join-form').addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#joining) {
        on.leave();
        return;
      }
      this.start('player');
    });
    this.#watch.addEventListener('click', () => this.start('spectator'));
    this.#spawn.addEventListener('click', () => on.spawn());
    byId('banner-now').addEventListener('click', () => on.hurry());
    byId('menu-open').addEventListener('click', () => this.toggleMenu());
    byId('menu-resume').addEventListener('click', () => this.toggleMenu(false));
    byId('menu-leave').addEventListener('click', () => {
      this.toggleMenu(false);
      on.leave();
    });
    byId('menu-net').addEventListener('click', () => {
      this.toggleMenu(false);
      on.netGraph();
    });
    byId('menu-lab').addEventListener('click', () => {
      this.toggleMenu(false);
      on.lab();
    });
    byId('menu-settings').addEventListener('click', () => on.settings());
    byId('join-settings').addEventListener('click', () => on.settings());
    const invite = byId('menu-invite');
    invite.addEventListener('click', async () => {
      const link = on.invite();
      try {
        await navigator.clipboard.writeText(link);
        invite.textContent = 'Copied';
      } catch {
        invite.textContent = link;
      }
      setTimeout(() => (invite.textContent = 'Copy invitation'), 4000);
    });
  }

  /** Joins with what the card says. @param {'player' | 'spectator'} role */
  start(role) {
    const checked = /** @type {HTMLInputElement | null} */ (byId('join-hues').querySelector(':checked'));
    const kept = { name: this.#name.value.trim(), hue: Number(checked?.value ?? 0), room: this.#room.value.trim() };
    remember(kept);
    this.on.play({ ...kept, role });
  }

  /** @param {boolean} shown */
  showJoin(shown) {
    this.#join.hidden = !shown;
    if (shown) {
      this.#setJoining(false);
      // On glass, focus would raise the keyboard over the card.
      if (window.matchMedia('(pointer: fine)').matches) (this.#name.value ? this.#play : this.#name).focus();
    } else {
      /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    }
  }

  /** @param {string} text @param {boolean} bad @param {boolean} joining */
  joinStatus(text, bad, joining) {
    setText(this.#status, text);
    this.#status.classList.toggle('bad', bad);
    this.#setJoining(joining);
  }

  /** While joining, the button takes it back. @param {boolean} joining */
  #setJoining(joining) {
    this.#joining = joining;
    setText(this.#play, joining ? 'Joining… cancel' : 'Play');
    this.#play.classList.toggle('quiet', joining);
    this.#watch.hidden = joining;
  }

  /** True while the arena has the keys. */
  get clear() {
    return this.#join.hidden && this.#menu.hidden;
  }

  /** @param {boolean} [open] @param {string} [room] */
  toggleMenu(open = this.#menu.hidden === true, room = byId('board-room').textContent ?? '') {
    this.#menu.hidden = !open;
    this.on.opened(open);
    setText(byId('menu-room'), room);
    if (open) byId('menu-resume').focus();
    else /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
  }

  get menuOpen() {
    return !this.#menu.hidden;
  }

  /**
   * The card of a ship that is not in the world; nothing for one that is.
   * @param {{title: string, by: string, note: string, wait: number} | null} card `wait`: seconds until it comes back
   *   by itself; 0 if it has to be asked for.
   */
  death(card) {
    if (this.#death.hidden !== (card === null)) this.#death.hidden = card === null;
    if (!card) return;
    setText(byId('death-title'), card.title);
    setText(byId('death-by'), card.by);
    setText(byId('death-score'), card.note);
    byId('death-wait').hidden = card.wait === 0;
    this.#spawn.hidden = card.wait > 0;
    setText(byId('death-count'), `Back in ${card.wait.toFixed(1)} s`);
    byId('death-bar').style.transform = `scaleX(${Math.max(0, 1 - card.wait / 2).toFixed(2)})`;
  }

  /**
   * @param {string} text Empty hides it. @param {boolean} busy Something is going on. @param {boolean} now With a button
   *   that connects at once.
   */
  banner(text, busy, now) {
    this.#banner.hidden = text === '';
    this.#banner.classList.toggle('busy', busy);
    setText(byId('banner-text'), text);
    byId('banner-now').hidden = !now;
  }

  /**
   * Puts a room into the address, so that reloading and sharing lead back to it.
   * @param {string} room @param {boolean} watching
   */
  static address(room, watching) {
    const url = new URL(location.href);
    if (room) url.searchParams.set('room', room);
    else url.searchParams.delete('room');
    if (watching) url.searchParams.set('watch', '1');
    else url.searchParams.delete('watch');
    history.replaceState(null, '', url);
  }
}

/** @returns {Kept} */
function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? '{}');
    return { name: String(kept.name ?? '').slice(0, 16), hue: Number(kept.hue ?? Math.floor(Math.random() * 8)) & 7, room: String(kept.room ?? '') };
  } catch {
    return { name: '', hue: 1, room: '' };
  }
}

/** @param {Kept} choice */
function remember(choice) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(choice));
  } catch {
    // Storage may be forbidden; then nothing is remembered.
  }
}
