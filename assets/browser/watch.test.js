// Watching: a link that leads there, whom the camera follows, and taking a ship from there.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { BUSY, done, join, launch, open, playing, QUIET, shot, test } from './rig.js';

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser.close());

const focus = () => globalThis.drift.view?.focus ?? -1;

test('a link shows the leader, Tab goes from ship to ship, and Play takes one', async () => {
  const player = await open(browser, BUSY);
  await join(player, 'Star');
  const room = await player.evaluate(() => globalThis.drift.game.welcome.room);
  await player.evaluate(() => (globalThis.drift.drive = globalThis.pilots.wild()));
  const page = await open(browser, BUSY, { query: `?room=${room}&watch=1` });
  await page.waitForFunction(() => globalThis.drift.state === 'open' && globalThis.drift.game.watching && globalThis.drift.game.board);
  await page.waitForFunction(() => (globalThis.drift.view?.focus ?? -1) >= 0 && globalThis.drift.ships.length > 0);
  const leader = await page.evaluate(focus);
  assert.match(page.url(), /watch=1/);
  await page.waitForSelector('#board-watching:not([hidden])');
  assert.equal(await page.innerText('#board-watching'), '1 watching');
  const seen = new Set([leader]);
  // Some of them may be without a ship just now.
  for (let i = 0; i < 12 && seen.size < 4; i++) {
    await page.keyboard.press('Tab');
    await page.waitForTimeout(250);
    seen.add(await page.evaluate(focus));
  }
  assert.ok(seen.size >= 3, `it went to ${[...seen]}`);
  assert.equal(await page.getAttribute('#watch-leader', 'aria-pressed'), 'false');
  await page.waitForTimeout(500);
  const off = await page.evaluate(() => {
    const { ships, view, camera } = globalThis.drift;
    const ship = ships.find((/** @type {any} */ one) => one.slot === view.focus) ?? camera;
    return Math.hypot(ship.x - camera.x, ship.y - camera.y);
  });
  assert.ok(off < 40, `the camera is ${off} u off`);
  await shot(page, 'watch-1280x800');
  await page.setViewportSize({ width: 375, height: 667 });
  await page.waitForTimeout(300);
  await shot(page, 'watch-375x667');
  const snapshots = await page.evaluate(() => globalThis.drift.stats.snapshots);
  await page.waitForTimeout(2000);
  const came = (await page.evaluate(() => globalThis.drift.stats.snapshots)) - snapshots;
  assert.ok(came > 8 && came < 35, `${came} snapshots in 2 s, not 20 or so`);
  await page.click('#watch-play');
  await playing(page);
  assert.doesNotMatch(page.url(), /watch=1/);
  assert.equal(await page.isHidden('#watch'), true);
  assert.equal(await page.evaluate(() => globalThis.drift.stats.resyncs), 0);
  await Promise.all([done(page), done(player)]);
});

test('where nobody plays there is nothing to watch, and the card says so', async () => {
  const page = await open(browser, QUIET, { query: '?room=EMPTY&watch=1' });
  await page.waitForFunction(() => (document.getElementById('join-status')?.textContent ?? '') !== '');
  assert.equal(await page.isVisible('#join'), true);
  await shot(page, 'watch-nobody');
  await page.click('#join-play');
  await page.waitForFunction(() => globalThis.drift.state === 'join');
  await done(page);
});
