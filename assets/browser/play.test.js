// Playing, in a real browser against a real server: joining, flying, fighting, and names that mean harm.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { BUSY, done, join, launch, open, playing, QUIET, shot, test } from './rig.js';

/** Of a frame that software draws, on a machine that does other things, ms. */
const FRAME_MS = 60;

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a player is in the game soon, and there is something to see', async () => {
  const page = await open(browser, BUSY);
  await shot(page, 'join-1280x800');
  const began = Date.now();
  await page.fill('#join-name', 'Ada');
  await page.keyboard.press('Enter');
  await playing(page);
  const took = Date.now() - began;
  assert.ok(took < 5000, `joining took ${took} ms`);
  await page.waitForTimeout(400);
  const colours = await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById('arena'));
    const small = document.createElement('canvas');
    small.width = small.height = 100;
    const ctx = /** @type {CanvasRenderingContext2D} */ (small.getContext('2d'));
    ctx.drawImage(canvas, 0, 0, 100, 100);
    resolve(new Set(new Uint32Array(ctx.getImageData(0, 0, 100, 100).data.buffer)).size);
  })));
  assert.ok(colours > 30, `${colours} colours in the canvas`);
  assert.match(page.url(), /\?room=/, 'the address leads to the room');
  await page.reload();
  assert.equal(await page.inputValue('#join-name'), 'Ada', 'the name is remembered');
  await done(page);
});

test('20 s among pilots: the own ship moves, and no prediction is wrong; frames and memory stay within bounds', async () => {
  const page = await open(browser, BUSY);
  const heap = await page.context().newCDPSession(page);
  const used = async () => {
    await heap.send('HeapProfiler.collectGarbage');
    return (await heap.send('Runtime.getHeapUsage')).usedSize;
  };
  await join(page, 'Grace');
  await page.evaluate(() => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    drift.drive = pilots.wild();
    drift.trip = 0;
    let { x, y } = drift.own;
    setInterval(() => {
      drift.trip += Math.min(200, Math.hypot(drift.own.x - x, drift.own.y - y) / 256);
      ({ x, y } = drift.own);
    }, 100);
  });
  await page.waitForTimeout(4000);
  const before = await used();
  await page.waitForTimeout(16000);
  const grown = (await used()) - before;
  await playing(page);
  await shot(page, 'play-1280x800');
  const { trip, mispredictions, inputs, resyncs, work, miss, finite } = await page.evaluate(() => {
    const { drift } = /** @type {any} */ (globalThis);
    const { frameWork, mispredictions, inputs, resyncs } = drift.stats;
    const work = Array.from({ length: frameWork.length }, (_, i) => frameWork.at(i)).sort((a, b) => a - b);
    const finite = [drift.game.shown.x, drift.game.shown.y, drift.own.x, drift.game.clock.lead, drift.game.clock.delay].every(Number.isFinite);
    return { trip: drift.trip, mispredictions, inputs, resyncs, work, miss: drift.game.predictor.lastMiss, finite };
  });
  const p95 = work[Math.floor(work.length * 0.95)];
  console.log(`flew ${Math.round(trip)} u, ${inputs} inputs, frame p95 ${p95.toFixed(1)} ms, heap ${(grown / 1e6).toFixed(2)} MB more in 16 s`);
  assert.ok(trip > 500, `it flew ${trip} u`);
  assert.ok(inputs > 400, `${inputs} inputs`);
  assert.equal(mispredictions, 0, JSON.stringify(miss));
  assert.equal(resyncs, 0);
  assert.ok(finite);
  assert.ok(p95 < FRAME_MS, `frame p95 is ${p95} ms`);
  assert.ok(grown < 3e6, `the heap grew by ${grown} bytes in 16 s`);
  await done(page);
});

test('two pages see each other; one destroys the other, both are told, and the ship comes back', async () => {
  const [hunter, prey] = await Promise.all([open(browser, QUIET, { width: 900, height: 600 }), open(browser, QUIET, { width: 900, height: 600 })]);
  await join(prey, 'Prey', 'DUEL');
  await join(hunter, 'Hunter', 'DUEL');
  const slot = await prey.evaluate(() => globalThis.drift.game.you);
  await prey.evaluate(() => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    drift.drive = pilots.meet();
  });
  await hunter.evaluate((slot) => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    drift.drive = pilots.hunt(slot);
  }, slot);
  const see = (slot) => globalThis.drift.ships.some((ship) => ship.slot === slot);
  await hunter.waitForFunction(see, slot);
  await prey.waitForFunction(see, await hunter.evaluate(() => globalThis.drift.game.you));
  await prey.waitForSelector('#death:not([hidden])', { timeout: 40000 });
  assert.equal(await prey.textContent('#death-by'), 'by Hunter');
  await shot(prey, 'death-900x600');
  await hunter.waitForSelector('#feed li.own');
  await prey.waitForSelector('#feed li.lost');
  assert.match(await hunter.innerText('#feed'), /Hunter\s*Prey/);
  await hunter.evaluate(() => (globalThis.drift.drive = () => ({ ctl: 0, dir: 0, aim: 0 })));
  await playing(prey);
  assert.equal(await prey.isHidden('#death'), true);
  await hunter.waitForFunction(() => globalThis.drift.game.board.score >= 10);
  await Promise.all([done(hunter), done(prey)]);
});

test('a name that is markup or turns text around is a name, to the one who sees it too', async () => {
  const guest = await open(browser, QUIET, { width: 700, height: 500 });
  const host = await open(browser, QUIET, { width: 700, height: 500 });
  await join(host, 'Host', 'NAMES');
  // Past the form's limit of length, as a client of its own would.
  await guest.evaluate(() => {
    const { drift } = /** @type {any} */ (globalThis);
    drift.game.join({ name: '<img src=x onerror=alert(1)>', hue: 1, room: 'NAMES', aspect: 1600 });
  });
  await playing(guest);
  await host.waitForFunction(() => globalThis.drift.game.people.size > 1 && document.querySelectorAll('#board-rows li').length > 1);
  const names = await host.$$eval('#board-rows .name', (all) => all.map((one) => one.textContent));
  assert.equal(await host.locator('#hud img, #hud script').count(), 0);
  assert.ok(names.some((name) => name?.includes('<img')), `as text: ${names}`);
  await guest.evaluate(() => {
    const { drift } = /** @type {any} */ (globalThis);
    drift.game.leave();
    drift.game.join({ name: 'a\u202Eevil\u0000\u200F', hue: 1, room: 'NAMES', aspect: 1600 });
  });
  await playing(guest);
  await host.waitForFunction(() => [...globalThis.drift.game.people.values()].some(({ name }) => name.includes('evil')));
  const told = await host.evaluate(() => [...globalThis.drift.game.people.values()].map(({ name }) => name).join());
  assert.doesNotMatch(told, /[\u202A-\u202E\u2066-\u2069\u200E\u200F\u0000]/, 'nothing in it turns text around');
  await Promise.all([done(guest), done(host)]);
});
