// Films: what a server makes of a recording, read and played with a clock of its own. A projector is to the renderer what
// a game is, without a connection: nothing is sent, and any tick can be gone to. Draws nothing.

import { DecodeError } from './bytes.js';
import { decodeServer, FLAG } from './codec.js';
import { Happenings } from './happenings.js';
import { Interpolator } from './interpolate.js';
import { Pulses } from './pulses.js';
import { Reader } from './snapshot.js';

/** First bytes of a film; the last one is the version of the format. */
const MAGIC = [...'DRIFTFL\x01'].map((letter) => letter.charCodeAt(0));

/**
 * @typedef {import('./codec.js').ServerMessage} ServerMessage
 * @typedef {{first: number, last: number, next: number | null, stopped: string | null, crowded: boolean}} Head Ticks;
 *   `next`: the recording goes on there; `stopped`: why it cannot be shown beyond `last`; `crowded`: some ships are left
 *   out.
 * @typedef {{head: Head, welcome: import('./codec.js').Welcome, parts: {tick: number, message: ServerMessage}[]}} Film
 * @typedef {{feed?: (feed: import('./codec.js').Feed) => void, board?: (board: import('./codec.js').Board) => void,
 *   moved?: () => void, event?: import('./happenings.js').Show}} Watchers `moved`: time jumped.
 */

/**
 * @param {Uint8Array} bytes @returns {Film}
 * @throws {DecodeError} It is no film, or not one that this page reads.
 */
export function readFilm(bytes) {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) throw new DecodeError('no film, or one of another version');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = MAGIC.length;
  const part = () => {
    if (at + 8 > bytes.length) throw new DecodeError('the film is cut off');
    const length = view.getUint32(at, true);
    const tick = view.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length !== length) throw new DecodeError('the film is cut off');
    at += 8 + length;
    return { tick, body };
  };
  const head = readHead(part().body);
  const welcome = decodeServer(part().body);
  if (welcome.type !== 'Welcome') throw new DecodeError('the film does not begin with a Welcome');
  /** @type {Film['parts']} */
  const parts = [];
  while (at < bytes.length) {
    const { tick, body } = part();
    parts.push({ tick, message: decodeServer(body) });
  }
  return { head, welcome, parts };
}

/** @param {Uint8Array} body @returns {Head} */
function readHead(body) {
  try {
    const { first, last, next = null, stopped = null, crowded = false } = JSON.parse(new TextDecoder().decode(body));
    if (Number.isSafeInteger(first) && Number.isSafeInteger(last) && first <= last) return { first, last, next, stopped, crowded };
  } catch {
    // Said below.
  }
  throw new DecodeError('the film does not say what it is');
}

/** Plays a film. */
export class Projector {
  /** The first part that has not been shown. */
  #next = 0;
  /** Indices of the parts with a full snapshot: there the reading can begin. @type {number[]} */
  #entries = [];
  /** Whom the viewer chose; null is whoever leads. @type {number | null} */
  #choice = null;
  /** Whom the film follows: whoever leads. @type {number | null} */
  #leader = null;
  #silent = false;

  /** @param {Film} film @param {Watchers} [on] */
  constructor(film, on = {}) {
    this.film = film;
    this.on = on;
    const { welcome, head } = film;
    this.welcome = welcome;
    this.first = head.first;
    this.last = head.last;
    this.hz = welcome.hz;
    /** Times real time, and whether time stands still. */
    this.speed = 1;
    this.paused = false;
    film.parts.forEach(({ message }, i) => {
      if (message.type === 'Snapshot' && (message.flags & FLAG.FULL) !== 0) this.#entries.push(i);
    });
    if (this.#entries.length === 0) throw new DecodeError('the film has no picture');
    /** What a game has for whoever draws it. A spectator of a film has no ship. */
    this.you = -1;
    this.watching = true;
    this.alive = false;
    this.own = null;
    this.deathBy = null;
    this.shown = { x: 0, y: 0 };
    this.stats = { predicting: false };
    this.predictor = null;
    this.arena = {
      side: welcome.side * 256,
      obstacles: welcome.obstacles.map(({ x, y, r }) => ({ x: x * 64, y: y * 64, r: r * 64 })),
    };
    /** @type {Map<number, import('./game.js').Person>} */
    this.people = new Map();
    /** @type {import('./codec.js').Board | null} */
    this.board = null;
    this.reader = new Reader(welcome.tick);
    this.view = this.reader.view;
    this.interpolator = new Interpolator(welcome.hz);
    this.pulses = new Pulses(this.arena, -1);
    this.happenings = new Happenings(-1, on.event);
    /** What is shown now: ticks with a fraction. */
    this.shownTick = this.first;
    this.seek(this.first);
  }

  /** Pulses fly in the same time as all else. */
  get ownTick() {
    return this.shownTick;
  }

  /** True at the last tick. */
  get ended() {
    return this.shownTick >= this.last;
  }

  /** Seconds from the beginning, and of the whole. */
  get seconds() {
    return (this.shownTick - this.first) / this.hz;
  }

  get length() {
    return (this.last - this.first) / this.hz;
  }

  /** Follows a ship, or whoever leads. @param {number | null} slot */
  watch(slot) {
    this.#choice = slot;
    this.#aim();
  }

  /** Lets time pass. @param {number} ms */
  advance(ms) {
    if (this.paused || this.ended) return;
    this.shownTick = Math.min(this.last, this.shownTick + (ms / 1000) * this.hz * this.speed);
    this.#show();
    this.happenings.due(this.shownTick);
  }

  /** Goes to a tick; what lies between is not shown. @param {number} tick */
  seek(tick) {
    const to = Math.min(this.last, Math.max(this.first, tick));
    const { parts } = this.film;
    const entry = this.#entries.findLast((i) => parts[i].tick <= to) ?? this.#entries[0];
    this.reader = new Reader(parts[entry].tick);
    this.view = this.reader.view;
    this.interpolator = new Interpolator(this.hz);
    this.pulses = new Pulses(this.arena, -1);
    this.#leader = null;
    this.people.clear();
    this.board = null;
    // Names and the scoreboard are told once, and count from then on.
    for (let i = 0; i < entry; i++) this.#talk(parts[i].message, true);
    this.#next = entry;
    this.shownTick = to;
    this.#silent = true;
    this.happenings = new Happenings(-1, (event, x, y, byYou) => {
      if (!this.#silent) this.on.event?.(event, x, y, byYou);
    });
    this.#show();
    this.happenings.due(to);
    this.#silent = false;
    this.on.moved?.();
  }

  /** Takes in what is needed for the tick that is shown: one more lies ahead of it. */
  #show() {
    const { parts } = this.film;
    const ahead = Math.floor(this.shownTick) + 1;
    while (this.#next < parts.length && parts[this.#next].tick <= ahead) {
      const { message } = parts[this.#next++];
      if (message.type === 'Snapshot') this.#snapshot(message);
      else this.#talk(message, this.#silent);
    }
  }

  /** @param {import('./codec.js').Snapshot} snapshot */
  #snapshot(snapshot) {
    const view = this.reader.read(snapshot);
    this.#leader = view.focus;
    this.interpolator.push(view.tick, view.ships, this.reader.told);
    this.pulses.push(view);
    this.happenings.take(view, this.pulses, this.shown);
    this.pulses.settle(view.tick);
    this.#aim();
  }

  /** The view is of whoever was chosen, while that one lives. */
  #aim() {
    const chosen = this.#choice !== null && this.view.ships.some(({ slot }) => slot === this.#choice);
    this.view.focus = chosen ? this.#choice : this.#leader;
  }

  /** @param {ServerMessage} message @param {boolean} silent */
  #talk(message, silent) {
    if (message.type === 'Roster') {
      for (const { slot, generation, hue, pilot, name } of message.entries) {
        this.people.set(slot, { generation, hue: hue & 7, pilot, name });
      }
    } else if (message.type === 'Board') {
      this.board = message;
      if (!silent) this.on.board?.(message);
    } else if (message.type === 'Feed' && !silent) {
      this.on.feed?.(message);
    }
  }
}
