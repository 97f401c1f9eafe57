// What every test of the page in a real browser needs: Chromium, pages that note each error, a line that can be cut, and
// pilots of a few lines that fly through `globalThis.drift`. Where the servers are is told by the environment.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import { test as run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/**
 * A server with pilots, the same at the end of a bad line, an empty one, one with a single seat, and one that stops once
 * something connects to `STOP`.
 */
export const BUSY = address('DRIFT_BUSY');
export const LAGGED = address('DRIFT_LAGGED');
export const QUIET = address('DRIFT_QUIET');
export const SINGLE = address('DRIFT_SINGLE');
export const OLD = address('DRIFT_OLD');
/** A server in whose room `CROWD` 110 ships fly in rings while something is connected to `WISH`. */
export const FULL = address('DRIFT_FULL');
/** A server that records what is played, and shows it. */
export const SHOWN = address('DRIFT_SHOWN');
const WISH = address('DRIFT_CROWD');
const STOP = address('DRIFT_STOP');

/** No test waits longer for anything, and none takes longer as a whole, ms: the machine may be busy. */
const PATIENCE = 30000;
const LIMIT = 80000;

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const SHOTS = fileURLToPath(new URL('../shots/', import.meta.url));
mkdirSync(SHOTS, { recursive: true });

/** @param {string} name */
function address(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo test -p tests --test web\` starts the servers and these tests`);
  return value;
}

/**
 * A test with a limit of time.
 * @param {string} name @param {(t: import('node:test').TestContext) => Promise<void>} body @param {string | false} [skip] Why it is.
 */
export function test(name, body, skip = false) {
  run(name, { timeout: LIMIT, skip }, body);
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--enable-precise-memory-info', '--mute-audio'],
  });
}

/**
 * A page with the game, before joining. `page.errors` holds whatever went wrong in it.
 * @param {import('playwright-core').Browser} browser @param {string} host
 * @param {{width?: number, height?: number, query?: string, options?: object, init?: () => void, line?: boolean}} [how] `line`: the
 *   connection may break, and the browser may say so.
 */
export async function open(browser, host, { width = 1280, height = 800, query = '', options = {}, init, line = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    const broken = line && /WebSocket connection|net::ERR_/.test(message.text());
    if (message.type() === 'error' && !broken) errors.push(message.text());
  });
  if (init) await page.addInitScript(init);
  await page.addInitScript(pilots);
  await page.goto(`http://${host}/${query}`);
  await page.waitForFunction(() => globalThis.drift);
  return Object.assign(page, { errors });
}

/** Closes a page, which must have had no error. @param {Awaited<ReturnType<typeof open>>} page */
export async function done(page) {
  assert.deepEqual(page.errors, []);
  await page.context().close();
}

/** @param {import('playwright-core').Page} page @param {string} name @param {string} [room] */
export async function join(page, name, room = '') {
  await page.fill('#join-name', name);
  await page.fill('#join-room', room);
  await page.click('#join-play');
  await playing(page);
}

/**
 * Collects some points, and lets go. Returns the score that the server tells.
 * @param {import('playwright-core').Page} page
 */
export async function earn(page) {
  await page.evaluate(() => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    drift.drive = pilots.forage();
  });
  await page.waitForFunction(() => globalThis.drift.game.board?.score >= 4);
  await page.evaluate(() => (globalThis.drift.drive = () => ({ ctl: 0, dir: 0, aim: 0 })));
  await page.waitForFunction(() => {
    const { own } = globalThis.drift;
    return Math.hypot(own.vx, own.vy) < 20;
  });
  return score(page);
}

/** The score on the next board that comes. @param {import('playwright-core').Page} page @returns {Promise<number>} */
export async function score(page) {
  await page.evaluate(() => (globalThis.drift.game.board = null));
  await page.waitForFunction(() => globalThis.drift.game.board);
  return page.evaluate(() => globalThis.drift.game.board.score);
}

/** Waits until there is a ship and it lives. @param {import('playwright-core').Page} page */
export async function playing(page) {
  await page.waitForFunction(() => globalThis.drift.state === 'open' && globalThis.drift.own.alive && globalThis.drift.game.live);
}

/** @param {import('playwright-core').Page} page @param {string} name */
export async function shot(page, name) {
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

/**
 * Serious faults that axe, an accessibility checker, finds on the page as it is. The page's policy refuses scripts of others:
 * open it with `bypassCSP`.
 * @param {import('playwright-core').Page} page
 */
export async function barriers(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (globalThis).axe.run(document, { resultTypes: ['violations'] });
    return violations
      .filter((/** @type {any} */ v) => v.impact === 'serious' || v.impact === 'critical')
      .map((/** @type {any} */ v) => `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.target.join(' ')).join(', ')}`);
  });
}

/** Stops the server at `OLD`, and waits until it has. */
export async function stopOld() {
  const [host, port] = STOP.split(':');
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error('the old server does not stop')), PATIENCE).unref();
    net.connect(Number(port), host).on('error', reject).on('close', resolve).resume();
  });
}

/**
 * Has the crowd come, until the test is over.
 * @param {import('node:test').TestContext} t
 */
export async function crowd(t) {
  const [host, port] = WISH.split(':');
  const wish = net.connect(Number(port), host);
  t.after(() => wish.destroy());
  await new Promise((resolve, reject) => wish.on('connect', resolve).on('error', reject));
}

/**
 * A line to a server that can be cut and led elsewhere; gone with the test.
 * @param {import('node:test').TestContext} t @param {string} host
 */
export async function lineTo(t, host) {
  const pairs = new Set();
  let to = host;
  let open = true;
  const server = net.createServer((near) => {
    if (!open) return near.destroy();
    const [name, port] = to.split(':');
    const far = net.connect(Number(port), name);
    const pair = [near, far];
    pairs.add(pair);
    for (const [from, into] of [[near, far], [far, near]]) {
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        into.destroy();
        pairs.delete(pair);
      });
      from.pipe(into);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const cut = (/** @type {boolean} */ through) => {
    open = through;
    for (const [near] of pairs) near.destroy();
  };
  t.after(() => {
    cut(false);
    server.close();
  });
  return {
    host: `127.0.0.1:${/** @type {net.AddressInfo} */ (server.address()).port}`,
    /** Cuts what is connected; the argument is whether new connections get through. */
    cut,
    mend: () => (open = true),
    lead: (/** @type {string} */ elsewhere) => (to = elsewhere),
  };
}

/** Runs in the page: pilots for `drift.drive`. */
function pilots() {
  const held = { ctl: 0, dir: 0, aim: 0 };
  const hold = (mag, buttons, heading, aim) => {
    held.ctl = mag | (buttons << 3);
    held.dir = Math.round((heading * 128) / Math.PI) & 255;
    held.aim = Math.round((aim * 2048) / Math.PI) & 4095;
    return held;
  };
  // The heading to a place, around what is in the way.
  const around = (x, y, toX, toY) => {
    let heading = Math.atan2(toY - y, toX - x);
    let nearest = 260;
    for (const o of globalThis.drift.game.welcome.obstacles) {
      const dx = o.x / 4 - x;
      const dy = o.y / 4 - y;
      const gap = Math.hypot(dx, dy) - o.r / 4 - 18;
      const off = Math.atan2(Math.sin(Math.atan2(dy, dx) - heading), Math.cos(Math.atan2(dy, dx) - heading));
      if (gap > nearest || Math.abs(off) > 1.2) continue;
      nearest = gap;
      heading = Math.atan2(dy, dx) - Math.sign(off || 1) * (gap < 40 ? 1.7 : 1.35);
    }
    return heading;
  };
  // The place next to the world's middle that nothing stands on.
  const middle = () => {
    const { side, obstacles } = globalThis.drift.game.welcome;
    for (let i = 0; ; i++) {
      const x = side / 2 + Math.cos(i) * i * 20;
      const y = side / 2 + Math.sin(i) * i * 20;
      if (obstacles.every((o) => Math.hypot(o.x / 4 - x, o.y / 4 - y) > o.r / 4 + 70)) return { x, y };
    }
  };
  globalThis.pilots = {
    /** Turns, boosts and shoots with both weapons. */
    wild() {
      let tick = 0;
      return () => {
        tick++;
        return hold(tick % 50 < 44 ? 7 : 3, (tick & 16 ? 1 : 0) | (tick % 70 > 40 ? 2 : 0) | (tick % 90 > 84 ? 4 : 0), tick * 0.045, tick * 0.09);
      };
    },
    /** Flies to the middle and stays there, whoever comes. */
    stay() {
      const place = middle();
      let tick = 0;
      let slow = 0;
      let side = 1;
      let aside = 0;
      return () => {
        const { own } = globalThis.drift;
        const x = (own.x + 8 * own.vx) / 256;
        const y = (own.y + 8 * own.vy) / 256;
        const far = Math.hypot(place.x - x, place.y - y);
        // Caught between two obstacles: aside for a while, once to the left and once to the right.
        slow = far > 150 && Math.hypot(own.vx, own.vy) < 700 ? slow + 1 : 0;
        if (slow > 15) {
          slow = 0;
          aside = 45;
          side = -side;
        }
        const heading = around(x, y, place.x, place.y) + (aside-- > 0 ? side * 1.7 : 0);
        return hold(far > 40 ? 7 : far > 12 ? 2 : 0, 0, heading, ++tick * 0.03);
      };
    },
    /** Flies to the meeting place and stays there, or wherever somebody comes into sight. */
    meet() {
      const place = middle();
      return () => {
        const { own, ships } = globalThis.drift;
        const x = own.x / 256;
        const y = own.y / 256;
        const seen = ships.some((ship) => Math.hypot(ship.x - x, ship.y - y) < 500);
        return hold(seen || Math.hypot(place.x - x, place.y - y) < 60 ? 0 : 7, 0, around(x, y, place.x, place.y), 0);
      };
    },
    /** Collects shards. */
    forage() {
      const place = middle();
      let tick = 0;
      return () => {
        const { own, view } = globalThis.drift;
        // Where the ship will drift to.
        const x = (own.x + 8 * own.vx) / 256;
        const y = (own.y + 8 * own.vy) / 256;
        const far = (p) => Math.hypot(p.x / 256 - x, p.y / 256 - y);
        // Whoever is unhurt takes no repair, and would hover over it.
        const shards = (view?.pickups ?? []).filter((p) => p.kind === 'shard');
        const shard = shards.reduce((best, p) => (!best || far(p) < far(best) ? p : best), null);
        const goal = shard ? { x: shard.x / 256, y: shard.y / 256 } : place;
        // Lets go now and then: at full thrust one can circle a shard for ever.
        return hold(++tick % 60 < 48 ? 7 : 0, 0, around(x, y, goal.x, goal.y), 0);
      };
    },
    /** Comes close to a ship that is in view, or flies to the meeting place until one is, and shoots at it. */
    hunt(slot) {
      const place = middle();
      return () => {
        const { own, game, ships } = globalThis.drift;
        const x = own.x / 256;
        const y = own.y / 256;
        const prey = ships.find((ship) => ship.slot === slot);
        const goal = prey ?? place;
        const far = Math.hypot(goal.x - x, goal.y - y);
        const shoots = prey && prey.hp > 0 && game.alive && far < 500;
        const flight = prey ? far / 900 : 0;
        const aim = Math.atan2(goal.y + (prey?.vy ?? 0) * flight - y, goal.x + (prey?.vx ?? 0) * flight - x);
        return hold(far > 400 ? 7 : far > 90 ? 3 : 0, shoots ? 1 : 0, around(x, y, goal.x, goal.y), aim);
      };
    },
  };
}
