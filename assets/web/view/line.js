// Tells how the line to the server is: on the join card before the game, in the banner above it, and what follows when
// it ends. Connects nothing itself.

const RELOADED = 'drift.reloaded';
/** How long a note stays in the banner, ms. */
const NOTE_MS = 7000;

/** @typedef {import('../client/net.js').Status} Status */

export class Line {
  #text = '';
  #note = '';
  #noteUntil = 0;

  /**
   * @param {import('../client/game.js').Game} game @param {import('./screens.js').Screens} screens
   * @param {{playing: () => boolean, ended: (text: string, bad: boolean) => void}} page `ended`: back to the join card.
   */
  constructor(game, screens, page) {
    this.game = game;
    this.screens = screens;
    this.page = page;
  }

  /** @param {Status} status */
  changed(status) {
    const { screens, page, game } = this;
    if (status.phase === 'closed') {
      if (status.retry === 'reload' && !reloaded(true)) location.reload();
      else page.ended(status.code === 1000 ? '' : status.text, true);
    } else if (!page.playing() && status.phase === 'waiting') {
      const empty = status.code === 4005 && game.net.identity.role === 'spectator';
      screens.joinStatus(`${empty ? 'Nothing to watch there yet, or no seat left.' : status.text} Trying again…`, false, true);
    }
  }

  /** A seat was taken. */
  welcomed() {
    reloaded(false);
    const { anew } = this.game.net;
    if (anew === null) return;
    const why = anew === 4006 || anew === 1001 ? 'The server has restarted.' : 'Your seat was gone.';
    this.note(`${why} You begin anew, without points.`);
  }

  /** Shows a note for some seconds, while there is nothing more urgent. @param {string} text */
  note(text) {
    this.#note = text;
    this.#noteUntil = performance.now() + NOTE_MS;
  }

  /** The banner, about anything but normal. Once a frame. */
  frame() {
    const { game, screens, page } = this;
    const { status } = game.net;
    let text = '';
    if (page.playing() && status.phase === 'waiting') {
      const seconds = Math.max(0, Math.ceil((status.retryAt - performance.now()) / 1000));
      text = `${status.text} ${seconds > 0 ? `Reconnecting in ${seconds} s` : 'Reconnecting…'}`;
    } else if (page.playing() && status.phase === 'connecting') {
      text = 'Reconnecting…';
    } else if (page.playing() && game.silent) {
      text = 'No word from the server…';
    }
    const busy = text !== '';
    if (!busy && page.playing() && performance.now() < this.#noteUntil) text = this.#note;
    if (text === this.#text) return;
    this.#text = text;
    screens.banner(text, busy, status.phase === 'waiting');
  }
}

/** True, once, if this page was loaded again because the server had another version. */
export function wasReloaded() {
  try {
    return sessionStorage.getItem(RELOADED) !== null;
  } catch {
    return false;
  }
}

/**
 * Notes whether this tab loaded the page again because of its version; returns what was noted before. A tab that cannot
 * note it never does.
 * @param {boolean} now
 */
function reloaded(now) {
  try {
    const before = sessionStorage.getItem(RELOADED) !== null;
    if (now) sessionStorage.setItem(RELOADED, '1');
    else sessionStorage.removeItem(RELOADED);
    return before;
  } catch {
    return true;
  }
}
