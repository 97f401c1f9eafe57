// Wires the page: the game on one side, canvas, panels and cards on the other. Holds no rule and draws nothing itself.

import { Game } from './client/game.js';
import { lab } from './client/lab.js';
import { attract } from './view/attract.js';
import { Controls } from './view/controls.js';
import { byId } from './view/dom.js';
import { Gamepads } from './view/gamepad.js';
import { Hud, nameOf } from './view/hud.js';
import { LabPanel } from './view/labpanel.js';
import { Line, wasReloaded } from './view/line.js';
import { Minimap } from './view/minimap.js';
import { NetGraph } from './view/netgraph.js';
import { Renderer } from './view/renderer.js';
import { Screens } from './view/screens.js';
import { keepSeat, takeSeat } from './view/seat.js';
import { Settings } from './view/settings.js';
import { Sound } from './view/sound.js';
import { Stage } from './view/stage.js';
import { Theatre } from './view/theatre.js';
import { Spectator } from './view/watch.js';
import { ticket } from './view/ticket.js';

const canvas = /** @type {HTMLCanvasElement} */ (byId('arena'));
const renderer = new Renderer(canvas);
const minimap = new Minimap(/** @type {HTMLCanvasElement} */ (byId('minimap')));
const hud = new Hud();
const netGraph = new NetGraph();
const idleScene = attract();
const { camera } = renderer;

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
  status: (status) => line.changed(status),
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
    stage.hurt();
  },
  died: () => stage.died(),
  spawned: () => stage.spawned(),
  fired: (x, y, aim) => stage.fired(x, y, aim),
  beamed: (x, y, toX, toY) => stage.beamed(x, y, toX, toY),
  event: (event, x, y, byYou) => stage.event(event, x, y, byYou),
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
game.net.ticket = ticket();
window.addEventListener('hashchange', () => { game.net.ticket = ticket() ?? game.net.ticket; });
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
const stage = new Stage(game, renderer, sound, calm);
const { scene } = stage;
const line = new Line(game, screens, { playing: () => playing, ended: toJoin });

/** True from the first welcome until the player is back at the join card. */
let playing = false;

/** @param {import('./client/codec.js').Welcome} message */
function welcome(message) {
  line.welcomed();
  stage.begin(message);
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
  // Of another seat's room no scores are known yet.
  if (!message.resumed) hud.board(game);
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
  if (theatre?.projector) {
    theatre.frame(ms);
  } else if (playing && game.live) {
    controls.shipX = camera.width / 2;
    controls.shipY = camera.height / 2;
    // Aim follows the mouse between two ticks as well.
    controls.sample();
    stage.frame(controls, spectator, ms);
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
  line.frame();
}

function resize() {
  const before = camera.aspect;
  renderer.resize();
  if (camera.aspect !== before) game.setAspect(camera.aspect);
  if (labPanel.shown && window.innerWidth <= 620) netGraph.toggle(false);
  hud.board(theatre?.projector ?? game);
}

window.addEventListener('resize', resize);
window.addEventListener('pagehide', () => keepSeat(playing ? game.net.seat : null));
window.addEventListener('pageshow', ({ persisted }) => persisted && keepSeat(null));
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
const asked = new URLSearchParams(location.search);
const replay = asked.get('replay');
/** Plays a recording instead of a game, if that is what the page was opened for. */
const theatre = replay === null ? null : new Theatre(stage, spectator, hud, renderer, minimap);
resize();
screens.showJoin(!theatre);
const seat = theatre ? null : takeSeat(asked.get('room') ?? '');
if (theatre) {
  void theatre.open(replay ?? '', asked.get('from'));
} else if (asked.has('watch')) {
  screens.start('spectator');
} else if (seat) {
  screens.joinStatus('Taking your seat back…', false, true);
  game.join({ ...seat.identity, aspect: camera.aspect }, seat.token);
} else if (wasReloaded()) {
  screens.joinStatus('The server has another version than before, so the page was loaded again.', false, false);
}
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
  get replay() {
    return theatre?.projector ?? null;
  },
};
