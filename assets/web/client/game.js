// One stay in the arena, without anything to see: messages in, inputs out, and what a renderer may draw each frame.
// Knows no DOM; the page (or a test) calls `pump` with the time and the controls held.

import { Clock } from './clock.js';
import { DecodeError } from './bytes.js';
import { FLAG, MARGIN_MISSING } from './codec.js';
import { Happenings } from './happenings.js';
import { Connection } from './net.js';
import { EXTRAPOLATE, Interpolator } from './interpolate.js';
import { beamLength } from './lance.js';
import { Life } from './life.js';
import { Predictor } from './predict.js';
import { Pulses } from './pulses.js';
import { Reader } from './snapshot.js';
import { newStats, noteSnapshot, rate } from './stats.js';
import { DEED, trigHash } from './step.js';

/** Ticks after which a stalled page gives up sending what it missed. */
const STALL = 10;
/** Silence until a banner and until a new connection, ms. */
const SILENT_MS = 2500;
const DEAD_MS = 5000;
const PING_MS = 2000;
/** Without an input for so long, snapshots are acknowledged one by one, ms. */
const NO_INPUT_MS = 80;
/** Eighths of a tick in one, the most that any shot looks back, and the most ticks that a pulse catches up. */
const PARTS = 8;
const MAX_REWIND = 7 * PARTS;
const MAX_CATCH_UP = 5;

/**
 * @typedef {{name: string, hue: number, pilot: boolean, generation: number}} Person
 * @typedef {{status?: (status: import('./net.js').Status) => void,
 *   welcome?: (welcome: import('./codec.js').Welcome) => void,
 *   board?: (board: import('./codec.js').Board) => void,
 *   feed?: (feed: import('./codec.js').Feed) => void,
 *   fired?: (x: number, y: number, aim: number) => void,
 *   beamed?: (x: number, y: number, toX: number, toY: number) => void,
 *   hurt?: (hp: number) => void, died?: () => void, spawned?: () => void,
 *   event?: import('./happenings.js').Show}} Listeners Events come when they are to be shown; the own ship fires a pulse
 *   or a beam in the prediction, so that its player waits for nobody.
 */

export class Game {
  #lastSnapshotAt = 0;
  #lastInputAt = -Infinity;
  #resyncing = false;
  #lastPump = 0;
  #lastPing = 0;
  #idle = false;
  #life;
  #input = { type: /** @type {const} */ ('Input'), tick: 0, ack: 0, view: 0, ctl: 0, dir: 0, aim: 0 };
  #trigOk = true;

  /**
   * @param {string} url
   * @param {import('./net.js').Outside} outside
   * @param {Listeners} on
   */
  constructor(url, outside, on) {
    this.outside = outside;
    this.on = on;
    this.stats = newStats();
    this.#life = new Life(on);
    this.net = new Connection(url, outside, (m) => this.#receive(m), (s) => this.#changed(s));
    /** @type {import('./codec.js').Welcome | null} */
    this.welcome = null;
    /** @type {import('./codec.js').Board | null} */
    this.board = null;
    /** @type {Map<number, Person>} */
    this.people = new Map();
    /** @type {import('./step.js').Arena} */
    this.arena = { side: 0, obstacles: [] };
    /** @type {import('./snapshot.js').View | null} */
    this.view = null;
    /** The own ship as the last readable snapshot has it. @type {import('./snapshot.js').Own | null} */
    this.own = null;
    /** True once the clock runs and there is something to draw. */
    this.live = false;
    /** True after a while without a snapshot. */
    this.silent = false;
    /** @type {import('./codec.js').Feed | null} The last one with the own ship as victim. */
    this.deathBy = null;
    /** Where the own ship is shown, units, and the two ticks that the frame shows. */
    this.shown = { x: 0, y: 0 };
    this.shownTick = 0;
    this.ownTick = 0;
    this.clock = new Clock(30);
    this.predictor = new Predictor(this.arena);
    this.interpolator = new Interpolator(30);
    this.pulses = new Pulses(this.arena, -1);
    this.happenings = new Happenings(-1, on.event);
    this.reader = new Reader(0);
  }

  /** @param {import('./net.js').Identity} identity @param {string | null} [seat] The token of an earlier seat, to take it back. */
  join(identity, seat = null) {
    this.net.open(identity, seat);
  }

  /** Goes back to the menu. */
  leave() {
    this.net.close();
    this.live = false;
  }

  /** The own slot, or -1. */
  get you() {
    return this.welcome?.you ?? -1;
  }

  /** True for a spectator. */
  get watching() {
    return this.welcome !== null && this.welcome.you === null;
  }

  /** A spectator follows this ship, or whoever leads. @param {number | null} slot */
  watch(slot) {
    this.net.send({ type: 'Watch', slot });
  }

  /** True while the own ship lives. */
  get alive() {
    return this.predictor.alive;
  }

  /** Asks for a ship; sent once it can be had. */
  spawn() {
    this.#life.ask();
  }

  /** @param {number} aspect Width / height in thousandths. */
  setAspect(aspect) {
    this.net.identity.aspect = aspect;
    this.net.send({ type: 'View', aspect });
  }

  /** The page was hidden, or is visible again. @param {boolean} idle */
  setIdle(idle) {
    if (this.#idle === idle) return;
    this.#idle = idle;
    this.#lastSnapshotAt = this.outside.now();
    this.net.send({ type: 'Idle', idle });
    if (!idle) {
      this.net.hurry();
      // A ship parked meanwhile has to be asked for; a living one ignores it.
      this.net.send({ type: 'Spawn' });
    }
  }

  /** @param {import('./net.js').Status} status */
  #changed(status) {
    if (status.phase !== 'open') this.silent = false;
    if (status.phase === 'waiting') this.stats.reconnects++;
    this.on.status?.(status);
  }

  /** @param {import('./codec.js').ServerMessage} message */
  #receive(message) {
    switch (message.type) {
      case 'Welcome':
        this.#start(message);
        break;
      case 'Snapshot':
        this.#snapshot(message);
        break;
      case 'Roster':
        for (const { slot, generation, hue, pilot, name } of message.entries) {
          this.people.set(slot, { generation, hue: hue & 7, pilot, name });
        }
        break;
      case 'Board':
        this.board = message;
        this.on.board?.(message);
        break;
      case 'Feed':
        if (message.victim === this.you) this.deathBy = message;
        this.on.feed?.(message);
        break;
      case 'Pong':
        this.stats.pong = this.outside.now() - message.t;
        break;
      case 'Debug':
        this.stats.serverTick = message.tick_us;
        this.stats.serverTickMax = message.tick_max_us;
        this.stats.inFlight = message.in_flight;
        break;
      default:
        break;
    }
  }

  /** @param {import('./codec.js').Welcome} welcome */
  #start(welcome) {
    const quarters = welcome.obstacles;
    this.welcome = welcome;
    this.arena = {
      side: welcome.side * 256,
      obstacles: quarters.map(({ x, y, r }) => ({ x: x * 64, y: y * 64, r: r * 64 })),
    };
    this.clock = new Clock(welcome.hz);
    this.reader = new Reader(welcome.tick);
    this.predictor = new Predictor(this.arena);
    this.interpolator = new Interpolator(welcome.hz);
    this.pulses = new Pulses(this.arena, welcome.you ?? -1);
    this.#trigOk = trigHash() === welcome.trig;
    this.stats.predicting = this.#trigOk;
    this.happenings = new Happenings(welcome.you ?? -1, this.on.event);
    this.#resyncing = false;
    this.#lastInputAt = -Infinity;
    this.#life = new Life(this.on);
    this.people.clear();
    this.board = null;
    this.view = this.own = null;
    this.live = false;
    this.#lastSnapshotAt = this.outside.now();
    if (this.#idle) this.net.send({ type: 'Idle', idle: true });
    this.on.welcome?.(welcome);
  }

  /** @param {import('./codec.js').Snapshot} snapshot */
  #snapshot(snapshot) {
    if (!this.welcome) return;
    const now = this.outside.now();
    const { clock, stats, predictor, reader } = this;
    const lastTick = reader.view.tick;
    const view = this.#read(snapshot);
    const { tick, margin, seq } = reader.view;
    clock.onSnapshot(tick, now);
    clock.onMargin(tick, margin, now);
    noteSnapshot(stats, snapshot.body.length, stats.snapshots > 0 ? tick - lastTick - (this.watching ? 2 : 0) : 1, now - clock.offset - tick * clock.dt);
    // Inputs acknowledge; when none go out, the server still has to know that snapshots arrive.
    if (now - this.#lastInputAt > NO_INPUT_MS) this.net.send({ type: 'Ack', seq });
    else stats.late += ((margin === MARGIN_MISSING ? 1 : 0) - stats.late) / 128;
    if (!view) return;
    this.#lastSnapshotAt = now;
    this.silent = false;
    this.view = view;
    this.own = view.own;
    this.interpolator.push(tick, view.ships, reader.told);
    this.pulses.push(view);
    this.happenings.take(view, this.pulses, this.shown);
    this.pulses.settle(tick);
    if (view.own) {
      const wasAlive = predictor.alive;
      predictor.reconcile(tick, view.own);
      if (predictor.alive && !wasAlive) this.deathBy = null;
      if (this.#life.take(view.own)) this.net.send({ type: 'Spawn' });
    }
    this.live = true;
  }

  /**
   * The view with a snapshot's changes, or null if they cannot be made out: then the server is asked for a full one.
   * @param {import('./codec.js').Snapshot} snapshot
   */
  #read(snapshot) {
    try {
      const view = this.reader.read(snapshot);
      this.#resyncing = false;
      return view;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      if ((snapshot.flags & FLAG.FULL) !== 0) {
        // Asking again would bring the same.
        this.net.fail();
      } else if (!this.#resyncing) {
        this.#resyncing = true;
        this.stats.resyncs++;
        this.net.send({ type: 'Resync' });
      }
      return null;
    }
  }

  /**
   * Lets time pass: sends the inputs that are due and moves the clocks. Call it as often as you like.
   * @param {() => import('./step.js').Controls} controls What the player holds now.
   */
  pump(controls) {
    const now = this.outside.now();
    this.#watch(now);
    if (!this.live || !this.view) return;
    const { clock, predictor, stats } = this;
    clock.advance(now);
    const passed = Math.min(250, now - this.#lastPump);
    this.#lastPump = now;
    predictor.fade(passed);
    const due = Math.floor(clock.ownTick(now));
    if (predictor.tick >= 0 && !this.#idle && this.net.status.phase === 'open') {
      if (due - predictor.tick > STALL) {
        stats.stalls++;
        predictor.skipTo(due - 1);
      }
      while (predictor.tick < due) this.#sendInput(predictor.tick + 1, controls(), now);
    }
    this.#present(now);
    if (now - this.#lastPing > PING_MS) {
      this.#lastPing = now;
      this.net.send({ type: 'Ping', t: Math.floor(now) });
    }
    rate(stats, this.net, now);
  }

  /** @param {number} tick @param {import('./step.js').Controls} controls @param {number} now */
  #sendInput(tick, controls, now) {
    const { clock, predictor } = this;
    // What the player sees of the others now, however old that is.
    const seen = Math.min(clock.shownTick(now), this.interpolator.newest + EXTRAPOLATE);
    const input = this.#input;
    input.tick = tick & 0xffff;
    input.ack = this.reader.view.seq;
    input.view = Math.max(0, Math.min(255, Math.round((tick - seen) * PARTS)));
    input.ctl = controls.ctl;
    input.dir = controls.dir;
    input.aim = controls.aim;
    if (this.net.send(input)) {
      clock.onInputSent(tick, now);
      this.stats.inputs++;
      this.#lastInputAt = now;
    }
    const deeds = predictor.apply(tick, controls);
    if (deeds === 0 || !this.#trigOk) return;
    const { body } = predictor;
    const x = body.x / 256;
    const y = body.y / 256;
    if ((deeds & DEED.FIRED) !== 0) {
      // The server looks back as far as the player saw, but never to what had not arrived.
      const rewind = Math.min(MAX_REWIND, Math.max(input.view, (tick - this.reader.view.tick) * PARTS));
      this.pulses.predict(tick, body, controls.aim, Math.min(MAX_CATCH_UP, Math.floor(rewind / PARTS)));
      this.on.fired?.(x, y, controls.aim);
    }
    if ((deeds & DEED.BEAMED) !== 0) {
      const length = beamLength(this.arena, x, y, controls.aim, this.interpolator.shown);
      const angle = (controls.aim * Math.PI) / 2048;
      this.on.beamed?.(x, y, x + Math.cos(angle) * length, y + Math.sin(angle) * length);
    }
  }

  /** @param {number} now */
  #present(now) {
    const { clock, predictor, shown } = this;
    this.shownTick = clock.shownTick(now);
    this.ownTick = predictor.tick >= 0 ? clock.ownTick(now) - 1 : this.shownTick;
    if (predictor.tick >= 0) predictor.shown(Math.min(1, Math.max(0, this.ownTick + 1 - predictor.tick)), shown);
    this.happenings.due(this.shownTick);
    this.stats.ping = Number.isNaN(clock.rtt) ? this.stats.pong : clock.rtt;
    this.stats.mispredictions = predictor.mispredictions;
    this.stats.corrections = predictor.corrections;
  }

  /** Notices silence. @param {number} now */
  #watch(now) {
    if (this.net.status.phase !== 'open' || this.#idle) return;
    const quiet = now - this.#lastSnapshotAt;
    this.silent = quiet > SILENT_MS;
    if (quiet > DEAD_MS) {
      this.#lastSnapshotAt = now;
      this.net.restart();
    }
  }
}
