// What the page does about its line: cut, gone for a while, a server that stops, a tab that is hidden.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { BUSY, done, join, launch, lineTo, OLD, open, playing, QUIET, shot, stopOld, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

test('a cut line is told, and then resumed with the same ship', async (t) => {
  const line = await lineTo(t, BUSY);
  const page = await open(browser, line.host, { line: true });
  await join(page, 'Cut');
  const you = await page.evaluate(() => globalThis.drift.game.you);
  line.cut(false);
  await page.waitForSelector('#banner:not([hidden])');
  await page.waitForFunction(() => /Connection lost/.test(document.getElementById('banner-text')?.textContent ?? ''));
  await shot(page, 'reconnect-1280x800');
  line.mend();
  await playing(page);
  await page.waitForSelector('#banner', { state: 'hidden' });
  const now = await page.evaluate(() => ({ you: globalThis.drift.game.you, reconnects: globalThis.drift.stats.reconnects }));
  assert.equal(now.you, you, 'the seat is kept');
  assert.ok(now.reconnects >= 1);
  await done(page);
});

test('a server that stops says so, and the page joins the one that follows', async (t) => {
  const line = await lineTo(t, OLD);
  const page = await open(browser, line.host, { line: true });
  await join(page, 'Patient', 'AGAIN');
  line.lead(QUIET);
  await stopOld();
  await page.waitForFunction(() => globalThis.drift.stats.reconnects >= 1);
  await playing(page);
  assert.equal(await page.evaluate(() => globalThis.drift.game.welcome.room), 'AGAIN');
  await page.waitForSelector('#banner', { state: 'hidden' });
  await done(page);
});

test('a hidden tab costs next to nothing, and is back at once', async () => {
  const page = await open(browser, BUSY);
  await join(page, 'Away');
  const hide = (/** @type {boolean} */ hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  const count = () => page.evaluate(() => globalThis.drift.stats.snapshots);
  await hide(true);
  await page.waitForTimeout(500);
  const before = await count();
  await page.waitForTimeout(2000);
  const seen = (await count()) - before;
  assert.ok(seen <= 5, `${seen} snapshots in 2 s`);
  await hide(false);
  await playing(page);
  const back = await count();
  await page.waitForFunction((back) => globalThis.drift.stats.snapshots > back + 20, back);
  assert.equal(await page.evaluate(() => globalThis.drift.stats.resyncs), 0);
  assert.equal(await page.isHidden('#banner'), true);
  await done(page);
});
