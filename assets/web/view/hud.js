// The panels over the arena: meters, chips, scoreboard, feed, connection. Reads the game, changes only the page.

import { LANCE_ENERGY } from '../client/step.js';
import { byId, make, setText } from './dom.js';

const FEED_LINES = 5;
const FEED_MS = 6000;
/** 0 to 255 as text, so that meters make none each frame. */
const NUMBERS = Array.from({ length: 256 }, (_, n) => String(n));

/** @typedef {Pick<import('../client/game.js').Game, 'people' | 'you' | 'board' | 'welcome'>} Told */

export class Hud {
  #meters = {
    hp: meter('meter-hp'), energy: meter('meter-energy'), pulse: meter('meter-pulse'),
    lance: meter('meter-lance'),
  };
  #hud = byId('hud');
  #vitals = byId('vitals');
  #chips = byId('chips');
  #chipKey = 0;
  #rows = byId('board-rows');
  #feed = byId('feed');
  #toasts = byId('toasts');
  #net = byId('net');
  #netText = byId('net-text');
  #hurt = byId('hurt');
  #hurtLeft = 0;
  #netDue = 0;
  #pulseFull = 6;
  #lanceFull = 45;
  #lanceLast = 0;
  #alive = true;
  /** Part of what the next Lance needs that is there: its cooldown and its energy, 0..1. */
  lanceReady = 0;

  /** @param {boolean} shown */
  show(shown) {
    this.#hud.hidden = !shown;
    if (!shown) {
      this.quiet();
      this.#hurt.style.opacity = '0';
      this.#hurtLeft = 0;
    }
  }

  /** What was told belongs to another time. */
  quiet() {
    this.#feed.replaceChildren();
    this.#toasts.replaceChildren();
  }

  /**
   * Once a frame.
   * @param {import('../client/game.js').Game} game @param {number} ms since the last frame
   */
  frame(game, ms) {
    const { own, predictor } = game;
    const { body } = predictor;
    const alive = game.alive && own !== null;
    const hp = own ? own.hp : 0;
    this.#meters.hp(hp / 100, NUMBERS[hp], hp <= 35);
    const energy = alive ? body.energy / 256 : 0;
    this.#meters.energy(energy / 100, NUMBERS[Math.floor(energy)], energy < 8);
    if (body.pulse > this.#pulseFull - 1) this.#pulseFull = Math.max(1, body.pulse);
    const ready = alive ? 1 - Math.min(1, body.pulse / this.#pulseFull) : 0;
    this.#meters.pulse(ready, '', false);
    if (body.lance > this.#lanceLast) this.#lanceFull = body.lance;
    this.#lanceLast = body.lance;
    this.lanceReady = alive ? Math.min(1 - body.lance / this.#lanceFull, body.energy / LANCE_ENERGY, 1) : 0;
    this.#meters.lance(this.lanceReady, '', this.lanceReady < 1);
    if (alive !== this.#alive) this.#vitals.classList.toggle('dead', !(this.#alive = alive));
    const crown = game.board?.crown?.slot === game.you && game.you >= 0;
    this.#showChips(alive ? body.shield : 0, alive ? body.overdrive : 0, crown && alive);
    if (this.#hurtLeft > 0) {
      this.#hurtLeft = Math.max(0, this.#hurtLeft - ms / 420);
      this.#hurt.style.opacity = String(this.#hurtLeft.toFixed(2));
    }
    this.#netDue -= ms;
    if (this.#netDue <= 0) {
      this.#netDue = 500;
      this.#showNet(game);
    }
  }

  /** @param {number} shield @param {number} overdrive ticks @param {boolean} crown */
  #showChips(shield, overdrive, crown) {
    const key = Math.ceil(shield / 3) * 1000 + Math.ceil(overdrive / 3) * 2 + (crown ? 1 : 0);
    if (key === this.#chipKey) return;
    this.#chipKey = key;
    this.#chips.replaceChildren();
    if (crown) this.#chips.append(make('span', 'crown', 'You lead'));
    if (shield > 0) this.#chips.append(make('span', 'shield', `Shield ${(shield / 30).toFixed(1)} s`));
    if (overdrive > 0) this.#chips.append(make('span', 'overdrive', `Overdrive ${(overdrive / 30).toFixed(1)} s`));
  }

  /** @param {import('../client/game.js').Game} game */
  #showNet({ stats, net, silent, predictor, watching }) {
    const few = watching ? 7 : 20;
    const open = net.status.phase === 'open' && !silent;
    const ping = Number.isNaN(stats.ping) ? '–' : Math.round(stats.ping);
    setText(this.#netText, open ? `${ping} ms${stats.snapshotRate > 0 ? ` · ${Math.round(stats.snapshotRate)}/s` : ''}` : 'no signal');
    this.#net.title = `${Math.round(stats.bodyBytes)} B a snapshot, ${stats.downRate.toFixed(1)} kB/s down, `
      + `${stats.upRate.toFixed(1)} kB/s up, ${predictor.mispredictions} mispredictions`;
    this.#net.classList.toggle('slow', open && (stats.ping > 150 || (stats.snapshotRate > 0 && stats.snapshotRate < few)));
    this.#net.classList.toggle('lost', !open);
  }

  /** The own ship was hit. */
  hurt() {
    this.#hurtLeft = 1;
  }

  /** @param {string} text @param {string} [strong] */
  toast(text, strong = '') {
    const line = make('p', '', text);
    if (strong) line.append(make('b', '', strong));
    this.#toasts.append(line);
    while (this.#toasts.childElementCount > 3) this.#toasts.firstElementChild?.remove();
    setTimeout(() => line.remove(), 1700);
  }

  /** @param {Told} game */
  board(game) {
    const { board, welcome, you, people } = game;
    if (!board) this.#rows.replaceChildren();
    if (!board || !welcome) return;
    setText(byId('board-room'), welcome.room);
    setText(byId('board-count'), `${board.ships} ${board.ships === 1 ? 'ship' : 'ships'}`);
    const watching = byId('board-watching');
    watching.hidden = board.spectators === 0;
    setText(watching, `${board.spectators} watching`);
    byId('board-count').title = `${board.players} of them players`;
    const small = window.innerWidth <= 620 || window.innerHeight <= 480;
    const most = small ? 3 : window.innerHeight < 600 ? 5 : 10;
    const shown = board.top.slice(0, most);
    const lines = shown.map(({ slot, score }, i) => row(i + 1, slot, score, slot === you, people));
    if (board.rank > 0 && !shown.some(({ slot }) => slot === you)) {
      const own = row(board.rank, you, board.score, true, people);
      own.classList.add('apart');
      lines.push(own);
    }
    this.#rows.replaceChildren(...lines);
  }

  /**
   * @param {Pick<Told, 'people' | 'you'>} game @param {import('../client/codec.js').Feed} feed
   * @param {boolean} exact Also says how far back the shot was judged.
   */
  feed({ people, you }, { killer, victim, weapon, rewind }, exact) {
    const line = make('li');
    if (killer === you && killer !== victim) line.classList.add('own');
    if (victim === you) line.classList.add('lost');
    if (killer !== null && killer !== victim) {
      line.append(dot(people, killer), make('span', 'name', nameOf(people, killer)));
      const sign = make('span', `weapon ${weapon}`);
      sign.title = sign.ariaLabel = weapon === 'lance' ? 'by Lance destroyed' : 'destroyed';
      sign.role = 'img';
      line.append(sign);
    }
    line.append(dot(people, victim), make('span', 'name', nameOf(people, victim)));
    if (killer === null) line.append(make('span', 'gone', 'gone'));
    if (exact) line.append(make('span', 'rewind', `${Math.round((rewind / 8) * (1000 / 30))} ms`));
    this.#feed.prepend(line);
    const most = window.innerHeight <= 480 ? 2 : window.innerWidth <= 620 ? 3 : FEED_LINES;
    while (this.#feed.childElementCount > most) this.#feed.lastElementChild?.remove();
    setTimeout(() => line.classList.add('old'), FEED_MS);
    setTimeout(() => line.remove(), FEED_MS + 600);
  }
}

/** @param {import('../client/game.js').Game['people']} people @param {number} slot */
export function nameOf(people, slot) {
  return people.get(slot)?.name ?? `Ship ${slot}`;
}

/** @param {import('../client/game.js').Game['people']} people @param {number} slot */
function dot(people, slot) {
  return make('i', `dot hue-${people.get(slot)?.hue ?? slot & 7}`);
}

/**
 * @param {number} rank @param {number} slot @param {number} score @param {boolean} own
 * @param {import('../client/game.js').Game['people']} people
 */
function row(rank, slot, score, own, people) {
  const line = make('li', own ? 'own' : people.get(slot)?.pilot ? '' : 'person');
  line.append(
    make('span', 'rank', String(rank)), dot(people, slot), make('span', 'name', nameOf(people, slot)),
    make('span', 'points', String(score)),
  );
  return line;
}

/**
 * A meter as a function of how full it is.
 * @param {string} id
 * @returns {(part: number, text: string, low: boolean) => void}
 */
function meter(id) {
  const element = byId(id);
  const value = /** @type {HTMLElement} */ (element.querySelector('.value'));
  const bars = /** @type {HTMLElement[]} */ ([...element.querySelectorAll('.track i')]);
  let lastPart = -1;
  let lastText = '';
  let lastLow = false;
  return (part, text, low) => {
    const shown = Math.round(Math.min(1, Math.max(0, part)) * 500) / 500;
    if (shown !== lastPart) {
      lastPart = shown;
      for (const bar of bars) bar.style.transform = `scaleX(${shown})`;
    }
    if (text !== lastText) value.textContent = lastText = text;
    if (low !== lastLow) element.classList.toggle('low', (lastLow = low));
  };
}
