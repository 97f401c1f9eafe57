// The page at the end of a bad line, 80 ms ± 20 ms each way, of which one segment in a hundred stalls for 200 ms; and the
// lab, in which the page makes its own line bad.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { done, join, LAGGED, launch, open, playing, QUIET, shot, test } from './rig.js';

/** Part of the inputs that may be too late. */
const LATE = 0.08;
/** One stretch of time that is measured, s, and how many there are at most: others use the machine, too, and the first in
 * which they let the page be counts. */
const SECONDS = 9;
const STRETCHES = 4;

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('far away few inputs are late, every number is one, no prediction is wrong, and play goes on', async () => {
  const page = await open(browser, LAGGED);
  await join(page, 'Far');
  await page.evaluate(() => {
    const { drift, pilots } = /** @type {any} */ (globalThis);
    const { clock } = drift.game;
    const count = { snapshots: 0, missing: 0 };
    const onMargin = clock.onMargin.bind(clock);
    clock.onMargin = (/** @type {number} */ tick, /** @type {number} */ margin, /** @type {number} */ now) => {
      count.snapshots++;
      if (margin === -128) count.missing++;
      onMargin(tick, margin, now);
    };
    const strange = new Set();
    const look = (/** @type {any} */ value, /** @type {string} */ path, depth = 0) => {
      if (typeof value === 'number') {
        if (!Number.isFinite(value)) strange.add(`${path} is ${value}`);
      } else if (value && typeof value === 'object' && depth < 5 && !(value instanceof Node) && !ArrayBuffer.isView(value)) {
        for (const key of Object.keys(value)) look(value[key], `${path}.${key}`, depth + 1);
      }
    };
    const frame = () => {
      for (const name of ['view', 'own', 'shown', 'shownTick', 'ownTick', 'predictor', 'clock', 'board']) look(drift.game[name], name);
      for (const name of ['own', 'ships', 'camera']) look(drift[name], `drift.${name}`);
      requestAnimationFrame(frame);
    };
    drift.drive = pilots.wild();
    drift.count = count;
    drift.strange = strange;
    // What is measured once the line is known is a number from then on.
    setTimeout(frame, 2500);
  });
  await page.waitForTimeout(3000);
  let late = 1;
  let trip = 0;
  for (let n = 0; n < STRETCHES && late >= LATE; n++) {
    const measured = await page.evaluate(async (seconds) => {
      const { drift } = /** @type {any} */ (globalThis);
      const began = { ...drift.count };
      let { x, y } = drift.own;
      let trip = 0;
      const until = performance.now() + seconds * 1000;
      while (performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        trip += Math.min(200, Math.hypot(drift.own.x - x, drift.own.y - y) / 256);
        ({ x, y } = drift.own);
      }
      const snapshots = drift.count.snapshots - began.snapshots;
      return { snapshots, late: (drift.count.missing - began.missing) / snapshots, ping: drift.stats.ping, trip };
    }, SECONDS);
    late = measured.late;
    trip += measured.trip;
    console.log(`ping ${measured.ping.toFixed(0)} ms, ${(late * 100).toFixed(1)} % of ${measured.snapshots} inputs late`);
    assert.ok(measured.ping > 140, `${measured.ping} ms`);
    assert.ok(measured.snapshots > SECONDS * 10, `${measured.snapshots} snapshots`);
  }
  assert.ok(late < LATE, `${late} of the inputs were late`);
  assert.ok(trip > 200, `it flew ${trip} u`);
  await playing(page);
  const { strange, mispredictions, resyncs, reconnects } = await page.evaluate(() => {
    const { drift } = /** @type {any} */ (globalThis);
    return { ...drift.stats, strange: [...drift.strange] };
  });
  assert.deepEqual({ strange, mispredictions, resyncs, reconnects }, { strange: [], mispredictions: 0, resyncs: 0, reconnects: 0 });
  await done(page);
});

test('in the lab, with 80 ms more, jitter and stalls, few inputs are late and nothing is mispredicted', async () => {
  const page = await open(browser, QUIET);
  await join(page, 'Lab', 'LAB');
  await page.keyboard.press('Escape');
  await page.click('#menu-lab');
  await page.evaluate(() => {
    globalThis.drift.drive = globalThis.pilots.wild();
    for (const [id, value] of [['lab-delay', '80'], ['lab-jitter', '20'], ['lab-stall', '1']]) {
      const slider = /** @type {HTMLInputElement} */ (document.getElementById(id));
      slider.value = value;
      slider.dispatchEvent(new Event('input'));
    }
  });
  await page.keyboard.press('KeyN');
  await page.waitForTimeout(7000);
  await shot(page, 'lab-1280x800');
  const { ping, late, mispredictions, resyncs, finite } = await page.evaluate(() => {
    const { stats, game } = /** @type {any} */ (globalThis).drift;
    const finite = [game.shown.x, game.shown.y, game.clock.lead, game.clock.delay, stats.ping].every(Number.isFinite);
    return { ...stats, finite };
  });
  console.log(`ping ${ping.toFixed(0)} ms, ${(late * 100).toFixed(1)} % late`);
  assert.ok(ping > 70, `${ping} ms`);
  assert.ok(late < 0.15, `${late}`);
  assert.equal(mispredictions, 0);
  assert.equal(resyncs, 0);
  assert.ok(finite);
  await done(page);
});
