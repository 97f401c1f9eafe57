// Puts the game on the stage: the scene of each frame, and the sparks and sounds of what happens.
// Draws nothing and reads no message; the game tells it what is to be shown when.

import { STATE } from '../client/codec.js';
import { hueOf } from './renderer.js';

/**
 * @typedef {Pick<import('../client/game.js').Game, 'arena' | 'people' | 'you' | 'own' | 'alive' | 'watching' | 'shown'
 *   | 'shownTick' | 'ownTick' | 'view' | 'interpolator' | 'pulses' | 'board'> & {stats: {predicting: boolean},
 *   predictor: import('../client/predict.js').Predictor | null}} Play A game, or a film of one.
 * @typedef {Pick<import('./controls.js').Controls, 'reticle' | 'aim' | 'heading' | 'push' | 'boosting'>} Hands
 */

/** Energy without which nothing boosts, Q8. */
const BOOST_ENERGY = 384;

export class Stage {
  /** @type {import('./renderer.js').OwnShown} */
  #own = { x: 0, y: 0, vx: 0, vy: 0, aim: 0, hp: 0, state: 0, slot: 0, thrust: 0, push: 0 };
  /** Pulses of others that were heard. @type {WeakSet<object>} */
  #heard = new WeakSet();

  /**
   * @param {Play} game @param {import('./renderer.js').Renderer} renderer
   * @param {import('./sound.js').Sound} sound @param {() => boolean} calm True where motion is not wanted.
   */
  constructor(game, renderer, sound, calm) {
    this.game = game;
    this.camera = renderer.camera;
    this.effects = renderer.effects;
    this.sound = sound;
    this.calm = calm;
    /** @type {import('./renderer.js').Scene} */
    this.scene = {
      side: 0, obstacles: [], arena: game.arena, x: 0, y: 0, own: null, ships: [], pulses: [], pickups: [], people: game.people, pointer: null,
      crown: null,
    };
  }

  /** A stay begins. @param {import('../client/codec.js').Welcome} welcome */
  begin(welcome) {
    const { scene, game } = this;
    scene.side = welcome.side;
    scene.arena = game.arena;
    scene.people = game.people;
    scene.obstacles = welcome.obstacles.map(({ x, y, r }) => ({ x: x / 4, y: y / 4, r: r / 4 }));
  }

  /** The own ship was hit. */
  hurt() {
    this.sound.play('hurt');
    this.#shake(7, 12);
  }

  /** The own ship was destroyed. */
  died() {
    this.sound.play('died');
    this.#shake(16, 16);
  }

  /** The own ship is there. */
  spawned() {
    if (!this.game.predictor) return;
    const { body } = this.game.predictor;
    this.sound.play('arrival');
    this.effects.arrival(body.x / 256, body.y / 256, this.#hue(this.game.you));
  }

  /** The own ship fired a pulse. @param {number} x @param {number} y units @param {number} aim of 4096 */
  fired(x, y, aim) {
    const angle = (aim * Math.PI) / 2048;
    this.sound.play('ownPulse');
    this.effects.spark(x + Math.cos(angle) * 24, y + Math.sin(angle) * 24, Math.cos(angle) * 60, Math.sin(angle) * 60, 16, 0.12, 7);
  }

  /** The own Lance fired. @param {number} x @param {number} y @param {number} toX @param {number} toY units */
  beamed(x, y, toX, toY) {
    this.effects.beam(x, y, toX, toY, this.#hue(this.game.you));
    this.sound.play('beam');
    this.#shake(4, 12);
  }

  /** @type {import('../client/happenings.js').Show} */
  event = (event, x, y, byYou) => {
    const { game, effects, sound } = this;
    switch (event.kind) {
      case 'hit':
        this.#damage(x, y, event.victim, event.damage, byYou);
        break;
      case 'beam':
        if (!byYou) this.#play('beam', event.x / 256, event.y / 256);
        // The own one was shown when it was fired, if the prediction can be trusted.
        if (!byYou || !game.stats.predicting) effects.beam(event.x / 256, event.y / 256, x, y, this.#hue(event.slot));
        if (event.victim !== null) this.#damage(x, y, event.victim, event.damage, byYou);
        break;
      case 'explosion':
        if (event.slot !== game.you) this.#play('boom', x, y);
        effects.explosion(x, y, this.#hue(event.slot));
        break;
      case 'taken':
        if (byYou) sound.play(event.item === 'shard' ? 'shard' : 'item');
        if (byYou) effects.ring(game.shown.x, game.shown.y, 14, 34, 3, 0.3, '#d8f3ff');
        break;
    }
  };

  /**
   * The scene of one frame.
   * @param {Hands} controls @param {import('./watch.js').Spectator} spectator
   * @param {number} ms since the last frame
   */
  frame(controls, spectator, ms) {
    const { game, scene, effects } = this;
    scene.ships = game.interpolator.sample(game.shownTick);
    scene.pulses = game.pulses.sample(game.shownTick, game.ownTick);
    for (const pulse of game.pulses.stopped) effects.burst(pulse.x, pulse.y, 5, 170, 8, 0.3, this.#hue(pulse.owner));
    scene.pickups = game.view?.pickups ?? [];
    if (game.watching) {
      spectator.frame(scene, ms);
    } else {
      scene.x = game.shown.x;
      scene.y = game.shown.y;
      spectator.lean(scene, this.camera, ms);
    }
    this.#hear();
    const crown = game.board?.crown ?? null;
    scene.crown = crown && crown.slot !== game.you && crown.slot !== game.view?.focus ? crown : null;
    scene.pointer = controls.reticle;
    scene.own = this.#ship(controls);
    const engine = scene.own ? (scene.own.state & STATE.BOOST ? 2 : Math.round(controls.push * 7) / 7) : 0;
    this.sound.engine(engine);
  }

  /** The own ship as it is drawn; null without one. @param {Hands} controls */
  #ship(controls) {
    const { game, scene } = this;
    if (!game.own || !game.alive || !game.predictor) return null;
    const { body } = game.predictor;
    const own = this.#own;
    own.x = scene.x;
    own.y = scene.y;
    own.vx = (body.vx * 30) / 256;
    own.vy = (body.vy * 30) / 256;
    own.aim = controls.aim;
    own.hp = game.own.hp;
    own.slot = game.you;
    own.push = controls.push;
    own.thrust = controls.heading;
    own.state = (controls.boosting && body.energy >= BOOST_ENERGY ? STATE.BOOST : 0) | (body.shield > 0 ? STATE.SHIELD : 0)
      | (body.overdrive > 0 ? STATE.OVERDRIVE : 0) | (body.windup > 0 ? STATE.WINDUP : 0) | (game.board?.crown?.slot === game.you ? STATE.CROWN : 0);
    return own;
  }

  #hear() {
    for (const pulse of this.scene.pulses) {
      if (pulse.own || pulse.age > 6 || this.#heard.has(pulse)) continue;
      this.#heard.add(pulse);
      this.#play('pulse', pulse.x, pulse.y);
    }
  }

  /** A sound somewhere in the arena. @param {import('./sound.js').Name} name @param {number} x @param {number} y units */
  #play(name, x, y) {
    const { camera } = this;
    const dx = (x - camera.x) / (camera.viewWidth / 2);
    const dy = (y - camera.y) / (camera.viewHeight / 2);
    this.sound.play(name, dx * 0.8, Math.max(0, 1 - Math.hypot(dx, dy) * 0.55));
  }

  /** @param {number} x @param {number} y @param {number} victim @param {number} damage as the server has it @param {boolean} byYou */
  #damage(x, y, victim, damage, byYou) {
    const { effects, game } = this;
    this.#play('hit', x, y);
    effects.hit(x, y, this.#hue(victim), damage);
    if (victim === game.you) effects.number(x, y, damage > 0 ? `−${damage}` : 'shield', '#ff8a80');
    else if (byYou) {
      effects.hitMark = 0.25;
      effects.number(x, y, damage > 0 ? String(damage) : 'shield', '#ffe08a');
    }
  }

  /** @param {number} by @param {number} most CSS pixels */
  #shake(by, most) {
    if (!this.calm()) this.camera.shake = Math.min(most, this.camera.shake + by);
  }

  /** @param {number} slot */
  #hue(slot) {
    return hueOf(this.scene, slot);
  }
}
