// Watching without a ship: whom to follow, where that puts the camera, and the panel that says so.
// Sends nothing; the page passes the choice on.

import { byId, setText } from './dom.js';
import { nameOf } from './hud.js';

/** A change of ship glides up to so far, units, and fades in so long, ms; farther away is another place. */
const GLIDE = 1100;
const GLIDE_MS = 160;
/** How far the view goes from a wreck towards who made it, part of the view, and how fast, ms. */
const LEAN = 0.3;
const LEAN_MS = 260;

/**
 * @typedef {Pick<import('../client/game.js').Game, 'watching' | 'board' | 'view' | 'people' | 'alive' | 'own' | 'deathBy'
 *   | 'watch'>} Game
 */
/** @typedef {import('./renderer.js').Scene} Scene */

export class Spectator {
  #panel = byId('watch');
  #name = byId('watch-name');
  #note = byId('watch-note');
  #leader = byId('watch-leader');
  #hull = /** @type {HTMLElement} */ (byId('watch').querySelector('.fill'));
  /** Whom the player chose; null is whoever leads. @type {number | null} */
  #choice = null;
  #focus = -1;
  #offX = 0;
  #offY = 0;
  #leanX = 0;
  #leanY = 0;

  /** @param {Game} game @param {() => void} play Takes a ship instead. */
  constructor(game, play) {
    this.game = game;
    byId('watch-previous').addEventListener('click', () => this.step(-1));
    byId('watch-next').addEventListener('click', () => this.step(1));
    this.#leader.addEventListener('click', () => this.follow(null));
    byId('watch-play').addEventListener('click', play);
  }

  /** A stay begins. */
  begin() {
    this.#choice = null;
    this.#focus = -1;
    this.#offX = this.#offY = this.#leanX = this.#leanY = 0;
    this.#panel.hidden = !this.game.watching;
  }

  /** @param {number | null} slot Null is whoever leads. */
  follow(slot) {
    this.#choice = slot;
    this.game.watch(slot);
  }

  /** The next ship of the scoreboard and of those in view, or the one before. @param {1 | -1} by */
  step(by) {
    const { board, view } = this.game;
    const slots = [...new Set([...(board?.top ?? []), ...(view?.ships ?? [])].map(({ slot }) => slot))];
    if (slots.length === 0) return;
    // From whom was asked for: one without a ship now shows the leader, and must not be in the way.
    const at = slots.indexOf(this.#choice ?? view?.focus ?? -1);
    this.follow(slots[at < 0 ? 0 : (at + by + slots.length) % slots.length]);
  }

  /** After whoever is followed comes who destroyed it. @param {import('../client/codec.js').Feed} feed */
  feed({ killer, victim }) {
    if (this.game.watching && this.#choice === victim && killer !== null && killer !== victim) this.follow(killer);
  }

  /** Centres the scene on the ship that is followed. @param {Scene} scene @param {number} ms since the last frame */
  frame(scene, ms) {
    const { view, people } = this.game;
    const focus = view?.focus ?? -1;
    const ship = scene.ships.find(({ slot }) => slot === focus);
    if (ship) {
      if (focus !== this.#focus) {
        const near = this.#focus >= 0 && Math.hypot(scene.x - ship.x, scene.y - ship.y) < GLIDE;
        this.#offX = near ? scene.x - ship.x : 0;
        this.#offY = near ? scene.y - ship.y : 0;
        this.#focus = focus;
      }
      const keep = Math.exp(-ms / GLIDE_MS);
      this.#offX *= keep;
      this.#offY *= keep;
      scene.x = ship.x + this.#offX;
      scene.y = ship.y + this.#offY;
      this.#hull.style.transform = `scaleX(${ship.hp / 100})`;
    } else if (this.#focus < 0) {
      scene.x = scene.y = scene.side / 2;
    }
    setText(this.#name, focus < 0 ? 'Nobody flies' : nameOf(people, focus));
    setText(this.#note, this.#choice === null ? 'Following the leader' : 'Watching');
    const pressed = String(this.#choice === null);
    if (this.#leader.getAttribute('aria-pressed') !== pressed) this.#leader.setAttribute('aria-pressed', pressed);
  }

  /**
   * After the own ship was destroyed the view leans towards who did it, if that one is in sight.
   * @param {Scene} scene @param {import('./camera.js').Camera} camera @param {number} ms since the last frame
   */
  lean(scene, camera, ms) {
    const { game } = this;
    if (game.alive || !game.own) {
      this.#leanX = this.#leanY = 0;
      return;
    }
    const killer = scene.ships.find(({ slot }) => slot === game.deathBy?.killer);
    const reach = (/** @type {number} */ off, /** @type {number} */ size) => Math.max(-size * LEAN, Math.min(size * LEAN, off));
    const part = 1 - Math.exp(-ms / LEAN_MS);
    if (killer) {
      this.#leanX += (reach(killer.x - scene.x, camera.viewWidth) - this.#leanX) * part;
      this.#leanY += (reach(killer.y - scene.y, camera.viewHeight) - this.#leanY) * part;
    }
    scene.x += this.#leanX;
    scene.y += this.#leanY;
  }
}
