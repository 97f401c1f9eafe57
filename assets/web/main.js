// Wires the page: the game on one side, canvas, panels and cards on the other. Holds no rule and draws nothing itself.

import { STATE } from './client/codec.js';
import { Game } from './client/game.js';
import { lab } from './client/lab.js';
import { attract } from './view/attract.js';
import { Controls } from './view/controls.js';
import { byId } from './view/dom.js';
import { Gamepads } from './view/gamepad.js';
import { Hud, nameOf } from './view/hud.js';
import { LabPanel } from './view/labpanel.js';
import { Minimap } from './view/minimap.js';
import { NetGraph } from './view/netgraph.js';
import { hueOf, Renderer } from './view/renderer.js';
import { Screens } from './view/screens.js';
import { Settings } from './view/settings.js';
import { Sound } from './view/sound.js';
import { Spectator } from './view/watch.js';

const RELOADED = 'drift.reloaded';

const canvas = /** @type {HTMLCanvasElement} */ (byId('arena'));
const renderer = new Renderer(canvas);
const minimap = new Minimap(/** @type {HTMLCanvasElement} */ (byId('minimap')));
const hud = new Hud();
const netGraph = new NetGraph();
const idleScene = attract();
const { camera, effects } = renderer;

const url = new URL('ws', location.href);
url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
url.search = '';
url.hash = '';

const labPanel = new LabPanel();
const game = new Game(url.href, lab({
  WebSocket,
  now: () => performance.now(),
  random: Math.random,
  setTimeout: (run, ms) => window.setTimeout(run, ms),
  clearTimeout: (id) => window.clearTimeout(id),
}, labPanel.dials), {
  status: showStatus,
  welcome,
  board: () => hud.board(game),
  feed: (feed) => {
    hud.feed(game, feed, netGraph.shown);
    spectator.feed(feed);
    if (feed.killer === game.you && feed.victim !== game.you) {
      hud.toast('Destroyed ', nameOf(game.people, feed.victim));
      sound.play('kill');
    }
  },
  hurt: () => {
    hud.hurt();
    sound.play('hurt');
    if (!calm()) camera.shake = Math.min(12, camera.shake + 7);
  },
  died: () => {
    sound.play('died');
    if (!calm()) camera.shake = 16;
  },
  spawned: () => {
    sound.play('arrival');
    effects.arrival(game.predictor.body.x / 256, game.predictor.body.y / 256, hueOf(scene, game.you));
  },
  fired: (x, y, aim) => {
    const angle = (aim * Math.PI) / 2048;
    sound.play('ownPulse');
    effects.spark(x + Math.cos(angle) * 24, y + Math.sin(angle) * 24, Math.cos(angle) * 60, Math.sin(angle) * 60, 16, 0.12, 7);
  },
  beamed: (x, y, toX, toY) => {
    effects.beam(x, y, toX, toY, hueOf(scene, game.you));
    sound.play('beam');
    if (!calm()) camera.shake = Math.min(12, camera.shake + 4);
  },
  event: showEvent,
});

const screens = new Screens({
  play: ({ name, hue, room, role }) => {
    screens.joinStatus('', false, true);
    game.join({ name, hue, room, role, aspect: camera.aspect });
  },
  leave: () => game.leave(),
  netGraph: () => toggleNetGraph(),
  lab: () => toggleLab(),
  settings: () => toggleSettings(true),
  opened: () => lockBehind(),
  spawn: () => game.spawn(),
  hurry: () => game.net.hurry(),
  invite: () => `${location.origin}${location.pathname}?room=${encodeURIComponent(game.welcome?.room ?? '')}${game.watching ? '&watch=1' : ''}`,
});
const spectator = new Spectator(game, () => game.join({ ...game.net.identity, role: 'player', aspect: camera.aspect }));
const sound = new Sound();
const settings = new Settings(applySettings);
const pad = new Gamepads({
  menu: () => {
    if (settings.open) toggleSettings(false);
    else if (playing) screens.toggleMenu(!screens.menuOpen);
  },
  card: () => [...document.querySelectorAll('#settings, #menu, #join, #death')].map((screen) => /** @type {HTMLElement} */ (screen)).find((screen) => !screen.hidden) ?? null,
});
const controls = new Controls(canvas, () => playing && screens.clear && !settings.open, settings, pad);
const calmSystem = window.matchMedia('(prefers-reduced-motion: reduce)');
const calm = () => calmSystem.matches || settings.calm;


/** True from the first welcome until the player is back at the join card. */
let playing = false;
let bannerText = '';

/** @type {import('./view/renderer.js').OwnShown} */
const own = { x: 0, y: 0, vx: 0, vy: 0, aim: 0, hp: 0, state: 0, slot: 0, thrust: 0, push: 0 };
/** @type {import('./view/renderer.js').Scene} */
const scene = {
  side: 0, obstacles: [], arena: game.arena, x: 0, y: 0, own: null, ships: [], pulses: [], pickups: [], people: game.people, pointer: null, crown: null,
};

/** @param {import('./client/codec.js').Welcome} message */
function welcome(message) {
  reloaded(false);
  scene.side = message.side;
  scene.arena = game.arena;
  scene.obstacles = message.obstacles.map(({ x, y, r }) => ({ x: x / 4, y: y / 4, r: r / 4 }));
  renderer.clear();
  if (!playing) {
    playing = true;
    document.body.classList.add('playing');
    screens.showJoin(false);
    hud.show(true);
    void stayAwake();
  }
  spectator.begin();
  document.body.classList.toggle('watching', game.watching);
  Screens.address(message.room, game.watching);
}

/** What was set takes effect. */
function applySettings() {
  sound.volume = settings.muted ? 0 : settings.volume;
  document.body.classList.toggle('calm', calm());
  document.documentElement.style.setProperty('--ui', String(settings.scale));
}

/** @param {boolean} open */
function toggleSettings(open) {
  settings.toggle(open);
  controls.release();
  lockBehind();
  if (!open) byId(playing ? 'menu-settings' : 'join-settings').focus();
}

/** What is behind an open card cannot be reached by Tab. */
function lockBehind() {
  byId('join').inert = byId('menu').inert = settings.open;
  byId('hud').inert = byId('death').inert = settings.open || screens.menuOpen;
}

function toggleNetGraph() {
  netGraph.toggle();
  if (netGraph.shown && window.innerWidth <= 620) labPanel.toggle(false);
}

function toggleLab() {
  labPanel.toggle();
  if (labPanel.shown && window.innerWidth <= 620) netGraph.toggle(false);
}

/** A sound somewhere in the arena. @param {import('./view/sound.js').Name} name @param {number} x @param {number} y units */
function play(name, x, y) {
  const dx = (x - camera.x) / (camera.viewWidth / 2);
  const dy = (y - camera.y) / (camera.viewHeight / 2);
  sound.play(name, dx * 0.8, Math.max(0, 1 - Math.hypot(dx, dy) * 0.55));
}

/** Pulses of others that were heard. @type {WeakSet<object>} */
const heard = new WeakSet();
function hearPulses() {
  for (const pulse of scene.pulses) {
    if (pulse.own || pulse.age > 6 || heard.has(pulse)) continue;
    heard.add(pulse);
    play('pulse', pulse.x, pulse.y);
  }
}

/** Keeps a phone's screen on while there is an arena to see. */
async function stayAwake() {
  try {
    if (playing && !document.hidden) await navigator.wakeLock?.request('screen');
  } catch {
    // It is a courtesy: low batteries and strict settings refuse it.
  }
}

/** @param {string} text @param {boolean} bad */
function toJoin(text, bad) {
  playing = false;
  document.body.classList.remove('playing', 'watching');
  controls.release();
  hud.show(false);
  screens.death(null);
  screens.toggleMenu(false);
  screens.showJoin(true);
  screens.joinStatus(text, bad, false);
  renderer.clear();
}

/** @param {import('./client/net.js').Status} status */
function showStatus(status) {
  if (status.phase === 'closed') {
    if (status.retry === 'reload' && !reloaded(true)) location.reload();
    else toJoin(status.code === 1000 ? '' : status.text, true);
  } else if (!playing && status.phase === 'waiting') {
    const empty = status.code === 4005 && game.net.identity.role === 'spectator';
    screens.joinStatus(`${empty ? 'Nobody to watch there, or no seat left.' : status.text} Trying again…`, false, true);
  } else if (!playing && status.phase === 'connecting' && status.attempt === 0) {
    screens.joinStatus('', false, true);
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

/** The line at the top of the arena, about anything but normal. */
function showBanner() {
  const { status } = game.net;
  let text = '';
  if (playing && status.phase === 'waiting') {
    const seconds = Math.max(0, Math.ceil((status.retryAt - performance.now()) / 1000));
    text = `${status.text} ${seconds > 0 ? `Reconnecting in ${seconds} s` : 'Reconnecting…'}`;
  } else if (playing && status.phase === 'connecting') {
    text = 'Reconnecting…';
  } else if (playing && game.silent) {
    text = 'No word from the server…';
  }
  if (text !== bannerText) screens.banner((bannerText = text), status.phase === 'waiting');
}

/** @type {import('./client/happenings.js').Show} */
function showEvent(event, x, y, byYou) {
  switch (event.kind) {
    case 'hit':
      showDamage(x, y, event.victim, event.damage, byYou);
      break;
    case 'beam':
      if (!byYou) play('beam', event.x / 256, event.y / 256);
      // The own one was shown when it was fired, if the prediction can be trusted.
      if (!byYou || !game.stats.predicting) effects.beam(event.x / 256, event.y / 256, x, y, hueOf(scene, event.slot));
      if (event.victim !== null) showDamage(x, y, event.victim, event.damage, byYou);
      break;
    case 'explosion':
      if (event.slot !== game.you) play('boom', x, y);
      effects.explosion(x, y, hueOf(scene, event.slot));
      break;
    case 'taken':
      if (byYou) sound.play(event.item === 'shard' ? 'shard' : 'item');
      if (byYou) effects.ring(game.shown.x, game.shown.y, 14, 34, 3, 0.3, '#d8f3ff');
      break;
  }
}

/** @param {number} x @param {number} y @param {number} victim @param {number} damage as the server has it @param {boolean} byYou */
function showDamage(x, y, victim, damage, byYou) {
  play('hit', x, y);
  effects.hit(x, y, hueOf(scene, victim), damage);
  if (victim === game.you) effects.number(x, y, damage > 0 ? `−${damage}` : 'shield', '#ff8a80');
  else if (byYou) {
    effects.hitMark = 0.25;
    effects.number(x, y, damage > 0 ? String(damage) : 'shield', '#ffe08a');
  }
}

/** The card of a ship that is not in the world. */
function showDeath() {
  const ship = game.own;
  if (!playing || !game.live || !ship || game.alive || screens.menuOpen) {
    screens.death(null);
    return;
  }
  const { respawn } = ship.timers;
  const killer = game.deathBy?.killer ?? null;
  const parked = respawn === 0 && !game.deathBy;
  screens.death({
    title: parked ? 'Parked' : 'Destroyed',
    by: killer !== null && killer !== game.you ? `by ${nameOf(game.people, killer)}` : parked ? 'You were away' : '',
    note: game.board && game.board.rank > 0 ? `${game.board.score} ${game.board.score === 1 ? 'point' : 'points'}, rank ${game.board.rank} of ${game.board.ships}` : '',
    wait: parked ? 0 : Math.max(0.1, respawn / 30),
  });
}

/** @param {number} ms since the last frame */
function prepareScene(ms) {
  scene.ships = game.interpolator.sample(game.shownTick);
  scene.pulses = game.pulses.sample(game.shownTick, game.ownTick);
  for (const pulse of game.pulses.stopped) effects.burst(pulse.x, pulse.y, 5, 170, 8, 0.3, hueOf(scene, pulse.owner));
  scene.pickups = game.view?.pickups ?? [];
  if (game.watching) {
    spectator.frame(scene, ms);
  } else {
    scene.x = game.shown.x;
    scene.y = game.shown.y;
    spectator.lean(scene, camera, ms);
  }
  hearPulses();
  scene.crown = game.board?.crown && game.board.crown.slot !== game.you && game.board.crown.slot !== game.view?.focus ? game.board.crown : null;
  scene.pointer = controls.reticle;
  scene.own = null;
  sound.engine(game.alive && game.own ? (controls.boosting && game.predictor.body.energy >= 384 ? 2 : Math.round(controls.push * 7) / 7) : 0);
  const { body } = game.predictor;
  if (!game.own || !game.alive) return;
  own.x = scene.x;
  own.y = scene.y;
  own.vx = (body.vx * 30) / 256;
  own.vy = (body.vy * 30) / 256;
  own.aim = controls.aim;
  own.hp = game.own.hp;
  own.slot = game.you;
  own.push = controls.push;
  own.thrust = controls.heading;
  own.state = (controls.boosting && body.energy >= 384 ? STATE.BOOST : 0) | (body.shield > 0 ? STATE.SHIELD : 0)
    | (body.overdrive > 0 ? STATE.OVERDRIVE : 0) | (body.windup > 0 ? STATE.WINDUP : 0) | (game.board?.crown?.slot === game.you ? STATE.CROWN : 0);
  scene.own = own;
}

/** Flies instead of the player, if a test or the curious set it. @type {(() => import('./client/step.js').Controls) | null} */
let script = null;
const sampleControls = () => (script ? script() : controls.sample());
const pump = () => game.pump(sampleControls);

let lastFrame = performance.now();
/** @param {number} now */
function frame(now) {
  requestAnimationFrame(frame);
  const began = performance.now();
  const ms = Math.min(250, Math.max(0, now - lastFrame));
  lastFrame = now;
  game.stats.frames++;
  pad.poll();
  pump();
  if (playing && game.live) {
    controls.shipX = camera.width / 2;
    controls.shipY = camera.height / 2;
    // Aim follows the mouse between two ticks as well.
    controls.sample();
    prepareScene(ms);
    renderer.draw(scene, ms);
    controls.thumbs.draw(renderer.ctx, game.alive ? hud.lanceReady : -1);
    minimap.frame(scene, camera, game.board?.crown ?? null, game.you, ms);
    hud.frame(game, ms);
    game.stats.frameGaps.push(ms);
    game.stats.frameWork.push(performance.now() - began);
    netGraph.frame(game, ms);
  } else {
    idleScene.advance(ms / 1000);
    renderer.draw(idleScene.scene, ms);
  }
  showDeath();
  showBanner();
}

function resize() {
  const before = camera.aspect;
  renderer.resize();
  if (camera.aspect !== before) game.setAspect(camera.aspect);
  if (labPanel.shown && window.innerWidth <= 620) netGraph.toggle(false);
  hud.board(game);
}

window.addEventListener('resize', resize);
window.addEventListener('online', () => game.net.hurry());
window.addEventListener('keydown', (event) => {
  if (event.code === 'Escape' && settings.open) toggleSettings(false);
  else if (event.code === 'Escape' && playing) screens.toggleMenu(!screens.menuOpen);
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (game.watching && playing && screens.clear && plain) {
    if (event.code === 'Tab') {
      event.preventDefault();
      spectator.step(event.shiftKey ? -1 : 1);
    } else if (event.code === 'KeyL') {
      spectator.follow(null);
    }
  }
  if (settings.action(event.code) === 'netGraph' && plain && playing && screens.clear && !settings.open) toggleNetGraph();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) controls.release();
  game.setIdle(document.hidden);
  void stayAwake();
});
// Inputs are due 30 times a second, however seldom frames are drawn.
setInterval(pump, 8);

byId('settings-done').addEventListener('click', () => toggleSettings(false));
calmSystem.addEventListener('change', applySettings);
applySettings();
resize();
screens.showJoin(true);
if (new URLSearchParams(location.search).has('watch')) screens.start('spectator');
requestAnimationFrame(frame);

/** For tests and the curious: read, and write nothing but `drive`, a function that returns the controls of a tick. */
/** @type {any} */ (globalThis).drift = {
  game,
  camera,
  get drive() {
    return script;
  },
  set drive(run) {
    script = run;
  },
  get state() {
    return playing ? game.net.status.phase : 'join';
  },
  get view() {
    return game.view;
  },
  /** The own ship as predicted: Q8, Q8 a tick. */
  get own() {
    return { ...game.predictor.body, tick: game.predictor.tick, alive: game.alive, hp: game.own?.hp ?? 0 };
  },
  get ships() {
    return scene.ships;
  },
  get stats() {
    return game.stats;
  },
  get sound() {
    return sound.state;
  },
};
