// The page as a player of recordings, at /?replay=NAME: fetches a film, lets it run, and has the panel with the time line.
// Opens no connection to a room; what is drawn and heard is the business of stage and renderer, as in a game.

import { DecodeError } from '../client/bytes.js';
import { Projector, readFilm } from '../client/film.js';
import { byId, make, setText } from './dom.js';

const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
/** What an arrow key skips, and with Shift, seconds. */
const SKIP = 5;
const SKIP_FEW = 1;
/** How often a busy server is asked again. */
const PATIENCE = 30;
/** How near to a ship a click is meant for it, CSS pixels. */
const NEAR = 60;
/** What the stage wants to know of a player's hands: there are none. */
const NO_HANDS = { reticle: null, aim: 0, heading: 0, push: 0, boosting: false };

export class Theatre {
  #panel = byId('replay');
  #play = byId('replay-play');
  #line = /** @type {HTMLInputElement} */ (byId('replay-line'));
  #time = byId('replay-time');
  #speed = byId('replay-speed');
  #card = byId('film');
  #status = byId('film-status');
  /** @type {Projector | null} */
  projector = null;

  /**
   * @param {import('./stage.js').Stage} stage @param {import('./watch.js').Spectator} spectator
   * @param {import('./hud.js').Hud} hud @param {import('./renderer.js').Renderer} renderer
   * @param {import('./minimap.js').Minimap} minimap
   */
  constructor(stage, spectator, hud, renderer, minimap) {
    this.stage = stage;
    this.spectator = spectator;
    this.hud = hud;
    this.renderer = renderer;
    this.minimap = minimap;
    this.#play.addEventListener('click', () => this.toggle());
    byId('replay-slower').addEventListener('click', () => this.faster(-1));
    byId('replay-faster').addEventListener('click', () => this.faster(1));
    this.#line.addEventListener('input', () => this.seek(Number(this.#line.value)));
    renderer.canvas.addEventListener('click', (event) => this.#click(event));
    window.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Fetches a film and plays it; without a name lists what there is. @param {string} name @param {string | null} from A tick. */
  async open(name, from) {
    this.#card.hidden = false;
    try {
      if (name === '') return await this.#list();
      this.#say('Loading the recording…', false);
      const answer = await this.#fetch(`replays/${encodeURIComponent(name)}${from ? `?from=${encodeURIComponent(from)}` : ''}`);
      if (!answer) return;
      const film = readFilm(new Uint8Array(await answer.arrayBuffer()));
      this.#begin(name, new Projector(film, {
        feed: (feed) => {
          if (!this.projector) return;
          this.hud.feed(this.projector, feed, false);
          this.spectator.feed(feed);
        },
        board: () => this.projector && this.hud.board(this.projector),
        moved: () => this.#moved(),
        event: this.stage.event,
      }));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    this.projector = null;
    this.#panel.hidden = true;
    this.#card.hidden = false;
    document.body.classList.remove('playing', 'watching', 'replay');
    this.hud.show(false);
    if (error instanceof DecodeError) this.#say(`This recording cannot be shown: ${error.message}. Load the page anew, it may be older than the server.`, true);
    else if (error instanceof TypeError) this.#say('The server does not answer. Load the page anew to try again.', true);
    else throw error;
  }

  /** @param {string} path @returns {Promise<Response | null>} Null when it has been said why there is none. */
  async #fetch(path) {
    for (let left = PATIENCE; ; left--) {
      const answer = await fetch(path);
      if (answer.ok) return answer;
      const text = (await answer.text()).trim();
      if (answer.status !== 503 || left === 0) {
        this.#say(`Nothing to show: ${text}.`, true);
        return null;
      }
      this.#say('The server is busy with another recording…', false);
      const secs = Number(answer.headers.get('retry-after')) || 2;
      await new Promise((resolve) => setTimeout(resolve, secs * 1000));
    }
  }

  async #list() {
    const answer = await this.#fetch('replays');
    if (!answer) return;
    /** @type {{name: string, bytes: number}[]} */
    const recordings = await answer.json();
    this.#say(recordings.length > 0 ? 'The newest come first.' : 'Nothing has been recorded yet.', false);
    byId('film-list').replaceChildren(...recordings.map(({ name, bytes }) => {
      const link = /** @type {HTMLAnchorElement} */ (make('a', '', name));
      link.href = `?replay=${encodeURIComponent(name)}`;
      const item = make('li');
      item.append(link, make('span', '', bytes < 1 << 20 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`));
      return item;
    }));
  }

  /** @param {string} text @param {boolean} bad */
  #say(text, bad) {
    setText(this.#status, text);
    this.#status.classList.toggle('bad', bad);
  }

  /** @param {string} name @param {Projector} projector */
  #begin(name, projector) {
    this.projector = this.stage.game = this.spectator.game = projector;
    const { head } = projector.film;
    this.#card.hidden = true;
    this.#panel.hidden = false;
    document.body.classList.add('playing', 'watching', 'replay');
    document.title = `${name} · Drift Arena`;
    this.#line.min = String(projector.first);
    this.#line.max = String(projector.last);
    const notes = [];
    if (head.stopped) notes.push(`The recording ends early: ${head.stopped}.`);
    if (head.crowded) notes.push('Only the 255 ships next to the leader are shown.');
    const note = byId('replay-note');
    note.textContent = notes.join(' ');
    const more = /** @type {HTMLAnchorElement} */ (byId('replay-more'));
    more.hidden = head.next === null;
    more.href = `?replay=${encodeURIComponent(name)}&from=${head.next}`;
    note.hidden = notes.length === 0;
    this.hud.show(true);
    this.stage.begin(projector.welcome);
    this.spectator.begin();
    this.#moved();
    this.faster(0);
  }

  /** Stops, goes on, or begins again. */
  toggle() {
    const { projector } = this;
    if (!projector) return;
    if (projector.ended) {
      projector.paused = false;
      this.seek(projector.first);
    } else {
      projector.paused = !projector.paused;
    }
  }

  /** @param {-1 | 0 | 1} by Steps of speed. */
  faster(by) {
    const { projector } = this;
    if (!projector) return;
    const at = Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(projector.speed) + by));
    projector.speed = SPEEDS[at];
    setText(this.#speed, `${projector.speed}×`);
  }

  /** @param {number} tick */
  seek(tick) {
    try {
      this.projector?.seek(tick);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Time jumped: what fades belongs to another moment. */
  #moved() {
    this.renderer.clear();
    this.hud.quiet();
    if (this.projector) this.hud.board(this.projector);
  }

  /** One frame. @param {number} ms since the last one */
  frame(ms) {
    const { projector, stage, spectator } = this;
    if (!projector) return;
    const before = projector.shownTick;
    try {
      projector.advance(ms);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const { scene } = stage;
    stage.frame(NO_HANDS, spectator, ms);
    // Sparks and trails stand still with the rest.
    const passed = ((projector.shownTick - before) / projector.hz) * 1000;
    this.renderer.draw(scene, Math.max(0, passed));
    this.minimap.frame(scene, this.renderer.camera, projector.board?.crown ?? null, projector.you, ms);
    this.#panelFrame(projector);
  }

  /** @param {Projector} projector */
  #panelFrame(projector) {
    const resting = projector.paused || projector.ended;
    const label = projector.ended ? 'From the beginning' : resting ? 'Play' : 'Pause';
    if (this.#play.ariaLabel !== label) {
      this.#play.ariaLabel = label;
      this.#play.title = `${label} (Space)`;
      this.#play.dataset.sign = projector.ended ? 'again' : resting ? 'play' : 'pause';
    }
    const tick = String(Math.round(projector.shownTick));
    if (this.#line.value !== tick) this.#line.value = tick;
    const text = `${clock(projector.seconds)} / ${clock(projector.length)}`;
    setText(this.#time, text);
    const spoken = `${clock(projector.seconds)} of ${clock(projector.length)}`;
    if (this.#line.ariaValueText !== spoken) this.#line.ariaValueText = spoken;
  }

  /** On a ship: follows it; elsewhere: the next one. @param {MouseEvent} event */
  #click(event) {
    if (!this.projector) return;
    const { camera } = this.renderer;
    const x = camera.x + (event.clientX - camera.width / 2) / camera.scale;
    const y = camera.y + (event.clientY - camera.height / 2) / camera.scale;
    let nearest = null;
    let gap = NEAR / camera.scale;
    for (const ship of this.stage.scene.ships) {
      const far = Math.hypot(ship.x - x, ship.y - y);
      if (far < gap && ship.slot !== this.projector.view.focus) {
        gap = far;
        nearest = ship.slot;
      }
    }
    if (nearest === null) this.spectator.step(1);
    else this.spectator.follow(nearest);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { projector } = this;
    if (!projector || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = document.activeElement;
    const controls = at instanceof HTMLElement && at.closest('#replay, #watch') !== null;
    const skip = (event.shiftKey ? SKIP_FEW : SKIP) * projector.hz;
    switch (event.key) {
      case ' ':
        // On another button it is that one's.
        if (controls && at !== this.#play && at !== this.#line) return;
        this.toggle();
        break;
      case ',':
        this.faster(-1);
        break;
      case '.':
        this.faster(1);
        break;
      case 'ArrowLeft':
        this.seek(projector.shownTick - skip);
        break;
      case 'ArrowRight':
        this.seek(projector.shownTick + skip);
        break;
      case 'Home':
        this.seek(projector.first);
        break;
      case 'End':
        this.seek(projector.last);
        break;
      case 'Tab':
        // Among the panel's controls it goes from one to the next, as everywhere.
        if (controls) return;
        this.spectator.step(event.shiftKey ? -1 : 1);
        break;
      case 't':
        this.#line.focus();
        break;
      case 'Escape':
        if (controls) at.blur();
        break;
      case 'l':
        this.spectator.follow(null);
        break;
      default:
        return;
    }
    event.preventDefault();
  }
}

/** @param {number} seconds */
function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
